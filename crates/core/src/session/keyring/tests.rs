//! What a keyring says while keys come, change and stay away.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

use clerk_gate_testkit::{Signer, key_set};

use super::*;

/// Counts how often it is called or woken.
#[derive(Default)]
struct Counter(AtomicUsize);

impl Counter {
    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    fn add(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.add();
    }
}

fn keys(signer: &Signer) -> KeySet {
    KeySet::from_json(key_set(&[signer]).as_bytes()).unwrap()
}

/// A fed keyring, and how often its feed was wanted.
fn fed() -> (Keyring, Feed, Arc<Counter>) {
    let calls = Arc::new(Counter::default());
    let counter = Arc::clone(&calls);
    let (keyring, feed) = Keyring::fed(move || counter.add());
    (keyring, feed, calls)
}

fn wait(wanted: Wanted) -> KeyWait {
    match wanted {
        Wanted::Wait(wait) => wait,
        other => panic!("{other:?} is no wait"),
    }
}

/// Whether the wait is over; wakes `waker` once it is.
fn is_over(wait: &mut KeyWait, waker: &Arc<Counter>) -> bool {
    let waker = Waker::from(Arc::clone(waker));
    let mut context = Context::from_waker(&waker);
    Pin::new(wait).poll(&mut context).is_ready()
}

#[track_caller]
fn check(keyring: &Keyring, kid: &str, waited: bool, want: &str) {
    let found = match keyring.want(kid, waited) {
        Wanted::Here(_) => "here",
        Wanted::Unknown => "unknown",
        Wanted::Unavailable => "unavailable",
        Wanted::Wait(_) => "wait",
    };
    assert_eq!(found, want, "{kid}, waited: {waited}");
}

#[test]
fn a_cold_start_waits_once_and_then_answers() {
    let (keyring, _feed, calls) = fed();
    assert!(keyring.current().is_none());
    check(&keyring, Signer::primary().kid(), false, "wait");
    assert_eq!(calls.count(), 1);
    check(&keyring, Signer::primary().kid(), true, "unavailable");
    assert_eq!(calls.count(), 1, "whoever has waited asks for nothing");
}

#[test]
fn the_end_of_an_attempt_wakes_everybody_once() {
    for end in [
        |feed: Feed| {
            feed.publish(keys(Signer::primary()));
            Some(feed)
        },
        |feed: Feed| {
            feed.fail();
            Some(feed)
        },
        |feed: Feed| {
            drop(feed);
            None
        },
    ] {
        let (keyring, feed, calls) = fed();
        let mut waits = ["a", "b", "c"].map(|kid| wait(keyring.want(kid, false)));
        let wakers: Vec<Arc<Counter>> = waits.iter().map(|_| Arc::default()).collect();
        assert_eq!(calls.count(), 3);
        for (wait, waker) in waits.iter_mut().zip(&wakers) {
            assert!(!is_over(wait, waker));
            assert!(!is_over(wait, waker), "a second look changes nothing");
        }
        let _feed = end(feed);
        for (wait, waker) in waits.iter_mut().zip(&wakers) {
            assert_eq!(waker.count(), 1);
            assert!(is_over(wait, waker));
        }
    }
}

#[test]
fn a_wait_that_moves_to_another_task_wakes_that_task() {
    let (keyring, feed, _) = fed();
    let mut wait = wait(keyring.want("a", false));
    let (first, second) = (Arc::default(), Arc::default());
    assert!(!is_over(&mut wait, &first));
    assert!(!is_over(&mut wait, &second));
    feed.fail();
    assert_eq!(second.count(), 1);
}

#[test]
fn an_attempt_that_ends_before_the_first_look_is_not_missed() {
    let (keyring, feed, _) = fed();
    let mut wait = wait(keyring.want(Signer::primary().kid(), false));
    feed.publish(keys(Signer::primary()));
    assert!(is_over(&mut wait, &Arc::default()));
}

