//! The routes: key sets, what pages ask for, the stand-in's own pages, what every answer carries.

mod client;
mod inspector;
mod sign_in;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use clerk_gate_core::Secret;
use serde_json::{Value, json};

use crate::instance::{Instance, Refused};

pub(crate) fn router(instance: Arc<Instance>) -> Router {
    let guard = middleware::from_fn_with_state(Arc::clone(&instance), guard);
    Router::new()
        .route("/", get(Redirect::to("/sign-in")))
        .route("/.well-known/jwks.json", get(public_key_set))
        .route("/v1/jwks", get(backend_key_set))
        .route("/v1/client/sessions/{id}/tokens", post(client::refresh))
        .route("/v1/client/sessions/{id}/verify", post(client::verify))
        .route("/v1/me/sessions/active", get(client::sessions))
        .route("/v1/me/sessions/{id}/revoke", post(client::revoke))
        .route("/v1/local/token", get(client::token))
        .route("/sign-in", get(sign_in::choose).post(sign_in::sign_in))
        .route("/sign-up", get(sign_in::choose))
        .route("/sign-out", post(client::sign_out))
        .route("/inspector", get(inspector::show).post(inspector::act))
        .route("/inspector.js", get((INSPECTOR_JAVASCRIPT, INSPECTOR)))
        .route("/clerk-local.js", get((JAVASCRIPT, SCRIPT)))
        .route("/style.css", get((CSS, STYLE)))
        .layer(guard)
        .with_state(instance)
}

/// Refuses requests for other hosts, so that no page can have a name of its own resolve to this
/// address and read answers as its own (DNS rebinding). Adds the security headers.
async fn guard(State(instance): State<Arc<Instance>>, request: Request, next: Next) -> Response {
    let host = request.headers().get(HOST);
    let mut response = if host.is_some_and(|host| host == instance.authority()) {
        next.run(request).await
    } else {
        StatusCode::MISDIRECTED_REQUEST.into_response()
    };
    // A redirect that answers a form counts as its action, and it leads to an application.
    let policy = format!(
        "default-src 'none'; connect-src 'self'; script-src 'self'; style-src 'self'; \
         base-uri 'none'; frame-ancestors 'none'; form-action 'self' {}",
        instance.app_origins(" ")
    );
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.insert("content-security-policy", policy);
    }
    for (name, value) in SECURITY_HEADERS {
        let value = HeaderValue::from_static(value);
        headers
            .entry(HeaderName::from_static(name))
            .or_insert(value);
    }
    response
}

/// What anybody may know (Clerk, Frontend API).
async fn public_key_set(State(instance): State<Arc<Instance>>) -> impl IntoResponse {
    ([JSON], instance.key_set().to_string())
}

/// The same for holders of the secret key (Clerk, Backend API `GET /v1/jwks`).
async fn backend_key_set(State(instance): State<Arc<Instance>>, headers: HeaderMap) -> Response {
    let key = text(&headers, &AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
    if key.is_some_and(|key| instance.is_secret_key(key)) {
        ([JSON], instance.key_set().to_string()).into_response()
    } else {
        error(StatusCode::UNAUTHORIZED, "clerk_key_invalid")
    }
}

/// The browser's own cookie.
fn client(headers: &HeaderMap) -> Option<Secret> {
    let lines = headers.get_all(COOKIE).iter();
    let mut cookies = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split("; "));
    let value = cookies.find_map(|cookie| cookie.strip_prefix(CLIENT)?.strip_prefix('='));
    value.map(Secret::new)
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Whether the request comes from one of the stand-in's own pages: those alone may act as anybody.
fn is_own(instance: &Instance, headers: &HeaderMap) -> bool {
    text(headers, &ORIGIN) == Some(instance.origin())
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Self::Banned => error(StatusCode::FORBIDDEN, "user_banned"),
            Self::NoAction => error(StatusCode::BAD_REQUEST, "form_param_invalid"),
            Self::NoSecondFactor => error(StatusCode::UNPROCESSABLE_ENTITY, "no_second_factors"),
            Self::NoDelivery | Self::NoSession => {
                error(StatusCode::NOT_FOUND, "resource_not_found")
            }
        }
    }
}

/// An error in the form of Clerk's APIs.
fn error(status: StatusCode, code: &str) -> Response {
    let body: Value = json!({ "errors": [{ "code": code }] });
    (status, [JSON], body.to_string()).into_response()
}

/// The session cookie of the application, readable by scripts as with Clerk.
const SESSION: &str = "__session";

/// When the browser signed in, or 0.
const UPDATED: &str = "__client_uat";

const CLIENT: &str = "__client";

/// In seconds; the token inside the session cookie lives 60 of them.
const YEAR: u32 = 365 * 24 * 60 * 60;

const CSS: [(&str, &str); 1] = [("content-type", "text/css; charset=utf-8")];

/// Pages of the application load it. That they differ in the port alone does not make them of
/// the same site here: an address has no registrable domain (Fetch, CORP check).
const JAVASCRIPT: [(&str, &str); 2] = [
    ("content-type", "text/javascript; charset=utf-8"),
    ("cross-origin-resource-policy", "cross-origin"),
];

const INSPECTOR_JAVASCRIPT: [(&str, &str); 1] =
    [("content-type", "text/javascript; charset=utf-8")];

const JSON: (HeaderName, &str) = (CONTENT_TYPE, "application/json");

const SCRIPT: &str = include_str!("../../assets/clerk-local.js");
const INSPECTOR: &str = include_str!("../../assets/inspector.js");
const STYLE: &str = include_str!("../../assets/style.css");

/// With the referrer policy `no-referrer`, browsers would send the form with the origin `null`.
const SECURITY_HEADERS: [(&str, &str); 6] = [
    ("cache-control", "no-store"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("referrer-policy", "same-origin"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
];
