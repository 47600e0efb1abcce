//! Sessions that end at once: what has been revoked since the tokens in use were issued.
//!
//! A session token is good until it expires, about a minute, whatever happens at Clerk meanwhile.
//! [`Revocations`] closes that gap. The gate asks it about every session, and its webhooks feed
//! it: `session.revoked`, `session.ended`, `session.removed`, `user.deleted`, `user.updated` with a
//! ban, `organization.deleted`, `organizationMembership.deleted` and `organizationMembership.updated`
//! with another role.
//!
//! ```
//! use std::sync::Arc;
//!
//! use clerk_gate_core::Policy;
//! use clerk_gate_core::revocation::Revocations;
//! use clerk_gate_testkit::gate;
//!
//! // One process; several share a store, such as those of clerk-gate-store-sql.
//! let revocations = Arc::new(Revocations::local());
//! let gate = gate(Policy::builder().build()?)
//!     .with_revocations(Arc::clone(&revocations))
//!     .build()?;
//!
//! // In a handler: `revocations.revoke_user(session.user_id()).await?`.
//! # Ok::<(), clerk_gate_core::ConfigErrors>(())
//! ```
//!
//! The question is answered from this process's memory; no request waits for a network. Between
//! processes a [`RevocationStore`] carries the news, and [`Revocations::follow`] brings them in.

mod entry;
mod learn;
mod memory;
mod snapshot;
mod store;

use std::error::Error;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

pub use self::entry::{Revocation, Subject, SubjectError};
pub(crate) use self::learn::LearnError;
pub use self::memory::MemoryRevocations;
use self::snapshot::Snapshot;
pub(crate) use self::snapshot::Subjects;
pub use self::store::{Changes, Position, RevocationStore};
use crate::error::ConfigError;
use crate::reply::diagnose;
use crate::session::{Check, MAX_LEEWAY, MAX_LIFETIME, Session};
use crate::time::{Clock, SystemClock, UnixTime};
use crate::webhook::StoreError;

/// What has been revoked, as this process knows it. Share it between the gate and the handlers
/// that revoke.
pub struct Revocations {
    store: Option<Arc<dyn RevocationStore>>,
    clock: Arc<dyn Clock>,
    longest_life: i64,
    stale: Check,
    max_age: i64,
    snapshot: Snapshot,
    /// Up to where the store has been read.
    position: Mutex<Option<Position>>,
    /// When the snapshot last had all that the store had, in Unix seconds.
    current: AtomicI64,
    /// When the store was last purged from here, in Unix seconds.
    purged: AtomicI64,
}

impl Revocations {
    /// Revocations that this process alone knows and forgets when it ends.
    ///
    /// # Security
    /// Other processes go on accepting what is revoked here, and so does the next one, for the
    /// rest of the token's life. Whoever has more than one, or restarts, wants
    /// [`shared`](Self::shared).
    pub fn local() -> Self {
        Self::new(None)
    }

    /// Revocations that all processes with this store share. Run [`follow`](Self::follow), or
    /// nothing is ever known and every session is answered with 503.
    pub fn shared(store: Arc<dyn RevocationStore>) -> Self {
        Self::new(Some(store))
    }

    fn new(store: Option<Arc<dyn RevocationStore>>) -> Self {
        Self {
            store,
            clock: Arc::new(SystemClock),
            longest_life: MAX_LIFETIME,
            stale: Check::Enforce,
            max_age: DEFAULT_MAX_AGE,
            snapshot: Snapshot::default(),
            position: Mutex::default(),
            current: AtomicI64::new(NEVER),
            purged: AtomicI64::new(NEVER),
        }
    }

    /// Reads the time from this clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Sets the longest life of a session token, from `iat` to `exp`, in seconds: two days by
    /// default, at least 60. What is revoked is remembered for that long; Clerk's tokens live 60
    /// seconds unless the instance says otherwise.
    ///
    /// # Security
    /// The gate refuses tokens that live longer: they would outlive the memory of their revocation.
    #[must_use]
    pub fn with_longest_token_life(mut self, seconds: i64) -> Self {
        self.longest_life = seconds;
        self
    }

