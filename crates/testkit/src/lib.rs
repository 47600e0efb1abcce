//! Test keys, session tokens and a clock for applications secured with clerk-gate.
//!
//! ```text
//! Token ── sign(Signer) ──> token ── in a request ──> Gate  <── gate(policy)
//!                                                       ▲
//!          Signer ── key_set ──> keys of the gate ──────┘  <── FixedClock
//! ```
//!
//! A test of an application takes its real policy, a gate that trusts the test keys, and any token
//! it likes:
//!
//! ```
//! use clerk_gate_core::{Decision, Policy, RequestView, Requirement};
//! use clerk_gate_testkit::{NOW, Signer, Token, gate};
//!
//! let policy = Policy::builder()
//!     .require("/admin/{*rest}", Requirement::role("org:admin"))
//!     .build()?;
//! let gate = gate(policy).build()?;
//! let ask = |token: &Token| {
//!     let credential = format!("Bearer {}", token.sign(Signer::primary()));
//!     let mut request = RequestView::new("GET", "/admin", None);
//!     request.header("authorization", credential.as_bytes());
//!     match gate.decide(&request) {
//!         Decision::Respond(reply) => reply.status(),
//!         _ => 200,
//!     }
//! };
//!
//! let member = Token::session().organization("org_1", "acme", "member");
//! let admin = Token::session().organization("org_1", "acme", "admin");
//! assert_eq!(ask(&member), 403);
//! assert_eq!(ask(&admin), 200);
//! assert_eq!(ask(&admin.claim("exp", NOW.as_secs() - 120)), 401);
//! # Ok::<(), clerk_gate_core::ConfigErrors>(())
//! ```
//!
//! Tokens are signed by `jsonwebtoken` and verified by the core with code of its own, so two
//! implementations meet in every test.
//!
//! # What this crate does not do
//! It starts no server and knows no framework: send the token with the framework's own test client.
//! For a running application without Clerk there is the stand-in, `clerk-gate-local`.
//!
//! # Security
//! The private keys are published with this crate. Whoever trusts them trusts everybody.

mod clock;
#[cfg(feature = "webhooks")]
mod delivery;
mod gate;
mod signer;
mod token;

use clerk_gate_core::UnixTime;

pub use self::clock::FixedClock;
#[cfg(feature = "webhooks")]
pub use self::delivery::{WEBHOOK_SECRET, sign_delivery};
pub use self::gate::gate;
pub use self::signer::{Signer, key_set};
pub use self::token::Token;

/// The moment at which tests happen: 2027-01-15T08:00:00Z.
pub const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

/// The issuer of [`Token::session`].
pub const ISSUER: &str = "https://clerk.app.test";

/// The authorized party of [`Token::session`]: the origin of the application's pages.
pub const ORIGIN: &str = "https://app.test";
