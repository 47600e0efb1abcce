//! clerk-gate for any tower service over `http` 1: hyper, tonic, and what is built on them.
//!
//! For axum use `clerk-gate-axum`, which adds extractors and knows the peer's address.
//!
//! ```
//! use std::sync::Arc;
//!
//! use clerk_gate_core::Gate;
//! use clerk_gate_tower::{GateLayer, Gated};
//! use tower_layer::Layer;
//!
//! fn protect<S>(gate: Arc<Gate>, service: S) -> Gated<S> {
//!     GateLayer::new(gate).layer(service)
//! }
//! ```
//!
//! A handler finds the decision in the request's extensions, as a
//! [`Grant`](clerk_gate_core::Grant). Before it relies on the session it asks
//! [`Grant::covers`](clerk_gate_core::Grant::covers) whether the request is still the one that was
//! judged. Whoever accepts connections says who is at the other end, by [`Gated::call_from`] or by a
//! [`Peer`] in the request's extensions, and puts [`Tls`] there where this server ends TLS itself:
//! without them no proxy is believed and no request is secure.
//!
//! # What this crate does not do
//! It decides nothing, reads no header and makes no reply of its own: all of that is
//! `clerk-gate-core`'s. It has no extractors, and of all bodies it reads those of webhooks alone.

mod apply;
mod future;
mod layer;
mod view;

pub use self::apply::respond;
pub use self::future::ResponseFuture;
pub use self::layer::{GateLayer, Gated};
pub use self::view::{Peer, Tls, view_of_parts};
