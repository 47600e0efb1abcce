//! What the rules are written in: made-up deliveries and times, and expectations.

use std::error::Error;
use std::fmt::{Debug, Write};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use bytes::Bytes;
use clerk_gate_core::UnixTime;
use clerk_gate_core::webhook::{Begin, Delivery, Lease, Store, StoreError, Unfinished};

/// How a rule ends.
pub(crate) type Verdict<T = ()> = Result<T, Fault>;

/// What was wrong.
#[derive(Debug)]
pub(crate) struct Fault(pub(crate) String);

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        let source = error.source().map(ToString::to_string);
        Self(format!("{error}: {}", source.unwrap_or_default()))
    }
}

/// A delivery that no store has seen before.
pub(crate) fn delivery() -> Verdict<Delivery> {
    Ok(delivery_of(unused_id()?, b"{}"))
}

pub(crate) fn delivery_of(id: impl Into<String>, body: &[u8]) -> Delivery {
    Delivery::new(id, at(-1), Bytes::copy_from_slice(body))
}

/// 32 lower-case hexadecimal digits: a lease's owner is as random as an id needs to be.
pub(crate) fn unused_id() -> Verdict<String> {
    let mut id = String::new();
    for byte in Lease::new("", 1)?.owner() {
        // Writing to a string cannot fail.
        let _ = write!(id, "{byte:02x}");
    }
    Ok(id)
}

/// `seconds` after the moment at which the rules begin.
pub(crate) const fn at(seconds: i64) -> UnixTime {
    UnixTime::from_secs(START.saturating_add(seconds))
}

/// Begins under a lease of [`LEASE`] seconds.
pub(crate) async fn begin(store: &dyn Store, delivery: &Delivery, now: UnixTime) -> Verdict<Begin> {
    Ok(store.begin(delivery, LEASE, now).await?)
}

/// Begins, and expects to get the lease.
pub(crate) async fn fresh(store: &dyn Store, delivery: &Delivery, now: UnixTime) -> Verdict<Lease> {
    match begin(store, delivery, now).await? {
        Begin::Fresh(lease) => Ok(lease),
        other => Err(Fault(format!("begin: got {other:?}, wanted a lease"))),
    }
}

/// Begins, and expects another worker to have a lease until then.
pub(crate) async fn busy(
    store: &dyn Store,
    delivery: &Delivery,
    now: UnixTime,
    until: UnixTime,
) -> Verdict {
    let begun = begin(store, delivery, now).await?;
    same("begin", begun, Begin::Busy { until })
}

/// Begins, and expects the delivery to be handled already.
pub(crate) async fn done(store: &dyn Store, delivery: &Delivery, now: UnixTime) -> Verdict {
    same("begin", begin(store, delivery, now).await?, Begin::Done)
}

/// Expects that the worker is told that it has the lease no more.
pub(crate) fn lost(what: &str, result: Result<(), StoreError>) -> Verdict {
    match result {
        Err(error) if error.is_lease_lost() => Ok(()),
        other => Err(Fault(format!("{what}: got {other:?}, wanted a lost lease"))),
    }
}

/// What the store lists about these deliveries, in its order.
pub(crate) async fn listed(
    store: &dyn Store,
    deliveries: &[&Delivery],
) -> Verdict<Vec<Unfinished>> {
    let mut list = store.unfinished(usize::MAX).await?;
    list.retain(|entry| deliveries.iter().any(|one| one.id() == entry.id));
    Ok(list)
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "rules read better without borrowing"
)]
pub(crate) fn same<T: Debug + PartialEq>(what: &str, got: T, want: T) -> Verdict {
    match got == want {
        true => Ok(()),
        false => Err(Fault(format!("{what}: got {got:?}, wanted {want:?}"))),
    }
}

/// Polls all futures in turn until the last is ready: at the same time, without a runtime.
pub(crate) async fn together<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut waiting: Vec<_> = futures
        .into_iter()
        .map(|one| (Box::pin(one), None))
        .collect();
    poll_fn(|cx| {
        let mut all = Poll::Ready(());
        for (future, output) in waiting.iter_mut().filter(|(_, output)| output.is_none()) {
            match future.as_mut().poll(cx) {
                Poll::Ready(ready) => *output = Some(ready),
                Poll::Pending => all = Poll::Pending,
            }
        }
        all
    })
    .await;
    waiting
        .into_iter()
        .filter_map(|(_, output)| output)
        .collect()
}

/// Polls both in turn until both are ready.
pub(crate) async fn both<A: Future, B: Future>(one: A, other: B) -> (A::Output, B::Output) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    let (mut first, mut second) = (None, None);
    poll_fn(|cx| {
        if first.is_none()
            && let Poll::Ready(output) = one.as_mut().poll(cx)
        {
            first = Some(output);
        }
        if second.is_none()
            && let Poll::Ready(output) = other.as_mut().poll(cx)
        {
            second = Some(output);
        }
        match (first.take(), second.take()) {
            (Some(first), Some(second)) => Poll::Ready((first, second)),
            outputs => {
                (first, second) = outputs;
                Poll::Pending
            }
        }
    })
    .await
}

/// Lets everything else have a turn.
pub(crate) async fn pause() {
    let mut paused = false;
    poll_fn(|cx| {
        if paused {
            return Poll::Ready(());
        }
        paused = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// How long the rules' leases last, in seconds.
pub(crate) const LEASE: i64 = 60;

/// Any moment will do that leaves room on both sides.
const START: i64 = 1_700_000_000;
