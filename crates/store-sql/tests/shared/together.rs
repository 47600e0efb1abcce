//! Callers that come at the same time.

use clerk_gate_core::webhook::{Begin, Lease, Store, StoreError};
use tokio::task::{JoinHandle, yield_now};

use super::super::{Database, Sql};
use super::{Fixture, LEASE, NOW, begin, delivery};

/// How many transactions write, when another process lets go of the table that all these wait for,
/// is for each database to count.
pub(crate) async fn many_at_once(store: &Sql, other: &Sql) {
    let mut leases = Vec::new();
    for number in 0..5 {
        leases.push(begin_on(store, &format!("finish-{number}")).await);
    }
    leases.push(Lease::new("finish-0", 1).unwrap());
    let holding = hold(other).await;
    let ids = (0..20).map(|number| format!("begin-{}", number % 19));
    let begins: Vec<_> = ids.map(|id| spawn_begin(store, &id)).collect();
    let finishes: Vec<_> = leases
        .iter()
        .map(|lease| spawn_finish(store, lease))
        .collect();
    all_wait().await;
    holding.rollback().await.unwrap();

    let (mut fresh, mut busy) = (Vec::new(), Vec::new());
    for one in begins {
        match one.await.unwrap().unwrap() {
            Begin::Fresh(lease) => fresh.push(lease),
            other => busy.push(other),
        }
    }
    assert_eq!(
        (fresh.len(), busy.len()),
        (19, 1),
        "begin-0 is begun by one of two"
    );
    let until = NOW.saturating_add(LEASE);
    assert_eq!(busy, [Begin::Busy { until }]);
    let mut lost = Vec::new();
    for (number, one) in finishes.into_iter().enumerate() {
        if let Err(error) = one.await.unwrap() {
            assert!(error.is_lease_lost(), "{error:?}");
            lost.push(number);
        }
    }
    assert_eq!(lost, [5], "a lease that nobody was given");
    for lease in &fresh {
        assert_eq!(lease.attempt(), 1, "{lease:?}");
        store.finish(lease, NOW).await.unwrap();
    }
    for lease in fresh.iter().chain(&leases) {
        let again = store.begin(&delivery(lease.id()), LEASE, NOW).await;
        assert_eq!(again.unwrap(), Begin::Done, "{lease:?}");
    }
}

#[tokio::test]
async fn what_was_released_or_ran_out_is_begun_again_together() {
    let fixture = Fixture::new().await;
    for number in 0..8 {
        let lease = begin(&fixture, &format!("again-{number}"), NOW).await;
        if number % 2 == 0 {
            fixture.store.release(&lease, "failed", NOW).await.unwrap();
        }
    }
    let other = fixture.database.open().await;
    let holding = hold(&other).await;
    let ids = (0..8).map(|number| format!("again-{number}"));
    let begins: Vec<_> = ids.map(|id| spawn_begin(&fixture.store, &id)).collect();
    all_wait().await;
    holding.rollback().await.unwrap();
    for (number, one) in begins.into_iter().enumerate() {
        match one.await.unwrap().unwrap() {
            Begin::Fresh(lease) => assert_eq!((number % 2, lease.attempt()), (0, 2)),
            other => assert_eq!(number % 2, 1, "{other:?}"),
        }
    }
    fixture.end().await;
}

#[tokio::test]
async fn one_that_the_database_refuses_fails_alone() {
    let fixture = Fixture::new().await;
    sqlx::raw_sql(Database::REFUSE)
        .execute(fixture.store.pool())
        .await
        .unwrap();
    let other = fixture.database.open().await;
    let holding = hold(&other).await;
    let begins = ["a", "b", "c", "bad", "d"].map(|id| spawn_begin(&fixture.store, id));
    all_wait().await;
    holding.rollback().await.unwrap();
    let mut refused = Vec::new();
    for (number, one) in begins.into_iter().enumerate() {
        match one.await.unwrap() {
            Ok(begun) => assert!(matches!(begun, Begin::Fresh(_)), "{number}: {begun:?}"),
            Err(error) => refused.push((number, error.is_transient())),
        }
    }
    assert_eq!(refused, [(3, false)]);
    fixture.end().await;
}

#[tokio::test]
async fn whoever_goes_away_holds_up_nobody() {
    let fixture = Fixture::new().await;
    let other = fixture.database.open().await;
    let holding = hold(&other).await;
    let gone = ["a", "b", "c", "d"].map(|id| spawn_begin(&fixture.store, id));
    let left = ["e", "f"].map(|id| spawn_begin(&fixture.store, id));
    all_wait().await;
    // Those who wait go first, the two whose turn it is last.
    for one in gone.into_iter().rev() {
        one.abort();
        assert!(one.await.is_err_and(|error| error.is_cancelled()));
    }
    holding.rollback().await.unwrap();
    for one in left {
        assert!(matches!(one.await.unwrap().unwrap(), Begin::Fresh(_)));
    }
    for id in ["c", "d"] {
        // They waited for others, and so were never begun.
        assert_eq!(begin(&fixture, id, NOW).await.attempt(), 1);
    }
    fixture.end().await;
}

/// A transaction in which nobody else can write.
async fn hold(other: &Sql) -> super::Transaction {
    let mut holding = other.pool().begin_with(Database::BEGIN).await.unwrap();
    let hold = sqlx::raw_sql(Database::HOLD).execute(&mut *holding);
    hold.await.unwrap();
    holding
}

/// Everyone who was spawned has come as far as can be.
pub(crate) async fn all_wait() {
    for _ in 0..1_000 {
        yield_now().await;
    }
}

pub(crate) fn spawn_begin(store: &Sql, id: &str) -> JoinHandle<Result<Begin, StoreError>> {
    let (store, delivery) = (store.clone(), delivery(id));
    tokio::spawn(async move { store.begin(&delivery, LEASE, NOW).await })
}

pub(crate) fn spawn_finish(store: &Sql, lease: &Lease) -> JoinHandle<Result<(), StoreError>> {
    let (store, lease) = (store.clone(), lease.clone());
    tokio::spawn(async move { store.finish(&lease, NOW).await })
}

pub(crate) async fn begin_on(store: &Sql, id: &str) -> Lease {
    match store.begin(&delivery(id), LEASE, NOW).await.unwrap() {
        Begin::Fresh(lease) => lease,
        other => panic!("{id}: {other:?} is no lease"),
    }
}
