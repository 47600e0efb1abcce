//! clerk-gate for axum.

mod extract;
mod gated;

pub use self::extract::{Json, Nonce, Principal, Refusal, Session};
pub use self::gated::{GateLayer, Gated};
