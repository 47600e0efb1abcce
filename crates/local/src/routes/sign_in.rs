//! The page with the users, and what its buttons do.

use std::sync::Arc;

use axum::extract::{Form, Query, State};
use axum::http::header::{LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{AppendHeaders, Html, IntoResponse, Response};
use serde::Deserialize;

use super::{CLIENT, SESSION, UPDATED, YEAR, client, error, is_own};
use crate::instance::Instance;
use crate::page;
use crate::persona::Persona;

#[derive(Deserialize)]
pub(super) struct ChooseQuery {
    #[serde(default)]
    redirect_url: String,
}

/// The page with the users.
pub(super) async fn choose(
    State(instance): State<Arc<Instance>>,
    Query(query): Query<ChooseQuery>,
    headers: HeaderMap,
) -> Html<String> {
    let (_, way_back) = instance.way_back(&query.redirect_url);
    let session = client(&headers).and_then(|client| instance.session_of(&client));
    let current = session.map(|session| session.persona);
    Html(page::sign_in(&way_back, &instance.users.all(), current))
}

#[derive(Deserialize)]
pub(super) struct SignIn {
    user: Option<Persona>,
    /// In whose place somebody of support acts, instead.
    impersonate: Option<Persona>,
    #[serde(default)]
    redirect_url: String,
}

/// Signs a user in and sends the browser back to the application.
///
/// A page elsewhere could otherwise sign its visitor in as a user of its choice.
pub(super) async fn sign_in(
    State(instance): State<Arc<Instance>>,
    headers: HeaderMap,
    Form(form): Form<SignIn>,
) -> Response {
    if !is_own(&instance, &headers) {
        return error(StatusCode::FORBIDDEN, "origin_invalid");
    }
    let (persona, impersonated) = match (form.user, form.impersonate) {
        (Some(persona), None) => (persona, false),
        (None, Some(persona)) => (persona, true),
        _ => return error(StatusCode::BAD_REQUEST, "form_param_invalid"),
    };
    let (party, way_back) = instance.way_back(&form.redirect_url);
    let session = match instance.sign_in(persona, impersonated, client(&headers).as_ref()) {
        Ok(session) => session,
        Err(refused) => return refused.into_response(),
    };
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
