//! The middleware: decide, then call the application or not.

use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::{Error, HttpMessage, web};
use clerk_gate_core::webhook::BodyWait;
use clerk_gate_core::{Decision, Gate, Grant, Reply};

use crate::apply::{Stamp, respond};
use crate::view::view;

/// Puts a gate in front of an application: `App::new().wrap(GateMiddleware::new(gate))`.
///
/// # Security
/// Register it last, so that it runs first: middleware registered after it sees requests that
/// the gate has not, and its responses carry no security headers.
#[derive(Clone, Debug)]
#[must_use = "middleware does nothing until an application is wrapped in it"]
pub struct GateMiddleware {
    gate: Arc<Gate>,
    stamp: Stamp,
}

impl GateMiddleware {
    /// Middleware for this gate. Make it once and clone it into every worker's application.
    pub fn new(gate: Arc<Gate>) -> Self {
        let stamp = Stamp::new(&gate);
        Self { gate, stamp }
    }
}

impl<S, B> Transform<S, ServiceRequest> for GateMiddleware
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Transform = Gated<S>;
    type InitError = ();
    type Future = Ready<Result<Gated<S>, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        let Self { gate, stamp } = self.clone();
        let inner = Rc::new(inner);
        ready(Ok(Gated { inner, gate, stamp }))
    }
}

/// An application behind a gate.
#[derive(Debug)]
pub struct Gated<S> {
    inner: Rc<S>,
    gate: Arc<Gate>,
    stamp: Stamp,
}

impl<S, B> Service<ServiceRequest> for Gated<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>>>>;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&self, mut request: ServiceRequest) -> Self::Future {
        let inner = Rc::clone(&self.inner);
        let (gate, stamp) = (Arc::clone(&self.gate), self.stamp.clone());
        Box::pin(async move {
            let mut decision = gate.decide(&view(request.request()));
            loop {
                match decision {
                    Decision::Proceed(grant) => {
                        request.extensions_mut().insert(grant.clone());
                        return finish(stamp, grant, inner.call(request).await);
                    }
                    Decision::Respond(reply) => {
                        let mut response = request.into_response(respond(&reply));
                        stamp.apply(response.headers_mut(), None);
                        return Ok(response.map_into_right_body());
                    }
                    Decision::CollectBody(wait) => {
                        let body = request.extract::<web::Payload>().await;
                        let reply = collect(wait, body).await;
                        decision = Decision::Respond(reply);
                    }
                    Decision::Await(wait) => {
                        let waited = wait.await;
                        decision = gate.resume(&view(request.request()), waited);
                    }
                }
            }
        })
    }
}

/// Reads a body for the gate, and no more of it than the gate wants.
async fn collect(wait: BodyWait, body: Result<web::Payload, Error>) -> Reply {
    let Ok(body) = body else {
        return wait.incomplete();
    };
    match body.to_bytes_limited(wait.limit()).await {
        Ok(Ok(bytes)) => wait.deliver(bytes).await,
        Ok(Err(_)) => wait.incomplete(),
        Err(_) => wait.too_large(),
    }
}

/// Adds the lines to a response, or to the response that an error will become.
fn finish<B>(
    stamp: Stamp,
    grant: Grant,
    result: Result<ServiceResponse<B>, Error>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    match result {
        Ok(mut response) => {
            stamp.apply(response.headers_mut(), Some(&grant));
            Ok(response.map_into_left_body())
        }
        Err(mut error) => {
            error.add_response_mapper(move |mut response| {
                stamp.apply(response.headers_mut(), Some(&grant));
                response
            });
            Err(error)
        }
    }
}
