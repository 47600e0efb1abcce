//! The live holder of the current key set, and how it is told that an unknown `kid` is wanted.
//!
//! A state machine without time, threads or network. Whoever fetches keys holds the [`Feed`];
//! requests hold the [`Keyring`]. When to fetch, and how long to rest between two attempts, is
//! the feed's business.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::task::{Context, Poll, Waker};

use super::jwk::KeySet;

/// The keys that session tokens are verified with. Cheap to clone; clones share one state.
#[derive(Clone)]
pub struct Keyring(Arc<Shared>);

/// The other end of a [`Keyring`]: where fetched keys go in.
///
/// Dropping it closes the keyring: no token is accepted any more, and requests that need a key
/// are answered 503. So a fetcher that dies is noticed.
pub struct Feed(Arc<Shared>);

struct Shared {
    /// Read on every request, swapped whole; `None` until loaded and after expiry.
    current: RwLock<Option<Arc<KeySet>>>,
    /// Moves after `current` has changed, before its lock is released. So what was read in the
    /// order generation, keys is never older than that generation.
    generation: AtomicU64,
    state: Mutex<State>,
    /// Tells the feed that somebody waits for an attempt. Must not block.
    wanted: Box<dyn Fn() + Send + Sync>,
}

#[derive(Default)]
struct State {
    /// Nobody feeds this keyring: it never changes.
    fixed: bool,
    /// The feed is gone.
    closed: bool,
    /// The feed rests between two attempts: nobody waits.
    resting: bool,
    /// The last attempt failed, so an unknown `kid` may be a new key.
    failing: bool,
    /// Finished attempts. A wait ends when this number moves.
    attempts: u64,
    wakers: Vec<Waker>,
    /// Key ids that the last loaded set did not have, newest last.
    unknown: VecDeque<Box<str>>,
}

/// A number for the keys that a [`Keyring`] holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Generation(u64);

/// What a keyring says to a request that wants a key it does not have.
#[derive(Debug)]
pub(crate) enum Wanted {
    /// The key arrived while the request was asking.
    Here(Arc<KeySet>),
    /// The key set is current and has no such key.
    Unknown,
    /// There is no usable key set.
    Unavailable,
    /// An attempt to fetch keys is under way or was just asked for.
    Wait(KeyWait),
}

impl Keyring {
    /// A keyring that always holds `keys`: a PEM key, or a set from a file.
    pub fn fixed(keys: KeySet) -> Self {
        let state = State {
            fixed: true,
            ..State::default()
        };
        Self(Arc::new(Shared {
            current: RwLock::new(Some(Arc::new(keys))),
            generation: AtomicU64::new(0),
            state: Mutex::new(state),
            wanted: Box::new(|| {}),
        }))
    }

    /// An empty keyring and its feed. `wanted` is called, from request threads, when a request
    /// starts to wait for keys; it must return at once and must not call back.
    pub fn fed(wanted: impl Fn() + Send + Sync + 'static) -> (Self, Feed) {
        let shared = Arc::new(Shared {
            current: RwLock::new(None),
            generation: AtomicU64::new(0),
            state: Mutex::new(State::default()),
            wanted: Box::new(wanted),
        });
        (Self(Arc::clone(&shared)), Feed(shared))
    }

