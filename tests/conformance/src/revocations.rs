//! The revocations of profiles. Who is revoked there, a token says by its name.
//!
//! | In a token | Effect |
//! |---|---|
//! | `sid=sess_2test0ended` | the session is revoked |
//! | `sub=user_2test0banned` | the user is, until the fixed time |
//! | `sub=user_2test0left`, active in the testkit's organization | the membership is, until then |

use std::future::{Future, pending};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use clerk_gate_core::revocation::{Changes, Position, Revocation, RevocationStore, Revocations};
use clerk_gate_core::webhook::StoreError;
use clerk_gate_core::{Check, Clock, UnixTime};

/// Revocations of one process in which those above are revoked.
pub(crate) fn some(clock: &Arc<dyn Clock>) -> Arc<Revocations> {
    let own = Revocations::local().with_clock(Arc::clone(clock));
    at_once(own.revoke_session("sess_2test0ended"));
    at_once(own.revoke_user("user_2test0banned"));
    at_once(own.revoke_membership("user_2test0left", "org_2test0acme0000000000000000000"));
    Arc::new(own)
}

/// Revocations whose store has never been heard.
pub(crate) fn unheard(clock: &Arc<dyn Clock>, check: Check) -> Arc<Revocations> {
    let own = Revocations::shared(Arc::new(Down)).with_clock(Arc::clone(clock));
    Arc::new(own.with_stale(check, 30))
}

/// A store that cannot be reached.
#[derive(Debug)]
struct Down;

#[async_trait]
impl RevocationStore for Down {
    async fn add(&self, _: &[Revocation]) -> Result<(), StoreError> {
        Err(StoreError::transient("told to be down"))
    }

    async fn since(&self, _: Option<Position>) -> Result<Changes, StoreError> {
        Err(StoreError::transient("told to be down"))
    }

    async fn changed(&self) {
        pending().await
    }

    async fn purge(&self, _: UnixTime) -> Result<u64, StoreError> {
        Err(StoreError::transient("told to be down"))
    }
}

/// Memory does not wait.
fn at_once(future: impl Future<Output = Result<(), StoreError>>) {
    let polled = pin!(future).poll(&mut Context::from_waker(Waker::noop()));
    assert!(
        matches!(polled, Poll::Ready(Ok(()))),
        "memory does not wait"
    );
}
