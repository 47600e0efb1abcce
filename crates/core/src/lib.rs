//! The decision core of clerk-gate.

// The core never panics on input: what could panic does not compile outside tests.
#![cfg_attr(
    not(test),
    warn(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unwrap_used,
    )
)]

mod audit;
mod body;
mod cookie;
mod cors;
mod credential;
mod crypto;
mod decision;
mod error;
mod gate;
mod headers;
mod origin;
mod page;
mod path;
mod policy;
mod reply;
mod request;
mod secret;
mod session;
mod settings;
mod time;
mod transport;

#[cfg(feature = "tracing")]
pub use self::audit::TracingSink;
pub use self::audit::{Event, JsonLines, Outcome, Sink};
pub use self::body::JsonLimits;
pub use self::cors::Cors;
pub use self::decision::{Decision, Grant, Principal};
pub use self::error::{ConfigError, ConfigErrors};
pub use self::gate::{Explanation, Gate, GateBuilder};
pub use self::headers::{Csp, CspSource, Directive, Nonce, SecurityHeaders};
pub use self::policy::{Access, Coverage, Policy, PolicyBuilder, Requirement, Rule};
pub use self::reply::{Line, Mode, Reason, Reply};
pub use self::request::{Field, RequestView, Value};
pub use self::secret::Secret;
pub use self::session::{
    Check, Feed, KeySet, KeySetError, KeyWait, Keyring, Organization, Session, Verification,
    Verifier,
};
pub use self::settings::{Environment, InstanceKind, Origin, PublishableKey, Settings};
pub use self::time::{Clock, SystemClock, UnixTime};
