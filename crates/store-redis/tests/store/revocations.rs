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
    for number in 1..=10 {
        let own = &processes[usize::from(number % 2 == 0)];
        own.revoke_session(&format!("sess_{number}")).await.unwrap();
        for process in &processes {
            wait_for(process, number).await;
        }
    }
}

#[tokio::test]
async fn a_process_that_starts_late_reads_thousands_page_by_page() {
    let own = store().await;
    let numbers: Vec<_> = (0..5_500).collect();
    for some in numbers.chunks(700) {
        let some: Vec<_> = some.iter().map(|number| revocation(*number)).collect();
        own.add(&some).await.unwrap();
    }
    let first = own.since(None).await.unwrap();
    assert!(first.has_more, "one page");
    let process = Revocations::shared(Arc::new(own));
    process.refresh().await.unwrap();
    assert_eq!(process.len(), 5_500);
}

#[tokio::test]
async fn a_flushed_server_is_read_anew_and_nothing_known_is_forgotten() {
    let server = Server::start("flushed");
    let address = server.address("right");
    let own = Arc::new(RedisStore::connect(&address).await.unwrap());
    let process = Revocations::shared(Arc::<RedisStore>::clone(&own));
    for number in 0..3 {
        own.add(&[revocation(number)]).await.unwrap();
    }
    process.refresh().await.unwrap();
    assert_eq!(process.len(), 3);

    ask::<()>(&address, "FLUSHALL").await;
    // The new history is longer than what is known of the old one.
    for number in 10..15 {
        own.add(&[revocation(number)]).await.unwrap();
    }
    process.refresh().await.unwrap();
    assert_eq!(process.len(), 8);
}

#[tokio::test]
async fn a_server_that_has_lost_its_data_or_the_end_of_it_is_read_anew() {
    let mut server = Server::start("rolled-back");
    let own = RedisStore::connect(&server.address("right")).await;
    let own = Arc::new(own.unwrap());
    let process = Revocations::shared(Arc::<RedisStore>::clone(&own));
    let nothing = Vec::new();
    own.add(&[revocation(1)]).await.unwrap();
    let one = server.data();
    own.add(&[revocation(2)]).await.unwrap();
    process.refresh().await.unwrap();
    assert_eq!(process.len(), 2);

    // What is added now gets the numbers of what was lost.
    for (lost, data) in [(3, &one), (4, &one), (5, &nothing)] {
        server.kill();
        server.restart_on(data);
        while own.since(None).await.is_err() {}
        own.add(&[revocation(lost)]).await.unwrap();
        process.refresh().await.unwrap();
        assert_eq!(process.len(), usize::try_from(lost).unwrap());
    }
}

#[tokio::test]
async fn a_history_whose_end_was_lost_goes_on() {
    let prefix = unused_prefix();
    let own = store_with(&prefix).await;
    own.add(&[revocation(1), revocation(2)]).await.unwrap();
    let before = own.since(None).await.unwrap().position;
    ask::<u64>(&address(), &format!("DEL {prefix}{{revocations}}:head")).await;
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

    // It listens, and after each kill it does again.
    for number in 2..4 {
        while ask::<u64>(&address, "CLIENT KILL TYPE PUBSUB").await == 0 {}
        writer.add(&[revocation(number)]).await.unwrap();
        wait_for(&process, number).await;
    }

    server.kill();
    let refused = writer.add(&[revocation(9)]).await.unwrap_err();
    assert!(refused.is_transient());
    assert!(process.refresh().await.unwrap_err().is_transient());
    assert_eq!(process.len(), 3);
    server.restart();
    writer.add(&[revocation(4)]).await.unwrap();
    wait_for(&process, 4).await;

    server.kill();
    server.restart_on(&[]);
    writer.add(&[revocation(5)]).await.unwrap();
    wait_for(&process, 5).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_without_channels_and_dangerous_commands_follows_by_asking() {
    let server = Server::start("silent");
    let rules = "ACL SETUSER default resetchannels -@dangerous +info";
    ask::<()>(&server.address("right"), rules).await;
    let connect = || async { RedisStore::connect(&server.address("right")).await.unwrap() };
    let (writer, process) = (connect().await, follow(Arc::new(connect().await)));
    for number in 1..3 {
        writer.add(&[revocation(number)]).await.unwrap();
        wait_for(&process, number).await;
    }
}

/// One command, over a connection of its own.
async fn ask<T: redis::FromRedisValue>(address: &str, command: &str) -> T {
    let client = redis::Client::open(address).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut words = command.split(' ');
    let mut command = redis::cmd(words.next().unwrap());
    for word in words {
        command.arg(word);
    }
    command.query_async(&mut connection).await.unwrap()
}

fn follow(store: Arc<RedisStore>) -> Arc<Revocations> {
    let own = Arc::new(Revocations::shared(store));
    tokio::spawn(own.follow(tick));
    own
}

/// As long as it takes: a test that hangs has failed.
async fn wait_for(process: &Revocations, len: u64) {
    while process.len() < usize::try_from(len).unwrap() {
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
