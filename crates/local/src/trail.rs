//! The audit trail of the application, shown by the inspector.

use std::fmt;
use std::io;
use std::sync::Arc;

use clerk_gate_core::{Event, Recorded, Sink};
use serde_json::Value;

use crate::instance::Instance;

/// A sink that shows what another one has recorded.
pub(crate) struct Watched {
    pub(crate) instance: Arc<Instance>,
    pub(crate) sink: Arc<dyn Sink>,
}

impl Watched {
    fn show(&self, event: &Event<'_>) {
        let event: Result<Value, _> = serde_json::from_str(&event.to_json());
        self.instance.trail.add(event.unwrap_or_default());
    }
}

impl Sink for Watched {
    fn record(&self, event: &Event<'_>) -> io::Result<()> {
        self.show(event);
        self.sink.record(event)
    }

    fn record_durably(&self, event: &Event<'_>) -> Recorded {
        self.show(event);
        self.sink.record_durably(event)
    }
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sink.fmt(f)
    }
}