    /// Sets what becomes of sessions while the store has not been heard for more than `seconds`:
    /// [`Check::Enforce`] after 30 seconds by default, which answers 503.
    ///
    /// # Security
    /// With anything but [`Check::Enforce`] an outage of the store lets revoked sessions in until
    /// their tokens expire. [`Check::Observe`] reports it in the audit event of each request.
    #[must_use]
    pub fn with_stale(mut self, check: Check, seconds: i64) -> Self {
        self.stale = check;
        self.max_age = seconds;
        self
    }

    /// Revokes one session, for good.
    ///
    /// # Errors
    /// If the store could not record it. This process refuses the session all the same; others
    /// learn of it when the call is repeated and succeeds.
    pub async fn revoke_session(&self, session_id: &str) -> Result<(), StoreError> {
        let subject = Subject::Session(session_id.to_owned());
        self.revoke(subject, FOR_EVER).await
    }

    /// Revokes every token of a user issued until now, those in which the user acts in somebody's
    /// place included: "sign out everywhere". Sessions that are still alive at Clerk get new
    /// tokens, which are good: end them there, too.
    ///
    /// # Errors
    /// As for [`revoke_session`](Self::revoke_session).
    pub async fn revoke_user(&self, user_id: &str) -> Result<(), StoreError> {
        let subject = Subject::User(user_id.to_owned());
        self.revoke(subject, self.clock.now()).await
    }

    /// Revokes every token issued until now in which `user_id` is active in `organization_id`.
    ///
    /// # Errors
    /// As for [`revoke_session`](Self::revoke_session).
    pub async fn revoke_membership(
        &self,
        user_id: &str,
        organization_id: &str,
    ) -> Result<(), StoreError> {
        let subject = Subject::Membership {
            user: user_id.to_owned(),
            organization: organization_id.to_owned(),
        };
        self.revoke(subject, self.clock.now()).await
    }

    async fn revoke(&self, subject: Subject, cutoff: UnixTime) -> Result<(), StoreError> {
        let now = self.clock.now();
        self.add(vec![self.entry(subject, cutoff, now)], now).await
    }

