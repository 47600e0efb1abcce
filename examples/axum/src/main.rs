//! The guide's app on axum: public pages, a dashboard, an admin area and JSON APIs.
//!
//! `cargo run -p example-axum -- --local` needs neither an account nor a network.

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;

use axum::extract::{Extension, Path, State};
use axum::http::{StatusCode, Uri, header::CONTENT_TYPE};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use clerk_gate_axum::{GateLayer, Has, Json, MountedRouter, Session};
use clerk_gate_core::revocation::Revocations;
use clerk_gate_core::webhook::Endpoint;
use clerk_gate_core::{ConfigErrors, Gate, Policy, Requirement, Reverification, Right, Rule};
use example_common::{Options, Pages, Setup};
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
fn routes() -> MountedRouter<Arc<Pages>> {
    MountedRouter::new()
        .route("/", get(home))
        .route("/sign-in", get(sign_in))
        .route("/sign-up", get(sign_in))
        .route("/unauthorized", get(unauthorized))
        .route("/dashboard", get(dashboard))
        .route("/admin", get(admin))
        .route("/api/admin/stats", get(stats))
        .route("/api/admin/reports", post(publish))
        .route("/api/billing/plan", get(plan))
        .route("/api/billing/upgrade", post(upgrade))
        .route("/api/protected", post(protected))
        .route("/api/sign-out-everywhere", post(sign_out_everywhere))
        .route("/assets/{name}", get(asset))
}

/// Public: a session is welcome, not needed.
async fn home(State(pages): State<Arc<Pages>>, session: Option<Session>) -> Html<String> {
    Html(pages.home(session.as_deref()))
}

/// Public: the stand-in has a page of its own, Clerk's component goes into one of ours.
async fn sign_in(State(pages): State<Arc<Pages>>, uri: Uri) -> Response {
    match pages.stand_in(uri.path(), uri.query()) {
        Some(url) => Redirect::to(&url).into_response(),
        None => Html(pages.sign_in(uri.path())).into_response(),
    }
}

/// Where navigations end that lack a role.
async fn unauthorized(State(pages): State<Arc<Pages>>, session: Session) -> impl IntoResponse {
    (StatusCode::FORBIDDEN, Html(pages.unauthorized(&session)))
}

/// Needs a session.
async fn dashboard(State(pages): State<Arc<Pages>>, session: Session) -> Html<String> {
    Html(pages.dashboard(&session))
}

/// Needs the role `org:admin`.
async fn admin(State(pages): State<Arc<Pages>>, session: Session) -> Html<String> {
    Html(pages.admin(&session))
}

/// Needs the role `org:admin`, and every decision is recorded.
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
async fn publish(session: Has<ManageReports>) -> Json<Value> {
    Json(json!({ "published": true, "by": session.user_id() }))
}

/// Needs a session, and every decision is recorded.
async fn plan(session: Session) -> Json<Value> {
    Json(json!({ "user": session.user_id(), "pro": session.has_plan("org:pro") }))
}

/// Needs a second factor shown in the last ten minutes, and every decision is recorded.
async fn upgrade(session: Session) -> Json<Value> {
    Json(json!({ "user": session.user_id(), "upgraded": true }))
}

#[derive(Deserialize)]
struct Order {
    item: String,
}

/// Needs a session, and a body that is JSON, small and of this shape.
async fn protected(session: Session, Json(order): Json<Order>) -> Json<Value> {
    Json(json!({ "success": true, "user": session.user_id(), "item": order.item }))
}

/// Refuses every token of the user that was issued until now, in every browser.
async fn sign_out_everywhere(
    Extension(revocations): Extension<Arc<Revocations>>,
    session: Session,
) -> Result<Json<Value>, StatusCode> {
    let revoked = revocations.revoke_user(session.user_id()).await;
    revoked.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    Ok(Json(json!({ "success": true })))
}

/// Static: no credential is looked at.
async fn asset(Path(name): Path<String>) -> Response {
    match example_common::asset(&name) {
        Some((kind, text)) => ([(CONTENT_TYPE, kind)], text).into_response(),
        None => missing().await.into_response(),
    }
}

/// What no route has.
async fn missing() -> (StatusCode, &'static str) {
    (StatusCode::NOT_FOUND, "Not found\n")
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
    let router = routes().into_router().fallback(missing);
    let router = router.layer(Extension(revocations));
    let router = router.with_state(Arc::new(Pages::new(&setup)));
    let app = GateLayer::new(Arc::new(gate)).layer(router);
    println!("{setup}");
    let listener = tokio::net::TcpListener::from_std(listener)?;
    Ok(axum::serve(listener, app.into_make_service()).await?)
}

#[tokio::main]
async fn main() -> ExitCode {
    example_common::exit_code(serve().await)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_declared() {
        let routes = routes();
        let coverage = policy().unwrap().coverage(routes.mounted());
        assert!(coverage.check().is_ok(), "{coverage}");
        let bare = Policy::builder().build().unwrap();
        let undeclared = bare.coverage(routes.mounted()).check().unwrap_err();
        assert_eq!(undeclared.iter().count(), 13);
    }
}
