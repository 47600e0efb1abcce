//! Whole bodies, as the gate and the JSON guard want them.

use rocket::data::{Data, ToByteUnit};

/// What came of reading a body to its end.
pub(crate) enum Body {
    TooLong,
    Whole(Vec<u8>),
}

/// Reads a body of at most `limit` bytes; `None` if it breaks off.
pub(crate) async fn read(data: Data<'_>, limit: usize) -> Option<Body> {
    let has_ended = data.peek_complete();
    let body = data.open(limit.bytes()).into_bytes().await.ok()?;
    if !body.is_complete() {
        return Some(Body::TooLong);
    }
    // Rocket looks at the start of every body and swallows an error that it meets there: what
    // is left is shorter than what it looked for, and yet it has seen no end.
    let is_whole = has_ended || body.len() >= LOOKED_AT;
    is_whole.then(|| Body::Whole(body.into_inner()))
}

/// How many bytes of a body Rocket looks for, to see a method override.
pub(crate) const LOOKED_AT: usize = "_method=delete".len();
