//! Guards: what a handler may know of who is asking, and JSON bodies.

use std::ops::Deref;

use clerk_gate_core as core;
use clerk_gate_core::{Grant, JsonLimits, Reply};
use rocket::data::{Data, FromData, ToByteUnit};
use rocket::request::{FromRequest, Outcome};
use rocket::response::Responder;
use rocket::{Ignite, Request, Rocket, Sentinel, data, response};
use serde::de::DeserializeOwned;

use crate::apply::respond;
use crate::fairing::{Attached, Decided, refuse};
use crate::view::view;

/// The session of whoever asks. On a public route without one the answer is the gate's own 401;
/// take `Option<Session>` where a session is welcome but not needed.
#[derive(Clone, Debug)]
pub struct Session(pub core::Session);

/// Who is asking, on any route.
#[derive(Clone, Debug)]
pub struct Principal(pub core::Principal);

/// The nonce of this response's Content-Security-Policy; `None` if the policy has none.
#[derive(Clone, Debug)]
pub struct Nonce(pub Option<core::Nonce>);

/// A JSON body, held to the gate's limits: content type, size, depth, syntax.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

/// A refusal by a guard, in the gate's own words.
#[derive(Clone, Debug)]
pub struct Refusal(Reply);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Session {
    type Error = Refusal;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Refusal> {
        outcome(request, |grant| Ok(Self(grant.require_session()?.clone())))
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Principal {
    type Error = Refusal;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Refusal> {
        outcome(request, |grant| Ok(Self(grant.principal().clone())))
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Nonce {
    type Error = Refusal;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Refusal> {
        outcome(request, |grant| Ok(Self(grant.nonce().cloned())))
    }
}

#[rocket::async_trait]
impl<'r, T: DeserializeOwned> FromData<'r> for Json<T> {
    type Error = Refusal;

    async fn from_data(request: &'r Request<'_>, data: Data<'r>) -> data::Outcome<'r, Self> {
        match read(request, data).await {
            Ok(value) => data::Outcome::Success(Self(value)),
            Err(reply) => data::Outcome::Error((refuse(request, reply.clone()), Refusal(reply))),
        }
    }
}

async fn read<T: DeserializeOwned>(request: &Request<'_>, data: Data<'_>) -> Result<T, Reply> {
    let limits = grant(request)?.json();
    limits.admit(&view(request))?;
    let body = data.open(limits.max_bytes().bytes()).into_bytes().await;
    let body = body.map_err(|_| JsonLimits::incomplete())?;
    if !body.is_complete() {
        return Err(JsonLimits::too_large());
    }
    // Rocket takes a body that broke off for a whole one.
    let announced = request.headers().get_one("content-length");
    if announced.is_some_and(|length| length.parse() != Ok(body.len())) {
        return Err(JsonLimits::incomplete());
    }
    limits.parse(&body)
}

fn outcome<T>(
    request: &Request<'_>,
    take: impl FnOnce(&Grant) -> Result<T, Reply>,
) -> Outcome<T, Refusal> {
    match grant(request).and_then(take) {
        Ok(value) => Outcome::Success(value),
        Err(reply) => Outcome::Error((refuse(request, reply.clone()), Refusal(reply))),
    }
}

/// The decision about this very request.
fn grant<'r>(request: &'r Request<'_>) -> Result<&'r Grant, Reply> {
    let Decided(decided) = request.local_cache(|| Decided(None));
    let grant = decided.as_ref().and_then(|decided| decided.as_ref().ok());
    let grant = grant.ok_or_else(|| {
        Reply::gate_missing("attach the fairing: rocket::build().attach(GateFairing::new(gate))")
    })?;
    grant.covers(request.method().as_str(), request.uri().path().as_str())?;
    Ok(grant)
}

/// Without the fairing Rocket refuses to launch a route that has one of the guards.
macro_rules! sentinel {
    ($($guard:ty),*) => {
        $(
            impl Sentinel for $guard {
                fn abort(rocket: &Rocket<Ignite>) -> bool {
                    rocket.state::<Attached>().is_none()
                }
            }
        )*
    };
}

sentinel!(Session, Principal, Nonce);

impl<T> Sentinel for Json<T> {
    fn abort(rocket: &Rocket<Ignite>) -> bool {
        Session::abort(rocket)
    }
}

impl Deref for Session {
    type Target = core::Session;

    fn deref(&self) -> &core::Session {
        &self.0
    }
}

impl Deref for Principal {
    type Target = core::Principal;

    fn deref(&self) -> &core::Principal {
        &self.0
    }
}

impl<'r> Responder<'r, 'static> for Refusal {
    fn respond_to(self, _: &'r Request<'_>) -> response::Result<'static> {
        Ok(respond(&self.0))
    }
}
