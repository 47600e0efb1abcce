//! How many deliveries each store begins and finishes, and what sharing a commit is worth.
//!
//! `cargo xtask services -- cargo run --release -p clerk-gate-bench
//! --features stores --bin stores`. Everything is as
//! durable as in production: SQLite synchronises its journal at every commit, PostgreSQL its own,
//! and Redis, as the services start it, appends every write to its file and synchronises that
//! before it answers.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, process};

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use clerk_gate_bench::Figure;
use clerk_gate_core::webhook::{Begin, Delivery, Lease, MemoryStore, Store};
use clerk_gate_store_redis::RedisStore;
use clerk_gate_store_sql::{PostgresStore, SqliteStore};
use clerk_gate_testkit::NOW;
use sqlx::{PgPool, SqlitePool};
use tokio::task::JoinSet;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("stores: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<()> {
    let folder = env::temp_dir().join(format!("clerk_gate_stores_{}", process::id()));
    fs::create_dir(&folder)?;
    let result = compare_all(&format!("sqlite:{}", folder.join("stores.db").display())).await;
    fs::remove_dir_all(folder)?;
    result
}

async fn compare_all(file: &str) -> Result<()> {
    let sqlite = SqliteStore::open(file).await?;
    let postgres = PostgresStore::connect(&server("CLERK_GATE_TEST_POSTGRES")?).await?;
    let redis = RedisStore::connect(&server("CLERK_GATE_TEST_REDIS")?).await?;
    are_durable(&sqlite, &postgres).await?;
    let raw_sqlite = Raw::Sqlite(sqlite.pool().clone());
    let raw_postgres = Raw::Postgres(postgres.pool().clone());
    let memory: Arc<dyn Store> = Arc::new(MemoryStore::new(10_000_000));
    compare("memory", memory, None).await?;
    compare("SQLite", Arc::new(sqlite), Some(raw_sqlite)).await?;
    compare("PostgreSQL", Arc::new(postgres), Some(raw_postgres)).await?;
    compare("Redis", Arc::new(redis), None).await
}

fn server(name: &str) -> Result<String> {
    env::var(name).with_context(|| format!("{name} is not set: run this by `cargo xtask bench`"))
}

/// A database that forgets is faster, and no store for deliveries.
async fn are_durable(sqlite: &SqliteStore, postgres: &PostgresStore) -> Result<()> {
    let synchronous: i64 = sqlx::query_scalar("SELECT synchronous FROM pragma_synchronous")
        .fetch_one(sqlite.pool())
        .await?;
    ensure!(
        synchronous == 2,
        "SQLite: synchronous is {synchronous}, wanted 2"
    );
    for name in ["fsync", "synchronous_commit"] {
        let value: String = sqlx::query_scalar("SELECT current_setting($1)")
            .bind(name)
            .fetch_one(postgres.pool())
            .await?;
        ensure!(
            value == "on",
            "PostgreSQL: {name} is {value:?}, wanted \"on\""
        );
    }
    Ok(())
}

