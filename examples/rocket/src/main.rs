//! The guide's app on Rocket: public pages, a dashboard, an admin area and JSON APIs.
//!
//! `cargo run -p example-rocket -- --local` needs neither an account nor a network.

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;

use clerk_gate_core::revocation::Revocations;
use clerk_gate_core::webhook::Endpoint;
use clerk_gate_core::{ConfigErrors, Gate, Policy, Requirement, Reverification, Right, Rule};
use clerk_gate_rocket::{GateFairing, Has, Json, Session};
use example_common::{Options, Pages, Setup};
use rocket::config::{Config, LogLevel};
use rocket::fairing::AdHoc;
use rocket::http::{ContentType, Status, uri::Origin};
use rocket::response::{Redirect, content::RawHtml};
use rocket::{Either, Route, State, catch, catchers, get, post, routes};
use serde::Deserialize;
use serde_json::{Value, json};

/// What each route demands. Whatever is not listed needs a session.
fn policy() -> Result<Policy, ConfigErrors> {
    let admin = Requirement::role("org:admin");
    let lately = Requirement::reverified(Reverification::STRICT.demanding_second_factor());
    Policy::builder()
        .public("/")
        .public("/sign-in/{*rest}")
        .public("/sign-up/{*rest}")
        .assets("/assets/{*rest}")
        .session("/unauthorized")
        .session("/dashboard")
        .session("/api/protected")
        .session("/api/sign-out-everywhere")
        .require("/admin/{*rest}", admin.clone())
        .rule(Rule::require("/api/admin/{*rest}", admin).sensitive())
        .rule(Rule::session("/api/billing/{*rest}").sensitive())
        .rule(Rule::require("/api/billing/upgrade", lately).sensitive())
        .build()
}

/// The routes. The gate goes around all of them, so no handler checks anything.
fn routes() -> Vec<Route> {
    routes![
        home,
        sign_in,
        sign_up,
        unauthorized,
        dashboard,
        admin,
        stats,
        publish,
        plan,
        upgrade,
        protected,
        sign_out_everywhere,
        asset,
    ]
}

/// Public: a session is welcome, not needed.
#[get("/")]
async fn home(pages: &State<Pages>, session: Option<Session>) -> RawHtml<String> {
    RawHtml(pages.home(session.as_deref()))
}

/// Public: the stand-in has a page of its own, Clerk's component goes into one of ours.
#[get("/sign-in")]
async fn sign_in(pages: &State<Pages>, uri: &Origin<'_>) -> Either<Redirect, RawHtml<String>> {
    let (path, query) = (uri.path().as_str(), uri.query().map(|query| query.as_str()));
    match pages.stand_in(path, query) {
        Some(url) => Either::Left(Redirect::to(url)),
        None => Either::Right(RawHtml(pages.sign_in(path))),
    }
}

#[get("/sign-up")]
async fn sign_up(pages: &State<Pages>, uri: &Origin<'_>) -> Either<Redirect, RawHtml<String>> {
    sign_in(pages, uri).await
}

/// Where navigations end that lack a role.
#[get("/unauthorized")]
async fn unauthorized(pages: &State<Pages>, session: Session) -> (Status, RawHtml<String>) {
    (Status::Forbidden, RawHtml(pages.unauthorized(&session)))
}

/// Needs a session.
#[get("/dashboard")]
async fn dashboard(pages: &State<Pages>, session: Session) -> RawHtml<String> {
    RawHtml(pages.dashboard(&session))
}

/// Needs the role `org:admin`.
#[get("/admin")]
async fn admin(pages: &State<Pages>, session: Session) -> RawHtml<String> {
    RawHtml(pages.admin(&session))
}

/// Needs the role `org:admin`, and every decision is recorded.
#[get("/api/admin/stats")]
async fn stats(session: Session) -> Json<Value> {
    let organization = session.organization().and_then(|acme| acme.slug());
    Json(json!({ "organization": organization, "members": 2 }))
}

/// Managing reports, and nobody in a user's place.
struct ManageReports;

