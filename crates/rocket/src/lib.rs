//! clerk-gate for Rocket: a gate in front of all routes, and guards for what the gate has found
//! out.
//!
//! ```
//! use std::sync::Arc;
//!
//! use clerk_gate_core::Policy;
//! use clerk_gate_rocket::{GateFairing, Session};
//! use clerk_gate_testkit::{Signer, Token, gate};
//! use rocket::http::Header;
//! use rocket::local::blocking::Client;
//! use rocket::{get, routes};
//!
//! #[get("/")]
//! async fn home() -> &'static str {
//!     "Everybody may read this."
//! }
//!
//! #[get("/me")]
//! async fn me(session: Session) -> String {
//!     session.user_id().to_owned()
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // The test kit's gate. An application makes its own: see the program `examples/minimal-rocket.rs`.
//! let gate = gate(Policy::builder().public("/").build()?).build()?;
//! let app = rocket::build()
//!     .mount("/", routes![home, me])
//!     .attach(GateFairing::new(Arc::new(gate)));
//! let client = Client::untracked(app)?;
//!
//! let token = format!("Bearer {}", Token::session().sign(Signer::primary()));
//! for (path, credential, status) in [
//!     ("/", "", 200),
//!     ("/me", "", 401),
//!     ("/me", &*token, 200),
//!     ("/forgotten", "", 401),
//! ] {
//!     let mut request = client.get(path);
//!     if !credential.is_empty() {
//!         request.add_header(Header::new("authorization", credential.to_owned()));
//!     }
//!     let response = request.dispatch();
//!     assert_eq!(response.status().code, status, "{path}");
//!     assert_eq!(response.headers().get_one("x-frame-options"), Some("DENY"));
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Attach the fairing last: a request fairing that is attached later could rewrite what the gate
//! has judged. Rocket's own `Shield` makes way for the gate's headers. A route that has one of the
//! guards does not launch without the fairing.
//!
//! | Guard | Gives | Without a session |
//! |---|---|---|
//! | [`Session`] | the verified session | the gate's 401 |
//! | `Option<Session>` | the same, or `None` | `None` |
//! | [`Has<R>`](Has) | the session, if it has a right that is a type of yours | the gate's 401; without the right its 403 |
//! | [`Principal`] | who is asking, anonymous or a session | anonymous |
//! | [`Nonce`] | the nonce of this response's content security policy | the same |
//! | [`Json`] | a body within the gate's limits | the same |
//!
//! [`mounted`] lists the routes, for [`Policy::coverage`](clerk_gate_core::Policy::coverage).
//!
//! # What this crate does not do
//! It decides nothing, reads no header for a decision and makes no reply of its own: all of that is
//! `clerk-gate-core`'s. It cannot add headers to what Rocket answers before any fairing runs, such
//! as the 400 for a method that Rocket does not know; the manual lists these differences.

mod apply;
mod body;
mod fairing;
mod guard;
mod mounted;
mod view;

pub use self::fairing::GateFairing;
pub use self::guard::{Granted, Has, Json, Nonce, Principal, Refusal, Session};
pub use self::mounted::mounted;