async fn compare(name: &str, store: Arc<dyn Store>, raw: Option<Raw>) -> Result<()> {
    let mut callers = vec![1, 8];
    if raw.is_some() {
        callers.extend([64, 256]);
    }
    let mut rates = vec![Vec::new(); callers.len()];
    let (mut races, mut won) = (0, 0);
    let mut against_raw = Vec::new();
    for round in 0..ROUNDS {
        eprintln!("{name}: round {} of {ROUNDS}", round + 1);
        let mut order: Vec<_> = (0..callers.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for one in order {
            rates[one].push(rate(&store, callers[one]).await?);
            // Every measurement finds the tables as small as the first.
            store.purge(NOW.saturating_add(1)).await?;
        }
        if let Some(raw) = &raw {
            against_raw.push(alternate(&*store, raw).await?);
        }
        for _ in 0..RACES {
            races += 1;
            won += u32::from(race(&store).await? == 1);
        }
    }
    for (rates, count) in rates.iter().zip(&callers).take(2) {
        let what = format!("{name}, workers at once");
        let figure = Figure::new("stores", what, rates.clone());
        figure.at(*count).unit("claims/s").print();
    }
    let beside_one = |at: usize| -> Vec<f64> {
        let pairs = rates[at].iter().zip(&rates[0]);
        pairs.map(|(many, one)| many / one).collect()
    };
    let what = format!("{name}, 8 workers ÷ 1");
    Figure::new("stores", what, beside_one(1)).print();
    if raw.is_some() {
        let what = format!("{name}, callers at once ÷ one after the other");
        let figure = Figure::new("shared commits", &*what, beside_one(2));
        figure.at(callers[2]).print();
        let figure = Figure::new("shared commits", what, beside_one(3));
        figure.at(callers[3]).at_least(20.0).print();
        let what = format!("{name}, one caller ÷ the raw statements");
        let figure = Figure::new("shared commits", what, against_raw);
        figure.at_least(0.9).print();
    }
    let what = format!("{name}, races of 8 with one winner ÷ races");
    let share = f64::from(won) / f64::from(races);
    Figure::new("stores", what, vec![share])
        .at_least(1.0)
        .print();
    ensure!(
        won == races,
        "{name}: {} of {races} races had not one winner",
        races - won
    );
    Ok(())
}

/// Claims per second of that many callers, each of which begins and finishes one delivery after the
/// other.
async fn rate(store: &Arc<dyn Store>, callers: u64) -> Result<f64> {
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..callers {
        let store = Arc::clone(store);
        tasks.spawn(async move {
            let mut count = 0_u32;
            while start.elapsed() < TIME {
                claim(&*store, &delivery()).await?;
                count += 1;
            }
            anyhow::Ok(count)
        });
    }
    let mut all = 0;
    while let Some(finished) = tasks.join_next().await {
        all += finished??;
    }
    Ok(f64::from(all) / start.elapsed().as_secs_f64())
}

async fn claim(store: &dyn Store, delivery: &Delivery) -> Result<()> {
    let begun = store.begin(delivery, 60, NOW).await?;
    let Begin::Fresh(lease) = &begun else {
        bail!("{}: {begun:?} of a new delivery", delivery.id());
    };
    Ok(store.finish(lease, NOW).await?)
}

/// The rate of one caller, by that of the bare statements. They take turns claim by claim, as a disk
/// is now fast and now slow.
async fn alternate(store: &dyn Store, raw: &Raw) -> Result<f64> {
    let (mut own, mut bare) = (Duration::ZERO, Duration::ZERO);
    while own < TIME {
        let (first, second) = (delivery(), delivery());
        let start = Instant::now();
        claim(store, &first).await?;
        let between = Instant::now();
        raw.claim(&second).await?;
        own += between - start;
        bare += between.elapsed();
    }
    Ok(bare.as_secs_f64() / own.as_secs_f64())
}

/// How many of eight callers may handle one delivery.
async fn race(store: &Arc<dyn Store>) -> Result<usize> {
    let delivery = delivery();
    let mut tasks = JoinSet::new();
    for _ in 0..8 {
        let (store, delivery) = (Arc::clone(store), delivery.clone());
        tasks.spawn(async move { store.begin(&delivery, 60, NOW).await });
    }
    let mut winners = 0;
    while let Some(begun) = tasks.join_next().await {
        if let Begin::Fresh(lease) = begun?? {
            store.finish(&lease, NOW).await?;
            winners += 1;
        }
    }
    Ok(winners)
}

/// A new one.
fn delivery() -> Delivery {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let id = format!("msg_{}_{number}", process::id());
    Delivery::new(id, NOW, Bytes::from_static(&[b'x'; 1024]))
}

/// A database without the store.
enum Raw {
    Postgres(PgPool),
    Sqlite(SqlitePool),
}

impl Raw {
    async fn claim(&self, delivery: &Delivery) -> Result<()> {
        let lease = Lease::new(delivery.id(), 1)?;
        macro_rules! claim {
            ($pool:expr) => {{
                let rows = sqlx::query(BEGIN)
                    .bind(delivery.id())
                    .bind(delivery.timestamp().as_secs())
                    .bind(&delivery.body()[..])
                    .bind(NOW.as_secs())
                    .bind(&lease.owner()[..])
                    .bind(NOW.saturating_add(60).as_secs())
                    .fetch_all($pool);
                let begun = rows.await?.len();
                let finish = sqlx::query(FINISH)
                    .bind(lease.id())
                    .bind(&lease.owner()[..])
                    .bind(NOW.as_secs())
                    .execute($pool);
                (begun, finish.await?.rows_affected())
            }};
        }
        let done = match self {
            Self::Postgres(pool) => claim!(pool),
            Self::Sqlite(pool) => claim!(pool),
        };
        ensure!(done == (1, 1), "{}: {done:?} rows", delivery.id());
        Ok(())
    }
}

/// The statements that the store has for a caller that is alone.
const BEGIN: &str = "
    INSERT INTO clerk_gate_deliveries AS known
        (id, sent, body, attempts, begun, owner, leased_until)
    VALUES ($1, $2, $3, 1, $4, $5, $6)
    ON CONFLICT (id) DO UPDATE SET
        sent = excluded.sent,
        body = excluded.body,
        attempts = known.attempts + 1,
        begun = excluded.begun,
        owner = excluded.owner,
        leased_until = excluded.leased_until
    WHERE known.finished IS NULL
        AND (known.leased_until IS NULL OR known.leased_until <= excluded.begun)
    RETURNING owner, attempts";

const FINISH: &str = "
    UPDATE clerk_gate_deliveries
    SET finished = $3, body = NULL, leased_until = NULL, failure = NULL
    WHERE id = $1 AND owner = $2 AND finished IS NULL";

const ROUNDS: u32 = 11;

const TIME: Duration = Duration::from_millis(500);

/// In a round.
const RACES: u32 = 20;