impl Right for ManageReports {
    fn requirement() -> Requirement {
        Requirement::permission("org:reports:manage").and_no_impersonation()
    }
}

/// Needs the role `org:admin`, and the right that the signature names.
#[post("/api/admin/reports")]
async fn publish(session: Has<ManageReports>) -> Json<Value> {
    Json(json!({ "published": true, "by": session.user_id() }))
}

/// Needs a session, and every decision is recorded.
#[get("/api/billing/plan")]
async fn plan(session: Session) -> Json<Value> {
    Json(json!({ "user": session.user_id(), "pro": session.has_plan("org:pro") }))
}

/// Needs a second factor shown in the last ten minutes, and every decision is recorded.
#[post("/api/billing/upgrade")]
async fn upgrade(session: Session) -> Json<Value> {
    Json(json!({ "user": session.user_id(), "upgraded": true }))
}

#[derive(Deserialize)]
struct Order {
    item: String,
}

/// Needs a session, and a body that is JSON, small and of this shape.
#[post("/api/protected", data = "<order>")]
async fn protected(session: Session, order: Json<Order>) -> Json<Value> {
    Json(json!({ "success": true, "user": session.user_id(), "item": order.0.item }))
}

/// Refuses every token of the user that was issued until now, in every browser.
#[post("/api/sign-out-everywhere")]
async fn sign_out_everywhere(
    revocations: &State<Arc<Revocations>>,
    session: Session,
) -> Result<Json<Value>, Status> {
    let revoked = revocations.revoke_user(session.user_id()).await;
    revoked.map_err(|_| Status::ServiceUnavailable)?;
    Ok(Json(json!({ "success": true })))
}

/// Static: no credential is looked at.
#[get("/assets/<name>")]
async fn asset(name: &str) -> Option<(ContentType, &'static str)> {
    let (kind, text) = example_common::asset(name)?;
    Some((ContentType::parse_flexible(kind)?, text))
}

/// What no route has.
#[catch(404)]
async fn missing() -> &'static str {
    "Not found\n"
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let Some(options) = Options::parse()? else {
        return Ok(());
    };
    let (listener, setup) = Setup::new(&options)?;
    // What has ended at Clerk, its webhooks tell; the gate refuses it from then on.
    let revocations = Arc::new(Revocations::local());
    let webhook = Endpoint::new(&setup.settings, setup.store()?, setup.users.clone())?;
    let gate = Gate::builder(&setup.settings, setup.keys.keyring(), policy()?)
        .with_audit(setup.audit())
        .with_revocations(Arc::clone(&revocations))
        .with_webhook("/api/webhooks/clerk", webhook)
        .build()?;
    let config = Config {
        port: listener.local_addr()?.port(),
        // It would stand between the lines that this program prints.
        log_level: LogLevel::Off,
        ..Config::default()
    };
    let listening = setup.to_string();
    let rocket = rocket::custom(config)
        .manage(Pages::new(&setup))
        .manage(revocations)
        .mount("/", routes())
        .register("/", catchers![missing])
        .attach(AdHoc::on_liftoff("listening", |_| {
            Box::pin(async move { println!("{listening}") })
        }))
        .attach(GateFairing::new(Arc::new(gate)));
    // Rocket binds its port itself.
    drop(listener);
    rocket.launch().await?;
    Ok(())
}

#[rocket::main]
async fn main() -> ExitCode {
    example_common::exit_code(serve().await)
}

#[cfg(test)]
mod tests {
    use clerk_gate_rocket::mounted;

    use super::*;

    #[test]
    fn every_route_is_declared() {
        let rocket = rocket::build().mount("/", routes());
        let coverage = policy().unwrap().coverage(mounted(&rocket));
        assert!(coverage.check().is_ok(), "{coverage}");
        let bare = Policy::builder().build().unwrap();
        let undeclared = bare.coverage(mounted(&rocket)).check().unwrap_err();
        assert_eq!(undeclared.iter().count(), 13);
    }
}
