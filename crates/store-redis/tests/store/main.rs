//! The store against real servers: the one that `CLERK_GATE_TEST_REDIS` names, and its own ones
//! where a server has to fail.

mod keeping;
mod outage;
mod revocations;
mod server;

use std::env;
use std::error::Error;
use std::hash::{BuildHasher, RandomState};

use bytes::Bytes;
use clerk_gate_core::UnixTime;
use clerk_gate_core::webhook::{Begin, Delivery, Lease, Store, StoreError};
use clerk_gate_store_redis::RedisStore;

/// A store with a prefix that no other test uses, so that all can share the server.
async fn store() -> RedisStore {
    store_with(&unused_prefix()).await
}

/// A store on a connection of its own.
async fn store_with(prefix: &str) -> RedisStore {
    let store = RedisStore::connect(&address()).await;
    store.expect("Redis answers").with_prefix(prefix)
}

fn unused_prefix() -> String {
    format!("clerk-gate-test-{:016x}:", RandomState::new().hash_one(()))
}

fn address() -> String {
    env::var("CLERK_GATE_TEST_REDIS").expect(
        "CLERK_GATE_TEST_REDIS: not set; run `cargo xtask test`, or put `cargo xtask services --` \
         before the command",
    )
}

fn delivery(id: &str) -> Delivery {
    Delivery::new(id, at(-1), Bytes::from_static(b"{}"))
}

/// `seconds` after the moment at which every test begins.
fn at(seconds: i64) -> UnixTime {
    UnixTime::from_secs(1_700_000_000).saturating_add(seconds)
}

/// Begins a delivery that nobody has, for a minute.
async fn begin(store: &RedisStore, id: &str) -> Result<Lease, StoreError> {
    match store.begin(&delivery(id), 60, at(0)).await? {
        Begin::Fresh(lease) => Ok(lease),
        other => panic!("{id}: {other:?}"),
    }
}

/// The error and everything behind it, as an operator reads it.
fn chain(error: &StoreError) -> String {
    let mut text = String::new();
    let mut next: Option<&dyn Error> = Some(error);
    while let Some(error) = next {
        text += &format!("{error} {error:?}\n");
        next = error.source();
    }
    text
}
