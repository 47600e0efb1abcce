//! Stores whose processes race, die and lose their database.
//!
//! ```text
//!   sender ── signed deliveries, repeated until acknowledged ──> workers ──> store and effects
//!      └── afterwards: one effect for each message, and every repetition is already processed
//! ```
//!
//! The run `revocation` is about sessions instead: what a webhook ends at one process, another
//! refuses, and the time that takes is printed.
//!
//! Workers are real processes, `chaos-worker`; servers that go down are this crate's own. The
//! messages differ from run to run; the order of workers and the moments of kills follow a seed.
//!
//! # What this crate does not do
//! It keeps no time limit on single answers but that of a sender: how fast a store is, the bench
//! tells.

mod figures;
mod place;
mod process;
mod proxy;
mod random;
mod revocation;
mod runs;
mod sender;
mod server;
mod worker;

pub use self::place::Kind;
pub use self::runs::{Run, Size};
pub use self::server::Server;

/// Where a worker receives deliveries.
pub const WEBHOOK: &str = "/webhooks/clerk";

/// The environment variable with the connection string of a worker's store: everybody on the
/// machine can read a command line, and there is a password in it.
pub const STORE: &str = "CHAOS_STORE";
