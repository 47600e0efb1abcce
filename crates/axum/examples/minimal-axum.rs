//! The smallest application behind a gate on axum: one public page, one for users, one for admins.

// docs:begin program
use std::error::Error;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use clerk_gate_axum::{GateLayer, Session};
use clerk_gate_core::{Gate, Policy, Requirement};
use tokio::net::TcpListener;

async fn home() -> &'static str {
    "Everybody may read this.\n"
}

async fn me(session: Session) -> String {
    format!("You are {}.\n", session.user_id())
}

async fn admin() -> &'static str {
    "Only administrators may read this.\n"
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let settings = clerk_gate_jwks::settings_from_env()?;
    let keys = clerk_gate_jwks::keys_for(&settings)?;
    // What no rule names, such as `/me`, needs a session.
    let policy = Policy::builder()
        .public("/")
        .require("/admin/{*rest}", Requirement::role("org:admin"))
        .build()?;
    let gate = Gate::builder(&settings, keys.keyring(), policy)
        .without_pages()
        .build()?;

    let router = Router::new()
        .route("/", get(home))
        .route("/me", get(me))
        .route("/admin", get(admin));
    let app = GateLayer::new(Arc::new(gate)).layer(router);
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    Ok(axum::serve(listener, app.into_make_service()).await?)
}
// docs:end program
