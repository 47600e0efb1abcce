//! The webhook endpoint of profiles. What goes wrong behind it, a delivery itself says.
//!
//! | In the delivery | Effect |
//! |---|---|
//! | an id that begins with `msg_outage` | the store cannot begin it |
//! | an id that begins with `msg_unrecorded` | the store cannot record that it is handled |
//! | the body `{"type":"fail"}` | the handler wants it once more |
//! | the body `{"type":"panic"}` | the handler panics |

use std::panic::resume_unwind;
use std::sync::Arc;

use async_trait::async_trait;
use clerk_gate_core::webhook::{
    Begin, Delivery, Endpoint, Lease, MemoryStore, Retry, Store, StoreError, Unfinished,
};
use clerk_gate_core::{Settings, UnixTime};

/// Where the endpoint is.
pub const PATH: &str = "/webhooks/clerk";

/// The secret that is to take the place of the testkit's; both are live.
pub const NEXT_SECRET: &str = "whsec_bmV4dC1vbmx5LXdlYmhvb2stc2VjcmV0";

/// A secret that no profile has.
pub const OTHER_SECRET: &str = "whsec_b3RoZXItb25lLXdlYmhvb2stc2VjcmV0";

/// An endpoint that takes at most 1024 bytes and remembers at most `capacity` deliveries.
///
/// # Panics
/// If the settings have a webhook secret with a mistake.
pub fn endpoint(settings: &Settings, capacity: usize) -> Endpoint {
    let store = Unreliable(MemoryStore::new(capacity));
    Endpoint::new(settings, Arc::new(store), handle)
        .expect("webhook secrets without mistakes")
        .with_max_bytes(1024)
}

async fn handle(delivery: Delivery) -> Result<(), Retry> {
    match &delivery.body()[..] {
        br#"{"type":"fail"}"# => Err(Retry::because("told to fail")),
        // Unlike a panic, this leaves nothing on standard error.
        br#"{"type":"panic"}"# => resume_unwind(Box::new("told to panic")),
        _ => Ok(()),
    }
}

/// A store that is down for deliveries that ask for it.
#[derive(Debug)]
struct Unreliable(MemoryStore);

#[async_trait]
impl Store for Unreliable {
    async fn begin(
        &self,
        delivery: &Delivery,
        lease_seconds: i64,
        now: UnixTime,
    ) -> Result<Begin, StoreError> {
        reach(delivery.id(), "msg_outage")?;
        self.0.begin(delivery, lease_seconds, now).await
    }

    async fn finish(&self, lease: &Lease, now: UnixTime) -> Result<(), StoreError> {
        reach(lease.id(), "msg_unrecorded")?;
        self.0.finish(lease, now).await
    }

    async fn release(&self, lease: &Lease, failure: &str, now: UnixTime) -> Result<(), StoreError> {
        self.0.release(lease, failure, now).await
    }

    async fn purge(&self, before: UnixTime) -> Result<u64, StoreError> {
        self.0.purge(before).await
    }

    async fn unfinished(&self, limit: usize) -> Result<Vec<Unfinished>, StoreError> {
        self.0.unfinished(limit).await
    }

    async fn recall(&self, id: &str) -> Result<Option<Delivery>, StoreError> {
        self.0.recall(id).await
    }
}

fn reach(id: &str, lost: &str) -> Result<(), StoreError> {
    if id.starts_with(lost) {
        return Err(StoreError::transient("told to be down"));
    }
    Ok(())
}
