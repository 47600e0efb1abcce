//! Callers that come at the same time share a commit.
//!
//! Whoever finds a turn free works alone, at once. Whoever comes meanwhile waits; when a turn ends, all
//! who wait by then are served together, in one transaction. Nobody waits for more to come.
//!
//! What serves several is a task of its own: a caller may be dropped at any moment, and must not take
//! the work of others with it. If the task ends early, with its runtime, its callers are told that
//! nothing is known, and those behind them are served on the runtime of one of their own.

use std::collections::{HashMap, VecDeque};
use std::error::Error as _;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use clerk_gate_core::webhook::StoreError;
use sqlx::Error;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::error::{in_time, may_succeed_alone};
use crate::together::Job;

/// Where callers come together. Clones are one lane.
#[derive(Clone)]
pub(crate) struct Lane(Arc<Shared>);

/// What became of a job.
pub(crate) enum Joined {
    /// Nothing: it is the caller's to do, in its turn if it has one.
    Alone(Option<Turn>),
    /// It is done and committed. The number is what the database says about it.
    Done(i64),
}

/// The right to work. When it is dropped, whoever waits is next.
pub(crate) struct Turn(Arc<Shared>);

/// Whose job is done, by the owner of its lease, and the number.
pub(crate) type Done = ([u8; 16], i64);

pub(crate) type Running = Pin<Box<dyn Future<Output = Result<Vec<Done>, Error>> + Send>>;

struct Shared {
    run: Box<dyn Fn(Vec<Job>) -> Running + Send + Sync>,
    state: Mutex<State>,
}

struct State {
    free_turns: u32,
    waiting: VecDeque<Waiting>,
}

struct Waiting {
    job: Job,
    caller: Caller,
    runtime: Handle,
}

type Caller = oneshot::Sender<Result<Joined, StoreError>>;

impl Lane {
    /// So many may work at a time. `run` does jobs in one transaction, and tells which are done; the
    /// others are left to their callers. It is given one job for a delivery, in the order of ids.
    pub(crate) fn new(
        turns: u32,
        run: impl Fn(Vec<Job>) -> Running + Send + Sync + 'static,
    ) -> Self {
        let state = State {
            free_turns: turns,
            waiting: VecDeque::new(),
        };
        Self(Arc::new(Shared {
            run: Box::new(run),
            state: Mutex::new(state),
        }))
    }

    /// Waits for a turn, or until the job is done together with others.
    pub(crate) async fn join(&self, job: impl FnOnce() -> Job) -> Result<Joined, StoreError> {
        let answer = {
            let mut state = self.0.state();
            if let Some(left) = state.free_turns.checked_sub(1) {
                state.free_turns = left;
                return Ok(Joined::Alone(Some(Turn(Arc::clone(&self.0)))));
            }
            let (caller, answer) = oneshot::channel();
            state.push(job(), caller)?;
            answer
        };
        let ended = |_| Err(StoreError::transient(ENDED));
        answer.await.unwrap_or_else(ended)
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn push(&mut self, job: Job, caller: Caller) -> Result<(), StoreError> {
        if self.waiting.len() >= MAX_WAITING {
            // Those that have hung up wait no more.
            self.waiting.retain(|one| !one.caller.is_closed());
        }
        if self.waiting.len() >= MAX_WAITING {
            let what = format!("{MAX_WAITING} callers wait for the database already");
            return Err(StoreError::transient(what));
        }
        self.waiting.push_back(Waiting {
            job,
            caller,
            runtime: Handle::current(),
        });
        Ok(())
    }

    /// Who is next in a turn that has ended. It is free if there is nobody.
    fn next(&mut self) -> Vec<Waiting> {
        let mut batch = Vec::new();
        let mut size: usize = 0;
        while batch.len() < AT_ONCE
            && size < MAX_SIZE
            && let Some(one) = self.waiting.pop_front()
        {
            if !one.caller.is_closed() {
                size = size.saturating_add(one.job.size());
                batch.push(one);
            }
        }
        if batch.is_empty() {
            self.free_turns = self.free_turns.saturating_add(1);
        }
        batch
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let next = self.0.state().next();
        if next.is_empty() {
            return;
        }
        let turn = Self(Arc::clone(&self.0));
        let mut batch = different(next);
        if batch.len() == 1
            && let Some(one) = batch.pop()
        {
            // If it has hung up this moment, the turn is dropped here, and goes on.
            let _ = one.caller.send(Ok(Joined::Alone(Some(turn))));
        } else if let Some(first) = batch.first() {
            let runtime = first.runtime.clone();
            runtime.spawn(serve(turn, batch));
        }
    }
}

/// One for each delivery, in the order of their ids: whoever locks rows does so in this order, in
/// every process, and so no two can wait for each other. Who wants the same delivery as another is
/// left to the database, which decides between them.
fn different(mut all: Vec<Waiting>) -> Vec<Waiting> {
    // It keeps the order of those that are equal: the first to come is the first to be served.
    all.sort_by(|one, other| one.job.lease().id().cmp(other.job.lease().id()));
    let mut batch: Vec<Waiting> = Vec::with_capacity(all.len());
    for one in all {
        match batch.last() {
            Some(last) if last.job.lease().id() == one.job.lease().id() => {
                let _ = one.caller.send(Ok(Joined::Alone(None)));
            }
            _ => batch.push(one),
        }
    }
    batch
}

/// Does the jobs, and tells their callers once they are committed.
async fn serve(turn: Turn, batch: Vec<Waiting>) {
    let own = |one: Waiting| {
        let owner = *one.job.lease().owner();
        (one.job, (owner, one.caller))
    };
    let (jobs, callers): (Vec<_>, Vec<_>) = batch.into_iter().map(own).unzip();
    let result = in_time((turn.0.run)(jobs)).await;
    drop(turn);
    let done = match result {
        Ok(done) => done.into_iter().collect(),
        // Nothing is committed. It may be the fault of one of them, and then only of that one.
        Err(error) if may_succeed_alone(&error) => HashMap::new(),
        Err(error) => {
            let what = error.source().map(ToString::to_string);
            let what = what.unwrap_or_default();
            for (_, caller) in callers {
                let _ = caller.send(Err(StoreError::transient(what.as_str())));
            }
            return;
        }
    };
    for (owner, caller) in callers {
        let number = done.get(&owner).copied();
        let _ = caller.send(Ok(number.map_or(Joined::Alone(None), Joined::Done)));
    }
}

/// In one transaction. More would save little, and let the first wait long.
pub(crate) const AT_ONCE: usize = 256;

/// The same in bytes; the last may go beyond it.
const MAX_SIZE: usize = 4 << 20;

/// Who comes then is refused: senders try again.
const MAX_WAITING: usize = 10_000;

const ENDED: &str = "the runtime ended while the database was asked; what was done is not known";

#[cfg(test)]
mod tests;
