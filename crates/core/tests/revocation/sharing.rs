//! How revocations get from one process to another, and what happens when they do not.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use clerk_gate_core::revocation::{
    Changes, MemoryRevocations, Position, Revocation, RevocationStore, Subject,
};
use clerk_gate_core::webhook::StoreError;
use clerk_gate_core::{Check, UnixTime};
use clerk_gate_testkit::{FixedClock, NOW, Token};

use super::{REVOKED, SESSION, ask, gate, gate_builder, issued, now, revocations};

/// A store that is down until it is mended.
#[derive(Debug, Default)]
pub(crate) struct Broken {
    pub(crate) inner: MemoryRevocations,
    pub(crate) mended: AtomicBool,
}

impl Broken {
    fn reach(&self) -> Result<(), StoreError> {
        if self.mended.load(Ordering::SeqCst) {
            return Ok(());
        }
        Err(StoreError::transient("told to be down"))
    }
}

#[async_trait]
impl RevocationStore for Broken {
    async fn add(&self, revocations: &[Revocation]) -> Result<(), StoreError> {
        self.reach()?;
        self.inner.add(revocations).await
    }

    async fn since(&self, position: Option<Position>) -> Result<Changes, StoreError> {
        self.reach()?;
        self.inner.since(position).await
    }

    async fn changed(&self) {
        self.inner.changed().await;
    }

    async fn purge(&self, now: UnixTime) -> Result<u64, StoreError> {
        self.inner.purge(now).await
    }
}

#[test]
fn a_store_that_is_not_heard_refuses_or_is_reported() {
    for (check, answers) in [
        (
            Check::Enforce,
            [
                "503 revocations-stale",
                "proceed",
                "proceed",
                "503 revocations-stale",
            ],
        ),
        (Check::Observe, ["proceed"; 4]),
        (Check::Off, ["proceed"; 4]),
    ] {
        let (store, clock) = (Arc::new(Broken::default()), Arc::<FixedClock>::default());
        let shared: Arc<dyn RevocationStore> = Arc::<Broken>::clone(&store);
        let revocations = Arc::new(revocations(Some(shared), &clock).with_stale(check, 10));
        let gate = gate_builder(&revocations, &clock).build().unwrap();
        let at = |seconds: i64| {
            clock.set(NOW.saturating_add(seconds));
            ask(&gate, &issued(-seconds))
        };
        assert!(now(revocations.refresh()).is_err());
        assert_eq!(
            (at(0).as_str(), revocations.age()),
            (answers[0], None),
            "{check:?}"
        );
        store.mended.store(true, Ordering::SeqCst);
        now(revocations.refresh()).unwrap();
        assert_eq!(
            (at(0).as_str(), revocations.age()),
            (answers[1], Some(0)),
            "{check:?}"
        );
        assert_eq!(
            (at(10).as_str(), revocations.age()),
            (answers[2], Some(10)),
            "{check:?}"
        );
        assert_eq!(
            (at(11).as_str(), revocations.age()),
            (answers[3], Some(11)),
            "{check:?}"
        );
    }
}

#[test]
fn a_revoked_session_is_told_so_even_while_the_store_is_not_heard() {
    let clock = Arc::default();
    let revocations = Arc::new(revocations(Some(Arc::new(Broken::default())), &clock));
    assert!(now(revocations.revoke_session(SESSION)).is_err());
    assert_eq!(ask(&gate(&revocations), &Token::session()), REVOKED);
}

#[test]
fn what_one_process_revokes_another_learns() {
    let (store, clock) = (Arc::new(MemoryRevocations::new()), Arc::default());
    let [here, there] = [(), ()].map(|()| {
        let shared: Arc<dyn RevocationStore> = Arc::<MemoryRevocations>::clone(&store);
        Arc::new(revocations(Some(shared), &clock))
    });
    let elsewhere = gate(&there);
    // A tick that never comes: announcements alone must do.
    let mut following = Box::pin(there.follow(std::future::pending::<()>));
    let mut round = || {
        let mut context = Context::from_waker(Waker::noop());
        assert!(following.as_mut().poll(&mut context).is_pending());
    };
    round();
    assert_eq!(ask(&elsewhere, &Token::session()), "proceed");
    now(here.revoke_session(SESSION)).unwrap();
    round();
    assert_eq!(ask(&elsewhere, &Token::session()), REVOKED);
}

