//! clerk-gate for axum.

mod extract;
mod gated;
mod mounted;

pub use self::extract::{Json, Nonce, Principal, Refusal, Session};
pub use self::gated::{GateLayer, Gated};
pub use self::mounted::MountedRouter;
