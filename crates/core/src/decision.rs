//! What the adapter does next.

use crate::grant::Grant;
use crate::reply::Reply;
use crate::session::KeyWait;
use crate::webhook::BodyWait;

/// What the adapter does next. Named for the action; the why is in the audit trail.
#[derive(Debug)]
#[must_use = "a decision that is not carried out lets the request hang or pass"]
pub enum Decision {
    /// Call the application, then add [`Grant::lines`] and the security headers.
    Proceed(Grant),
    /// Answer with this and the security headers; the application is not called.
    Respond(Reply),
    /// Read at most [`BodyWait::limit`] bytes of the body, hand them over, and answer with the
    /// reply that comes back and the security headers; the application is not called.
    CollectBody(BodyWait),
    /// Await this, then ask [`Gate::resume`](crate::Gate::resume), which does not wait again.
    AwaitKeys(KeyWait),
}
