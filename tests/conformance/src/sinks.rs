//! Sinks that take their time, and sinks that fail.

use std::future::poll_fn;
use std::io::{self, Cursor};
use std::sync::Arc;
use std::task::Poll;

use clerk_gate_core::{Event, JsonLines, Recorded, Sink};

/// A disk that is full: no event can be written.
pub(crate) fn full() -> Arc<dyn Sink> {
    Arc::new(JsonLines::new(Cursor::new([0; 0])))
}

/// Tells only later whether the event is written that a request must not go without.
pub(crate) fn later(inner: Arc<dyn Sink>) -> Arc<dyn Sink> {
    Arc::new(Later(inner))
}

#[derive(Debug)]
struct Later(Arc<dyn Sink>);

impl Sink for Later {
    fn record(&self, event: &Event<'_>) -> io::Result<()> {
        self.0.record(event)
    }

    fn record_durably(&self, event: &Event<'_>) -> Recorded {
        let mut result = Some(self.0.record(event));
        let mut asked = false;
        Recorded::Later(Box::pin(poll_fn(move |context| {
            if !asked {
                asked = true;
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(result.take().unwrap_or(Ok(())))
        })))
    }
}