    /// The current key set, or `None` while there is none that may be used.
    pub fn current(&self) -> Option<Arc<KeySet>> {
        self.0
            .current
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Which keys there are, as a number that moves whenever they change. What was verified under
    /// another one counts no more. Read it before [`current`](Self::current).
    pub(super) fn generation(&self) -> Generation {
        Generation(self.0.generation.load(Ordering::Acquire))
    }

    /// Asks for a key that [`current`](Self::current) did not have. `waited` says that this
    /// request has waited once already: it gets a final answer.
    pub(crate) fn want(&self, kid: &str, waited: bool) -> Wanted {
        let mut state = self.0.state();
        if state.fixed {
            return Wanted::Unknown;
        }
        if state.closed {
            return Wanted::Unavailable;
        }
        // A set is published before the state says so: under this lock the two agree.
        let current = self.current();
        let loaded = current.is_some();
        if let Some(keys) = current.filter(|keys| keys.find(Some(kid)).is_some()) {
            return Wanted::Here(keys);
        }
        if loaded && state.unknown.iter().any(|seen| **seen == *kid) {
            return Wanted::Unknown;
        }
        if waited || state.resting {
            return if !loaded || state.failing {
                Wanted::Unavailable
            } else {
                state.remember(kid);
                Wanted::Unknown
            };
        }
        let seen = state.attempts;
        drop(state);
        (self.0.wanted)();
        Wanted::Wait(KeyWait {
            shared: Arc::clone(&self.0),
            seen,
        })
    }
}

impl Feed {
    /// An attempt has succeeded: `keys` replace what was there, removed keys stop working, and
    /// waiting requests go on. The feed rests from now on.
    pub fn publish(&self, keys: KeySet) {
        self.0.replace(Some(Arc::new(keys)));
        self.finish(false);
    }

    /// An attempt has failed: the keys stay, waiting requests are answered. The feed rests.
    pub fn fail(&self) {
        self.finish(true);
    }

    /// The keys are too old to be trusted: none is left until the next success.
    pub fn expire(&self) {
        self.0.replace(None);
    }

    /// The rest is over: the next unknown `kid` may ask for an attempt again.
    pub fn rested(&self) {
        self.0.state().resting = false;
    }

    fn finish(&self, failing: bool) {
        self.0.end_attempt(|state| {
            state.failing = failing;
            state.resting = true;
            if !failing {
                state.unknown.clear();
            }
        });
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.0.replace(None);
        self.0.end_attempt(|state| state.closed = true);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state and wakes everybody who waits, the state unlocked again: a waker may
    /// poll at once.
    fn end_attempt(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state();
        change(&mut state);
        state.attempts = state.attempts.wrapping_add(1);
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// A refresh that brings the same keys leaves the generation: anybody can cause one by naming
    /// an unknown `kid`, and what is remembered of good tokens must outlive that.
    fn replace(&self, keys: Option<Arc<KeySet>>) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let unchanged = match (&*current, &keys) {
            (Some(old), Some(new)) => old.has_same_keys(new),
            (None, None) => true,
            _ => false,
        };
        *current = keys;
        if !unchanged {
            self.generation.fetch_add(1, Ordering::Release);
        }
    }
}

impl State {
    fn remember(&mut self, kid: &str) {
        if kid.len() <= MAX_REMEMBERED_LENGTH {
            if self.unknown.len() >= MAX_REMEMBERED {
                self.unknown.pop_front();
            }
            self.unknown.push_back(kid.into());
        }
    }
}

/// Waits until the attempt to fetch keys that is under way has ended, well or badly.
///
/// How long that takes is bounded by the feed's own time limit.
#[must_use = "futures do nothing unless awaited"]
pub struct KeyWait {
    shared: Arc<Shared>,
    seen: u64,
}

impl Future for KeyWait {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.shared.state();
        if state.attempts != self.seen || state.closed {
            return Poll::Ready(());
        }
        if !state.wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
            state.wakers.push(cx.waker().clone());
        }
        Poll::Pending
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring")
            .field("current", &self.current())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed").finish_non_exhaustive()
    }
}

impl fmt::Debug for KeyWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyWait").finish_non_exhaustive()
    }
}

/// Unknown key ids remembered between two refreshes. Attackers can flush this; they gain
/// nothing, because the rest between attempts holds for every `kid`.
const MAX_REMEMBERED: usize = 32;

/// Clerk's key ids are about 31 characters.
const MAX_REMEMBERED_LENGTH: usize = 128;

#[cfg(test)]
mod tests;
