//! The routes: key sets, tokens, the sign-in page, and what every answer carries.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Form, Path, Query, Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN, AUTHORIZATION, CONTENT_TYPE,
    COOKIE, HOST, LOCATION, ORIGIN, SET_COOKIE, VARY,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{AppendHeaders, Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use clerk_gate_core::Secret;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::instance::Instance;
use crate::page;
use crate::persona::Persona;

pub(crate) fn router(instance: Arc<Instance>) -> Router {
    let guard = middleware::from_fn_with_state(Arc::clone(&instance), guard);
    Router::new()
        .route("/", get(Redirect::to("/sign-in")))
        .route("/.well-known/jwks.json", get(public_key_set))
        .route("/v1/jwks", get(backend_key_set))
        .route("/v1/client/sessions/{id}/tokens", post(refresh))
        .route("/v1/local/token", get(token))
        .route("/sign-in", get(choose).post(sign_in))
        .route("/sign-up", get(choose))
        .route("/sign-out", post(sign_out))
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
        "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; \
         form-action 'self' {}",
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

/// A fresh token for a page of the application (Clerk, Frontend API).
///
/// The answer is for the page that the session's own browser shows: the cookie proves the
/// browser, and the browser tells the page.
async fn refresh(
    State(instance): State<Arc<Instance>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let Some(party) = app_origin(&instance, &headers) else {
        return error(StatusCode::FORBIDDEN, "origin_invalid");
    };
    let session = client(&headers)
        .and_then(|client| instance.sessions.find(&client))
        .filter(|session| session.id == id);
    let answer = match session {
        Some(session) => {
            let token = instance.token(&session, party);
            ([JSON], json!({ "jwt": token }).to_string()).into_response()
        }
        None => error(StatusCode::NOT_FOUND, "resource_not_found"),
    };
    (readable_by(party), answer).into_response()
}

#[derive(Deserialize)]
struct TokenQuery {
    user: Persona,
    /// How many seconds ago the token was issued: above 60 it has expired.
    #[serde(default)]
    age: u32,
}

/// A token for the command line, as plain text.
async fn token(State(instance): State<Arc<Instance>>, Query(query): Query<TokenQuery>) -> String {
    instance.detached_token(query.user, query.age)
}

#[derive(Deserialize)]
struct ChooseQuery {
    #[serde(default)]
    redirect_url: String,
}

/// The page with the users.
async fn choose(
    State(instance): State<Arc<Instance>>,
    Query(query): Query<ChooseQuery>,
    headers: HeaderMap,
) -> Html<String> {
    let (_, way_back) = instance.way_back(&query.redirect_url);
    let session = client(&headers).and_then(|client| instance.sessions.find(&client));
    Html(page::sign_in(
        &way_back,
        session.map(|session| session.persona),
    ))
}

#[derive(Deserialize)]
struct SignIn {
    user: Persona,
    #[serde(default)]
    redirect_url: String,
}

/// Signs a user in and sends the browser back to the application.
///
/// A page elsewhere could otherwise sign its visitor in as a user of its choice.
async fn sign_in(
    State(instance): State<Arc<Instance>>,
    headers: HeaderMap,
    Form(form): Form<SignIn>,
) -> Response {
    if text(&headers, &ORIGIN) != Some(instance.origin()) {
        return error(StatusCode::FORBIDDEN, "origin_invalid");
    }
    let (party, way_back) = instance.way_back(&form.redirect_url);
    let session = instance.sign_in(form.user, client(&headers).as_ref());
    let token = instance.token(&session, party);
    let (client, since) = (session.client.expose(), session.since.as_secs());
    let cookies = AppendHeaders([
        (
            SET_COOKIE,
            format!("{SESSION}={token}; Path=/; Max-Age={YEAR}; SameSite=Lax"),
        ),
        (
            SET_COOKIE,
            format!("{UPDATED}={since}; Path=/; Max-Age={YEAR}; SameSite=Lax"),
        ),
        (
            SET_COOKIE,
            format!("{CLIENT}={client}; Path=/; Max-Age={YEAR}; SameSite=Strict; HttpOnly"),
        ),
    ]);
    (StatusCode::SEE_OTHER, cookies, [(LOCATION, way_back)]).into_response()
}

/// Ends the session. Only pages of the applications may ask for that.
async fn sign_out(State(instance): State<Arc<Instance>>, headers: HeaderMap) -> Response {
    let Some(party) = app_origin(&instance, &headers) else {
        return error(StatusCode::FORBIDDEN, "origin_invalid");
    };
    if let Some(client) = client(&headers) {
        instance.sessions.end(&client);
    }
    let cookies = AppendHeaders([
        (SET_COOKIE, format!("{SESSION}=; Path=/; Max-Age=0")),
        (
            SET_COOKIE,
            format!("{UPDATED}=0; Path=/; Max-Age={YEAR}; SameSite=Lax"),
        ),
        (SET_COOKIE, format!("{CLIENT}=; Path=/; Max-Age=0")),
    ]);
    (StatusCode::NO_CONTENT, cookies, readable_by(party)).into_response()
}

/// The application whose page has sent the request.
fn app_origin<'i>(instance: &'i Instance, headers: &HeaderMap) -> Option<&'i str> {
    text(headers, &ORIGIN).and_then(|origin| instance.app_origin(origin))
}

/// Lets pages of `origin` read the answer to a request with cookies (Fetch, CORS protocol).
fn readable_by(origin: &str) -> [(HeaderName, String); 3] {
    [
        (ACCESS_CONTROL_ALLOW_CREDENTIALS, "true".to_owned()),
        (ACCESS_CONTROL_ALLOW_ORIGIN, origin.to_owned()),
        (VARY, "origin".to_owned()),
    ]
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

const JSON: (HeaderName, &str) = (CONTENT_TYPE, "application/json");

const SCRIPT: &str = include_str!("../assets/clerk-local.js");
const STYLE: &str = include_str!("../assets/style.css");

/// With the referrer policy `no-referrer`, browsers would send the form with the origin `null`.
const SECURITY_HEADERS: [(&str, &str); 6] = [
    ("cache-control", "no-store"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("referrer-policy", "same-origin"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
];
