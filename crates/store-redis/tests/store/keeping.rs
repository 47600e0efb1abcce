//! What is kept, for whom, and how long.

use clerk_gate_core::webhook::{Begin, Lease, Store};
use tokio::task::JoinSet;

use super::{address, at, begin, delivery, store, store_with, unused_prefix};

#[tokio::test]
async fn the_contract_is_kept() {
    let broken = clerk_gate_store_contract::run(&store().await).await;
    assert_eq!(broken, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_begins_over_eight_connections_one_wins() {
    let prefix = unused_prefix();
    let mut workers = JoinSet::new();
    for _ in 0..8 {
        let store = store_with(&prefix).await;
        workers.spawn(async move {
            let mut leases: Vec<Lease> = Vec::new();
            for number in 0..200 {
                let begun = store.begin(&delivery(&number.to_string()), 60, at(0)).await;
                match begun.unwrap() {
                    Begin::Fresh(lease) => leases.push(lease),
                    Begin::Busy { until } => assert_eq!(until, at(60)),
                    Begin::Done => panic!("{number} is done, and nobody has finished"),
                }
            }
            leases
        });
    }
    let leases = workers.join_all().await.concat();
    let mut ids: Vec<_> = leases.iter().map(Lease::id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((leases.len(), ids.len()), (200, 200));
}

#[tokio::test]
async fn an_abandoned_delivery_begins_before_its_lease_runs_out() {
    let store = store().await;
    let lease = begin(&store, "abandoned").await.unwrap();
    store.abandon(&lease);
    let next = loop {
        // The task that ends the lease runs while this one waits for an answer.
        if let Begin::Fresh(next) = store
            .begin(&delivery("abandoned"), 60, at(1))
            .await
            .unwrap()
        {
            break next;
        }
    };
    assert_eq!(next.attempt(), 2);
    let list = store.unfinished(1).await.unwrap();
    assert_eq!(list[0].failure, None);
}

#[tokio::test]
async fn outside_of_a_runtime_an_abandoned_lease_runs_out() {
    let store = store().await;
    let lease = begin(&store, "outside").await.unwrap();
    let stranger = store.clone();
    std::thread::spawn(move || stranger.abandon(&lease))
        .join()
        .unwrap();
    let begun = store.begin(&delivery("outside"), 60, at(1)).await.unwrap();
    assert_eq!(begun, Begin::Busy { until: at(60) });
}

#[tokio::test]
async fn a_walk_sees_every_record_of_its_prefix_and_no_other() {
    // Characters that mean something in a pattern.
    let prefix = format!("{}*[a]?\\", unused_prefix());
    let store = store_with(&prefix).await;
    let other = store_with(&prefix.replace('*', "x")).await;
    begin(&other, "other").await.unwrap();
    // More than a step of a walk looks at.
    let mut workers = JoinSet::new();
    for number in 0..1500 {
        let store = store.clone();
        workers.spawn(async move {
            let lease = begin(&store, &format!("{number:04}")).await.unwrap();
            if number % 2 == 0 {
                store.finish(&lease, at(number)).await.unwrap();
            }
        });
    }
    workers.join_all().await;
    let list = store.unfinished(usize::MAX).await.unwrap();
    let ids: Vec<_> = list.iter().map(|entry| entry.id.as_str()).collect();
    let odd: Vec<_> = (0..1500)
        .filter(|n| n % 2 == 1)
        .map(|n| format!("{n:04}"))
        .collect();
    assert_eq!(ids, odd);
    assert_eq!(store.unfinished(10).await.unwrap(), list[..10]);
    assert_eq!(store.purge(at(1000)).await.unwrap(), 500);
    assert_eq!(store.purge(at(1500)).await.unwrap(), 250);
    assert_eq!(store.unfinished(usize::MAX).await.unwrap().len(), 750);
    assert_eq!(other.unfinished(usize::MAX).await.unwrap().len(), 1);
}

#[tokio::test]
async fn records_expire_by_themselves() {
    const DAY: i64 = 24 * 60 * 60;
    let prefix = unused_prefix();
    let store = store_with(&prefix).await;
    let short = store.clone().with_retention(0);
    let endless = store.clone().with_retention(i64::MAX);
    let client = redis::Client::open(address()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    for (id, by, want) in [
        ("begun", None, 30 * DAY),
        ("default", Some(&store), 7 * DAY),
        ("endless", Some(&endless), 36_500 * DAY),
        ("short", Some(&short), 1),
    ] {
        let lease = begin(&store, id).await.unwrap();
        if let Some(store) = by {
            store.finish(&lease, at(1)).await.unwrap();
        }
        let mut ask = redis::cmd("TTL");
        ask.arg(format!("{prefix}{{{id}}}"));
        let left: i64 = ask.query_async(&mut connection).await.unwrap();
        // The short one may be gone already.
        let left = if left == -2 { 0 } else { left };
        assert!((want / 2..=want).contains(&left), "{id}: {left}");
    }
}
