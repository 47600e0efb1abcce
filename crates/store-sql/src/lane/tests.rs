//! The lane alone, with a database that is a function.

use std::sync::Mutex;

use bytes::Bytes;
use clerk_gate_core::UnixTime;
use clerk_gate_core::webhook::{Delivery, Lease};
use tokio::runtime::Runtime;
use tokio::task::{JoinHandle, yield_now};

use super::*;
use crate::together::Beginning;

#[tokio::test]
async fn whoever_finds_nobody_works_alone() {
    let (lane, batches) = lane(all_done);
    for _ in 0..2 {
        assert!(matches!(join(&lane, "a").await, Ok(Joined::Alone(Some(_)))));
    }
    assert_eq!(batches.take(), NONE);
}

#[tokio::test]
async fn who_waits_is_done_together_in_the_order_of_ids() {
    let (lane, batches) = lane(all_done);
    let turn = turn(&lane).await;
    let waiting = start(&lane, &["c", "a", "b"]).await;
    assert_eq!(batches.take(), NONE);
    drop(turn);
    assert_eq!(told(waiting).await, ["done", "done", "done"]);
    assert_eq!(batches.take(), [["a", "b", "c"]]);
    // The turn is free again.
    assert!(matches!(join(&lane, "d").await, Ok(Joined::Alone(Some(_)))));
}

#[tokio::test]
async fn one_who_waits_gets_the_turn() {
    let (lane, batches) = lane(all_done);
    let turn = turn(&lane).await;
    let waiting = start(&lane, &["a"]).await;
    drop(turn);
    assert_eq!(told(waiting).await, ["turn"]);
    assert_eq!(batches.take(), NONE);
}

#[tokio::test]
async fn of_two_for_one_delivery_the_second_goes_alone() {
    let (lane, batches) = lane(all_done);
    let turn = turn(&lane).await;
    let waiting = start(&lane, &["a", "b", "a"]).await;
    drop(turn);
    assert_eq!(told(waiting).await, ["done", "done", "alone"]);
    assert_eq!(batches.take(), [["a", "b"]]);
}

#[tokio::test]
async fn whom_the_database_does_not_tell_about_goes_alone() {
    let (lane, _) = lane(|jobs| Ok(jobs.iter().take(1).map(done).collect()));
    let turn = turn(&lane).await;
    let waiting = start(&lane, &["a", "b"]).await;
    drop(turn);
    assert_eq!(told(waiting).await, ["done", "alone"]);
}

#[tokio::test]
async fn a_fault_that_may_be_of_one_is_left_to_each() {
    let (lane, _) = lane(|_| Err(Error::RowNotFound));
    let turn = turn(&lane).await;
    let waiting = start(&lane, &["a", "b"]).await;
    drop(turn);
    assert_eq!(told(waiting).await, ["alone", "alone"]);
}

#[tokio::test]
async fn an_outage_is_told_to_all() {
    let (lane, _) = lane(|_| Err(Error::PoolTimedOut));
    let turn = turn(&lane).await;
    let waiting = start(&lane, &["a", "b"]).await;
    drop(turn);
    assert_eq!(told(waiting).await, ["transient", "transient"]);
}

#[tokio::test]
async fn who_has_gone_away_is_left_out() {
    let (lane, batches) = lane(all_done);
    let turn = turn(&lane).await;
    let mut waiting = start(&lane, &["a", "b", "c"]).await;
    let gone = waiting.remove(1);
    gone.abort();
    assert!(gone.await.is_err_and(|error| error.is_cancelled()));
    drop(turn);
    assert_eq!(told(waiting).await, ["done", "done"]);
    assert_eq!(batches.take(), [["a", "c"]]);
}

#[tokio::test]
async fn who_goes_away_while_served_takes_nobody_along() {
    let go_on = Arc::new(tokio::sync::Notify::new());
    let wait = Arc::clone(&go_on);
    let lane = Lane::new(1, move |jobs| {
        let wait = Arc::clone(&wait);
        Box::pin(async move {
            wait.notified().await;
            all_done(&jobs)
        })
    });
    let turn = turn(&lane).await;
    let mut waiting = start(&lane, &["a", "b", "c"]).await;
    drop(turn);
    let gone = waiting.remove(0);
    gone.abort();
    assert!(gone.await.is_err_and(|error| error.is_cancelled()));
    assert!(lane.0.state().waiting.is_empty(), "all are being served");
    go_on.notify_one();
    assert_eq!(told(waiting).await, ["done", "done"]);
}

/// Its runtime has ended, and with it the task that served.
#[test]
fn what_ends_early_is_told_and_holds_up_nobody() {
    let (lane, _) = lane(all_done);
    let (short, long) = (runtime(), runtime());
    let turn = short.block_on(turn(&lane));
    // The runtime of the one who comes first is the one that serves.
    let mut first = Box::pin(join(&lane, "a"));
    assert!(short.block_on(is_waiting(&mut first)));
    let second = long.block_on(start(&lane, &["b"]));
    // Nothing runs there any more, so the task is dropped before it has begun.
    short.shutdown_background();
    drop(turn);
    let first = long.block_on(first);
    assert!(first.is_err_and(|error| error.is_transient()));
    assert_eq!(long.block_on(told(second)), ["transient"]);
    assert!(matches!(
        long.block_on(join(&lane, "c")),
        Ok(Joined::Alone(Some(_)))
    ));
}

