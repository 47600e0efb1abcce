//! A router behind a gate, as the outermost service of an application.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::extract::Request;
use axum::extract::connect_info::{ConnectInfo, Connected, IntoMakeServiceWithConnectInfo};
use axum::{Router, ServiceExt};
use clerk_gate_core::Gate;
use clerk_gate_tower::ResponseFuture;
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
pub struct Gated {
    inner: clerk_gate_tower::Gated<Router>,
    /// Who is at the other end, where this serves one connection.
    peer: Option<IpAddr>,
}

/// Makes a service for each connection; made by [`Gated::into_make_service`].
#[derive(Clone, Debug)]
#[must_use = "a service does nothing until it is served"]
pub struct IntoMakeService(Gated);

impl GateLayer {
    /// A layer for this gate.
    pub fn new(gate: Arc<Gate>) -> Self {
        Self(clerk_gate_tower::GateLayer::new(gate))
    }

    /// Puts the gate around `router`, which is complete at this point.
    pub fn layer(&self, router: Router) -> Gated {
        let inner = self.0.layer(router);
        Gated { inner, peer: None }
    }
}

impl Gated {
    /// What `axum::serve` takes. The gate then knows who is at the other end, which it needs to
    /// believe a trusted proxy.
    pub fn into_make_service(self) -> IntoMakeService {
        IntoMakeService(self)
    }

    /// The same for handlers that extract axum's `ConnectInfo<C>`, as the router's own method of
    /// this name.
    ///
    /// # Security
    /// The gate reads the peer from a `C` that is `SocketAddr`. With another it knows of none, and
    /// believes no proxy.
    pub fn into_make_service_with_connect_info<C>(self) -> IntoMakeServiceWithConnectInfo<Self, C> {
        ServiceExt::<Request>::into_make_service_with_connect_info(self)
    }
}

impl<C> Service<C> for IntoMakeService
where
    SocketAddr: Connected<C>,
{
    type Response = Gated;
    type Error = Infallible;
    type Future = Ready<Result<Gated, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, connection: C) -> Self::Future {
        let address = SocketAddr::connect_info(connection);
        let mut gated = self.0.clone();
        gated.peer = Some(address.ip());
        ready(Ok(gated))
    }
}

impl Service<Request> for Gated {
    type Response = <Router as Service<Request>>::Response;
    type Error = <Router as Service<Request>>::Error;
    type Future = ResponseFuture<Router, axum::body::Body>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Service::<Request>::poll_ready(&mut self.inner, cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let told = || request.extensions().get::<ConnectInfo<SocketAddr>>();
        let peer = self.peer.or_else(|| Some(told()?.0.ip()));
        self.inner.call_from(peer, request)
    }
}
