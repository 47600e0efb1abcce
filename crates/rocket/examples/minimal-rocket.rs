//! The smallest application behind a gate on Rocket: one public page, one for users, one for
//! admins.

// docs:begin program
use std::error::Error;
use std::sync::Arc;

use clerk_gate_core::{Gate, Policy, Requirement};
use clerk_gate_rocket::{GateFairing, Session};
use rocket::{get, routes};

#[get("/")]
async fn home() -> &'static str {
    "Everybody may read this.\n"
}

#[get("/me")]
async fn me(session: Session) -> String {
    format!("You are {}.\n", session.user_id())
}

#[get("/admin")]
async fn admin() -> &'static str {
    "Only administrators may read this.\n"
}

#[rocket::main]
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

    rocket::build()
        .mount("/", routes![home, me, admin])
        .attach(GateFairing::new(Arc::new(gate)))
        .launch()
        .await?;
    Ok(())
}
// docs:end program