#[tokio::test]
async fn a_batch_is_bounded() {
    let (lane, batches) = lane(all_done);
    let turn = turn(&lane).await;
    let ids: Vec<_> = (0..AT_ONCE + 2).map(|n| format!("{n:04}")).collect();
    let ids: Vec<_> = ids.iter().map(String::as_str).collect();
    let waiting = start(&lane, &ids).await;
    let large = vec![b'x'; MAX_SIZE];
    let larger: Vec<_> = ["x", "y"]
        .map(|id| spawn(&lane, id, Bytes::from(large.clone())))
        .into();
    while lane.0.state().waiting.len() < ids.len() + 2 {
        yield_now().await;
    }
    drop(turn);
    told(waiting).await;
    told(larger).await;
    let sizes: Vec<_> = batches.take().iter().map(Vec::len).collect();
    // The one that is left over gets the turn.
    assert_eq!(sizes, [AT_ONCE, 3]);
}

#[tokio::test]
async fn those_who_wait_are_bounded_and_who_has_gone_away_does_not_count() {
    let (lane, _) = lane(all_done);
    let turn = turn(&lane).await;
    let ids = vec!["a"; MAX_WAITING];
    let waiting = start(&lane, &ids).await;
    let refused = join(&lane, "b").await;
    assert!(refused.is_err_and(|error| error.is_transient()));
    for one in waiting {
        one.abort();
        let _ = one.await;
    }
    let after = spawn(&lane, "b", Bytes::new());
    while lane.0.state().waiting.len() > 1 {
        yield_now().await;
    }
    drop(turn);
    assert_eq!(told(vec![after]).await, ["turn"]);
}

/// What was done together.
#[derive(Clone, Default)]
struct Batches(Arc<Mutex<Vec<Vec<String>>>>);

impl Batches {
    fn take(&self) -> Vec<Vec<String>> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

fn lane(
    answer: impl Fn(&[Job]) -> Result<Vec<Done>, Error> + Send + Sync + 'static,
) -> (Lane, Batches) {
    let batches = Batches::default();
    let seen = batches.clone();
    let lane = Lane::new(1, move |jobs| {
        let ids = jobs.iter().map(|job| job.lease().id().to_owned());
        seen.0.lock().unwrap().push(ids.collect());
        let answer = answer(&jobs);
        Box::pin(async move { answer })
    });
    (lane, batches)
}

fn all_done(jobs: &[Job]) -> Result<Vec<Done>, Error> {
    Ok(jobs.iter().map(done).collect())
}

fn done(job: &Job) -> Done {
    (*job.lease().owner(), 1)
}

async fn turn(lane: &Lane) -> Turn {
    match join(lane, "first").await {
        Ok(Joined::Alone(Some(turn))) => turn,
        _ => panic!("the turn is free"),
    }
}

async fn join(lane: &Lane, id: &str) -> Result<Joined, StoreError> {
    lane.join(|| job(id, Bytes::new())).await
}

fn job(id: &str, body: Bytes) -> Job {
    let now = UnixTime::from_secs(0);
    Job::Begin(Beginning {
        delivery: Delivery::new(id, now, body),
        lease: Lease::new(id, 1).unwrap(),
        now,
        until: now,
    })
}

/// They have joined, in this order.
async fn start(lane: &Lane, ids: &[&str]) -> Vec<JoinHandle<&'static str>> {
    let all = lane.0.state().waiting.len() + ids.len();
    let waiting = ids.iter().map(|id| spawn(lane, id, Bytes::new())).collect();
    while lane.0.state().waiting.len() < all {
        yield_now().await;
    }
    waiting
}

fn spawn(lane: &Lane, id: &str, body: Bytes) -> JoinHandle<&'static str> {
    let (lane, job) = (lane.clone(), job(id, body));
    tokio::spawn(async move {
        match lane.join(|| job).await {
            Ok(Joined::Done(1)) => "done",
            Ok(Joined::Done(_)) => "another number",
            Ok(Joined::Alone(Some(_))) => "turn",
            Ok(Joined::Alone(None)) => "alone",
            Err(error) if error.is_transient() => "transient",
            Err(_) => "permanent",
        }
    })
}

async fn told(waiting: Vec<JoinHandle<&'static str>>) -> Vec<&'static str> {
    let mut told = Vec::new();
    for one in waiting {
        told.push(one.await.unwrap());
    }
    told
}

async fn is_waiting<F: Future + Unpin>(future: &mut F) -> bool {
    std::future::poll_fn(|context| {
        std::task::Poll::Ready(Pin::new(&mut *future).poll(context).is_pending())
    })
    .await
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

const NONE: [[&str; 0]; 0] = [];
