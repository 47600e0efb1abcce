//! What waits to be written, in two lanes: requests wait for the one and pass the other.

use std::collections::VecDeque;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;

use super::row::Row;

/// Bounded, so that an outage of the database does not become one of the memory.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    /// There is something new. One permit stays until somebody looks.
    work: Notify,
}

#[derive(Debug, Default)]
struct State {
    required: VecDeque<Required>,
    others: VecDeque<Entry>,
    closed: bool,
}

/// What is told to whoever waits.
pub(super) type Done = oneshot::Sender<Result<(), String>>;

/// An event without which a request does not proceed.
#[derive(Debug)]
struct Required {
    row: Row,
    done: Done,
}

#[derive(Debug)]
enum Entry {
    Flush(Done),
    Row(Box<Row>),
}

/// What is written in one transaction.
#[derive(Debug)]
pub(super) struct Batch {
    required: Vec<Required>,
    others: Vec<Entry>,
}

impl Queue {
    pub(super) fn push(&self, row: Row) -> io::Result<()> {
        let mut state = self.state();
        if state.others.len() >= MAX_OTHERS {
            return Err(full(MAX_OTHERS));
        }
        state.others.push_back(Entry::Row(Box::new(row)));
        drop(state);
        self.work.notify_one();
        Ok(())
    }

    pub(super) fn push_required(&self, row: Row, done: Done) -> io::Result<()> {
        let mut state = self.state();
        if state.required.len() >= MAX_REQUIRED {
            // Those that have hung up wait no more.
            state.required.retain(|one| !one.done.is_closed());
        }
        if state.required.len() >= MAX_REQUIRED {
            return Err(full(MAX_REQUIRED));
        }
        state.required.push_back(Required { row, done });
        drop(state);
        self.work.notify_one();
        Ok(())
    }

    /// Behind what is queued now.
    pub(super) fn push_flush(&self, done: Done) {
        self.state().others.push_back(Entry::Flush(done));
        self.work.notify_one();
    }

    /// Nothing more comes.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.work.notify_one();
    }

    /// What is to be written next; `None` at the end. While the database is failing, events that
    /// nobody waits for are tried again after a pause.
    pub(super) async fn next(&self, failing: bool) -> Option<Batch> {
        if failing {
            let awaited = self.until(State::is_awaited);
            let _ = timeout(PAUSE, awaited).await;
        }
        self.until(State::has_work).await;
        let mut state = self.state();
        let count = state.required.len().min(AT_ONCE);
        let mut required: Vec<_> = state.required.drain(..count).collect();
        // The request has been refused, or has gone away: it did not proceed.
        required.retain(|one| !one.done.is_closed());
        let count = state.others.len().min(AT_ONCE);
        let others: Vec<_> = state.others.drain(..count).collect();
        let batch = Batch { required, others };
        (!batch.is_empty() || !state.closed).then_some(batch)
    }

    /// Tells what has come of it. What nobody waited for is queued again if it is not written.
    /// Whether there may be another batch.
    pub(super) fn settle(&self, batch: Batch, result: &Result<(), String>) -> bool {
        for one in batch.required {
            let _ = one.done.send(result.clone());
        }
        let mut state = self.state();
        let mut others: VecDeque<_> = batch.others.into();
        if result.is_err() {
            // Whoever flushes is told at once, however much is before it.
            others.append(&mut state.others);
        }
        for entry in others {
            match entry {
                Entry::Flush(done) => {
                    let _ = done.send(result.clone());
                }
                Entry::Row(row) if result.is_err() => state.others.push_back(Entry::Row(row)),
                Entry::Row(_) => {}
            }
        }
        result.is_ok() || !state.closed
    }

    async fn until(&self, condition: impl Fn(&State) -> bool) {
        while !condition(&self.state()) {
            self.work.notified().await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn has_work(&self) -> bool {
        self.closed || !self.required.is_empty() || !self.others.is_empty()
    }

    /// Whether a request waits for the next transaction.
    fn is_awaited(&self) -> bool {
        self.closed || !self.required.is_empty()
    }
}

impl Batch {
    pub(super) fn rows(&self) -> impl Iterator<Item = &Row> {
        let required = self.required.iter().map(|one| &one.row);
        required.chain(self.others.iter().filter_map(|entry| match entry {
            Entry::Flush(_) => None,
            Entry::Row(row) => Some(&**row),
        }))
    }

    fn is_empty(&self) -> bool {
        self.required.is_empty() && self.others.is_empty()
    }
}

fn full(size: usize) -> io::Error {
    io::Error::other(format!(
        "audit: {size} events wait for the database already"
    ))
}

/// Some 3 MB.
const MAX_OTHERS: usize = 10_000;

/// Requests that wait at once.
const MAX_REQUIRED: usize = 1_000;

/// Events in one transaction, of each lane.
const AT_ONCE: usize = 100;

/// Before the next attempt, while nobody waits.
const PAUSE: Duration = Duration::from_secs(1);
