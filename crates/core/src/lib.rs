//! The decision core of clerk-gate: who may call which route of a web application whose users sign
//! in with Clerk.
//!
//! ```text
//!             request                                      response
//!                │                                             ▲
//!    adapter     │ header by header              status, lines │ byte for byte
//!                ▼                                             │
//!           RequestView ──> Gate::decide ──> Decision ─────────┤
//!                            │   │              ├─ Proceed     │ call the application, add lines
//!     Settings, Keyring, ────┘   │              ├─ Respond ────┘ do not call it
//!     Policy, Clock              ▼              ├─ Await         await, then Gate::resume
//!                              Sink             └─ CollectBody   read a webhook, send the reply
//!             one audit event for every decision
//! ```
//!
//! Everything here is a pure function of values. An adapter paints a [`RequestView`] and carries
//! out the [`Decision`]; `clerk-gate-axum`, `clerk-gate-actix`, `clerk-gate-rocket` and
//! `clerk-gate-tower` are such adapters. The [`manual`] says how to use them.
//!
//! ```
//! use std::sync::Arc;
//!
//! use clerk_gate_core::{
//!     Decision, Gate, JsonLines, KeySet, Keyring, Policy, RequestView, Requirement, Settings,
//! };
//! use clerk_gate_testkit::{FixedClock, Signer, Token, key_set};
//!
//! // In an application, clerk-gate-jwks makes these two from the environment.
//! let settings = Settings::parse(&|name| match name {
//!     "CLERK_PUBLISHABLE_KEY" => Some("pk_test_Y2xlcmsuYXBwLnRlc3Qk".to_owned()),
//!     "CLERK_GATE_ORIGINS" => Some("https://app.test".to_owned()),
//!     _ => None,
//! })?;
//! let keyring = Keyring::fixed(KeySet::from_json(key_set(&[Signer::primary()]).as_bytes())?);
//!
//! // What no rule names, such as `/me`, needs a session.
//! let policy = Policy::builder()
//!     .public("/")
//!     .require("/admin/{*rest}", Requirement::role("org:admin"))
//!     .build()?;
//! let gate = Gate::builder(&settings, keyring, policy)
//!     .with_audit(Arc::new(JsonLines::new(std::io::sink())))
//!     .with_clock(Arc::new(FixedClock::default()))
//!     .without_pages()
//!     .build()?;
//!
//! // What an adapter does, once for every request.
//! let ask = |path, credential: Option<&str>| {
//!     let mut request = RequestView::new("GET", path, None);
//!     for value in credential {
//!         request.header("authorization", value.as_bytes());
//!     }
//!     match gate.decide(&request) {
//!         Decision::Proceed(grant) => Ok(grant.session().map(|s| s.user_id().to_owned())),
//!         Decision::Respond(reply) => Err(reply.status()),
//!         other => unreachable!("nothing to wait for, no body to read: {other:?}"),
//!     }
//! };
//! let member = format!("Bearer {}", Token::session().sign(Signer::primary()));
//!
//! assert_eq!(ask("/", None), Ok(None));
//! assert_eq!(ask("/me", None), Err(401));
//! assert_eq!(ask("/me", Some(&member)), Ok(Some("user_2test0user0000000000000000000".into())));
//! assert_eq!(ask("/admin", Some(&member)), Err(403));
//! assert_eq!(ask("//admin", Some(&member)), Err(400));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What this crate does not do
//! It opens no socket, knows no runtime and no framework, reads neither files nor the environment,
//! and has no global state. It does not fetch keys: `clerk-gate-jwks` does. It decides about
//! routes, not about the objects behind them: whether *this* user may see *that* invoice is for the
//! handler, which has the [`Session`].
//!
//! # Features
//! `policy-file`, off by default: adds `Policy::from_toml`, for policies that are files.
//!
//! `tracing`, off by default: adds `TracingSink`, for applications that collect their events that
//! way, and turns the one line that is otherwise printed to standard error (an extractor without a
//! gate) into an event.

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
mod counters;
mod credential;
mod crypto;
mod decision;
mod error;
mod gate;
mod grant;
mod headers;
pub mod manual;
mod origin;
mod page;
mod path;
mod policy;
mod reason;
mod reply;
mod request;
pub mod revocation;
mod secret;
mod session;
mod settings;
mod time;
mod transport;
pub mod webhook;

#[cfg(feature = "tracing")]
pub use self::audit::TracingSink;
pub use self::audit::{Event, JsonLines, Outcome, Recorded, Sink};
pub use self::body::JsonLimits;
pub use self::cors::Cors;
pub use self::counters::{CheckKind, CheckReadiness, Counts, Readiness, WouldRefuse};
pub use self::decision::{Decision, Wait, Waited};
pub use self::error::{ConfigError, ConfigErrors};
pub use self::gate::{Explanation, Gate, GateBuilder};
pub use self::grant::{FromGrant, Grant, Has, Principal, Right};
pub use self::headers::{Csp, CspSource, Directive, Nonce, SecurityHeaders};
pub use self::policy::{
    Access, Coverage, Level, Policy, PolicyBuilder, Requirement, Reverification, Rule,
};
pub use self::reason::Reason;
pub use self::reply::{Line, Mode, Reply};
pub use self::request::{Field, RequestView, Value};
pub use self::secret::Secret;
pub use self::session::{
    Check, ClaimsError, Feed, KeySet, KeySetError, KeyWait, Keyring, Organization, Session,
    Verification, Verifier,
};
pub use self::settings::{
    Environment, InstanceKind, Origin, PublishableKey, Settings, StoreAddress,
};
pub use self::time::{Clock, SystemClock, UnixTime};
