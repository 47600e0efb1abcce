//! The demo application on hyper, behind the tower adapter.

use std::sync::Arc;

use bytes::Bytes;
use clerk_gate_conformance::Result;
use clerk_gate_conformance::routes::{self, Page, Refund};
use clerk_gate_conformance::shim_main::{response, start};
use clerk_gate_core::{Grant, JsonLimits, Reply, Right};
use clerk_gate_tower::{GateLayer, Peer, respond, view_of_parts};
use http::request::Parts;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tower::{Layer, ServiceExt};

fn main() -> Result<()> {
    let (gate, listener) = start()?;
    let gated = GateLayer::new(Arc::new(gate)).layer(tower::service_fn(handle));
    Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(async {
            let listener = TcpListener::from_std(listener)?;
            loop {
                let (stream, address) = listener.accept().await?;
                let gated = gated.clone();
                let service = service_fn(move |mut request: Request<Incoming>| {
                    request.extensions_mut().insert(Peer(address));
                    gated.clone().oneshot(request)
                });
                let connection =
                    http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                tokio::spawn(connection);
            }
        })
}

/// The demo application: a router, the extractors' work, the pages.
async fn handle(request: Request<Incoming>) -> Result<Response<Full<Bytes>>> {
    let (parts, body) = request.into_parts();
    let grant = parts
        .extensions
        .get::<Grant>()
        .ok_or("no gate before this service")?;
    let page = match routes::find(parts.method.as_str(), parts.uri.path()) {
        Ok(page) => page,
        Err(answer) => return Ok(response(answer)),
    };
    let body = match page {
        Page::Extract => grant.require_session().map(|_| Value::Null),
        Page::Right => grant.require(&Refund::requirement()).map(|_| Value::Null),
        Page::Json => json(&parts, body, grant.json()).await,
        _ => Ok(Value::Null),
    };
    Ok(match body {
        Ok(body) => response(routes::answer(
            page,
            parts.method.as_str(),
            grant.session(),
            &body,
        )),
        Err(reply) => respond(&reply),
    })
}

async fn json(
    parts: &Parts,
    body: Incoming,
    limits: JsonLimits,
) -> std::result::Result<Value, Reply> {
    limits.admit(&view_of_parts(parts))?;
    let body = Limited::new(body, limits.max_bytes()).collect().await;
    let body = body.map_err(|error| {
        if error.is::<LengthLimitError>() {
            JsonLimits::too_large()
        } else {
            JsonLimits::incomplete()
        }
    })?;
    limits.parse(&body.to_bytes())
}
