//! That the gate knows who is at the other end, by each way to serve an application.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use clerk_gate_axum::{GateLayer, Gated};
use clerk_gate_core::{Check, Policy};
use http_body_util::BodyExt;
use tower_service::Service;

const PROXY: &str = "10.0.0.7:4711";

fn app() -> Gated {
    async fn peer(request: Request) -> String {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        peer.map_or_else(String::new, |ConnectInfo(address)| address.to_string())
    }
    let policy = Policy::builder().public("/").build().unwrap();
    let gate = clerk_gate_testkit::gate(policy)
        .with_https(Check::Enforce)
        .with_trusted_proxies(["10.0.0.7"])
        .build()
        .unwrap();
    GateLayer::new(Arc::new(gate)).layer(Router::new().route("/", get(peer)))
}

/// What a service answers to a request that a proxy says came over HTTPS.
async fn answer<S>(mut service: S) -> (StatusCode, String)
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    let request = Request::get("/").header("x-forwarded-proto", "https");
    let request = request.body(Body::empty()).unwrap();
    let (parts, body) = service.call(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (parts.status, String::from_utf8(body.to_vec()).unwrap())
}

const REFUSED: &str = r#"{"error":"HTTPS required","code":"https-required"}"#;

#[tokio::test]
async fn only_a_trusted_peer_is_believed() {
    for (address, status, body) in [
        (PROXY, StatusCode::OK, ""),
        ("10.0.0.8:4711", StatusCode::FORBIDDEN, REFUSED),
    ] {
        let address: SocketAddr = address.parse().unwrap();
        let service = app().into_make_service().call(address).await.unwrap();
        assert_eq!(answer(service).await, (status, body.to_owned()));
    }
}

#[tokio::test]
async fn a_handler_may_be_told_who_the_peer_is() {
    let mut make = app().into_make_service_with_connect_info::<SocketAddr>();
    let address: SocketAddr = PROXY.parse().unwrap();
    let service = make.call(address).await.unwrap();
    assert_eq!(answer(service).await, (StatusCode::OK, PROXY.to_owned()));
}

#[tokio::test]
async fn without_a_peer_nobody_is_believed() {
    let refused = (StatusCode::FORBIDDEN, REFUSED.to_owned());
    assert_eq!(answer(app()).await, refused);
}
