//! The future of a gated call: three states, nothing boxed.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use clerk_gate_core::{Decision, Gate, Grant, KeyWait, Reply};
use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::apply::{Stamp, respond};
use crate::view::view;

pin_project! {
    /// The response of a [`Gated`](crate::Gated) service.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S: Service<Request<B>>, B> {
        stamp: Stamp,
        #[pin]
        state: State<S, S::Future, B>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, F, B> {
        Answer { reply: Reply },
        Call { grant: Grant, #[pin] future: F },
        Wait { gate: Arc<Gate>, wait: KeyWait, held: Option<(S, Request<B>)> },
    }
}

impl<S: Service<Request<B>>, B> ResponseFuture<S, B> {
    pub(crate) fn answer(stamp: Stamp, reply: Reply) -> Self {
        let state = State::Answer { reply };
        Self { stamp, state }
    }

    pub(crate) fn call(stamp: Stamp, grant: Grant, future: S::Future) -> Self {
        let state = State::Call { grant, future };
        Self { stamp, state }
    }

    pub(crate) fn wait(
        stamp: Stamp,
        gate: Arc<Gate>,
        wait: KeyWait,
        service: S,
        request: Request<B>,
    ) -> Self {
        let held = Some((service, request));
        let state = State::Wait { gate, wait, held };
        Self { stamp, state }
    }
}

impl<S, B, R> Future for ResponseFuture<S, B>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: From<Bytes>,
{
    type Output = Result<Response<R>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let next = match this.state.as_mut().project() {
                StateProjection::Answer { reply } => {
                    let mut response = respond(reply);
                    this.stamp.apply(response.headers_mut(), None);
                    return Poll::Ready(Ok(response));
                }
                StateProjection::Call { grant, future } => {
                    let mut response = ready!(future.poll(cx))?;
                    this.stamp.apply(response.headers_mut(), Some(grant));
                    return Poll::Ready(Ok(response));
                }
                StateProjection::Wait { gate, wait, held } => {
                    ready!(Pin::new(&mut *wait).poll(cx));
                    let Some((mut service, mut request)) = held.take() else {
                        return Poll::Pending;
                    };
                    let decision = gate.resume(&view(&request));
                    match decision {
                        Decision::Proceed(grant) => {
                            request.extensions_mut().insert(grant.clone());
                            let future = service.call(request);
                            State::Call { grant, future }
                        }
                        Decision::Respond(reply) => State::Answer { reply },
                        Decision::AwaitKeys(again) => {
                            *wait = again;
                            *held = Some((service, request));
                            continue;
                        }
                    }
                }
            };
            this.state.set(next);
        }
    }
}

impl<S: Service<Request<B>>, B> fmt::Debug for ResponseFuture<S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