    /// Reads what the store has and this process has not: once, to its end.
    ///
    /// # Errors
    /// If the store cannot answer. What was read until then is known.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        let Some(store) = &self.store else {
            return Ok(());
        };
        let started = self.clock.now();
        loop {
            let position = *self.position.lock().unwrap_or_else(PoisonError::into_inner);
            let changes = store.since(position).await?;
            for revocation in &changes.revocations {
                self.snapshot.add(revocation, started);
            }
            *self.position.lock().unwrap_or_else(PoisonError::into_inner) = Some(changes.position);
            if !changes.has_more {
                break;
            }
        }
        self.current.fetch_max(started.as_secs(), Ordering::Relaxed);
        Ok(())
    }

    /// Keeps this process's knowledge fresh for as long as somebody else holds `self`. The future
    /// is for the runtime to run; `tick` is its timer, set to a second or less:
    ///
    /// ```text
    /// tokio::spawn(revocations.follow(|| tokio::time::sleep(Duration::from_secs(1))));
    /// ```
    ///
    /// The store is asked when it announces something, and at every tick. An outage ends nothing:
    /// the next round repairs what the last one missed. Its begin and end are reported once each.
    pub fn follow<T>(
        self: &Arc<Self>,
        mut tick: impl FnMut() -> T + Send + 'static,
    ) -> impl Future<Output = ()> + Send + 'static
    where
        T: Future<Output = ()> + Send + 'static,
    {
        let (held, store) = (Arc::downgrade(self), self.store.clone());
        async move {
            let Some(store) = store else {
                return;
            };
            let mut failing = false;
            while let Some(own) = held.upgrade() {
                let result = own.refresh().await;
                if let Err(error) = &result
                    && !failing
                {
                    diagnose(&format!("revocations: {}", Chain(error)));
                }
                if result.is_ok() {
                    if failing {
                        diagnose("revocations: the store answers again");
                    }
                    own.purge(&*store).await;
                }
                failing = result.is_err();
                drop(own);
                either(store.changed(), tick()).await;
            }
        }
    }

    /// Whether `session` is revoked.
    pub fn revokes(&self, session: &Session) -> bool {
        self.snapshot.revokes(session)
    }

    /// For how many seconds the store has not been heard; `None` if it never was. 0 without a
    /// store.
    pub fn age(&self) -> Option<i64> {
        self.age_at(self.clock.now())
    }

    /// How many revocations this process remembers.
    pub fn len(&self) -> usize {
        self.snapshot.len()
    }

    /// Whether nothing is revoked.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the store has not been heard for too long at the moment `now`.
    pub(crate) fn is_stale(&self, now: UnixTime) -> bool {
        self.age_at(now).is_none_or(|age| age > self.max_age)
    }

    /// What becomes of sessions then.
    pub(crate) fn stale_check(&self) -> Check {
        self.stale
    }

    /// The longest life of a token, in seconds.
    pub(crate) fn longest_life(&self) -> i64 {
        self.longest_life
    }

    /// Settings that no gate can work with.
    pub(crate) fn mistakes(&self) -> impl Iterator<Item = ConfigError> {
        let life = (!(60..=MAX_LIFETIME).contains(&self.longest_life)).then(|| {
            ConfigError::new(
                format!("longest token life {} s", self.longest_life),
                "is not between 60 seconds and two days",
                "write the token lifetime of the Clerk instance, 60 unless it was changed",
            )
        });
        let age = (self.max_age < MIN_MAX_AGE).then(|| {
            ConfigError::new(
                format!("age of revocations {} s", self.max_age),
                "is less than the rounds of a follower take",
                format!("write at least {MIN_MAX_AGE} seconds"),
            )
        });
        life.into_iter().chain(age)
    }

    fn age_at(&self, now: UnixTime) -> Option<i64> {
        if self.store.is_none() {
            return Some(0);
        }
        let current = self.current.load(Ordering::Relaxed);
        (current != NEVER).then(|| now.as_secs().saturating_sub(current).max(0))
    }

    /// A revocation that is remembered until the last token that it concerns has expired.
    fn entry(&self, subject: Subject, cutoff: UnixTime, now: UnixTime) -> Revocation {
        let last_issue = if cutoff == FOR_EVER {
            now
        } else {
            cutoff.max(now)
        };
        let expires = last_issue
            .saturating_add(self.longest_life)
            .saturating_add(MAX_LEEWAY);
        Revocation::new(subject, cutoff, expires)
    }

    /// This process comes first: if the store then fails, too many are refused, not too few.
    async fn add(&self, revocations: Vec<Revocation>, now: UnixTime) -> Result<(), StoreError> {
        for revocation in &revocations {
            self.snapshot.add(revocation, now);
        }
        match &self.store {
            Some(store) if !revocations.is_empty() => store.add(&revocations).await,
            _ => Ok(()),
        }
    }

    /// Now and then, what no token needs any more leaves the store.
    async fn purge(&self, store: &dyn RevocationStore) {
        let now = self.clock.now();
        let last = self.purged.load(Ordering::Relaxed);
        if now.as_secs().saturating_sub(last) >= PURGE_EVERY {
            self.purged.store(now.as_secs(), Ordering::Relaxed);
            // The next time will do as well.
            let _ = store.purge(now).await;
        }
    }
}

/// Waits until one of the two is done.
async fn either(one: impl Future<Output = ()>, other: impl Future<Output = ()>) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    poll_fn(|context| {
        let done = one.as_mut().poll(context).is_ready() || other.as_mut().poll(context).is_ready();
        if done { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// An error with what has caused it.
struct Chain<'e>(&'e StoreError);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(cause) = source {
            write!(f, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}

impl fmt::Debug for Revocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revocations")
            .field("store", &self.store)
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

/// The cutoff of what never comes back: all of its tokens are refused.
const FOR_EVER: UnixTime = UnixTime::from_secs(i64::MAX);

/// Before the first answer of the store.
const NEVER: i64 = i64::MIN;

/// Half of a token's usual life: an outage lets no more through than that.
const DEFAULT_MAX_AGE: i64 = 30;

/// A tick comes every second, and seconds are whole.
const MIN_MAX_AGE: i64 = 3;

/// In seconds.
const PURGE_EVERY: i64 = 600;
