//! What pages of the applications ask for (Clerk, Frontend API), and command lines.

use std::sync::Arc;

use axum::extract::{Form, Path, Query, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN, ORIGIN, SET_COOKIE, VARY,
};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{AppendHeaders, IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{CLIENT, JSON, SESSION, UPDATED, YEAR, client, error, text};
use crate::instance::{Instance, Refused};
use crate::persona::Persona;
use crate::sessions::{Factor, Session};

/// A fresh token for a page of the application (Clerk, Frontend API).
///
/// The answer is for the page that the session's own browser shows: the cookie proves the
/// browser, and the browser tells the page.
pub(super) async fn refresh(
    State(instance): State<Arc<Instance>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let Some(party) = app_origin(&instance, &headers) else {
        return error(StatusCode::FORBIDDEN, "origin_invalid");
    };
    let answer = match own_session(&instance, &headers, &id) {
        Ok(session) => {
            let token = instance.token(&session, party);
            ([JSON], json!({ "jwt": token }).to_string()).into_response()
        }
        Err(refused) => refused.into_response(),
    };
    (readable_by(party), answer).into_response()
}

#[derive(Deserialize)]
pub(super) struct Verify {
    factor: Factor,
    #[serde(default)]
    code: String,
}

/// Notes that the user of this browser has shown a factor: with Clerk this is a conversation, here
/// it is one code, that of Clerk's test users.
pub(super) async fn verify(
    State(instance): State<Arc<Instance>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Form(form): Form<Verify>,
) -> Response {
    let Some(party) = app_origin(&instance, &headers) else {
        return error(StatusCode::FORBIDDEN, "origin_invalid");
    };
    let answer = if form.code == TEST_CODE {
        own_session(&instance, &headers, &id)
            .and_then(|session| instance.verify(&session.id, form.factor))
            .map_or_else(Refused::into_response, |_| {
                StatusCode::NO_CONTENT.into_response()
            })
    } else {
        error(StatusCode::UNPROCESSABLE_ENTITY, "form_code_incorrect")
    };
    (readable_by(party), answer).into_response()
}

/// The sessions of the user of this browser, in all browsers (Clerk, `User.getSessions`).
pub(super) async fn sessions(
    State(instance): State<Arc<Instance>>,
    headers: HeaderMap,
) -> Response {
    let Some(party) = app_origin(&instance, &headers) else {
        return error(StatusCode::FORBIDDEN, "origin_invalid");
    };
    let own = client(&headers).and_then(|client| instance.session_of(&client));
    let sessions = own.map(|own| instance.sessions_of(own.persona));
    let ids = sessions
        .into_iter()
        .flatten()
        .map(|own| json!({ "id": own.id }));
    let body = Value::from_iter(ids).to_string();
    (readable_by(party), [JSON], body).into_response()
}

/// Ends a session of the user of this browser (Clerk, `SessionWithActivities.revoke`).
pub(super) async fn revoke(
    State(instance): State<Arc<Instance>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let Some(party) = app_origin(&instance, &headers) else {
        return error(StatusCode::FORBIDDEN, "origin_invalid");
    };
    let own = client(&headers).and_then(|client| instance.session_of(&client));
    let ended = own.map(|own| instance.revoke(|s| s.id == id && s.persona == own.persona));
    let answer = match ended {
        Some(1..) => StatusCode::NO_CONTENT.into_response(),
        _ => Refused::NoSession.into_response(),
    };
    (readable_by(party), answer).into_response()
}

/// Ends the session. Only pages of the applications may ask for that.
pub(super) async fn sign_out(
    State(instance): State<Arc<Instance>>,
    headers: HeaderMap,
) -> Response {
    let Some(party) = app_origin(&instance, &headers) else {
        return error(StatusCode::FORBIDDEN, "origin_invalid");
    };
    if let Some(client) = client(&headers) {
        instance.sign_out(&client);
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

#[derive(Deserialize)]
pub(super) struct TokenQuery {
    /// For whom: a session of its own is started for the token.
    user: Option<Persona>,
    /// Of which session, instead.
    session: Option<String>,
    /// How many seconds ago the token was issued: above 60 it has expired.
    #[serde(default)]
    age: u32,
    /// Whether somebody of support acts in the user's place.
    #[serde(default)]
    impersonated: bool,
    /// Whether the second factor was shown when the token was issued.
    #[serde(default)]
    second_factor: bool,
}

/// A token for the command line, as plain text.
pub(super) async fn token(
    State(instance): State<Arc<Instance>>,
    Query(query): Query<TokenQuery>,
) -> Response {
    let user = match (query.user, query.session) {
        (Some(user), None) => user,
        (None, Some(id)) => {
            let token = instance.aged_token(&id, query.age);
            return token.map_or_else(Refused::into_response, String::into_response);
        }
        _ => return error(StatusCode::BAD_REQUEST, "form_param_invalid"),
    };
    let mut session = instance
        .detached(user, query.age)
        .impersonated(query.impersonated);
    if query.second_factor {
        session.show(Factor::Second, session.since);
    }
    instance.first_token(&session).into_response()
}

/// The session with this id, if it is that of the browser that asks.
fn own_session(instance: &Instance, headers: &HeaderMap, id: &str) -> Result<Session, Refused> {
    client(headers)
        .and_then(|client| instance.session_of(&client))
        .filter(|session| session.id == id)
        .ok_or(Refused::NoSession)
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

/// What Clerk's test users are sent.
const TEST_CODE: &str = "424242";
