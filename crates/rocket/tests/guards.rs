//! What guards answer where the gate is missing, bypassed or content.

#![expect(
    clippy::needless_pass_by_value,
    reason = "Rocket hands guards over by value"
)]

use std::sync::Arc;

use clerk_gate_core::{Gate, Policy};
use clerk_gate_rocket::{GateFairing, Nonce, Principal, Session, mounted};
use clerk_gate_testkit::{Signer, Token};
use rocket::fairing::AdHoc;
use rocket::http::{Header, uri};
use rocket::local::asynchronous::Client;
use rocket::{Build, Config, Rocket, get, routes};

const USER: &str = "user_guards";

#[get("/own")]
fn own(session: Session) -> String {
    session.user_id().to_owned()
}

#[get("/open/session")]
fn session(session: Session) -> String {
    session.user_id().to_owned()
}

#[get("/open/optional")]
fn optional(session: Option<Session>) -> String {
    session.map_or_else(String::new, |session| session.user_id().to_owned())
}

#[get("/open/principal")]
fn principal(principal: Principal, nonce: Nonce) -> String {
    format!("{:?} {:?}", principal.0, nonce.0)
}

fn gate() -> Arc<Gate> {
    let policy = Policy::builder().public("/open/{tail}").session("/own");
    let policy = policy.build().unwrap();
    Arc::new(clerk_gate_testkit::gate(policy).build().unwrap())
}

fn rocket() -> Rocket<Build> {
    let quiet = Config {
        log_level: rocket::log::LogLevel::Off,
        ..Config::debug_default()
    };
    rocket::custom(quiet).mount("/", routes![own, session, optional, principal])
}

async fn answer(client: &Client, path: &'static str, token: Option<&str>) -> (u16, String) {
    let mut request = client.get(path);
    if let Some(token) = token {
        request.add_header(Header::new("authorization", format!("Bearer {token}")));
    }
    let response = request.dispatch().await;
    let status = response.status().code;
    (status, response.into_string().await.unwrap_or_default())
}

fn refusal(words: &str, code: &str) -> String {
    format!("{{\"error\":\"{words}\",\"code\":\"{code}\"}}")
}

#[rocket::async_test]
async fn a_handler_gets_what_the_gate_has_granted() {
    let token = Token::session().claim("sub", USER).sign(Signer::primary());
    let rocket = rocket().attach(GateFairing::new(gate()));
    let client = Client::untracked(rocket).await.unwrap();
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
        let got = answer(&client, path, token.map(String::as_str)).await;
        assert_eq!(got, (status, body), "{path}");
    }
}

#[rocket::async_test]
async fn without_the_fairing_rocket_refuses_to_launch() {
    let error = rocket().ignite().await.err();
    let kind = error.as_ref().map(rocket::Error::kind);
    assert!(
        matches!(kind, Some(rocket::error::ErrorKind::SentinelAborts(_))),
        "{kind:?}"
    );
}

#[rocket::async_test]
async fn a_request_that_was_rewritten_behind_the_gate_gets_no_session() {
    let rewrite = AdHoc::on_request("rewrite", |request, _| {
        Box::pin(async move {
            request.set_uri(uri::Origin::parse("/own").unwrap());
        })
    });
    let rocket = rocket().attach(GateFairing::new(gate())).attach(rewrite);
    let client = Client::untracked(rocket).await.unwrap();
    let token = Token::session().sign(Signer::primary());
    let want = refusal("Configuration error", "target-changed");
    assert_eq!(answer(&client, "/open/x", Some(&token)).await, (500, want));
}

#[rocket::async_test]
async fn the_route_that_answers_is_not_there_for_clients() {
    let rocket = rocket().attach(GateFairing::new(gate()));
    let client = Client::untracked(rocket).await.unwrap();
    let token = Token::session().sign(Signer::primary());
    assert_eq!(answer(&client, "/__clerk-gate", Some(&token)).await.0, 404);
    assert_eq!(answer(&client, "/__clerk-gate", None).await.0, 401);
}

#[rocket::async_test]
async fn the_mounted_routes_are_those_of_the_application() {
    let rocket = rocket()
        .attach(GateFairing::new(gate()))
        .ignite()
        .await
        .unwrap();
    let mut routes = mounted(&rocket);
    routes.sort();
    let paths: Vec<_> = routes
        .iter()
        .map(|(method, path)| format!("{method} {path}"))
        .collect();
    assert_eq!(
        paths,
        [
            "GET /open/optional",
            "GET /open/principal",
            "GET /open/session",
            "GET /own"
        ]
    );
    assert!(gate().policy().coverage(routes).check().is_ok());
    let empty = Policy::builder().build().unwrap();
    assert!(empty.coverage(mounted(&rocket)).check().is_err());
}