#[test]
fn an_announcement_that_is_not_heard_is_made_up_for_at_the_next_tick() {
    /// Keeps quiet about what is added.
    #[derive(Debug, Default)]
    struct Mute(MemoryRevocations);

    #[async_trait]
    impl RevocationStore for Mute {
        async fn add(&self, revocations: &[Revocation]) -> Result<(), StoreError> {
            self.0.add(revocations).await
        }

        async fn since(&self, position: Option<Position>) -> Result<Changes, StoreError> {
            self.0.since(position).await
        }

        async fn changed(&self) {
            std::future::pending().await
        }

        async fn purge(&self, now: UnixTime) -> Result<u64, StoreError> {
            self.0.purge(now).await
        }
    }

    let (store, clock) = (Arc::new(Mute::default()), Arc::default());
    let shared: Arc<dyn RevocationStore> = Arc::<Mute>::clone(&store);
    let own = Arc::new(revocations(Some(shared), &clock));
    let ticks = Arc::new(Mutex::new(0));
    let due = Arc::clone(&ticks);
    let tick = move || {
        let due = Arc::clone(&due);
        std::future::poll_fn(move |_| {
            let mut due = due.lock().unwrap();
            if *due == 0 {
                return Poll::Pending;
            }
            *due -= 1;
            Poll::Ready(())
        })
    };
    let mut following = Box::pin(own.follow(tick));
    let mut context = Context::from_waker(Waker::noop());
    assert!(following.as_mut().poll(&mut context).is_pending());

    let revocation = Revocation::new(
        Subject::Session(SESSION.to_owned()),
        UnixTime::from_secs(i64::MAX),
        NOW.saturating_add(60),
    );
    now(store.add(&[revocation])).unwrap();
    assert!(following.as_mut().poll(&mut context).is_pending());
    assert!(own.is_empty(), "no tick, no announcement");
    *ticks.lock().unwrap() = 1;
    assert!(following.as_mut().poll(&mut context).is_pending());
    assert_eq!(own.len(), 1);

    drop(own);
    *ticks.lock().unwrap() = 1;
    assert!(
        following.as_mut().poll(&mut context).is_ready(),
        "nobody is left to know"
    );
}

#[test]
fn a_long_history_is_read_to_its_end_and_forgotten_when_it_has_expired() {
    let (store, clock) = (
        Arc::new(MemoryRevocations::new()),
        Arc::<FixedClock>::default(),
    );
    let entry = |n: i64| {
        let subject = Subject::Session(format!("sess_{n}"));
        Revocation::new(
            subject,
            UnixTime::from_secs(i64::MAX),
            NOW.saturating_add(n),
        )
    };
    let entries: Vec<_> = (1..=25_000).map(entry).collect();
    now(store.add(&entries)).unwrap();
    let shared: Arc<dyn RevocationStore> = Arc::<MemoryRevocations>::clone(&store);
    let own = revocations(Some(shared), &clock);
    now(own.refresh()).unwrap();
    assert_eq!(own.len(), 25_000);

    clock.advance(24_999);
    assert_eq!(
        now(store.purge(NOW.saturating_add(24_999))).unwrap(),
        24_999
    );
    let fresh = {
        let shared: Arc<dyn RevocationStore> = Arc::<MemoryRevocations>::clone(&store);
        revocations(Some(shared), &clock)
    };
    now(fresh.refresh()).unwrap();
    assert_eq!(fresh.len(), 1);
    // What has expired makes way for what comes.
    for n in 30_000..40_000 {
        now(own.revoke_session(&format!("sess_{n}"))).unwrap();
    }
    assert!(own.len() < 25_000, "{}", own.len());
}
