//! The one way of a delivery: verify, begin, handle, finish.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use async_trait::async_trait;
use bytes::Bytes;

use super::Delivery;
use super::signature::{SignatureVerifier, Signed};
use super::store::{Begin, Lease, Store, StoreError};
use crate::audit::{Event, Outcome, Sink};
use crate::counters::Counters;
use crate::error::ConfigErrors;
use crate::reason::Reason;
use crate::reply::{Line, Reply};
use crate::request::RequestView;
use crate::revocation::{LearnError, Revocations};
use crate::settings::Settings;
use crate::time::{Clock, UnixTime};

/// What an application does with a delivery. It knows no framework.
///
/// Any `async fn(Delivery) -> Result<(), Retry>` is one.
///
/// It may run more than once for one message: when it succeeded but the process died before
/// that was recorded. Effects in the store's own database can be made to happen once, where the
/// store offers it; others must be such that a second time changes nothing.
#[async_trait]
pub trait Handler: Send + Sync {
    /// Handles one delivery under `lease`, which a handler may finish together with its effects;
    /// the endpoint ends it in any case.
    ///
    /// # Errors
    /// [`Retry`] if the sender shall try again.
    async fn handle(&self, delivery: Delivery, lease: &Lease) -> Result<(), Retry>;
}

#[async_trait]
impl<F, T> Handler for F
where
    F: Fn(Delivery) -> T + Send + Sync,
    T: Future<Output = Result<(), Retry>> + Send,
{
    async fn handle(&self, delivery: Delivery, _: &Lease) -> Result<(), Retry> {
        self(delivery).await
    }
}

/// A delivery could not be handled; the sender shall try again.
///
/// Every error converts into one, so a handler can use `?`. Its text is kept for operators: it
/// should not quote the payload.
#[derive(Debug)]
pub struct Retry(String);

