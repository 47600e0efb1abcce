//! Revocations: the contract, several processes, and servers that fail.

use std::sync::Arc;
use std::time::Duration;

use clerk_gate_core::UnixTime;
use clerk_gate_core::revocation::{Revocation, RevocationStore, Revocations, Subject};
use clerk_gate_store_redis::RedisStore;
use tokio::task::yield_now;
use tokio::time::interval;

use super::server::Server;
use super::{address, at, store, store_with, unused_prefix};

#[tokio::test]
async fn the_contract_is_kept() {
    let broken = clerk_gate_store_contract::run_revocations(&store().await).await;
    assert_eq!(broken, []);
}

#[tokio::test]
async fn another_connection_hears_what_is_added() {
    let prefix = unused_prefix();
    let (one, other) = (store_with(&prefix).await, store_with(&prefix).await);
    let heard = clerk_gate_store_contract::check_announcements(&one, &other).await;
    assert_eq!(heard, Ok(()));
}

#[tokio::test]
async fn histories_of_other_prefixes_are_apart() {
    let (one, other) = (store().await, store().await);
    one.add(&[revocation(1)]).await.unwrap();
    assert_eq!(other.since(None).await.unwrap().revocations, []);
    let deliveries = clerk_gate_core::webhook::Store::unfinished(&one, 10).await;
    assert_eq!(deliveries.unwrap(), [], "the history is no delivery");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_follow_learn_from_each_other() {
    let prefix = unused_prefix();
    let mut processes = Vec::new();
    for _ in 0..2 {
        processes.push(follow(Arc::new(store_with(&prefix).await)));
    }
    for number in 0..10 {
        let session = format!("sess_{number}");
        processes[number % 2]
            .revoke_session(&session)
            .await
            .unwrap();
        for process in &processes {
            wait_for(process, number + 1).await;
        }
    }
}

#[tokio::test]
async fn a_history_that_was_lost_is_read_anew_and_nothing_known_is_forgotten() {
    let server = Server::start("flushed");
    let address = server.address("right");
    let own = Arc::new(RedisStore::connect(&address).await.unwrap());
    let process = Revocations::shared(Arc::<RedisStore>::clone(&own));
    for number in 0..3 {
        own.add(&[revocation(number)]).await.unwrap();
    }
    process.refresh().await.unwrap();
    assert_eq!(process.len(), 3);

    let client = redis::Client::open(&*address).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let () = redis::cmd("FLUSHALL")
        .query_async(&mut connection)
        .await
        .unwrap();
    // The new history is longer than what is known of the old one.
    for number in 10..15 {
        own.add(&[revocation(number)]).await.unwrap();
    }
    process.refresh().await.unwrap();
    assert_eq!(process.len(), 8);
}

#[tokio::test]
async fn a_history_whose_end_was_lost_goes_on() {
    let prefix = unused_prefix();
    let own = store_with(&prefix).await;
    own.add(&[revocation(1), revocation(2)]).await.unwrap();
    let before = own.since(None).await.unwrap().position;
    let client = redis::Client::open(address()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let head = format!("{prefix}{{revocations}}:head");
    let () = redis::cmd("DEL")
        .arg(head)
        .query_async(&mut connection)
        .await
        .unwrap();
    own.add(&[revocation(3)]).await.unwrap();
    let changes = own.since(Some(before)).await.unwrap();
    assert_eq!(changes.revocations, [1, 2, 3].map(revocation));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_follows_survives_outages_of_the_server_and_of_the_announcements() {
    let mut server = Server::start("followed");
    let address = server.address("right");
    let writer = RedisStore::connect(&address).await.unwrap();
    let process = follow(Arc::new(RedisStore::connect(&address).await.unwrap()));
    writer.add(&[revocation(1)]).await.unwrap();
    wait_for(&process, 1).await;

    let client = redis::Client::open(&*address).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut kill = redis::cmd("CLIENT");
    kill.arg("KILL").arg("TYPE").arg("PUBSUB");
    let killed: u64 = kill.query_async(&mut connection).await.unwrap();
    assert_eq!(killed, 1, "the follower listens");
    writer.add(&[revocation(2)]).await.unwrap();
    wait_for(&process, 2).await;

    server.kill();
    assert!(
        writer
            .add(&[revocation(3)])
            .await
            .unwrap_err()
            .is_transient()
    );
    assert!(process.refresh().await.unwrap_err().is_transient());
    assert_eq!(process.len(), 2);
    server.restart();
    writer.add(&[revocation(4)]).await.unwrap();
    wait_for(&process, 3).await;
}

fn follow(store: Arc<RedisStore>) -> Arc<Revocations> {
    let own = Arc::new(Revocations::shared(store));
    tokio::spawn(own.follow(tick));
    own
}

/// As long as it takes: a test that hangs has failed.
async fn wait_for(process: &Revocations, len: usize) {
    while process.len() < len {
        yield_now().await;
    }
}

/// The first of an interval comes at once.
async fn tick() {
    let mut seconds = interval(Duration::from_secs(1));
    seconds.tick().await;
    seconds.tick().await;
}

/// Far from expired, whatever the clock says.
fn revocation(number: u64) -> Revocation {
    let subject = Subject::Session(format!("sess_{number}"));
    Revocation::new(subject, UnixTime::from_secs(i64::MAX), at(2_000_000_000))
}
