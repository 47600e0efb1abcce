//! The smallest application behind a gate on actix-web: one public page, one for users, one for
//! admins.

// docs:begin program
use std::error::Error;
use std::sync::Arc;

use actix_web::{App, HttpServer, web};
use clerk_gate_actix::{GateMiddleware, Session};
use clerk_gate_core::{Gate, Policy, Requirement};

async fn home() -> &'static str {
    "Everybody may read this.\n"
}

async fn me(session: Session) -> String {
    format!("You are {}.\n", session.user_id())
}

async fn admin() -> &'static str {
    "Only administrators may read this.\n"
}

#[actix_web::main]
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

    let gate = GateMiddleware::new(Arc::new(gate));
    let app = move || {
        App::new()
            .route("/", web::get().to(home))
            .route("/me", web::get().to(me))
            .route("/admin", web::get().to(admin))
            .wrap(gate.clone())
    };
    Ok(HttpServer::new(app).bind("127.0.0.1:3000")?.run().await?)
}
// docs:end program
