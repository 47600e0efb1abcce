//! What carries revocations from one process to the others.

use std::fmt;

use async_trait::async_trait;

use super::Revocation;
use crate::time::UnixTime;
use crate::webhook::StoreError;

/// Keeps revocations for all processes of an application, in the order of their recording.
///
/// No method reads a clock. The crate `clerk-gate-store-contract` checks an implementation
/// against every rule stated here.
#[async_trait]
pub trait RevocationStore: fmt::Debug + Send + Sync {
    /// Records these revocations, all or none, and announces them.
    ///
    /// Once this has succeeded they are durable, and whoever then asks [`since`](Self::since) an
    /// earlier position gets them.
    ///
    /// # Errors
    /// If they could not be recorded.
    async fn add(&self, revocations: &[Revocation]) -> Result<(), StoreError>;

    /// What was recorded after `position`, oldest first; everything from the start for `None`, and
    /// for a position of a history that this store no longer has. It answers with a page of at
    /// least one, if there is any, and says whether there are more.
    ///
    /// Nothing is ever missed: what is recorded later has a later position, however many
    /// processes record at once. What has expired may be left out.
    ///
    /// # Errors
    /// If the store cannot answer.
    async fn since(&self, position: Option<Position>) -> Result<Changes, StoreError>;

    /// Waits until revocations are announced, by this or by another process. Where announcements
    /// cannot be heard, it goes on waiting: whoever follows a store asks it every second, too.
    /// The future may be dropped at any time.
    async fn changed(&self);

    /// Forgets what has expired at the moment `now`, and tells how many.
    ///
    /// # Errors
    /// If the store cannot answer.
    async fn purge(&self, now: UnixTime) -> Result<u64, StoreError>;
}

/// A place in a store's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Which history: a store that has lost its own begins another.
    pub epoch: u64,
    /// The number of the last revocation that was read.
    pub number: u64,
}

/// A page of a store's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    /// Oldest first.
    pub revocations: Vec<Revocation>,
    /// From where the next page is read.
    pub position: Position,
    /// Whether the next page has something in it already.
    pub has_more: bool,
}
