//! How fast each store claims deliveries: begin and finish, one after the other, by one worker and
//! by eight. `claims SECONDS`; with servers, by `cargo xtask bench`.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{env, fs, process};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use clerk_gate_core::webhook::{Begin, Delivery, MemoryStore, Store};
use clerk_gate_store_redis::RedisStore;
use clerk_gate_store_sql::{PostgresStore, SqliteStore};
use clerk_gate_testkit::NOW;
use tokio::task::JoinSet;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("claims: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<()> {
    let seconds = env::args().nth(1).context("want one argument: SECONDS")?;
    let time = Duration::from_secs(seconds.parse().context("SECONDS")?);
    let folder = env::temp_dir().join(format!("clerk_gate_claims_{}", process::id()));
    fs::create_dir(&folder)?;
    let file = format!("sqlite:{}", folder.join("claims.db").display());
    let server = |name: &str| {
        let remedy = || format!("{name} is not set: run this by `cargo xtask bench`");
        env::var(name).with_context(remedy)
    };
    let memory = MemoryStore::new(1_000_000);
    let stores: [(&str, Arc<dyn Store>); 4] = [
        ("memory", Arc::new(memory)),
        ("sqlite", Arc::new(SqliteStore::open(&file).await?)),
        (
            "postgres",
            Arc::new(PostgresStore::connect(&server("CLERK_GATE_TEST_POSTGRES")?).await?),
        ),
        (
            "redis",
            Arc::new(RedisStore::connect(&server("CLERK_GATE_TEST_REDIS")?).await?),
        ),
    ];
    println!("| store | workers | claims/s | p50 µs | p99 µs |");
    println!("|---|---|---|---|---|");
    for (name, store) in stores {
        for workers in [1, 8] {
            let (rate, mut waits) = measure(&store, workers, time).await?;
            waits.sort_unstable();
            let at = |percent: usize| waits.get(waits.len() * percent / 100);
            let micros = |wait: Option<&Duration>| wait.map_or(0, Duration::as_micros);
            let (p50, p99) = (micros(at(50)), micros(at(99)));
            println!("| {name} | {workers} | {rate:.0} | {p50} | {p99} |");
        }
    }
    fs::remove_dir_all(folder)?;
    Ok(())
}

/// Claims per second, and how long each took.
async fn measure(
    store: &Arc<dyn Store>,
    workers: u32,
    time: Duration,
) -> Result<(f64, Vec<Duration>)> {
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for worker in 0..workers {
        let store = Arc::clone(store);
        let name = format!("msg_{}_{workers}_{worker}", process::id());
        tasks.spawn(async move {
            let mut waits = Vec::new();
            while start.elapsed() < time {
                let begun = Instant::now();
                claim(&*store, &format!("{name}_{}", waits.len())).await?;
                waits.push(begun.elapsed());
            }
            anyhow::Ok(waits)
        });
    }
    let mut waits = Vec::new();
    while let Some(finished) = tasks.join_next().await {
        waits.extend(finished??);
    }
    let count = u32::try_from(waits.len())?;
    Ok((f64::from(count) / start.elapsed().as_secs_f64(), waits))
}

async fn claim(store: &dyn Store, id: &str) -> Result<()> {
    let delivery = Delivery::new(id, NOW, Bytes::from_static(&[b'x'; 1024]));
    let begun = store.begin(&delivery, 60, NOW).await?;
    let Begin::Fresh(lease) = &begun else {
        ensure!(false, "{id}: {begun:?} of a new delivery");
        return Ok(());
    };
    Ok(store.finish(lease, NOW).await?)
}
