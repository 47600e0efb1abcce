//! The demo application on plain hyper, behind an adapter written in this file with nothing but
//! clerk-gate-core: the example of the manual's chapter "bring your own adapter".

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use clerk_gate_conformance::Result;
use clerk_gate_conformance::routes::{self, Page, Refund};
use clerk_gate_conformance::shim_main::{response, start};
use clerk_gate_core::webhook::BodyWait;
use clerk_gate_core::{Decision, Gate, Grant, JsonLimits, Line, Mode, Reply, RequestView, Right};
use http::header::{HeaderName, HeaderValue};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::runtime::Builder;

fn main() -> Result<()> {
    let (gate, listener) = start()?;
    let gate = Arc::new(gate);
    Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(async {
            let listener = TcpListener::from_std(listener)?;
            loop {
                let (stream, address) = listener.accept().await?;
                let gate = Arc::clone(&gate);
                let service = service_fn(move |request| {
                    let gate = Arc::clone(&gate);
                    async move { serve(&gate, address.ip(), request).await }
                });
                let connection =
                    http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                tokio::spawn(connection);
            }
        })
}

// docs:begin byo
/// The seam: one decision for each request, carried out.
async fn serve(
    gate: &Gate,
    peer: IpAddr,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>> {
    let mut decision = gate.decide(&view(&request, peer));
    while let Decision::Await(wait) = decision {
        let waited = wait.await;
        decision = gate.resume(&view(&request, peer), waited);
    }
    let mut response = match decision {
        Decision::Proceed(grant) => {
            let mut response = application(request, peer, &grant).await?;
            stamp(&mut response, grant.lines())?;
            response
        }
        Decision::Respond(reply) => respond(&reply)?,
        Decision::CollectBody(wait) => respond(&deliver(request.into_body(), wait).await)?,
        Decision::Await(_) => return Err("gate waits without end".into()),
    };
    // Whoever made the response, the application, its router or the gate: it is stamped.
    stamp(&mut response, gate.headers())?;
    Ok(response)
}

/// The picture of a request: the path as it came, every header line, nothing looked up.
fn view<B>(request: &Request<B>, peer: IpAddr) -> RequestView<'_> {
    let uri = request.uri();
    let mut view =
        RequestView::new(request.method().as_str(), uri.path(), uri.query()).with_peer(Some(peer));
    for (name, value) in request.headers() {
        view.header(name.as_str(), value.as_bytes());
    }
    view
}

/// The response that carries a reply, byte for byte.
fn respond(reply: &Reply) -> Result<Response<Full<Bytes>>> {
    let mut response = Response::builder().status(reply.status());
    for line in reply.lines() {
        response = response.header(line.name(), line.value());
    }
    Ok(response.body(reply.body().clone().into())?)
}

/// Adds header lines to a response, each in its mode.
fn stamp<'l, B>(
    response: &mut Response<B>,
    lines: impl IntoIterator<Item = &'l Line>,
) -> Result<()> {
    let headers = response.headers_mut();
    for line in lines {
        let name: HeaderName = line.name().parse()?;
        let value: HeaderValue = line.value().parse()?;
        match line.mode() {
            Mode::Overriding => {
                headers.insert(name, value);
            }
            Mode::IfNotPresent => {
                headers.entry(name).or_insert(value);
            }
            Mode::Appending => {
                headers.append(name, value);
            }
        }
    }
    Ok(())
}

/// A webhook's delivery: its body, unparsed, for the gate.
async fn deliver(body: Incoming, wait: BodyWait) -> Reply {
    match Limited::new(body, wait.limit()).collect().await {
        Ok(body) => wait.deliver(body.to_bytes()).await,
        Err(error) if error.is::<LengthLimitError>() => wait.too_large(),
        Err(_) => wait.incomplete(),
    }
}

/// An extractor: a JSON body within the gate's limits, or the gate's own refusal of it.
async fn json(
    request: Request<Incoming>,
    peer: IpAddr,
    limits: JsonLimits,
) -> std::result::Result<Value, Reply> {
    limits.admit(&view(&request, peer))?;
    let body = Limited::new(request.into_body(), limits.max_bytes());
    match body.collect().await {
        Ok(body) => limits.parse(&body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(JsonLimits::too_large()),
        Err(_) => Err(JsonLimits::incomplete()),
    }
}
// docs:end byo

/// The demo application: a router, the extractors' work, the pages.
async fn application(
    request: Request<Incoming>,
    peer: IpAddr,
    grant: &Grant,
) -> Result<Response<Full<Bytes>>> {
    let method = request.method().clone();
    let page = match routes::find(method.as_str(), request.uri().path()) {
        Ok(page) => page,
        Err(answer) => return Ok(response(answer)),
    };
    let body = match page {
        Page::Extract => grant.require_session().map(|_| Value::Null),
        Page::Right => grant.require(&Refund::requirement()).map(|_| Value::Null),
        Page::Json => json(request, peer, grant.json()).await,
        _ => Ok(Value::Null),
    };
    match body {
        Ok(body) => {
            let session = grant.session();
            Ok(response(routes::answer(
                page,
                method.as_str(),
                session,
                &body,
            )))
        }
        Err(reply) => respond(&reply),
    }
}
