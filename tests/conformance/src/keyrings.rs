//! The keys of profiles, and clocks that turn them.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::channel;
use std::thread;

use clerk_gate_core::{Clock, KeySet, Keyring, UnixTime};
use clerk_gate_testkit::{Signer, key_set};

pub(crate) fn keyring(signers: &[&Signer]) -> Keyring {
    Keyring::fixed(published(signers))
}

/// A keyring that is empty until the first request wants a key.
pub(crate) fn cold_keyring() -> Keyring {
    let (wanted, wishes) = channel();
    // The thread below listens as long as there is a keyring.
    let (keyring, feed) = Keyring::fed(move || wanted.send(()).unwrap_or_default());
    thread::spawn(move || {
        for () in wishes {
            feed.publish(published(&[Signer::primary()]));
            feed.rested();
        }
    });
    keyring
}

/// A keyring, and a clock whose every third reading replaces the primary key by `next`.
pub(crate) fn rotation(now: i64, next: &[&'static Signer]) -> (Keyring, Arc<dyn Clock>) {
    let (keyring, feed) = Keyring::fed(|| {});
    let next = next.to_vec();
    let clock = Turns::new(move |turn| {
        feed.publish(match turn {
            2 => published(&next),
            _ => published(&[Signer::primary()]),
        });
        now
    });
    (keyring, Arc::new(clock))
}

/// A clock to which something happens with every decision: it is turn 0, 1, 2, and 0 again.
/// Each case makes three decisions, so that all begin with turn 0.
pub(crate) struct Turns<F> {
    at: F,
    turn: AtomicI64,
}

impl<F: Fn(i64) -> i64> Turns<F> {
    pub(crate) fn new(at: F) -> Self {
        let turn = AtomicI64::new(0);
        Self { at, turn }
    }
}

impl<F> fmt::Debug for Turns<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Turns")
    }
}

impl<F: Fn(i64) -> i64 + Send + Sync> Clock for Turns<F> {
    fn now(&self) -> UnixTime {
        UnixTime::from_secs((self.at)(self.turn.fetch_add(1, Ordering::SeqCst) % 3))
    }
}

fn published(signers: &[&Signer]) -> KeySet {
    KeySet::from_json(key_set(signers).as_bytes()).expect("a key set with a usable key")
}
