//! clerk-gate for axum: a gate around a router, and extractors for what the gate has found out.
//!
//! ```
//! use std::sync::Arc;
//!
//! use axum::Router;
//! use axum::body::Body;
//! use axum::http::Request;
//! use axum::routing::get;
//! use clerk_gate_axum::{GateLayer, Session};
//! use clerk_gate_core::{ConfigErrors, Policy};
//! use clerk_gate_testkit::{Signer, Token, gate};
//! use tower_service::Service;
//!
//! async fn me(session: Session) -> String {
//!     session.user_id().to_owned()
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), ConfigErrors> {
//! // The test kit's gate. An application makes its own: see the program `examples/minimal-axum.rs`.
//! let gate = gate(Policy::builder().public("/").build()?).build()?;
//! let router = Router::new()
//!     .route("/", get(async || "Everybody may read this."))
//!     .route("/me", get(me));
//! let mut app = GateLayer::new(Arc::new(gate)).layer(router);
//!
//! let token = format!("Bearer {}", Token::session().sign(Signer::primary()));
//! for (path, credential, status) in [
//!     ("/", "", 200),
//!     ("/me", "", 401),
//!     ("/me", &*token, 200),
//!     ("/forgotten", "", 401),
//! ] {
//!     let mut request = Request::get(path);
//!     if !credential.is_empty() {
//!         request = request.header("authorization", credential);
//!     }
//!     let request = request.body(Body::empty()).expect("a request");
//!     let Ok(response) = app.call(request).await;
//!     assert_eq!(response.status(), status, "{path}");
//!     assert_eq!(response.headers()["x-frame-options"], "DENY");
//! }
//! # Ok(())
//! # }
//! ```
//!
//! To serve it: `axum::serve(listener, app.into_make_service())`.
//!
//! | Extractor | Gives | Without a session |
//! |---|---|---|
//! | [`Session`] | the verified session | the gate's 401 |
//! | `Option<Session>` | the same, or `None` | `None` |
//! | [`Has<R>`](Has) | the session, if it has a right that is a type of yours | the gate's 401; without the right its 403 |
//! | [`Principal`] | who is asking, anonymous or a session | anonymous |
//! | [`Nonce`] | the nonce of this response's content security policy | the same |
//! | [`Json`] | a body within the gate's limits | the same |
//!
//! [`MountedRouter`] is a router that can list its routes, for
//! [`Policy::coverage`](clerk_gate_core::Policy::coverage).
//!
//! # What this crate does not do
//! It decides nothing, reads no header and makes no reply of its own: all of that is
//! `clerk-gate-core`'s. It is no `tower::Layer` for `Router::layer`, because axum would run it
//! behind nesting and not for routes that are added later. For other tower services there is
//! `clerk-gate-tower`.

mod extract;
mod gated;
mod mounted;

pub use self::extract::{Granted, Has, Json, Nonce, Principal, Refusal, Session};
pub use self::gated::{GateLayer, Gated, IntoMakeService};
pub use self::mounted::MountedRouter;
