//! The thread that fetches, and the handle that owns it.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use clerk_gate_core::{ConfigErrors, Feed, KeySet, Keyring};

use crate::fetch::{FetchError, Source};
use crate::schedule::{Plan, Schedule, Step};

/// Fetches the key set of `source` from now on, in a thread of its own.
///
/// The first attempt starts at once; this call does not wait for it. Requests that come before
/// it has ended do.
///
/// # Errors
/// [`ConfigErrors`] if the schedule contradicts itself.
///
/// # Panics
/// If the operating system cannot start a thread.
pub fn connect(source: Source, schedule: Schedule) -> Result<Keys, ConfigErrors> {
    let schedule = schedule.check()?;
    let fetcher = Arc::new(Fetcher::default());
    let (keyring, feed) = Keyring::fed({
        let fetcher = Arc::clone(&fetcher);
        move || fetcher.order(|orders| orders.wanted = true)
    });
    thread::Builder::new()
        .name("clerk-gate-jwks".to_owned())
        .spawn({
            let fetcher = Arc::clone(&fetcher);
            move || fetcher.run(&source, schedule, &feed)
        })
        .expect("the operating system starts a thread");
    Ok(Keys {
        keyring,
        fetcher: Some(fetcher),
    })
}

/// A keyring together with what keeps it fresh.
///
/// Keep it as long as requests are served. Dropping it stops the fetching and closes the
/// keyring: no token is accepted any more.
#[must_use = "dropping it closes the keyring"]
pub struct Keys {
    keyring: Keyring,
    fetcher: Option<Arc<Fetcher>>,
}

/// How the fetching goes, for operators and health checks.
///
/// Which keys are in use, the [`Keyring`] tells.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// Attempts that have ended.
    pub attempts: u64,
    /// Why the last attempt failed; `None` if it succeeded.
    pub last_error: Option<Arc<FetchError>>,
    /// When the last successful attempt ended.
    pub last_success: Option<Instant>,
}

impl Keys {
    /// Keys that never change and need no network.
    pub fn fixed(keys: KeySet) -> Self {
        Self {
            keyring: Keyring::fixed(keys),
            fetcher: None,
        }
    }

    /// The keyring, for verifying session tokens.
    pub fn keyring(&self) -> Keyring {
        self.keyring.clone()
    }

    /// How the fetching goes; all zero where nothing is fetched.
    pub fn status(&self) -> Status {
        self.fetcher
            .as_ref()
            .map(|fetcher| fetcher.status().clone())
            .unwrap_or_default()
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        if let Some(fetcher) = &self.fetcher {
            fetcher.order(|orders| orders.stop = true);
        }
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys")
            .field("keyring", &self.keyring)
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}

/// What the thread, its owner and the waiting requests share.
#[derive(Default)]
struct Fetcher {
    orders: Mutex<Orders>,
    changed: Condvar,
    status: Mutex<Status>,
}

#[derive(Default)]
struct Orders {
    stop: bool,
    wanted: bool,
}

impl Fetcher {
    /// The thread. It ends when told to, at the latest after the attempt under way.
    fn run(&self, source: &Source, schedule: Schedule, feed: &Feed) {
        let mut plan = Plan::new(schedule);
        let mut pause = Duration::ZERO;
        while let Some(wanted) = self.wait(pause) {
            if wanted {
                plan.want();
            }
            pause = Duration::ZERO;
            match plan.step(Instant::now()) {
                Step::Attempt => self.attempt(source, feed, &mut plan),
                Step::EndRest => feed.rested(),
                Step::Expire => feed.expire(),
                Step::Sleep(time) => pause = time,
            }
        }
    }

    fn attempt(&self, source: &Source, feed: &Feed, plan: &mut Plan) {
        // Requests that come from now on wait for this attempt.
        feed.rested();
        let fetched = source.fetch();
        let now = Instant::now();
        let mut status = self.status();
        status.attempts += 1;
        match fetched {
            Ok(keys) => {
                status.last_error = None;
                status.last_success = Some(now);
                drop(status);
                plan.succeed(now);
                feed.publish(keys);
            }
            Err(error) => {
                status.last_error = Some(Arc::new(error));
                drop(status);
                plan.fail(now);
                feed.fail();
            }
        }
        // Whoever asked while it was under way has been answered.
        self.orders().wanted = false;
    }

    /// Waits for `pause` or until an order comes: `None` to stop, otherwise whether a key is
    /// wanted.
    fn wait(&self, pause: Duration) -> Option<bool> {
        let idle = |orders: &mut Orders| !orders.stop && !orders.wanted;
        let (mut orders, _) = self
            .changed
            .wait_timeout_while(self.orders(), pause, idle)
            .unwrap_or_else(PoisonError::into_inner);
        let wanted = std::mem::take(&mut orders.wanted);
        (!orders.stop).then_some(wanted)
    }

    /// Gives an order to the thread. Never blocks for long: the thread holds the lock only to
    /// read its orders.
    fn order(&self, give: impl FnOnce(&mut Orders)) {
        give(&mut self.orders());
        self.changed.notify_one();
    }

    fn orders(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn status(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
