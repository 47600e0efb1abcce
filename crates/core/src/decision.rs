//! What the adapter does next.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use crate::grant::Grant;
use crate::reply::Reply;
use crate::session::KeyWait;
use crate::webhook::BodyWait;

/// What the adapter does next. Named for the action; the why is in the audit trail.
#[derive(Debug)]
#[must_use = "a decision that is not carried out lets the request hang or pass"]
pub enum Decision {
    /// Call the application, then add [`Grant::lines`] and the security headers.
    Proceed(Grant),
    /// Answer with this and the security headers; the application is not called.
    Respond(Reply),
    /// Read at most [`BodyWait::limit`] bytes of the body, hand them over, and answer with the
    /// reply that comes back and the security headers; the application is not called.
    CollectBody(BodyWait),
    /// Await this, then ask [`Gate::resume`](crate::Gate::resume). That may want to wait for
    /// something else, and never for the same again.
    Await(Wait),
}

/// What a decision waits for: the keys that are being fetched, or an audit event that is being
/// written.
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Wait(Awaited);

#[derive(Debug)]
enum Awaited {
    Keys(KeyWait),
    Record(Box<RecordWait>),
}

/// The writing of an event without which a request does not proceed.
struct RecordWait {
    /// Locked by nobody: it makes a future that only moves between threads shareable.
    recording: Mutex<Recording>,
    /// What becomes of the request: if the event is written, and if it is not. Taken at the end.
    decisions: Option<(Decision, Decision)>,
}

/// The end of a sink's writing.
type Recording = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

/// What has come of a [`Wait`], for [`Gate::resume`](crate::Gate::resume).
#[derive(Debug, Default)]
#[must_use = "the request still has no answer"]
pub struct Waited(Option<Box<Decision>>);

impl Wait {
    pub(crate) fn for_keys(wait: KeyWait) -> Self {
        Self(Awaited::Keys(wait))
    }

    /// Waits for an event to be written: then `proceed`, or else `refuse`.
    pub(crate) fn for_record(recording: Recording, proceed: Decision, refuse: Decision) -> Self {
        Self(Awaited::Record(Box::new(RecordWait {
            recording: Mutex::new(recording),
            decisions: Some((proceed, refuse)),
        })))
    }
}

impl Future for Wait {
    type Output = Waited;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Waited> {
        match &mut self.0 {
            Awaited::Keys(wait) => {
                ready!(Pin::new(wait).poll(context));
                Poll::Ready(Waited(None))
            }
            Awaited::Record(wait) => {
                let recording = wait.recording.get_mut();
                let recording = recording.unwrap_or_else(PoisonError::into_inner);
                let written = ready!(recording.as_mut().poll(context));
                let decision = wait.decisions.take().map(|(proceed, refuse)| {
                    Box::new(if written.is_ok() { proceed } else { refuse })
                });
                Poll::Ready(Waited(decision))
            }
        }
    }
}

impl Waited {
    /// The decision that stands, or `None` if it is to be made anew.
    pub(crate) fn decision(self) -> Option<Decision> {
        self.0.map(|decision| *decision)
    }
}

impl fmt::Debug for RecordWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordWait").finish_non_exhaustive()
    }
}