#[test]
fn a_key_that_arrives_while_a_request_asks_is_given() {
    let (keyring, feed, calls) = fed();
    assert!(keyring.current().is_none());
    feed.publish(keys(Signer::primary()));
    check(&keyring, Signer::primary().kid(), false, "here");
    assert_eq!(calls.count(), 0);
}

#[test]
fn a_resting_feed_keeps_nobody_waiting() {
    let (keyring, feed, calls) = fed();
    feed.publish(keys(Signer::primary()));
    check(&keyring, Signer::other().kid(), false, "unknown");
    feed.rested();
    check(&keyring, "new", false, "wait");
    assert_eq!(calls.count(), 1);
}

#[test]
fn a_new_key_is_there_after_the_wait() {
    let (keyring, feed, _) = fed();
    feed.publish(keys(Signer::primary()));
    feed.rested();
    let mut wait = wait(keyring.want(Signer::other().kid(), false));
    feed.publish(keys(Signer::other()));
    assert!(is_over(&mut wait, &Arc::default()));
    check(&keyring, Signer::other().kid(), true, "here");
    check(&keyring, Signer::primary().kid(), true, "unknown");
}

#[test]
fn after_a_failure_an_unknown_kid_may_be_a_new_key() {
    let (keyring, feed, _) = fed();
    feed.publish(keys(Signer::primary()));
    feed.rested();
    feed.fail();
    check(&keyring, Signer::other().kid(), false, "unavailable");
    check(&keyring, Signer::other().kid(), true, "unavailable");
    check(&keyring, Signer::primary().kid(), false, "here");
    feed.publish(keys(Signer::primary()));
    check(&keyring, Signer::other().kid(), false, "unknown");
}

#[test]
fn an_unknown_kid_is_remembered_until_the_next_key_set() {
    let (keyring, feed, calls) = fed();
    feed.publish(keys(Signer::primary()));
    check(&keyring, "bad", false, "unknown");
    feed.rested();
    check(&keyring, "bad", false, "unknown");
    assert_eq!(calls.count(), 0);
    feed.fail();
    feed.rested();
    check(&keyring, "bad", false, "unknown");
    feed.publish(keys(Signer::primary()));
    feed.rested();
    check(&keyring, "bad", false, "wait");
}

#[test]
fn what_is_remembered_is_bounded() {
    let (keyring, feed, _) = fed();
    feed.publish(keys(Signer::primary()));
    let long = "k".repeat(MAX_REMEMBERED_LENGTH + 1);
    for number in 0..=MAX_REMEMBERED {
        check(&keyring, &number.to_string(), false, "unknown");
    }
    check(&keyring, &long, false, "unknown");
    feed.rested();
    check(&keyring, &long, false, "wait");
    check(&keyring, "0", false, "wait");
    check(&keyring, "1", false, "unknown");
}

#[test]
fn expired_keys_are_unavailable_and_not_unknown() {
    let (keyring, feed, _) = fed();
    feed.publish(keys(Signer::primary()));
    check(&keyring, "bad", false, "unknown");
    feed.expire();
    assert!(keyring.current().is_none());
    for kid in ["bad", Signer::primary().kid()] {
        check(&keyring, kid, false, "unavailable");
    }
    feed.rested();
    for kid in ["bad", Signer::primary().kid()] {
        check(&keyring, kid, false, "wait");
        check(&keyring, kid, true, "unavailable");
    }
    feed.publish(keys(Signer::primary()));
    check(&keyring, Signer::primary().kid(), false, "here");
}

#[test]
fn a_keyring_without_feed_is_closed() {
    let (keyring, feed, calls) = fed();
    feed.publish(keys(Signer::primary()));
    feed.rested();
    drop(feed);
    assert!(keyring.current().is_none());
    check(&keyring, Signer::primary().kid(), false, "unavailable");
    check(&keyring, "bad", false, "unavailable");
    assert_eq!(calls.count(), 0);
}

#[test]
fn a_fixed_keyring_never_waits() {
    let keyring = Keyring::fixed(keys(Signer::primary()));
    assert!(keyring.current().is_some());
    check(&keyring, "bad", false, "unknown");
    check(&keyring, "bad", true, "unknown");
}
