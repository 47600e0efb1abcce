//! What extractors answer where the gate is missing, bypassed or content.

use std::sync::Arc;

use actix_web::dev::{Service, ServiceRequest};
use actix_web::http::Uri;
use actix_web::{App, test, web};
use clerk_gate_actix::{GateMiddleware, Nonce, Principal, Session};
use clerk_gate_core::Policy;
use clerk_gate_testkit::{Signer, Token};

const USER: &str = "user_extractors";

fn gate() -> GateMiddleware {
    let policy = Policy::builder().public("/open/{tail}").session("/own");
    let policy = policy.build().unwrap();
    let gate = clerk_gate_testkit::gate(policy).build().unwrap();
    GateMiddleware::new(Arc::new(gate))
}

fn routes(config: &mut web::ServiceConfig) {
    async fn session(session: Session) -> String {
        session.user_id().to_owned()
    }
    async fn optional(session: Option<Session>) -> String {
        session.map_or_else(String::new, |session| session.user_id().to_owned())
    }
    async fn principal(principal: Principal, nonce: Nonce) -> String {
        format!("{:?} {:?}", principal.0, nonce.0)
    }
    config
        .route("/own", web::get().to(session))
        .route("/open/session", web::get().to(session))
        .route("/open/optional", web::get().to(optional))
        .route("/open/principal", web::get().to(principal));
}

fn request(path: &str, token: Option<&str>) -> test::TestRequest {
    let request = test::TestRequest::get().uri(path);
    match token {
        Some(token) => request.insert_header(("authorization", format!("Bearer {token}"))),
        None => request,
    }
}

/// Sends one request to a service, whose type nobody can name, and takes its answer apart.
macro_rules! answer {
    ($service:expr, $path:expr, $token:expr) => {{
        let response = test::call_service($service, request($path, $token).to_request()).await;
        let status = response.status().as_u16();
        let body = test::read_body(response).await;
        (status, String::from_utf8(body.to_vec()).unwrap())
    }};
}

fn refusal(words: &str, code: &str) -> String {
    format!("{{\"error\":\"{words}\",\"code\":\"{code}\"}}")
}

#[actix_web::test]
async fn a_handler_gets_what_the_gate_has_granted() {
    let token = Token::session().claim("sub", USER).sign(Signer::primary());
    let app = test::init_service(App::new().configure(routes).wrap(gate())).await;
    for (path, token, status, body) in [
        ("/own", Some(&token), 200, USER.to_owned()),
        ("/open/session", Some(&token), 200, USER.to_owned()),
        ("/open/optional", Some(&token), 200, USER.to_owned()),
        ("/open/optional", None, 200, String::new()),
        ("/open/principal", None, 200, "Anonymous None".to_owned()),
        (
            "/open/session",
            None,
            401,
            refusal("Unauthorized", "session-required"),
        ),
    ] {
        let got = answer!(&app, path, token.map(String::as_str));
        assert_eq!(got, (status, body), "{path}");
    }
}

/// actix-web answers for every `Option<T>` itself and drops the refusal: nobody is signed in.
#[actix_web::test]
async fn without_a_gate_extractors_are_a_configuration_error_and_options_are_empty() {
    let app = test::init_service(App::new().configure(routes)).await;
    let error = refusal("Configuration error", "gate-missing");
    for (path, status, body) in [
        ("/own", 500, &error),
        ("/open/session", 500, &error),
        ("/open/optional", 200, &String::new()),
        ("/open/principal", 500, &error),
    ] {
        assert_eq!(answer!(&app, path, None), (status, body.clone()), "{path}");
    }
}

#[actix_web::test]
async fn a_request_that_was_rewritten_behind_the_gate_gets_no_session() {
    let rewrite = App::new()
        .configure(routes)
        .wrap_fn(|mut request: ServiceRequest, inner| {
            let uri = Uri::from_static("/own");
            request.match_info_mut().get_mut().update(&uri);
            request.head_mut().uri = uri;
            inner.call(request)
        });
    let app = test::init_service(rewrite.wrap(gate())).await;
    let token = Token::session().sign(Signer::primary());
    let want = refusal("Configuration error", "target-changed");
    assert_eq!(answer!(&app, "/open/x", Some(&token)), (500, want));
}

#[cfg(feature = "coverage")]
#[actix_web::test]
async fn the_mounted_routes_are_those_of_the_application() {
    use actix_web::introspection::IntrospectionTree;

    async fn list(tree: web::Data<IntrospectionTree>) -> String {
        let mounted = clerk_gate_actix::mounted(&tree);
        let lines = mounted
            .iter()
            .map(|(method, path)| format!("{method} {path}\n"));
        lines.collect()
    }
    let scope = web::scope("/api").route("/users/{id}", web::post().to(list));
    let app = App::new()
        .route("/open/routes", web::get().to(list))
        .service(scope);
    let app = test::init_service(app).await;
    let want = "POST /api/users/{id}\nGET /open/routes\n".to_owned();
    assert_eq!(answer!(&app, "/open/routes", None), (200, want));
}
