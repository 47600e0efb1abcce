//! Test keys, session tokens and a clock for applications secured with clerk-gate.
//!
//! Tokens are signed by `jsonwebtoken` and verified by the core with code of its own, so two
//! implementations meet in every test. Any header, claim or byte can be made wrong:
//!
//! ```
//! use clerk_gate_testkit::{NOW, Signer, Token};
//!
//! let signer = Signer::primary();
//! let key_set = clerk_gate_testkit::key_set(&[signer]);
//! let good = Token::session().sign(signer);
//! let expired = Token::session().claim("exp", NOW.as_secs() - 120).sign(signer);
//! assert!(key_set.contains(signer.kid()));
//! assert_ne!(good, expired);
//! ```
//!
//! # Security
//! The private keys are published with this crate. Whoever trusts them trusts everybody.

mod clock;
mod gate;
mod signer;
mod token;

use clerk_gate_core::UnixTime;

pub use self::clock::FixedClock;
pub use self::gate::gate;
pub use self::signer::{Signer, key_set};
pub use self::token::Token;

/// The moment at which tests happen: 2027-01-15T08:00:00Z.
pub const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

/// The issuer of [`Token::session`].
pub const ISSUER: &str = "https://clerk.app.test";

/// The authorized party of [`Token::session`]: the origin of the application's pages.
pub const ORIGIN: &str = "https://app.test";
