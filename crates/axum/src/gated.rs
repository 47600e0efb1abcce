//! A router behind a gate, as the outermost service of an application.

use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::extract::Request;
use axum::extract::connect_info::{ConnectInfo, IntoMakeServiceWithConnectInfo};
use axum::{Router, ServiceExt};
use clerk_gate_core::Gate;
use clerk_gate_tower::{Peer, ResponseFuture};
use tower_layer::Layer;
use tower_service::Service;

/// Puts a gate around a router.
///
/// This is no `tower::Layer` on purpose: `Router::layer` would run it inside method routing,
/// behind `nest` and not at all for routes that are added later.
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing until it is put around a router"]
pub struct GateLayer(clerk_gate_tower::GateLayer);

/// A router behind a gate. It can be served, and it cannot be nested: what is inside is all
/// there is.
#[derive(Clone, Debug)]
#[must_use = "a service does nothing until it is served"]
pub struct Gated(clerk_gate_tower::Gated<Router>);

impl GateLayer {
    /// A layer for this gate.
    pub fn new(gate: Arc<Gate>) -> Self {
        Self(clerk_gate_tower::GateLayer::new(gate))
    }

    /// Puts the gate around `router`, which is complete at this point.
    pub fn layer(&self, router: Router) -> Gated {
        Gated(self.0.layer(router))
    }
}

impl Gated {
    /// What `axum::serve` takes. The gate then knows who is at the other end, which it needs to
    /// believe a trusted proxy.
    pub fn into_make_service(self) -> IntoMakeServiceWithConnectInfo<Self, SocketAddr> {
        ServiceExt::<Request>::into_make_service_with_connect_info(self)
    }
}

impl Service<Request> for Gated {
    type Response = <Router as Service<Request>>::Response;
    type Error = <Router as Service<Request>>::Error;
    type Future = ResponseFuture<Router, axum::body::Body>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Service::<Request>::poll_ready(&mut self.0, cx)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let connection = request.extensions().get::<ConnectInfo<SocketAddr>>();
        if let Some(ConnectInfo(address)) = connection.copied() {
            request.extensions_mut().insert(Peer(address));
        }
        self.0.call(request)
    }
}
