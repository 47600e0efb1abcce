//! A clock that moves only when it is told to.

use std::sync::atomic::{AtomicI64, Ordering};

use clerk_gate_core::{Clock, UnixTime};

use crate::NOW;

/// A clock that stands still until a test moves it, from any thread.
#[derive(Debug)]
pub struct FixedClock(AtomicI64);

impl FixedClock {
    /// A clock that stands at `time`.
    pub const fn new(time: UnixTime) -> Self {
        Self(AtomicI64::new(time.as_secs()))
    }

    /// Moves the clock to `time`, forwards or backwards.
    pub fn set(&self, time: UnixTime) {
        self.0.store(time.as_secs(), Ordering::SeqCst);
    }

    /// Moves the clock by `seconds`; negative values move it back.
    pub fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Default for FixedClock {
    /// A clock that stands at [`NOW`].
    fn default() -> Self {
        Self::new(NOW)
    }
}

impl Clock for FixedClock {
    fn now(&self) -> UnixTime {
        UnixTime::from_secs(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_moves_only_when_told() {
        let clock = FixedClock::default();
        assert_eq!(clock.now(), NOW);
        clock.advance(-5);
        assert_eq!(clock.now(), NOW.saturating_add(-5));
        clock.set(NOW.saturating_add(60));
        assert_eq!(clock.now(), NOW.saturating_add(60));
    }
}
