//! clerk-gate for Rocket.

mod apply;
mod fairing;
mod guard;
mod view;

pub use self::fairing::GateFairing;
pub use self::guard::{Json, Nonce, Principal, Refusal, Session};
