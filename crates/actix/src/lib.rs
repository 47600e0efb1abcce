//! clerk-gate for actix-web.

mod apply;
mod extract;
mod middleware;
mod view;

pub use self::extract::{Json, Nonce, Principal, Refusal, Session};
pub use self::middleware::{GateMiddleware, Gated};
