//! The guide's app on axum: public pages, a dashboard, an admin area and JSON APIs.
//!
//! `cargo run -p example-axum -- --local` needs neither an account nor a network.

use std::error::Error;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri, header::CONTENT_TYPE};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use clerk_gate_axum::{GateLayer, Json, MountedRouter, Session};
use clerk_gate_core::{ConfigErrors, Gate, JsonLines, Policy, Requirement, Rule};
use example_common::{Options, Pages, Setup};
use serde::Deserialize;
use serde_json::{Value, json};

/// What each route demands. Whatever is not listed needs a session.
fn policy() -> Result<Policy, ConfigErrors> {
    let admin = Requirement::role("org:admin");
    Policy::builder()
        .public("/")
        .public("/sign-in/{*rest}")
        .public("/sign-up/{*rest}")
        .assets("/assets/{*rest}")
        .session("/unauthorized")
        .session("/dashboard")
        .session("/api/protected")
        .require("/admin/{*rest}", admin.clone())
        .rule(Rule::require("/api/admin/{*rest}", admin).sensitive())
        .rule(Rule::session("/api/billing/{*rest}").sensitive())
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
        .route("/api/billing/plan", get(plan))
        .route("/api/protected", post(protected))
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

/// Needs a session, and every decision is recorded.
async fn plan(session: Session) -> Json<Value> {
    Json(json!({ "user": session.user_id(), "pro": session.has_plan("org:pro") }))
}

#[derive(Deserialize)]
struct Order {
    item: String,
}

/// Needs a session, and a body that is JSON, small and of this shape.
async fn protected(session: Session, Json(order): Json<Order>) -> Json<Value> {
    Json(json!({ "success": true, "user": session.user_id(), "item": order.item }))
}

/// Static: no credential is looked at.
async fn asset(Path(name): Path<String>) -> Response {
    match example_common::asset(&name) {
        Some((kind, text)) => ([(CONTENT_TYPE, kind)], text).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let Some(options) = Options::parse()? else {
        return Ok(());
    };
    let (listener, setup) = Setup::new(&options)?;
    let gate = Gate::builder(&setup.settings, setup.keys.keyring(), policy()?)
        .with_audit(Arc::new(JsonLines::new(io::stderr())))
        .build()?;
    let router = routes().into_router();
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
        assert_eq!(undeclared.iter().count(), 10);
    }
}
