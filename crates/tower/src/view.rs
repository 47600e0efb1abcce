//! From an `http` request to core's picture of it.

use std::net::{IpAddr, SocketAddr};

use clerk_gate_core::RequestView;
use http::request::Parts;
use http::{HeaderMap, Method, Request, Uri};

/// The address at the other end of the connection, for the request's extensions. Whoever
/// accepts connections puts it there; without it no forwarded header is believed.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// The connection ended TLS in this server, for the request's extensions.
#[derive(Clone, Copy, Debug)]
pub struct Tls;

/// The picture of a request from `peer`.
pub(crate) fn view<B>(request: &Request<B>, peer: Option<IpAddr>) -> RequestView<'_> {
    let tls = request.extensions().get::<Tls>().is_some();
    let view = fill(request.method(), request.uri(), request.headers());
    view.with_peer(peer).with_tls(tls)
}

/// The picture of a request that has been taken apart, for extractors: without what only the gate
/// needs to know of its connection.
pub fn view_of_parts(parts: &Parts) -> RequestView<'_> {
    fill(&parts.method, &parts.uri, &parts.headers)
}

fn fill<'r>(method: &'r Method, uri: &'r Uri, headers: &'r HeaderMap) -> RequestView<'r> {
    let mut view = RequestView::new(method.as_str(), uri.path(), uri.query());
    for (name, value) in headers {
        view.header(name.as_str(), value.as_bytes());
    }
    view
}
