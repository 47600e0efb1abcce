//! From a Rocket request to core's picture of it.

use std::borrow::Cow;

use clerk_gate_core::RequestView;
use rocket::Request;

/// The picture of a request.
pub(crate) fn view<'r>(request: &'r Request<'_>) -> RequestView<'r> {
    let uri = request.uri();
    let query = uri.query().map(|query| query.as_str());
    let mut view = RequestView::new(request.method().as_str(), uri.path().as_str(), query)
        .with_peer(request.remote().map(|address| address.ip()))
        .with_tls(request.rocket().config().tls_enabled());
    for header in request.headers().iter() {
        // Rocket makes the names as it goes, but the values are its own.
        if let Cow::Borrowed(value) = header.value {
            view.header(header.name.as_str(), value.as_bytes());
        }
    }
    view
}
