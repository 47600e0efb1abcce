//! The future of a gated call. Nothing is boxed but the reading of a webhook's body.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use clerk_gate_core::webhook::BodyWait;
use clerk_gate_core::{Decision, Grant, Reply, Wait};
use http::{Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::apply::respond;
use crate::layer::Front;
use crate::view::view;

pin_project! {
    /// The response of a [`Gated`](crate::Gated) service.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S: Service<Request<B>>, B> {
        front: Arc<Front>,
        peer: Option<IpAddr>,
        #[pin]
        state: State<S, S::Future, B>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, F, B> {
        Answer { reply: Reply },
        Collect { future: Pin<Box<dyn Future<Output = Reply> + Send>> },
        Call { grant: Grant, #[pin] future: F },
        Wait { wait: Wait, held: Option<(S, Request<B>)> },
    }
}

impl<S, B> ResponseFuture<S, B>
where
    S: Service<Request<B>> + Clone,
    B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    /// Decides about a request and starts to carry the decision out. `inner` is ready.
    pub(crate) fn new(
        front: Arc<Front>,
        peer: Option<IpAddr>,
        inner: &mut S,
        request: Request<B>,
    ) -> Self {
        let decision = front.gate.decide(&view(&request, peer));
        let state = State::after(decision, inner, request);
        Self { front, peer, state }
    }
}

impl<S, B> State<S, S::Future, B>
where
    S: Service<Request<B>> + Clone,
    B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    fn after(decision: Decision, inner: &mut S, mut request: Request<B>) -> Self {
        match decision {
            Decision::Proceed(grant) => {
                request.extensions_mut().insert(grant.clone());
                let future = inner.call(request);
                Self::Call { grant, future }
            }
            Decision::CollectBody(wait) => {
                let future = Box::pin(collect(wait, request.into_body()));
                Self::Collect { future }
            }
            Decision::Respond(reply) => Self::Answer { reply },
            Decision::Await(wait) => {
                // The service that was polled ready is the one that is called later.
                let spare = inner.clone();
                let held = Some((std::mem::replace(inner, spare), request));
                Self::Wait { wait, held }
            }
        }
    }
}

impl<S, B, R> Future for ResponseFuture<S, B>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
    R: From<Bytes>,
{
    type Output = Result<Response<R>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let next = match this.state.as_mut().project() {
                StateProjection::Answer { reply } => {
                    let mut response = respond(reply);
                    this.front.stamp.apply(response.headers_mut(), None);
                    return Poll::Ready(Ok(response));
                }
                StateProjection::Call { grant, future } => {
                    let mut response = ready!(future.poll(cx))?;
                    this.front.stamp.apply(response.headers_mut(), Some(grant));
                    return Poll::Ready(Ok(response));
                }
                StateProjection::Collect { future } => {
                    let reply = ready!(future.as_mut().poll(cx));
                    State::Answer { reply }
                }
                StateProjection::Wait { wait, held } => {
                    let waited = ready!(Pin::new(&mut *wait).poll(cx));
                    let Some((mut inner, request)) = held.take() else {
                        return Poll::Pending;
                    };
                    let view = view(&request, *this.peer);
                    let decision = this.front.gate.resume(&view, waited);
                    State::after(decision, &mut inner, request)
                }
            };
            this.state.set(next);
        }
    }
}

/// Reads a body for the gate, and no more of it than the gate wants.
async fn collect<B: Body>(wait: BodyWait, body: B) -> Reply
where
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    match Limited::new(body, wait.limit()).collect().await {
        Ok(body) => wait.deliver(body.to_bytes()).await,
        Err(error) if error.is::<LengthLimitError>() => wait.too_large(),
        Err(_) => wait.incomplete(),
    }
}

impl<S: Service<Request<B>>, B> fmt::Debug for ResponseFuture<S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
