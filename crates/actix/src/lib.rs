//! clerk-gate for actix-web: a gate in front of an application, and extractors for what the gate
//! has found out.
//!
//! ```
//! use std::sync::Arc;
//!
//! use actix_web::test::{TestRequest, call_service, init_service};
//! use actix_web::{App, web};
//! use clerk_gate_actix::{GateMiddleware, Session};
//! use clerk_gate_core::{ConfigErrors, Policy};
//! use clerk_gate_testkit::{Signer, Token, gate};
//!
//! async fn me(session: Session) -> String {
//!     session.user_id().to_owned()
//! }
//!
//! # #[actix_web::main]
//! # async fn main() -> Result<(), ConfigErrors> {
//! // The test kit's gate. An application makes its own: see the program `examples/minimal-actix.rs`.
//! let gate = gate(Policy::builder().public("/").build()?).build()?;
//! let app = App::new()
//!     .route("/", web::get().to(async || "Everybody may read this."))
//!     .route("/me", web::get().to(me))
//!     .wrap(GateMiddleware::new(Arc::new(gate)));
//! let app = init_service(app).await;
//!
//! let token = format!("Bearer {}", Token::session().sign(Signer::primary()));
//! for (path, credential, status) in [
//!     ("/", "", 200),
//!     ("/me", "", 401),
//!     ("/me", &*token, 200),
//!     ("/forgotten", "", 401),
//! ] {
//!     let mut request = TestRequest::get().uri(path);
//!     if !credential.is_empty() {
//!         request = request.insert_header(("authorization", credential));
//!     }
//!     let response = call_service(&app, request.to_request()).await;
//!     assert_eq!(response.status(), status, "{path}");
//!     assert_eq!(response.headers().get("x-frame-options").unwrap(), "DENY");
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Wrap the application last: middleware that is registered later runs earlier, and sees requests
//! that no gate has judged.
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
//! # What this crate does not do
//! It decides nothing, reads no header and makes no reply of its own: all of that is
//! `clerk-gate-core`'s.
//!
//! # Features
//! `coverage`, off by default and meant for tests: adds `mounted`, which lists the routes of an
//! application for [`Policy::coverage`](clerk_gate_core::Policy::coverage), through actix-web's
//! experimental introspection.

mod apply;
mod extract;
mod middleware;
#[cfg(feature = "coverage")]
mod mounted;
mod view;

pub use self::extract::{Granted, Has, Json, Nonce, Principal, Refusal, Session};
pub use self::middleware::{GateMiddleware, Gated};
#[cfg(feature = "coverage")]
pub use self::mounted::mounted;
