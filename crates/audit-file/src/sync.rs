//! A thread that brings files to the disk, for all who wait at once.

use std::fs::File;
use std::future::{Future, poll_fn};
use std::io;
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::thread;

/// The thread's other end. It ends when this is dropped.
pub(crate) struct Syncer(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    wanted: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Vec<(Arc<File>, Arc<Ticket>)>,
    closed: bool,
}

/// One that waits.
#[derive(Default)]
struct Ticket(Mutex<(Option<io::Result<()>>, Option<Waker>)>);

impl Syncer {
    pub(crate) fn start() -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let own = Arc::clone(&shared);
        thread::Builder::new()
            .name("clerk-gate-audit".to_owned())
            .spawn(move || own.work())?;
        Ok(Self(shared))
    }

    /// Ends when what was written to `file` until now is on the disk.
    pub(crate) fn sync(&self, file: Arc<File>) -> impl Future<Output = io::Result<()>> + use<> {
        let ticket = Arc::new(Ticket::default());
        self.0.lock().waiting.push((file, Arc::clone(&ticket)));
        self.0.wanted.notify_one();
        poll_fn(move |context| {
            let mut own = ticket.0.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(result) = own.0.take() {
                return Poll::Ready(result);
            }
            own.1 = Some(context.waker().clone());
            Poll::Pending
        })
    }
}

impl Shared {
    fn work(&self) {
        let mut state = self.lock();
        loop {
            let round = mem::take(&mut state.waiting);
            if round.is_empty() {
                if state.closed {
                    return;
                }
                let waited = self.wanted.wait(state);
                state = waited.unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            drop(state);
            settle(round);
            state = self.lock();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One call for each file, however many wait for it.
fn settle(round: Vec<(Arc<File>, Arc<Ticket>)>) {
    let mut last: Option<(Arc<File>, Result<(), io::ErrorKind>)> = None;
    for (file, ticket) in round {
        let known = last.as_ref().filter(|(own, _)| Arc::ptr_eq(own, &file));
        let result = known.map_or_else(
            || file.sync_data().map_err(|error| error.kind()),
            |(_, result)| *result,
        );
        ticket.settle(result.map_err(io::Error::from));
        last = Some((file, result));
    }
}

impl Ticket {
    fn settle(&self, result: io::Result<()>) {
        let mut own = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        own.0 = Some(result);
        if let Some(waker) = own.1.take() {
            waker.wake();
        }
    }
}

impl Drop for Syncer {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.wanted.notify_one();
    }
}
