//! The guide's app on actix-web: public pages, a dashboard, an admin area and JSON APIs.
//!
//! `cargo run -p example-actix -- --local` needs neither an account nor a network.

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;

use actix_web::error::ErrorServiceUnavailable;
use actix_web::guard::{Any, Get, Head};
use actix_web::http::{StatusCode, Uri, header::CONTENT_TYPE};
use actix_web::web::{self, Data, Html, Path, Redirect, ServiceConfig, post};
use actix_web::{App, Either, HttpServer, Responder, Route};
use clerk_gate_actix::{GateMiddleware, Has, Json, Session};
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
fn routes(app: &mut ServiceConfig) {
    app.route("/", get().to(home))
        .route("/sign-in", get().to(sign_in))
        .route("/sign-up", get().to(sign_in))
        .route("/unauthorized", get().to(unauthorized))
        .route("/dashboard", get().to(dashboard))
        .route("/admin", get().to(admin))
        .route("/api/admin/stats", get().to(stats))
        .route("/api/admin/reports", post().to(publish))
        .route("/api/billing/plan", get().to(plan))
        .route("/api/billing/upgrade", post().to(upgrade))
        .route("/api/protected", post().to(protected))
        .route("/api/sign-out-everywhere", post().to(sign_out_everywhere))
        .route("/assets/{name}", get().to(asset))
        .default_service(web::to(missing));
}

/// `HEAD` goes where `GET` goes; actix-web leaves that to the application.
fn get() -> Route {
    web::route().guard(Any(Get()).or(Head()))
}

/// Public: a session is welcome, not needed.
async fn home(pages: Data<Pages>, session: Option<Session>) -> Html {
    Html::new(pages.home(session.as_deref()))
}

/// Public: the stand-in has a page of its own, Clerk's component goes into one of ours.
async fn sign_in(pages: Data<Pages>, uri: Uri) -> Either<Redirect, Html> {
    match pages.stand_in(uri.path(), uri.query()) {
        Some(url) => Either::Left(Redirect::to(url).see_other()),
        None => Either::Right(Html::new(pages.sign_in(uri.path()))),
    }
}

/// Where navigations end that lack a role.
async fn unauthorized(pages: Data<Pages>, session: Session) -> (Html, StatusCode) {
    (
        Html::new(pages.unauthorized(&session)),
        StatusCode::FORBIDDEN,
    )
}

/// Needs a session.
async fn dashboard(pages: Data<Pages>, session: Session) -> Html {
    Html::new(pages.dashboard(&session))
}

/// Needs the role `org:admin`.
async fn admin(pages: Data<Pages>, session: Session) -> Html {
    Html::new(pages.admin(&session))
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
    revocations: Data<Revocations>,
    session: Session,
) -> actix_web::Result<Json<Value>> {
    let revoked = revocations.revoke_user(session.user_id()).await;
    revoked.map_err(ErrorServiceUnavailable)?;
    Ok(Json(json!({ "success": true })))
}

/// Static: no credential is looked at.
async fn asset(name: Path<String>) -> impl Responder {
    match example_common::asset(&name) {
        Some((kind, text)) => Either::Left(text.customize().insert_header((CONTENT_TYPE, kind))),
        None => Either::Right(missing().await),
    }
}

/// What no route has.
async fn missing() -> impl Responder {
    "Not found\n".customize().with_status(StatusCode::NOT_FOUND)
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
    let gate = GateMiddleware::new(Arc::new(gate));
    let (pages, revocations) = (Data::new(Pages::new(&setup)), Data::from(revocations));
    // The gate is registered last, so it runs first.
    let app = move || {
        App::new()
            .app_data(pages.clone())
            .app_data(revocations.clone())
            .configure(routes)
            .wrap(gate.clone())
    };
    println!("{setup}");
    Ok(HttpServer::new(app).listen(listener)?.run().await?)
}

#[actix_web::main]
async fn main() -> ExitCode {
    example_common::exit_code(serve().await)
}

#[cfg(test)]
mod tests {
    use actix_web::introspection::IntrospectionTree;
    use actix_web::test;
    use clerk_gate_actix::mounted;

    use super::*;

    #[actix_web::test]
    async fn every_route_is_declared() {
        let app = test::init_service(App::new().configure(routes)).await;
        let request = test::TestRequest::with_uri("/nothing").to_request();
        let response = test::call_service(&app, request).await;
        let tree = response.request().app_data::<Data<IntrospectionTree>>();
        let tree = tree.unwrap();
        let coverage = policy().unwrap().coverage(mounted(tree));
        assert!(coverage.check().is_ok(), "{coverage}");
        let bare = Policy::builder().build().unwrap();
        let undeclared = bare.coverage(mounted(tree)).check().unwrap_err();
        // Nine of the thirteen take two methods.
        assert_eq!(undeclared.iter().count(), 22);
    }
}
