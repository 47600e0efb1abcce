//! From an `http` request to core's picture of it.

use std::net::SocketAddr;

use clerk_gate_core::RequestView;
use http::request::Parts;
use http::{Extensions, HeaderMap, Method, Request, Uri};

/// The address at the other end of the connection, for the request's extensions. Whoever
/// accepts connections puts it there; without it no forwarded header is believed.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// The connection ended TLS in this server, for the request's extensions.
#[derive(Clone, Copy, Debug)]
pub struct Tls;

/// The picture of a request.
pub(crate) fn view<B>(request: &Request<B>) -> RequestView<'_> {
    let (method, uri) = (request.method(), request.uri());
    fill(method, uri, request.headers(), request.extensions())
}

/// The picture of a request that has been taken apart, for extractors.
pub fn view_of_parts(parts: &Parts) -> RequestView<'_> {
    fill(&parts.method, &parts.uri, &parts.headers, &parts.extensions)
}

fn fill<'r>(
    method: &'r Method,
    uri: &'r Uri,
    headers: &'r HeaderMap,
    extensions: &Extensions,
) -> RequestView<'r> {
    let peer = extensions.get::<Peer>().map(|Peer(address)| address.ip());
    let mut view = RequestView::new(method.as_str(), uri.path(), uri.query())
        .with_peer(peer)
        .with_tls(extensions.get::<Tls>().is_some());
    for (name, value) in headers {
        view.header(name.as_str(), value.as_bytes());
    }
    view
}
