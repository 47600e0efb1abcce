//! Revocations in the memory of one process, for tests and for several gates in one program.

use std::future::poll_fn;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use async_trait::async_trait;

use super::store::{Changes, Position, RevocationStore};
use super::{Revocation, Subject};
use crate::time::UnixTime;
use crate::webhook::StoreError;

/// A [`RevocationStore`] that forgets everything when the process ends.
#[derive(Debug, Default)]
pub struct MemoryRevocations(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Each with its number, ascending.
    entries: Vec<(u64, Revocation)>,
    last: u64,
    waiting: Vec<Waker>,
}

impl MemoryRevocations {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whose tokens are revoked, in the order of their recording.
    pub fn subjects(&self) -> Vec<Subject> {
        let entries = &self.lock().entries;
        entries
            .iter()
            .map(|(_, own)| own.subject().clone())
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl RevocationStore for MemoryRevocations {
    async fn add(&self, revocations: &[Revocation]) -> Result<(), StoreError> {
        let waiting = {
            let mut state = self.lock();
            for revocation in revocations {
                state.last = state.last.saturating_add(1);
                let entry = (state.last, revocation.clone());
                state.entries.push(entry);
            }
            mem::take(&mut state.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
        Ok(())
    }

    async fn since(&self, position: Option<Position>) -> Result<Changes, StoreError> {
        let state = self.lock();
        let known = position.filter(|own| own.epoch == EPOCH && own.number <= state.last);
        let after = known.map_or(0, |own| own.number);
        let start = state
            .entries
            .partition_point(|(number, _)| *number <= after);
        let page = state.entries.iter().skip(start).take(PAGE);
        let number = page
            .clone()
            .next_back()
            .map_or(after, |(number, _)| *number);
        let revocations: Vec<_> = page.map(|(_, own)| own.clone()).collect();
        let end = start.saturating_add(revocations.len());
        Ok(Changes {
            revocations,
            position: Position {
                epoch: EPOCH,
                number,
            },
            has_more: end < state.entries.len(),
        })
    }

    async fn changed(&self) {
        let seen = self.lock().last;
        poll_fn(|context| {
            let mut state = self.lock();
            if state.last != seen {
                return Poll::Ready(());
            }
            state.waiting.push(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    async fn purge(&self, now: UnixTime) -> Result<u64, StoreError> {
        let mut state = self.lock();
        let before = state.entries.len();
        state.entries.retain(|(_, own)| own.expires() > now);
        let gone = before.saturating_sub(state.entries.len());
        Ok(u64::try_from(gone).unwrap_or(u64::MAX))
    }
}

/// There is one history.
const EPOCH: u64 = 0;

/// Revocations in one page.
const PAGE: usize = 10_000;
