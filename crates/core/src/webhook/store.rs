//! What remembers deliveries: which are handled, and who is handling one right now.

use std::error::Error;
use std::fmt;

use async_trait::async_trait;

use super::Delivery;
use crate::crypto;
use crate::time::UnixTime;

/// Remembers deliveries, so that each is handled once in effect.
///
/// A delivery is *begun* under a lease, which one worker has at a time; then it is *finished*,
/// for good, or *released*, to be begun again. A lease that nobody ends runs out: whatever
/// crashes where, the sender's next attempt repairs it.
///
/// No method reads a clock. The crate `clerk-gate-store-contract` checks an implementation
/// against every rule stated here.
#[async_trait]
pub trait Store: fmt::Debug + Send + Sync {
    /// Begins `delivery` with a lease until `now` plus `lease_seconds`.
    ///
    /// Of calls at the same time exactly one gets [`Begin::Fresh`]. From the second in which the
    /// lease ends another worker may begin. The body is kept until the delivery is finished.
    ///
    /// # Errors
    /// If nothing could be recorded. The delivery must then not be handled.
    async fn begin(
        &self,
        delivery: &Delivery,
        lease_seconds: i64,
        now: UnixTime,
    ) -> Result<Begin, StoreError>;

    /// Records that the delivery is handled. From now on it is [`Begin::Done`], until it is
    /// purged. Its body and its last failure are forgotten.
    ///
    /// A lease that ran out still finishes, as long as no other worker has begun: the work is
    /// done. Finishing again with the same lease succeeds and changes nothing.
    ///
    /// # Errors
    /// [`StoreError::is_lease_lost`] if another worker has begun, or if the lease was released.
    /// The delivery must not be acknowledged unless this succeeds.
    async fn finish(&self, lease: &Lease, now: UnixTime) -> Result<(), StoreError>;

    /// Records that handling failed, and ends the lease: the next attempt begins at once.
    ///
    /// `failure` is kept for operators, up to [`MAX_FAILURE`] characters.
    ///
    /// # Errors
    /// [`StoreError::is_lease_lost`] if another worker has begun, or if this lease was finished
    /// or released before.
    async fn release(&self, lease: &Lease, failure: &str, now: UnixTime) -> Result<(), StoreError>;

    /// Forgets deliveries that were finished before `before` and tells how many. Whatever is not
    /// finished stays.
    ///
    /// # Errors
    /// If the store cannot answer.
    async fn purge(&self, before: UnixTime) -> Result<u64, StoreError>;

    /// Up to `limit` deliveries that were begun and are not finished, those begun longest ago
    /// first: failed ones, and ones that are being handled or whose worker is gone.
    ///
    /// # Errors
    /// If the store cannot answer.
    async fn unfinished(&self, limit: usize) -> Result<Vec<Unfinished>, StoreError>;

    /// A delivery that is not finished, as it was begun last, for a replay.
    ///
    /// # Errors
    /// If the store cannot answer.
    async fn recall(&self, id: &str) -> Result<Option<Delivery>, StoreError>;

    /// Ends a lease whose worker was cancelled, as well as can be done without waiting, if it is
    /// still this worker's. The default leaves it to run out.
    fn abandon(&self, lease: &Lease) {
        let _ = lease;
    }
}

/// What a store says to a worker that wants to handle a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a delivery may be handled only with a lease"]
pub enum Begin {
    /// Another worker has the lease until then.
    Busy {
        /// When the lease runs out, at the latest.
        until: UnixTime,
    },
    /// It is handled already.
    Done,
    /// It is yours.
    Fresh(Lease),
}

/// The right to handle one delivery, for a time.
#[derive(Clone, PartialEq, Eq)]
pub struct Lease {
    id: String,
    /// Unguessable, and different for each lease: a worker whose lease ran out cannot end the
    /// lease of its successor.
    owner: [u8; 16],
    attempt: u32,
}

impl Lease {
    /// A lease on the delivery `id`, the `attempt`-th, counted from 1. For stores.
    ///
    /// # Errors
    /// If the system has no randomness to give.
    pub fn new(id: impl Into<String>, attempt: u32) -> Result<Self, StoreError> {
        let owner = crypto::random().ok_or_else(|| StoreError::transient("no randomness"))?;
        Ok(Self {
            id: id.into(),
            owner,
            attempt,
        })
    }

    /// The same lease, on the `attempt`-th attempt: for stores that learn the number by recording
    /// the lease.
    #[must_use]
    pub fn with_attempt(self, attempt: u32) -> Self {
        Self { attempt, ..self }
    }

    /// The message id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What tells this lease from all others.
    pub fn owner(&self) -> &[u8; 16] {
        &self.owner
    }

    /// The number of times the delivery was begun, this time included.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("id", &self.id)
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}

/// A delivery that was begun and is not finished.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unfinished {
    /// The message id.
    pub id: String,
    /// How often it was begun.
    pub attempts: u32,
    /// When it was begun last.
    pub begun: UnixTime,
    /// Until when a worker has it; `None` after a failure.
    pub leased_until: Option<UnixTime>,
    /// What the last failure said.
    pub failure: Option<String>,
}

impl Unfinished {
    /// For stores.
    pub fn new(
        id: impl Into<String>,
        attempts: u32,
        begun: UnixTime,
        leased_until: Option<UnixTime>,
        failure: Option<String>,
    ) -> Self {
        Self {
            id: id.into(),
            attempts,
            begun,
            leased_until,
            failure,
        }
    }
}

/// Why a store did not do what it was asked.
#[derive(Debug)]
pub struct StoreError {
    kind: Kind,
    source: Box<dyn Error + Send + Sync>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    LeaseLost,
    Permanent,
    Transient,
}

impl StoreError {
    /// The lease is no longer this worker's.
    pub fn lease_lost() -> Self {
        Self::of(Kind::LeaseLost, "the lease ran out and is another's")
    }

    /// A fault that will not go away by itself, such as a table that is missing.
    pub fn permanent(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::of(Kind::Permanent, source)
    }

    /// A fault that may be gone at the next try, such as a connection that broke.
    pub fn transient(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::of(Kind::Transient, source)
    }

    fn of(kind: Kind, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            kind,
            source: source.into(),
        }
    }

    /// Whether another worker has the delivery now.
    pub fn is_lease_lost(&self) -> bool {
        self.kind == Kind::LeaseLost
    }

    /// Whether the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        self.kind == Kind::Transient
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::LeaseLost => "store: the lease is lost",
            Kind::Permanent => "store: refused",
            Kind::Transient => "store: unavailable",
        })
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.source)
    }
}

/// How much of a failure's text is kept.
pub const MAX_FAILURE: usize = 500;
