//! The demo application on actix-web, behind the actix adapter.

use std::sync::Arc;

use actix_web::dev::{Service, ServiceRequest};
use actix_web::error::InternalError;
use actix_web::http::{Method, StatusCode};
use actix_web::{App, Error, HttpResponse, HttpServer, Resource, Route, rt, web};
use clerk_gate_actix::{GateMiddleware, Has, Json, Session};
use clerk_gate_conformance::Result;
use clerk_gate_conformance::routes::{self, Page, ROUTES, Refund};
use clerk_gate_conformance::shim_main::start;
use clerk_gate_core as core;
use serde_json::Value;

fn main() -> Result<()> {
    let (gate, listener) = start()?;
    let gate = GateMiddleware::new(Arc::new(gate));
    let server = HttpServer::new(move || {
        App::new()
            .configure(|app| {
                for (methods, pattern, page) in ROUTES {
                    app.service(resource(methods, pattern, *page));
                }
            })
            .wrap_fn(|request, application| {
                let failure = failure(&request);
                let response = application.call(request);
                async move { failure.map_or(Ok(()), Err).and(response.await) }
            })
            .wrap(gate.clone())
    });
    let server = server.workers(1).disable_signals().listen(listener)?;
    rt::System::new().block_on(server.run())?;
    Ok(())
}

/// A resource answers only the methods it names, so `HEAD` is named where there is `GET`.
fn resource(methods: &'static [&str], pattern: &str, page: Page) -> Resource {
    let head = methods.contains(&"GET").then_some("HEAD");
    let methods = methods.iter().copied().chain(head);
    methods.fold(web::resource(pattern), |resource, method| {
        // The table has no method that is none.
        let method = method.parse().unwrap_or(Method::GET);
        resource.route(handler(web::method(method), page))
    })
}

/// Handlers differ in what they extract.
fn handler(route: Route, page: Page) -> Route {
    match page {
        Page::Extract => route.to(move |method: Method, session: Session| async move {
            answer(page, &method, Some(&session), &Value::Null)
        }),
        Page::Json => route.to(move |method: Method, Json(body): Json<Value>| async move {
            answer(page, &method, None, &body)
        }),
        Page::Right => route.to(move |method: Method, session: Has<Refund>| async move {
            answer(page, &method, Some(&session), &Value::Null)
        }),
        _ => route.to(move |method: Method, session: Option<Session>| async move {
            answer(page, &method, session.as_deref(), &Value::Null)
        }),
    }
}

/// The page that fails does so in a middleware, whose errors pass by all the others.
fn failure(request: &ServiceRequest) -> Option<Error> {
    let response = answer(Page::Fail, request.method(), None, &Value::Null);
    (request.path() == "/fail").then(|| InternalError::from_response("fail", response).into())
}

fn answer(
    page: Page,
    method: &Method,
    session: Option<&core::Session>,
    body: &Value,
) -> HttpResponse {
    let answer = routes::answer(page, method.as_str(), session, body);
    let status = StatusCode::from_u16(answer.status);
    let mut response = HttpResponse::build(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    for header in answer.headers {
        response.append_header(header);
    }
    response.body(answer.body)
}
