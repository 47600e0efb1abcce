//! What clerk-gate costs beside other ways to protect a server, measured in turns.
//!
//! A workspace of its own, so that nobody compiles the peers who does not want to measure them.

pub mod keys;
pub mod raw;
pub mod tokens;

/// What every server answers at [`PATH`].
pub const BODY: &str = "You are signed in.\n";

/// The one route that is asked for.
pub const PATH: &str = "/me";
