//! axum on a runtime of one thread.

use std::hint::black_box;
use std::net;
use std::sync::Arc;

use anyhow::Result;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::routing::get;
use axum::{Extension, Router};
use clerk_gate_axum::{GateLayer, Session};
use clerk_gate_core::{Gate, Line};
use clerk_gate_peers::raw::RawKey;
use clerk_gate_peers::{BODY, PATH, keys};
use clerk_rs::validators::authorizer::ClerkJwt;
use clerk_rs::validators::axum::ClerkLayer;
use tokio::net::TcpListener;
use tokio::runtime;

use crate::{Kind, gate};

pub(crate) fn serve(kind: Kind, listener: net::TcpListener) -> Result<()> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::from_std(listener)?;
        let router = match kind {
            Kind::Bare => Router::new().route(PATH, get(bare)),
            Kind::Headers => Router::new()
                .route(PATH, get(headers))
                .with_state(lines(gate::warm()?.headers())),
            Kind::Rsa => Router::new()
                .route(PATH, get(rsa))
                .with_state(RawKey::new()),
            Kind::ClerkRs => {
                let layer = ClerkLayer::new(keys::provider()?, None, true);
                Router::new().route(PATH, get(peer)).layer(layer)
            }
            Kind::Gated => return gated(gate::warm()?, listener).await,
            Kind::Cold => return gated(gate::cold()?, listener).await,
        };
        Ok(axum::serve(listener, router).await?)
    })
}

async fn gated(gate: Arc<Gate>, listener: TcpListener) -> Result<()> {
    let router = Router::new().route(PATH, get(session));
    let app = GateLayer::new(gate).layer(router);
    Ok(axum::serve(listener, app.into_make_service()).await?)
}

async fn bare() -> &'static str {
    BODY
}

async fn session(session: Session) -> &'static str {
    black_box(session.user_id());
    BODY
}

async fn peer(Extension(jwt): Extension<ClerkJwt>) -> &'static str {
    black_box(&jwt.sub);
    BODY
}

async fn rsa(State(key): State<RawKey>, headers: HeaderMap) -> Result<&'static str, StatusCode> {
    let credential = headers
        .get("authorization")
        .and_then(|value| value.to_str().ok());
    let token = credential.and_then(|value| value.strip_prefix("Bearer "));
    if token.is_some_and(|token| key.verifies(token)) {
        Ok(BODY)
    } else {
        Err(StatusCode::UNAUTHORIZED)
    }
}

async fn headers(State(lines): State<Arc<HeaderMap>>) -> (HeaderMap, &'static str) {
    ((*lines).clone(), BODY)
}

/// The gate's lines, ready to be sent.
fn lines(lines: &[Line]) -> Arc<HeaderMap> {
    let lines = lines.iter().filter_map(|line| {
        let name = HeaderName::try_from(line.name()).ok()?;
        Some((name, HeaderValue::try_from(line.value()).ok()?))
    });
    Arc::new(lines.collect())
}
