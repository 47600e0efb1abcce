//! What extractors answer where the gate is missing, bypassed or content.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{StatusCode, Uri};
use axum::routing::get;
use clerk_gate_axum::{GateLayer, Nonce, Principal, Session};
use clerk_gate_core::{Gate, Policy};
use clerk_gate_testkit::{Signer, Token};
use http_body_util::BodyExt;
use tower_layer::Layer;
use tower_service::Service;

const USER: &str = "user_extractors";

fn gate() -> Arc<Gate> {
    let policy = Policy::builder().public("/open/{*rest}").session("/own");
    let policy = policy.build().unwrap();
    Arc::new(clerk_gate_testkit::gate(policy).build().unwrap())
}

fn router() -> Router {
    async fn session(session: Session) -> String {
        session.user_id().to_owned()
    }
    async fn optional(session: Option<Session>) -> String {
        session.map_or_else(String::new, |session| session.user_id().to_owned())
    }
    async fn principal(principal: Principal, nonce: Nonce) -> String {
        format!("{:?} {:?}", principal.0, nonce.0)
    }
    Router::new()
        .route("/own", get(session))
        .route("/open/session", get(session))
        .route("/open/optional", get(optional))
        .route("/open/principal", get(principal))
}

async fn answer<S>(mut service: S, path: &str, token: Option<&str>) -> (StatusCode, String)
where
    S: Service<Request, Response = axum::response::Response, Error = std::convert::Infallible>,
{
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = path.parse().unwrap();
    if let Some(token) = token {
        let value = format!("Bearer {token}").parse().unwrap();
        request.headers_mut().insert("authorization", value);
    }
    let (parts, body) = service.call(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (parts.status, String::from_utf8(body.to_vec()).unwrap())
}

fn refusal(words: &str, code: &str) -> String {
    format!("{{\"error\":\"{words}\",\"code\":\"{code}\"}}")
}

#[tokio::test]
async fn a_handler_gets_what_the_gate_has_granted() {
    let token = Token::session().claim("sub", USER).sign(Signer::primary());
    for (path, token, status, body) in [
        ("/own", Some(&token), StatusCode::OK, USER.to_owned()),
        (
            "/open/session",
            Some(&token),
            StatusCode::OK,
            USER.to_owned(),
        ),
        (
            "/open/optional",
            Some(&token),
            StatusCode::OK,
            USER.to_owned(),
        ),
        ("/open/optional", None, StatusCode::OK, String::new()),
        (
            "/open/principal",
            None,
            StatusCode::OK,
            "Anonymous None".to_owned(),
        ),
        (
            "/open/session",
            None,
            StatusCode::UNAUTHORIZED,
            refusal("Unauthorized", "session-required"),
        ),
    ] {
        let app = GateLayer::new(gate()).layer(router());
        let got = answer(app, path, token.map(String::as_str)).await;
        assert_eq!(got, (status, body), "{path}");
    }
}

#[tokio::test]
async fn without_a_gate_every_extractor_is_a_configuration_error() {
    for path in ["/own", "/open/session", "/open/optional", "/open/principal"] {
        let want = refusal("Configuration error", "gate-missing");
        let got = answer(router(), path, None).await;
        assert_eq!(got, (StatusCode::INTERNAL_SERVER_ERROR, want), "{path}");
    }
}

#[tokio::test]
async fn a_request_that_was_rewritten_behind_the_gate_gets_no_session() {
    /// Sends everything to one path, as a careless rewriting layer would.
    #[derive(Clone)]
    struct Rewrite;
    #[derive(Clone)]
    struct Rewriting<S>(S);

    impl<S> Layer<S> for Rewrite {
        type Service = Rewriting<S>;
        fn layer(&self, inner: S) -> Rewriting<S> {
            Rewriting(inner)
        }
    }

    impl<S: Service<Request>> Service<Request> for Rewriting<S> {
        type Response = S::Response;
        type Error = S::Error;
        type Future = S::Future;
        fn poll_ready(
            &mut self,
            cx: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Result<(), S::Error>> {
            self.0.poll_ready(cx)
        }
        fn call(&mut self, mut request: Request) -> S::Future {
            *request.uri_mut() = Uri::from_static("/own");
            self.0.call(request)
        }
    }

    let inner = Router::new().fallback_service(Rewrite.layer(router()));
    let token = Token::session().claim("sub", USER).sign(Signer::primary());
    let app = GateLayer::new(gate()).layer(inner);
    let want = refusal("Configuration error", "target-changed");
    let got = answer(app, "/open/x", Some(&token)).await;
    assert_eq!(got, (StatusCode::INTERNAL_SERVER_ERROR, want));
}

#[tokio::test]
async fn a_nested_router_and_a_final_slash_are_no_rewriting() {
    let nested = Router::new().nest("/open", Router::new().route("/{x}", get(own_name)));
    async fn own_name(session: Option<Session>) -> &'static str {
        if session.is_some() {
            "signed in"
        } else {
            "anonymous"
        }
    }
    let app = GateLayer::new(gate()).layer(nested);
    assert_eq!(
        answer(app, "/open/x", None).await,
        (StatusCode::OK, "anonymous".to_owned())
    );
}
