//! clerk-gate for actix-web.

mod apply;
mod extract;
mod middleware;
#[cfg(feature = "coverage")]
mod mounted;
mod view;

pub use self::extract::{Json, Nonce, Principal, Refusal, Session};
pub use self::middleware::{GateMiddleware, Gated};
#[cfg(feature = "coverage")]
pub use self::mounted::mounted;
