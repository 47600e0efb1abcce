//! Extractors: what a handler may know of who is asking, and JSON bodies.

use std::ops::Deref;

use axum::extract::{
    FromRequest, FromRequestParts, OptionalFromRequestParts, OriginalUri, Request,
};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use clerk_gate_core as core;
use clerk_gate_core::{FromGrant, Grant, JsonLimits, Reply};
use clerk_gate_tower::{respond, view_of_parts};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What an extractor takes from the gate's decision: use it by one of its names below.
#[derive(Clone, Debug)]
pub struct Granted<T>(pub T);

/// The session of whoever asks. On a public route without one the answer is the gate's own 401;
/// take `Option<Session>` where a session is welcome but not needed.
pub type Session = Granted<core::Session>;

/// The session of whoever asks, if it has the right `R`; otherwise the answer is what a rule with
/// that requirement would say.
pub type Has<R> = Granted<core::Has<R>>;

/// Who is asking, on any route.
pub type Principal = Granted<core::Principal>;

/// The nonce of this response's Content-Security-Policy; `None` if the policy has none.
pub type Nonce = Granted<Option<core::Nonce>>;

/// A JSON body, held to the gate's limits: content type, size, depth, syntax. In a response, a
/// value as JSON.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

/// A refusal by an extractor, in the gate's own words.
#[derive(Clone, Debug)]
pub struct Refusal(Reply);

impl<T: FromGrant, S: Sync> FromRequestParts<S> for Granted<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        Ok(Self(T::from_grant(grant(parts)?)?))
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for Session {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Refusal> {
        Ok(grant(parts)?.session().cloned().map(Granted))
    }
}

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Json<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refusal> {
        let (parts, body) = request.into_parts();
        let limits = grant(&parts)?.json();
        limits.admit(&view_of_parts(&parts))?;
        let body = Limited::new(body, limits.max_bytes()).collect().await;
        let bytes = body.map_err(|error| {
            if error.is::<LengthLimitError>() {
                JsonLimits::too_large()
            } else {
                JsonLimits::incomplete()
            }
        })?;
        Ok(Self(limits.parse(&bytes.to_bytes())?))
    }
}

/// The decision about this very request.
fn grant(parts: &Parts) -> Result<&Grant, Refusal> {
    let grant = parts.extensions.get::<Grant>();
    let grant = grant.ok_or_else(|| {
        Reply::gate_missing("serve the router as GateLayer::new(gate).layer(router)")
    })?;
    // `nest` strips the path of the request that handlers see; the router kept the whole one.
    let whole = parts.extensions.get::<OriginalUri>();
    let uri = whole.map_or(&parts.uri, |OriginalUri(uri)| uri);
    grant.covers_nested(parts.method.as_str(), uri.path(), parts.uri.path())?;
    Ok(grant)
}

impl<T> Deref for Granted<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl From<Reply> for Refusal {
    fn from(reply: Reply) -> Self {
        Self(reply)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        respond(&self.0)
    }
}
