//! A short turn of every run: `cargo xtask chaos` takes longer ones.

use clerk_gate_chaos::{Run, Size};

async fn check(run: Run) {
    let size = Size {
        deliveries: 300,
        kills: 8,
        seed: 1,
        worker: env!("CARGO_BIN_EXE_chaos-worker").into(),
    };
    if let Err(error) = run.run(&size).await {
        panic!("{error:#}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_handle_every_message_once() {
    check(Run::TwoProcesses).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_loses_and_doubles_nothing() {
    check(Run::Kill).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_ends_at_one_process_is_refused_by_another() {
    check(Run::Revocation).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_is_answered_503_and_ends_by_itself() {
    check(Run::Outage).await;
}
