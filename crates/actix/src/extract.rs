//! Extractors: what a handler may know of who is asking, and JSON bodies.

use std::fmt;
use std::future::{Future, Ready, ready};
use std::ops::Deref;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{
    FromRequest, HttpMessage, HttpRequest, HttpResponse, Responder, ResponseError, web,
};
use clerk_gate_core as core;
use clerk_gate_core::{FromGrant, Grant, JsonLimits, Reply};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::apply::respond;
use crate::view::view;

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

impl<T: FromGrant> FromRequest for Granted<T> {
    type Error = Refusal;
    type Future = Ready<Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(granted(request, T::from_grant).map(Self))
    }
}

impl<T: DeserializeOwned> FromRequest for Json<T> {
    type Error = Refusal;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Refusal>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (
            request.clone(),
            web::Payload::from_request(request, payload),
        );
        Box::pin(async move {
            let limits = granted(&request, |grant| Ok(grant.json()))?;
            limits.admit(&view(&request))?;
            let payload = payload.await.map_err(|_| JsonLimits::incomplete())?;
            let body = payload.to_bytes_limited(limits.max_bytes()).await;
            let bytes = body
                .map_err(|_| JsonLimits::too_large())?
                .map_err(|_| JsonLimits::incomplete())?;
            Ok(Self(limits.parse(&bytes)?))
        })
    }
}

/// Takes from the decision about this very request.
fn granted<T>(
    request: &HttpRequest,
    take: impl FnOnce(&Grant) -> Result<T, Reply>,
) -> Result<T, Refusal> {
    let extensions = request.extensions();
    let grant = extensions.get::<Grant>().ok_or_else(|| {
        Reply::gate_missing("wrap the application: App::new().wrap(GateMiddleware::new(gate))")
    })?;
    grant.covers(request.method().as_str(), request.uri().path())?;
    Ok(take(grant)?)
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

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("refused by the gate")
    }
}

impl<T: Serialize> Responder for Json<T> {
    type Body = <web::Json<T> as Responder>::Body;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse<Self::Body> {
        web::Json(self.0).respond_to(request)
    }
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        respond(&self.0).status()
    }

    fn error_response(&self) -> HttpResponse {
        respond(&self.0)
    }
}
