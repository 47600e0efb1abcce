//! Revocations, on every database.

use std::sync::Arc;
use std::time::Duration;

use clerk_gate_core::UnixTime;
use clerk_gate_core::revocation::{Revocation, RevocationStore, Revocations, Subject};
use clerk_gate_core::webhook::Store;
use tokio::task::yield_now;
use tokio::time::interval;

use super::{Fixture, LEASE, NOW, begin, delivery};

#[tokio::test]
async fn the_contract_of_revocations_holds_and_holds_again_after_opening_again() {
    let fixture = Fixture::new().await;
    for store in [fixture.store.clone(), fixture.database.open().await] {
        assert_eq!(clerk_gate_store_contract::run_revocations(&store).await, []);
    }
    fixture.end().await;
}

#[tokio::test]
async fn clones_hear_each_other() {
    let fixture = Fixture::new().await;
    let clone = fixture.store.clone();
    let heard = clerk_gate_store_contract::check_announcements(&fixture.store, &clone).await;
    assert_eq!(heard, Ok(()));
    fixture.end().await;
}

#[tokio::test]
async fn revocations_are_added_to_a_database_from_before() {
    let fixture = Fixture::new().await;
    let lease = begin(&fixture, "from-before", NOW).await;
    fixture.store.finish(&lease, NOW).await.unwrap();
    let version_1 = "
        DROP TABLE clerk_gate_audit;
        DROP TABLE clerk_gate_history;
        DROP TABLE clerk_gate_revocations;
        DELETE FROM clerk_gate_versions WHERE version > 1;";
    let made = sqlx::raw_sql(version_1).execute(fixture.store.pool()).await;
    made.unwrap();
    let store = fixture.database.open().await;
    assert_eq!(clerk_gate_store_contract::run_revocations(&store).await, []);
    let known = store.begin(&delivery("from-before"), LEASE, NOW).await;
    assert_eq!(known.unwrap(), clerk_gate_core::webhook::Begin::Done);
    fixture.end().await;
}

/// As two processes would, on pools of their own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_follow_learn_from_each_other() {
    let fixture = Fixture::new().await;
    let mut processes = Vec::new();
    for _ in 0..2 {
        let store = Arc::new(fixture.database.open().await);
        let own = Arc::new(Revocations::shared(store));
        tokio::spawn(own.follow(tick));
        processes.push(own);
    }
    for number in 0..10 {
        let session = format!("sess_{number}");
        processes[number % 2]
            .revoke_session(&session)
            .await
            .unwrap();
        for process in &processes {
            while process.len() <= number {
                yield_now().await;
            }
        }
    }
    drop(processes);
    fixture.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_parallel_additions_a_reader_misses_none() {
    let fixture = Fixture::new().await;
    let stores = [fixture.store.clone(), fixture.database.open().await];
    let adding: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let store = stores[writer % 2].clone();
            tokio::spawn(async move {
                for round in 0..ROUNDS {
                    store.add(&[revocation(writer, round)]).await.unwrap();
                }
            })
        })
        .collect();
    let reader = fixture.database.open().await;
    let (mut read, mut position) = (Vec::new(), None);
    while read.len() < WRITERS * ROUNDS {
        // Before the page is read: when all is written, the page has it.
        let all_is_written = adding.iter().all(|one| one.is_finished());
        let changes = reader.since(position).await.unwrap();
        let is_end = changes.revocations.is_empty();
        read.extend(changes.revocations);
        position = Some(changes.position);
        assert!(!(all_is_written && is_end), "read {} of all", read.len());
    }
    for writer in 0..WRITERS {
        for round in 0..ROUNDS {
            let one = revocation(writer, round);
            assert!(read.contains(&one), "{one:?}");
        }
    }
    assert_eq!(read.len(), WRITERS * ROUNDS);
    fixture.end().await;
}

/// The first of an interval comes at once.
async fn tick() {
    let mut seconds = interval(Duration::from_secs(1));
    seconds.tick().await;
    seconds.tick().await;
}

fn revocation(writer: usize, round: usize) -> Revocation {
    let subject = Subject::Session(format!("sess_{writer}_{round}"));
    Revocation::new(subject, UnixTime::from_secs(i64::MAX), NOW)
}

const WRITERS: usize = 8;

const ROUNDS: usize = 25;
