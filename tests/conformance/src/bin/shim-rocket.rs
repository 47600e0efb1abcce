//! The demo application on Rocket, behind the Rocket adapter.

use std::io::Cursor;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use clerk_gate_conformance::Result;
use clerk_gate_conformance::routes::{self, Page, ROUTES, Refund};
use clerk_gate_conformance::shim_main::{announce, gate};
use clerk_gate_conformance::wire::Answer;
use clerk_gate_core as core;
use clerk_gate_rocket::{GateFairing, Granted, Has, Json, Refusal, Session};
use rocket::catcher::{self, Catcher};
use rocket::config::{Config, Ident, LogLevel, Shutdown};
use rocket::data::{Data, FromData, Outcome as Read};
use rocket::fairing::AdHoc;
use rocket::http::Status;
use rocket::request::Outcome as Guarded;
use rocket::route::{Handler, Outcome, Route};
use rocket::{Request, Response};
use serde_json::Value;

fn main() -> Result<()> {
    let gate = GateFairing::new(Arc::new(gate()?));
    let config = Config {
        address: Ipv4Addr::LOCALHOST.into(),
        cli_colors: false,
        ident: Ident::none(),
        log_level: LogLevel::Off,
        port: 0,
        shutdown: Shutdown {
            ctrlc: false,
            signals: [].into(),
            ..Shutdown::default()
        },
        ..Config::release_default()
    };
    let rocket = rocket::custom(config)
        .mount("/", routes())
        .register("/", [Catcher::new(None, bare)])
        .attach(AdHoc::on_liftoff("announce", |rocket| {
            let Config { address, port, .. } = *rocket.config();
            Box::pin(async move { announce(SocketAddr::from((address, port))) })
        }))
        .attach(gate);
    rocket::execute(rocket.launch()).map_err(|error| error.to_string())?;
    Ok(())
}

fn routes() -> Vec<Route> {
    let routes = ROUTES.iter().flat_map(|(methods, pattern, page)| {
        let uri = pattern.replace('{', "<").replace('}', ">");
        let methods = methods.iter().filter_map(|method| method.parse().ok());
        methods.map(move |method| Route::new(method, &uri, At(*page)))
    });
    routes.collect()
}

/// Rocket's own pages would differ from every other framework's.
fn bare<'r>(status: Status, _: &'r Request<'_>) -> catcher::BoxFuture<'r> {
    Box::pin(async move { Response::build().status(status).ok() })
}

/// The handler of a page.
#[derive(Clone, Copy)]
struct At(Page);

#[rocket::async_trait]
impl Handler for At {
    async fn handle<'r>(&self, request: &'r Request<'_>, data: Data<'r>) -> Outcome<'r> {
        let (Self(page), method) = (*self, request.method().as_str());
        match extract(page, request, data).await {
            Ok((session, body)) => respond(routes::answer(page, method, session.as_ref(), &body)),
            Err(status) => Outcome::Error(status),
        }
    }
}

/// Handlers differ in what they extract.
async fn extract<'r>(
    page: Page,
    request: &'r Request<'_>,
    data: Data<'r>,
) -> std::result::Result<(Option<core::Session>, Value), Status> {
    match page {
        Page::Extract => guarded(request.guard::<Session>().await, |session| {
            (**session).clone()
        }),
        Page::Json => match Json::from_data(request, data).await {
            Read::Success(Json(body)) => Ok((None, body)),
            Read::Error((status, _)) | Read::Forward((_, status)) => Err(status),
        },
        Page::Right => guarded(request.guard::<Has<Refund>>().await, |has| (***has).clone()),
        _ => {
            let session = request.guard::<Option<Session>>().await;
            let session = session.succeeded().flatten();
            Ok((session.map(|Granted(session)| session), Value::Null))
        }
    }
}

/// What a guard lets through, or the status with which it does not.
fn guarded<T>(
    outcome: Guarded<T, Refusal>,
    session: impl FnOnce(&T) -> core::Session,
) -> std::result::Result<(Option<core::Session>, Value), Status> {
    match outcome {
        Guarded::Success(guard) => Ok((Some(session(&guard)), Value::Null)),
        Guarded::Error((status, _)) | Guarded::Forward(status) => Err(status),
    }
}

fn respond<'r>(answer: Answer) -> Outcome<'r> {
    let mut response = Response::build();
    response.status(Status::new(answer.status));
    for (name, value) in answer.headers {
        response.raw_header_adjoin(name, String::from_utf8_lossy(&value).into_owned());
    }
    response.sized_body(answer.body.len(), Cursor::new(answer.body));
    Outcome::Success(response.finalize())
}
