//! What holds on every database. Each database's tests include this file and say what `Database`,
//! `Sql` and `Transaction` are.

mod audit;
mod revocations;
pub(crate) mod together;

use std::future::pending;
use std::sync::Arc;

use bytes::Bytes;
use clerk_gate_core::webhook::{Begin, Delivery, Endpoint, Handler, Lease, Retry, Store};
use clerk_gate_core::{Clock, Settings, UnixTime};
use clerk_gate_testkit::FixedClock;
use tokio::sync::Notify;

use super::{Database, Sql, Transaction};

#[tokio::test]
async fn the_contract_holds_and_holds_again_after_opening_again() {
    let fixture = Fixture::new().await;
    assert_eq!(clerk_gate_store_contract::run(&fixture.store).await, []);
    let again = fixture.database.open().await;
    assert_eq!(clerk_gate_store_contract::run(&again).await, []);
    fixture.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_may_open_a_new_database_at_once() {
    let database = Arc::new(Database::new().await);
    let opening: Vec<_> = (0..8)
        .map(|_| {
            let database = Arc::clone(&database);
            tokio::spawn(async move { database.open().await })
        })
        .collect();
    for one in opening {
        let store = one.await.unwrap();
        assert_eq!(store.unfinished(1).await.unwrap(), []);
        store.pool().close().await;
    }
    Arc::into_inner(database).unwrap().end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_stores_on_one_database_hand_out_one_lease() {
    let fixture = Fixture::new().await;
    let stores = [fixture.store.clone(), fixture.database.open().await];
    for number in 0..20 {
        let delivery = delivery(&format!("race-{number}"));
        let beginning: Vec<_> = (0..16)
            .map(|worker| {
                let (store, delivery) = (stores[worker % 2].clone(), delivery.clone());
                tokio::spawn(async move { store.begin(&delivery, LEASE, NOW).await.unwrap() })
            })
            .collect();
        let mut leases = 0;
        for one in beginning {
            leases += u32::from(matches!(one.await.unwrap(), Begin::Fresh(_)));
        }
        assert_eq!(leases, 1, "delivery {number}");
    }
    fixture.end().await;
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused() {
    let fixture = Fixture::new().await;
    let insert = sqlx::query("INSERT INTO clerk_gate_versions VALUES (1000000)");
    insert.execute(fixture.store.pool()).await.unwrap();
    let error = Sql::from_pool(fixture.store.pool().clone())
        .await
        .unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(
        source,
        "tables: got version 1000000, wanted 3 at most; use a newer clerk-gate-store-sql",
    );
    assert!(!error.is_transient());
    fixture.end().await;
}

#[tokio::test]
async fn effects_and_mark_commit_together() {
    let fixture = Fixture::with_effects().await;
    let lease = begin(&fixture, "together", NOW).await;
    let handler = fixture.store.transactional(add_effect);
    handler.handle(delivery("together"), &lease).await.unwrap();
    check(&fixture, "together", 1, true).await;
    // What the endpoint does after every handler.
    fixture.store.finish(&lease, NOW).await.unwrap();
    check(&fixture, "together", 1, true).await;
    // A second handler with the same lease has come too late.
    handler
        .handle(delivery("together"), &lease)
        .await
        .unwrap_err();
    check(&fixture, "together", 1, true).await;
    fixture.end().await;
}

#[tokio::test]
async fn an_error_leaves_neither_effect_nor_mark() {
    let fixture = Fixture::with_effects().await;
    let lease = begin(&fixture, "error", NOW).await;
    let handler = fixture.store.transactional(|delivery, transaction| async {
        drop(add_effect(delivery, transaction).await?);
        Err(Retry::because("not now"))
    });
    handler.handle(delivery("error"), &lease).await.unwrap_err();
    fixture.store.release(&lease, "not now", NOW).await.unwrap();
    check(&fixture, "error", 0, false).await;
    fixture.end().await;
}

#[tokio::test]
async fn an_overtaken_worker_leaves_neither_effect_nor_mark() {
    let fixture = Fixture::with_effects().await;
    let overtaken = begin(&fixture, "overtaken", NOW).await;
    let lease = begin(&fixture, "overtaken", NOW.saturating_add(LEASE)).await;
    let handler = fixture.store.transactional(add_effect);
    handler
        .handle(delivery("overtaken"), &overtaken)
        .await
        .unwrap_err();
    check(&fixture, "overtaken", 0, false).await;
    handler.handle(delivery("overtaken"), &lease).await.unwrap();
    check(&fixture, "overtaken", 1, true).await;
    fixture.end().await;
}

#[tokio::test]
async fn a_dropped_worker_leaves_neither_and_gives_its_lease_up() {
    let fixture = Fixture::with_effects().await;
    let lease = begin(&fixture, "dropped", NOW).await;
    fixture.store.release(&lease, "failed", NOW).await.unwrap();
    let written = Arc::new(Notify::new());
    let tell = Arc::clone(&written);
    let endpoint = endpoint(&fixture, move |delivery, transaction| {
        let tell = Arc::clone(&tell);
        async move {
            let transaction = add_effect(delivery, transaction).await?;
            tell.notify_one();
            pending::<()>().await;
            Ok(transaction)
        }
    });
    let clock = FixedClock::default();
    tokio::select! {
        ended = endpoint.replay("dropped", &clock) => panic!("{ended:?} instead of waiting"),
        () = written.notified() => {}
    }
    check(&fixture, "dropped", 0, false).await;
    // The lease is given up in the background.
    let delivery = delivery("dropped");
    while let Begin::Busy { .. } = fixture
        .store
        .begin(&delivery, LEASE, clock.now())
        .await
        .unwrap()
    {
        tokio::task::yield_now().await;
    }
    fixture.end().await;
}

#[tokio::test]
async fn an_endpoint_finishes_what_its_handler_has_finished() {
    let fixture = Fixture::with_effects().await;
    let lease = begin(&fixture, "endpoint", NOW).await;
    fixture.store.release(&lease, "failed", NOW).await.unwrap();
    let endpoint = endpoint(&fixture, add_effect);
    endpoint
        .replay("endpoint", &FixedClock::default())
        .await
        .unwrap();
    check(&fixture, "endpoint", 1, true).await;
    fixture.end().await;
}

/// A new database with a store on it.
struct Fixture {
    database: Database,
    store: Sql,
}

impl Fixture {
    async fn new() -> Self {
        let database = Database::new().await;
        let store = database.open().await;
        Self { database, store }
    }

    /// With a table of the application's own.
    async fn with_effects() -> Self {
        let fixture = Self::new().await;
        add_effects(&fixture.store).await;
        fixture
    }

    async fn end(self) {
        self.store.pool().close().await;
        self.database.end().await;
    }
}

/// The application's own table.
pub(crate) async fn add_effects(store: &Sql) {
    let table = sqlx::query("CREATE TABLE IF NOT EXISTS effects (id TEXT NOT NULL)");
    table.execute(store.pool()).await.unwrap();
}

/// A handler as an application writes it.
pub(crate) async fn add_effect(
    delivery: Delivery,
    mut transaction: Transaction,
) -> Result<Transaction, Retry> {
    sqlx::query("INSERT INTO effects VALUES ($1)")
        .bind(delivery.id())
        .execute(&mut *transaction)
        .await?;
    Ok(transaction)
}

fn endpoint<T>(
    fixture: &Fixture,
    handler: impl Fn(Delivery, Transaction) -> T + Send + Sync + 'static,
) -> Endpoint
where
    T: Future<Output = Result<Transaction, Retry>> + Send + 'static,
{
    let settings = Settings::parse(&|name| match name {
        "CLERK_PUBLISHABLE_KEY" => Some("pk_test_Y2xlcmsuYXBwLnRlc3Qk".to_owned()),
        "CLERK_GATE_ORIGINS" => Some("https://app.test".to_owned()),
        _ => None,
    });
    let handler = fixture.store.transactional(handler);
    Endpoint::new(&settings.unwrap(), Arc::new(fixture.store.clone()), handler).unwrap()
}

pub(crate) fn delivery(id: &str) -> Delivery {
    Delivery::new(id, NOW, Bytes::from_static(b"{}"))
}

async fn begin(fixture: &Fixture, id: &str, now: UnixTime) -> Lease {
    match fixture
        .store
        .begin(&delivery(id), LEASE, now)
        .await
        .unwrap()
    {
        Begin::Fresh(lease) => lease,
        other => panic!("{id}: {other:?} is no lease"),
    }
}

async fn check(fixture: &Fixture, id: &str, effects: i64, is_done: bool) {
    let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM effects WHERE id = $1")
        .bind(id)
        .fetch_one(fixture.store.pool())
        .await
        .unwrap();
    let unfinished = fixture.store.recall(id).await.unwrap();
    assert_eq!((count, unfinished.is_none()), (effects, is_done), "{id}");
}

pub(crate) const LEASE: i64 = 60;

/// Before the fixed clock's time.
pub(crate) const NOW: UnixTime = UnixTime::from_secs(1_600_000_000);
