//! Whole bodies, as the gate and the JSON guard want them.

use rocket::Request;
use rocket::data::{Data, ToByteUnit};

/// What came of reading a body to its end.
pub(crate) enum Body {
    TooLong,
    Whole(Vec<u8>),
}

/// Reads a body of at most `limit` bytes; `None` if it breaks off.
pub(crate) async fn read(request: &Request<'_>, data: Data<'_>, limit: usize) -> Option<Body> {
    let body = data.open(limit.bytes()).into_bytes().await.ok()?;
    if !body.is_complete() {
        return Some(Body::TooLong);
    }
    // Rocket takes a body that broke off for a whole one.
    let announced = request.headers().get_one("content-length");
    let is_whole = announced.is_none_or(|length| length.parse() == Ok(body.len()));
    is_whole.then(|| Body::Whole(body.into_inner()))
}
