//! The layer and the service: decide, then call the application or not.

use std::error::Error;
use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use clerk_gate_core::Gate;
use http::{Request, Response};
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;

use crate::apply::Stamp;
use crate::future::ResponseFuture;
use crate::view::Peer;

/// Puts a gate in front of a service.
///
/// # Security
/// It must be the outermost layer that sees requests as they came: nothing outside it may
/// rewrite them, and responses made outside it carry no security headers.
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing until it is put around a service"]
pub struct GateLayer(Arc<Front>);

/// What stands in front of a service.
#[derive(Debug)]
pub(crate) struct Front {
    pub(crate) gate: Arc<Gate>,
    pub(crate) stamp: Stamp,
}

impl GateLayer {
    /// A layer for this gate.
    pub fn new(gate: Arc<Gate>) -> Self {
        let stamp = Stamp::new(&gate);
        Self(Arc::new(Front { gate, stamp }))
    }
}

impl<S> Layer<S> for GateLayer {
    type Service = Gated<S>;

    fn layer(&self, inner: S) -> Gated<S> {
        let front = Arc::clone(&self.0);
        Gated { inner, front }
    }
}

/// A service behind a gate.
///
/// The body of its responses must be one that can be made from [`Bytes`], such as
/// `axum::body::Body` or `http_body_util::Full<Bytes>`.
#[derive(Clone, Debug)]
#[must_use = "a service does nothing until it is called"]
pub struct Gated<S> {
    inner: S,
    front: Arc<Front>,
}

impl<S> Gated<S> {
    /// As `call`, for a request from this peer. `call` looks for the peer among the request's
    /// extensions: see [`Peer`].
    pub fn call_from<B>(
        &mut self,
        peer: Option<IpAddr>,
        request: Request<B>,
    ) -> ResponseFuture<S, B>
    where
        S: Service<Request<B>> + Clone,
        B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
    {
        ResponseFuture::new(Arc::clone(&self.front), peer, &mut self.inner, request)
    }
}

impl<S, B, R> Service<Request<B>> for Gated<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
    R: From<Bytes>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let peer = request.extensions().get::<Peer>();
        self.call_from(peer.map(|Peer(address)| address.ip()), request)
    }
}
