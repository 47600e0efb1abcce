//! From an actix-web request to core's picture of it.

use actix_web::HttpRequest;
use clerk_gate_core::RequestView;

/// The picture of a request.
pub(crate) fn view(request: &HttpRequest) -> RequestView<'_> {
    let uri = request.uri();
    let mut view = RequestView::new(request.method().as_str(), uri.path(), uri.query())
        .with_peer(request.peer_addr().map(|address| address.ip()))
        .with_tls(request.app_config().secure());
    for (name, value) in request.headers() {
        view.header(name.as_str(), value.as_bytes());
    }
    view
}
