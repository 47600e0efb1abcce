//! What survives when the process is killed, at any moment.

use std::collections::HashMap;
use std::env;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use clerk_gate_core::webhook::{Begin, Handler, Store};

use super::shared::{LEASE, NOW, add_effect, add_effects, delivery};
use super::{Database, Sql};

/// A child process handles one delivery after the other and acknowledges each; the parent kills
/// it, looks at what is left, and starts the next child.
#[tokio::test]
async fn a_killed_process_loses_and_doubles_nothing() {
    if let Ok(location) = env::var(LOCATION) {
        let round = env::var(ROUND).unwrap().parse().unwrap();
        return work(&location, round).await;
    }
    let database = Database::new().await;
    let location = database.file("webhooks.db");
    let mut acknowledged = Vec::new();
    let mut seed = 0x5eed;
    for round in 0..ROUNDS {
        acknowledged.extend(run_and_kill(&location, round, &mut seed));
        look(&location, round, &acknowledged).await;
    }
    assert!(!acknowledged.is_empty());
}

/// The child. It begins where its predecessor did, so that it meets what is done, what is half
/// done, and what is new.
async fn work(location: &str, round: i64) {
    let store = Sql::open(location).await.unwrap();
    add_effects(&store).await;
    let handler = store.transactional(add_effect);
    // Every lease of a predecessor has run out.
    let now = NOW.saturating_add(round * LEASE);
    for number in (round * 5).. {
        let delivery = delivery(&format!("delivery-{number}"));
        match store.begin(&delivery, LEASE, now).await.unwrap() {
            Begin::Fresh(lease) => {
                handler.handle(delivery, &lease).await.unwrap();
                store.finish(&lease, now).await.unwrap();
            }
            Begin::Done => {}
            Begin::Busy { until } => panic!("delivery {number}: busy until {until:?} at {now:?}"),
        }
        let mut stdout = std::io::stdout().lock();
        writeln!(stdout, "{ACKNOWLEDGED}{number}")
            .and_then(|()| stdout.flush())
            .unwrap();
    }
}

/// The numbers of the deliveries that a child acknowledges before it is killed.
fn run_and_kill(location: &str, round: i64, seed: &mut u64) -> Vec<u64> {
    let mut child = Command::new(env::current_exe().unwrap())
        .args([
            "kill::a_killed_process_loses_and_doubles_nothing",
            "--exact",
            "--nocapture",
        ])
        .env(LOCATION, location)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut numbers =
        lines.filter_map(|line| line.unwrap().strip_prefix(ACKNOWLEDGED)?.parse().ok());
    let mut acknowledged: Vec<u64> = numbers.by_ref().take(random(seed, 12)).collect();
    // The child goes on meanwhile, and is met anywhere between two acknowledgements.
    for _ in 0..random(seed, 3_000) {
        std::thread::yield_now();
    }
    child.kill().unwrap();
    acknowledged.extend(numbers);
    child.wait().unwrap();
    acknowledged
}

/// What is acknowledged is done; what is done has its effect once; what is not done has none.
async fn look(location: &str, round: i64, acknowledged: &[u64]) {
    let store = Sql::open(location).await.unwrap();
    add_effects(&store).await;
    let check: String = sqlx::query_scalar("PRAGMA integrity_check")
        .fetch_one(store.pool())
        .await
        .unwrap();
    assert_eq!(check, "ok", "round {round}");
    let rows: Vec<(String, bool, i64)> = sqlx::query_as(
        "SELECT id, finished IS NOT NULL, (SELECT COUNT(*) FROM effects WHERE effects.id = known.id)
         FROM clerk_gate_deliveries AS known",
    )
    .fetch_all(store.pool())
    .await
    .unwrap();
    let done: HashMap<_, _> = rows
        .iter()
        .map(|(id, done, _)| (id.as_str(), *done))
        .collect();
    for (id, done, effects) in &rows {
        assert_eq!(*effects, i64::from(*done), "round {round}: effects of {id}");
    }
    for number in acknowledged {
        let id = format!("delivery-{number}");
        assert_eq!(done.get(id.as_str()), Some(&true), "round {round}: {id}");
    }
    store.pool().close().await;
}

/// A number below `end` (xorshift; the same series in every run).
fn random(seed: &mut u64, end: u64) -> usize {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    usize::try_from(*seed % end).unwrap()
}

const ROUNDS: i64 = 30;

const ACKNOWLEDGED: &str = "acknowledged ";
const LOCATION: &str = "CLERK_GATE_TEST_KILL_LOCATION";
const ROUND: &str = "CLERK_GATE_TEST_KILL_ROUND";
