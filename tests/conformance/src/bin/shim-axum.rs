//! The demo application on axum, behind the axum adapter.

use std::sync::Arc;

use axum::Router;
use axum::http::Method;
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter};
use clerk_gate_axum::{GateLayer, Has, Json, Session};
use clerk_gate_conformance::Result;
use clerk_gate_conformance::routes::{self, Page, ROUTES, Refund};
use clerk_gate_conformance::shim_main::{response, start};
use clerk_gate_core as core;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::runtime::Builder;

fn main() -> Result<()> {
    let (gate, listener) = start()?;
    let gated = GateLayer::new(Arc::new(gate)).layer(router()?);
    Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(async {
            let listener = TcpListener::from_std(listener)?;
            axum::serve(listener, gated.into_make_service()).await?;
            Ok(())
        })
}

fn router() -> Result<Router> {
    let mut router = Router::new();
    for (methods, pattern, page) in ROUTES {
        let mut handlers = MethodRouter::new();
        for method in *methods {
            let filter = MethodFilter::try_from(method.parse::<Method>()?)?;
            handlers = handlers.merge(handler(filter, *page));
        }
        router = router.route(pattern, handlers);
    }
    Ok(router)
}

/// Handlers differ in what they extract.
fn handler(filter: MethodFilter, page: Page) -> MethodRouter {
    let handlers = MethodRouter::new();
    match page {
        Page::Extract => handlers.on(filter, move |method: Method, session: Session| async move {
            answer(page, &method, Some(&session), &Value::Null)
        }),
        Page::Json => handlers.on(
            filter,
            move |method: Method, Json(body): Json<Value>| async move {
                answer(page, &method, None, &body)
            },
        ),
        Page::Right => handlers.on(
            filter,
            move |method: Method, session: Has<Refund>| async move {
                answer(page, &method, Some(&session), &Value::Null)
            },
        ),
        _ => handlers.on(
            filter,
            move |method: Method, session: Option<Session>| async move {
                answer(page, &method, session.as_deref(), &Value::Null)
            },
        ),
    }
}

fn answer(page: Page, method: &Method, session: Option<&core::Session>, body: &Value) -> Response {
    response(routes::answer(page, method.as_str(), session, body))
}
