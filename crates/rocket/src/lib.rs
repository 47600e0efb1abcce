//! clerk-gate for Rocket.

mod apply;
mod fairing;
mod guard;
mod mounted;
mod view;

pub use self::fairing::GateFairing;
pub use self::guard::{Json, Nonce, Principal, Refusal, Session};
pub use self::mounted::mounted;
