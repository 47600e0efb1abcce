//! The conformance suite: every adapter answers the same raw bytes with the same bytes.
//!
//! `cases/` holds the truth, `tests/suite.rs` runs it; see the README beside this crate.

pub mod bless;
pub mod canonical;
pub mod case;
pub mod delivery;
pub mod diff;
pub mod direct;
mod keyrings;
pub mod profiles;
pub mod report;
mod revocations;
pub mod routes;
pub mod run;
pub mod shim;
pub mod shim_main;
mod sinks;
pub mod suite;
pub mod template;
pub mod webhooks;
pub mod wire;

/// What can go wrong in the suite itself: a message for the person who runs it.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// The adapters under test, the one without a socket first.
pub const ADAPTERS: &[&str] = &["direct", "tower", "axum", "actix", "rocket", "hyper"];
