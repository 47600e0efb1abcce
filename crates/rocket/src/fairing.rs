//! The fairing: decide, then let Rocket route the request or not.

use std::sync::{Arc, OnceLock};

use clerk_gate_core::webhook::BodyWait;
use clerk_gate_core::{Decision, Gate, Grant, Reply};
use rocket::fairing::{Fairing, Info, Kind};
use rocket::http::uri::Origin;
use rocket::http::{Method, Status};
use rocket::route::{Handler, Outcome, Route};
use rocket::shield::Shield;
use rocket::{Build, Data, Request, Response, Rocket};

use crate::apply::{respond, stamp};
use crate::body::{Body, LOOKED_AT, read};
use crate::guard::Refusal;
use crate::view::view;

/// Puts a gate in front of all routes: `rocket::build().attach(GateFairing::new(gate))`.
///
/// It takes the place of Rocket's own `Shield`, whose headers are the gate's business.
///
/// # Security
/// Attach it last. A request fairing attached after it could rewrite what the gate has judged;
/// the guards of this crate then refuse, but handlers without a guard would run.
#[derive(Clone, Debug)]
pub struct GateFairing(Arc<Gate>);

/// The gate of a Rocket that has the fairing, managed by it: the guards look for it before launch,
/// and responses borrow its header lines.
#[derive(Debug)]
pub(crate) struct Attached(Arc<Gate>);

/// What was decided about a request; `None` where no gate has seen it.
#[derive(Debug, Default)]
pub(crate) struct Decided(Option<Decision>);

impl Decided {
    pub(crate) fn grant(&self) -> Option<&Grant> {
        match &self.0 {
            Some(Decision::Proceed(grant)) => Some(grant),
            _ => None,
        }
    }
}

/// The reply with which a guard has refused, if one has.
#[derive(Debug, Default)]
pub(crate) struct Refused(OnceLock<Reply>);

impl GateFairing {
    /// A fairing for this gate.
    pub fn new(gate: Arc<Gate>) -> Self {
        Self(gate)
    }
}

#[rocket::async_trait]
impl Fairing for GateFairing {
    fn info(&self) -> Info {
        let kind = Kind::Ignite | Kind::Request | Kind::Response | Kind::Singleton;
        Info {
            name: "clerk-gate",
            kind,
        }
    }

    async fn on_ignite(&self, rocket: Rocket<Build>) -> rocket::fairing::Result {
        let answer = Route::ranked(isize::MIN, Method::Get, ANSWER, Answer);
        Ok(rocket
            .attach(Shield::new())
            .manage(Attached(Arc::clone(&self.0)))
            .mount("/", [answer]))
    }

    async fn on_request(&self, request: &mut Request<'_>, data: &mut Data<'_>) {
        restore_method(request, data).await;
        let mut decision = self.0.decide(&view(request));
        while let Decision::Await(wait) = decision {
            let waited = wait.await;
            decision = self.0.resume(&view(request), waited);
        }
        // A fairing cannot answer: the request goes to a route that does.
        if !matches!(decision, Decision::Proceed(_)) {
            request.set_uri(Origin::parse(ANSWER).expect("a path without a mistake"));
            if request.method() != Method::Head {
                request.set_method(Method::Get);
            }
        }
        request.local_cache(|| Decided(Some(decision)));
    }

    async fn on_response<'r>(&self, request: &'r Request<'_>, response: &mut Response<'r>) {
        if response.status() == REFUSED
            && let Some(reply) = request.local_cache(Refused::default).0.get()
        {
            *response = respond(reply);
        }
        let decided = request.local_cache(Decided::default);
        let attached = request.rocket().state::<Attached>();
        let Attached(gate) = attached.expect("the fairing's own ignite step manages it");
        stamp(gate, response, decided.grant());
    }
}

/// Answers requests that the gate has refused. Asked for directly, it is not there.
#[derive(Clone, Debug)]
struct Answer;

#[rocket::async_trait]
impl Handler for Answer {
    async fn handle<'r>(&self, request: &'r Request<'_>, data: Data<'r>) -> Outcome<'r> {
        match &request.local_cache(Decided::default).0 {
            Some(Decision::CollectBody(wait)) => {
                let reply = collect(wait.clone(), data).await;
                Outcome::Success(respond(&reply))
            }
            Some(Decision::Respond(reply)) => Outcome::Success(respond(reply)),
            _ => Outcome::forward(data, Status::NotFound),
        }
    }
}

/// Reads a body for the gate, and no more of it than the gate wants.
async fn collect(wait: BodyWait, data: Data<'_>) -> Reply {
    match read(data, wait.limit()).await {
        Some(Body::Whole(body)) => wait.deliver(body.into()).await,
        Some(Body::TooLong) => wait.too_large(),
        None => wait.incomplete(),
    }
}

/// Lets a guard refuse with a reply of the gate, which Rocket's error catchers cannot carry.
pub(crate) fn refuse(request: &Request<'_>, reply: Reply) -> (Status, Refusal) {
    // Of two guards that refuse, the first has the word.
    let _ = request.local_cache(Refused::default).0.set(reply.clone());
    (REFUSED, Refusal(reply))
}

/// Undoes Rocket's method override: it turns a `POST` of a form whose first field is `_method`
/// into that method before any fairing runs, so a form of another site could arrive as `DELETE`.
async fn restore_method(request: &mut Request<'_>, data: &mut Data<'_>) {
    let is_form = request.content_type().is_some_and(|kind| kind.is_form());
    if !is_form || request.method() == Method::Post {
        return;
    }
    let start = data.peek(LOOKED_AT).await;
    // Rocket passes over empty fields.
    let field = start
        .split(|byte| *byte == b'&')
        .find(|field| !field.is_empty());
    let name = field
        .and_then(|field| field.strip_prefix(b"_method="))
        .and_then(|name| std::str::from_utf8(name).ok());
    if name.and_then(|name| name.parse().ok()) == Some(request.method()) {
        request.set_method(Method::Post);
    }
}

/// Where refused requests are sent inside Rocket. Not for clients.
pub(crate) const ANSWER: &str = "/__clerk-gate";

/// A status that no handler answers with: it marks a response that a guard's refusal replaces,
/// so that `Option<Session>`, which swallows refusals, never has its handler's answer replaced.
const REFUSED: Status = Status { code: 598 };