impl Retry {
    /// Try again, because of this.
    pub fn because(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

impl<E: Error> From<E> for Retry {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

/// A webhook endpoint. Cheap to clone; clones share one store and handler.
#[derive(Clone)]
pub struct Endpoint(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    /// `None` where the settings have no secret: every delivery is then our fault, not the
    /// sender's.
    verifier: Option<SignatureVerifier>,
    store: Arc<dyn Store>,
    handler: Arc<dyn Handler>,
    max_bytes: usize,
    lease_seconds: i64,
    /// What learns from each delivery before the handler does; set by the gate.
    revocations: OnceLock<Arc<Revocations>>,
}

impl Endpoint {
    /// An endpoint that accepts what the settings' webhook secrets have signed.
    ///
    /// # Errors
    /// If a secret cannot be used. No secret at all is no error here: the endpoint then answers
    /// 500 `Configuration error`, as the guide does, and the gate says so when it is built.
    pub fn new(
        settings: &Settings,
        store: Arc<dyn Store>,
        handler: impl Handler + 'static,
    ) -> Result<Self, ConfigErrors> {
        let secrets = settings.webhook_secrets();
        let verifier = match secrets {
            [] => None,
            secrets => Some(SignatureVerifier::new(secrets)?),
        };
        Ok(Self(Arc::new(Inner {
            verifier,
            store,
            handler: Arc::new(handler),
            max_bytes: DEFAULT_MAX_BYTES,
            lease_seconds: DEFAULT_LEASE,
            revocations: OnceLock::new(),
        })))
    }

    /// Sets how long a worker has for one delivery before another may begin it, in seconds: 60
    /// by default, at least 1. Longer than the handler ever takes.
    #[must_use]
    pub fn with_lease(self, seconds: i64) -> Self {
        self.with(|inner| inner.lease_seconds = seconds.max(1))
    }

    /// Sets the longest body that is read, in bytes: 256 KiB by default.
    #[must_use]
    pub fn with_max_bytes(self, bytes: usize) -> Self {
        self.with(|inner| inner.max_bytes = bytes)
    }

    /// Sets how old or how far in the future a delivery may be; see
    /// [`SignatureVerifier::with_tolerance`].
    #[must_use]
    pub fn with_tolerance(self, seconds: i64) -> Self {
        self.with(|inner| {
            let verifier = inner.verifier.take();
            inner.verifier = verifier.map(|verifier| verifier.with_tolerance(seconds));
        })
    }

    fn with(self, change: impl FnOnce(&mut Inner)) -> Self {
        let mut inner = Arc::unwrap_or_clone(self.0);
        change(&mut inner);
        Self(Arc::new(inner))
    }

    /// Handles a delivery that is not finished once more, by its message id: for operators, and
    /// after a fault is mended. Nothing happens if another worker has it or has finished it.
    ///
    /// # Errors
    /// The same reasons as for a delivery by the sender; [`Reason::WebhookUnknown`] if the store
    /// does not know the id as unfinished.
    pub async fn replay(&self, id: &str, clock: &dyn Clock) -> Result<(), Reason> {
        let recalled = self.0.store.recall(id).await;
        let delivery = recalled
            .map_err(|_| Reason::StoreUnavailable)?
            .ok_or(Reason::WebhookUnknown)?;
        self.0.handle_once(delivery, clock).await.map(|_| ())
    }

    /// Lets `revocations` learn from every delivery, replayed ones included. `false` if others do
    /// already.
    pub(crate) fn teach(&self, revocations: &Arc<Revocations>) -> bool {
        let taught = self.0.revocations.get_or_init(|| Arc::clone(revocations));
        Arc::ptr_eq(taught, revocations)
    }

    /// Whether a secret is missing.
    pub(crate) fn is_unconfigured(&self) -> bool {
        self.0.verifier.is_none()
    }

    /// What an adapter reads the body for.
    pub(crate) fn collect(
        &self,
        request: &RequestView<'_>,
        pattern: &str,
        observed: Vec<Reason>,
        line: Option<Line>,
        witness: Witness,
    ) -> BodyWait {
        BodyWait(Box::new(Waiting {
            endpoint: self.clone(),
            signed: Signed::read(request),
            method: request.method().to_owned(),
            path: request.path().to_owned(),
            rule: pattern.to_owned(),
            observed,
            line,
            witness,
        }))
    }
}

/// What becomes of a delivery that was accepted.
enum Handled {
    Already,
    Now,
}

impl Inner {
    /// Every exit but the last leaves the delivery to be begun again: nothing is acknowledged
    /// that is not recorded as handled.
    async fn handle_once(&self, delivery: Delivery, clock: &dyn Clock) -> Result<Handled, Reason> {
        let unavailable = |_: StoreError| Reason::StoreUnavailable;
        let begun = self.store.begin(&delivery, self.lease_seconds, clock.now());
        let lease = match begun.await.map_err(unavailable)? {
            Begin::Done => return Ok(Handled::Already),
            Begin::Busy { .. } => return Err(Reason::WebhookBusy),
            Begin::Fresh(lease) => lease,
        };
        let mut guard = LeaseGuard {
            store: &*self.store,
            lease: Some(&lease),
        };
        let result = match self.learn(&delivery, clock.now()).await {
            Ok(()) => Caught(self.handler.handle(delivery, &lease))
                .await
                .map_err(|Retry(failure)| (Reason::WebhookHandler, failure)),
            Err(failed) => Err(failed),
        };
        // From here on the lease is ended in the open.
        guard.lease = None;
        if let Err((reason, failure)) = result {
            // If even this is not recorded, the lease runs out by itself; and a handler that
            // failed together with the store most likely failed because of it.
            let released = self.store.release(&lease, &failure, clock.now()).await;
            return Err(match released {
                Err(error) if !error.is_lease_lost() => Reason::StoreUnavailable,
                _ => reason,
            });
        }
        let finished = self.store.finish(&lease, clock.now());
        finished.await.map_err(unavailable)?;
        Ok(Handled::Now)
    }

    /// What has ended is revoked before the handler runs: it must not wait for a handler that fails.
    async fn learn(&self, delivery: &Delivery, now: UnixTime) -> Result<(), (Reason, String)> {
        let Some(revocations) = self.revocations.get() else {
            return Ok(());
        };
        let learnt = revocations.learn(delivery, now).await;
        learnt.map_err(|error| match error {
            LearnError::Event(error) => (Reason::WebhookHandler, error.to_string()),
            LearnError::Store(error) => (Reason::StoreUnavailable, error.to_string()),
        })
    }
}

/// A request to a webhook endpoint whose body is still to be read.
///
/// The adapter reads at most [`limit`](Self::limit) bytes, unparsed, and sends the reply of one
/// of the other methods.
#[derive(Clone, Debug)]
#[must_use = "the sender waits for a reply"]
pub struct BodyWait(Box<Waiting>);

#[derive(Clone, Debug)]
struct Waiting {
    endpoint: Endpoint,
    signed: Result<Signed, Reason>,
    method: String,
    path: String,
    rule: String,
    /// What checks in observe mode would have refused.
    observed: Vec<Reason>,
    /// What every reply carries besides its own lines.
    line: Option<Line>,
    witness: Witness,
}

/// What a gate tells the time by and records its decisions with.
#[derive(Clone, Debug)]
pub(crate) struct Witness {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) sink: Option<Arc<dyn Sink>>,
    pub(crate) counters: Arc<Counters>,
}

impl BodyWait {
    /// The most bytes to read.
    pub fn limit(&self) -> usize {
        self.0.endpoint.0.max_bytes
    }

    /// Verifies and handles the delivery with this body, and says what to reply.
    ///
    /// If the future is dropped the lease is given up; the sender tries again.
    pub async fn deliver(self, body: Bytes) -> Reply {
        let Self(waiting) = self;
        let now = waiting.witness.clock.now();
        let (id, result) = waiting.attempt(body, now).await;
        let reply = match result {
            Ok(Handled::Already) => Reply::already_processed(),
            Ok(Handled::Now) => Reply::success(),
            Err(reason) => return waiting.refuse(now, reason, id.as_deref()),
        };
        waiting.record(now, Outcome::Proceed, None, id.as_deref());
        waiting.dress(reply)
    }

    /// The reply to a body of more than [`limit`](Self::limit) bytes.
    pub fn too_large(self) -> Reply {
        self.0
            .refuse(self.0.witness.clock.now(), Reason::BodyTooLarge, None)
    }

    /// The reply to a body that broke off.
    pub fn incomplete(self) -> Reply {
        self.0
            .refuse(self.0.witness.clock.now(), Reason::BodyIncomplete, None)
    }
}

impl Waiting {
    async fn attempt(
        &self,
        body: Bytes,
        now: UnixTime,
    ) -> (Option<String>, Result<Handled, Reason>) {
        let endpoint = &*self.endpoint.0;
        let Some(verifier) = &endpoint.verifier else {
            return (None, Err(Reason::WebhookSecret));
        };
        let verified = self
            .signed
            .clone()
            .and_then(|signed| verifier.verify(signed, body, now));
        match verified {
            Err(reason) => (None, Err(reason)),
            // Only a genuine id is worth a line in the audit trail.
            Ok(delivery) => (
                Some(delivery.id().to_owned()),
                endpoint.handle_once(delivery, &*self.witness.clock).await,
            ),
        }
    }

    fn refuse(&self, now: UnixTime, reason: Reason, id: Option<&str>) -> Reply {
        self.record(now, Outcome::Refuse, Some(reason), id);
        self.dress(Reply::refusal(reason))
    }

    fn dress(&self, reply: Reply) -> Reply {
        self.line.iter().cloned().fold(reply, Reply::with_line)
    }

    fn record(&self, time: UnixTime, outcome: Outcome, reason: Option<Reason>, id: Option<&str>) {
        self.witness.counters.decide(outcome, reason);
        if let Some(sink) = &self.witness.sink {
            let recorded = sink.record(&Event {
                time,
                outcome,
                reason,
                method: &self.method,
                path: &self.path,
                rule: Some(&self.rule),
                session: None,
                delivery: id,
                sensitive: false,
                observed: &self.observed,
            });
            // What has been handled cannot be undone for want of a line.
            if recorded.is_err() {
                self.witness.counters.lose_event();
            }
        }
    }
}

/// Gives the lease up when the future that holds it is dropped.
struct LeaseGuard<'l> {
    store: &'l dyn Store,
    lease: Option<&'l Lease>,
}

impl Drop for LeaseGuard<'_> {
    fn drop(&mut self) {
        if let Some(lease) = self.lease {
            self.store.abandon(lease);
        }
    }
}

/// A handler's future that turns a panic into a failure.
struct Caught<F>(F);

impl<F> Future for Caught<F>
where
    F: Future<Output = Result<(), Retry>> + Unpin,
{
    type Output = Result<(), Retry>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // The future is never polled again after a panic.
        let polled = catch_unwind(AssertUnwindSafe(|| Pin::new(&mut self.0).poll(cx)));
        polled.unwrap_or_else(|panic| Poll::Ready(Err(Retry(panic_text(&*panic)))))
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("the handler panicked: {}", text.unwrap_or_default())
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("store", &self.0.store)
            .finish_non_exhaustive()
    }
}

/// Clerk's largest events are users with all their metadata, well below 100 KB.
const DEFAULT_MAX_BYTES: usize = 256 * 1024;

/// Svix gives up waiting after 15 to 30 seconds; twice that is ample for a handler.
const DEFAULT_LEASE: i64 = 60;
