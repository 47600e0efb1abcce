//! Webhooks that cannot be forged, lost or handled twice.
//!
//! An [`Endpoint`] owns the whole way of a delivery: signature, lease, handler, record. Give it
//! to [`GateBuilder::with_webhook`](crate::GateBuilder::with_webhook); there is no route to
//! mount, and therefore none to forget.

mod endpoint;
mod event;
mod memory;
mod signature;
mod store;

use std::fmt;

use bytes::Bytes;

pub(crate) use self::endpoint::Witness;
pub use self::endpoint::{BodyWait, Endpoint, Handler, Retry};
pub use self::event::{
    Deleted, EmailAddress, Event, EventError, Invitation, Membership, Organization, Payload,
    PhoneNumber, PublicUserData, SessionData, Untyped, User, Version,
};
pub use self::memory::MemoryStore;
pub use self::signature::{SignatureVerifier, Signed};
pub use self::store::{Begin, Lease, MAX_FAILURE, Store, StoreError, Unfinished};
use crate::time::UnixTime;

/// A message that the sender has signed. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct Delivery {
    id: String,
    timestamp: UnixTime,
    body: Bytes,
}

impl Delivery {
    /// A delivery out of a store, which was given it verified. For stores.
    ///
    /// # Security
    /// This verifies nothing. Whatever comes over the network is for [`SignatureVerifier`].
    pub fn new(id: impl Into<String>, timestamp: UnixTime, body: Bytes) -> Self {
        Self {
            id: id.into(),
            timestamp,
            body,
        }
    }

    /// The message id (`webhook-id`), the same for every attempt to deliver the message.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// When this attempt was sent, by the sender's clock.
    pub fn timestamp(&self) -> UnixTime {
        self.timestamp
    }

    /// The body, the very bytes that were signed.
    ///
    /// # Security
    /// Personal data, private metadata and one-time codes are in it: do not log it.
    pub fn body(&self) -> &Bytes {
        &self.body
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("id", &self.id)
            .field("timestamp", &self.timestamp)
            .finish_non_exhaustive()
    }
}
