//! Guards: what a handler may know of who is asking, and JSON bodies.

use std::ops::Deref;

use clerk_gate_core as core;
use clerk_gate_core::{FromGrant, Grant, JsonLimits, Reply};
use rocket::data::{Data, FromData};
use rocket::request::{FromRequest, Outcome};
use rocket::response::Responder;
use rocket::{Ignite, Request, Rocket, Sentinel, data, response};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::apply::respond;
use crate::body::{Body, read};
use crate::fairing::{Attached, Decided, refuse};
use crate::view::view;

/// What a guard takes from the gate's decision: use it by one of its names below.
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

/// A refusal by a guard, in the gate's own words.
#[derive(Clone, Debug)]
pub struct Refusal(pub(crate) Reply);

#[rocket::async_trait]
impl<'r, T: FromGrant> FromRequest<'r> for Granted<T> {
    type Error = Refusal;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Refusal> {
        match grant(request).and_then(T::from_grant) {
            Ok(value) => Outcome::Success(Self(value)),
            Err(reply) => Outcome::Error(refuse(request, reply)),
        }
    }
}

/// Without the fairing Rocket refuses to launch a route that has a guard.
impl<T> Sentinel for Granted<T> {
    fn abort(rocket: &Rocket<Ignite>) -> bool {
        rocket.state::<Attached>().is_none()
    }
}

#[rocket::async_trait]
impl<'r, T: DeserializeOwned> FromData<'r> for Json<T> {
    type Error = Refusal;

    async fn from_data(request: &'r Request<'_>, data: Data<'r>) -> data::Outcome<'r, Self> {
        match json(request, data).await {
            Ok(value) => data::Outcome::Success(Self(value)),
            Err(reply) => data::Outcome::Error(refuse(request, reply)),
        }
    }
}

async fn json<T: DeserializeOwned>(request: &Request<'_>, data: Data<'_>) -> Result<T, Reply> {
    let limits = grant(request)?.json();
    limits.admit(&view(request))?;
    match read(data, limits.max_bytes()).await {
        Some(Body::Whole(body)) => limits.parse(&body),
        Some(Body::TooLong) => Err(JsonLimits::too_large()),
        None => Err(JsonLimits::incomplete()),
    }
}

/// The decision about this very request.
fn grant<'r>(request: &'r Request<'_>) -> Result<&'r Grant, Reply> {
    let grant = request
        .local_cache(Decided::default)
        .grant()
        .ok_or_else(|| {
            Reply::gate_missing(
                "attach the fairing: rocket::build().attach(GateFairing::new(gate))",
            )
        })?;
    grant.covers(request.method().as_str(), request.uri().path().as_str())?;
    Ok(grant)
}

impl<T> Sentinel for Json<T> {
    fn abort(rocket: &Rocket<Ignite>) -> bool {
        Session::abort(rocket)
    }
}

impl<T> Deref for Granted<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<'r, T: Serialize> Responder<'r, 'static> for Json<T> {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        rocket::serde::json::Json(self.0).respond_to(request)
    }
}

impl<'r> Responder<'r, 'static> for Refusal {
    fn respond_to(self, _: &'r Request<'_>) -> response::Result<'static> {
        Ok(respond(&self.0))
    }
}
