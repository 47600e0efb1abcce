//! Factors that are shown again, and somebody who acts in a user's place.

use std::sync::Arc;

use clerk_gate_core::Clock;
use clerk_gate_local::Persona;
use clerk_gate_testkit::FixedClock;
use serde_json::Value;

use crate::http::send;
use crate::{APP, client_line, get, sign_in, start, start_at, verifier, verify};

#[test]
fn a_factor_that_is_shown_again_is_as_fresh_as_it_gets() {
    let clock = Arc::new(FixedClock::default());
    let local = start_at(Arc::clone(&clock));
    let ask = |target: &str, client: &str, origin: &str, form: &str| {
        let lines = [
            ("cookie", client),
            ("origin", origin),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        send(local.origin(), target, &lines, form)
    };
    let check = |user: &str, forms: &[(&str, &str, u16)], ages: [i64; 2]| {
        let signed_in = sign_in(&local, user, "%2F", &[]);
        let client = client_line(&signed_in);
        let token = signed_in.cookie("__session");
        let session = verifier(&local, APP).verify_finally(token, clock.now());
        let session = session.expect("a session");
        let target = format!("POST /v1/client/sessions/{}", session.session_id());
        clock.advance(300);
        let verify_target = format!("{target}/verify");
        for stranger in ["a=b", "__client=client_guess"] {
            let answer = ask(&verify_target, stranger, APP, "factor=first&code=424242");
            assert_eq!(answer.status, 404, "{stranger}");
        }
        for (form, origin, status) in forms {
            let answer = ask(&verify_target, &client, origin, form);
            assert_eq!(answer.status, *status, "{user} {form} {origin}");
        }
        let answer = ask(&format!("{target}/tokens"), &client, APP, "");
        let body: Value = serde_json::from_str(&answer.body).expect("JSON");
        let token = body["jwt"].as_str().expect("a token");
        let session = verifier(&local, APP).verify_finally(token, clock.now());
        assert_eq!(session.expect("a session").factor_ages(), Some(ages));
    };
    let (first, second) = ("factor=first&code=424242", "factor=second&code=424242");

    check("member", &[(first, APP, 204)], [0, -1]);
    check("member", &[(second, APP, 204)], [5, 0]);
    check("member", &[(second, "https://evil.test", 403)], [5, -1]);
    check("member", &[("factor=second&code=1", APP, 422)], [5, -1]);
    check("solo", &[(second, APP, 422), (first, APP, 204)], [0, -1]);
}

#[test]
fn an_impersonated_session_names_whoever_acts() {
    let local = start();
    let actor = |token: &str| {
        let session = verify(&local, token, APP).expect("a session");
        session.actor_id().map(str::to_owned)
    };
    let form = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("origin", local.origin()),
    ];
    let sign_in = |body| send(local.origin(), "POST /sign-in", &form, body);

    let answer = sign_in("impersonate=admin");
    let support = actor(answer.cookie("__session")).expect("an actor");
    assert!(Persona::ALL.iter().all(|own| own.user_id() != support));
    assert_eq!(actor(sign_in("user=admin").cookie("__session")), None);
    assert_eq!(sign_in("user=admin&impersonate=admin").status, 400);
    assert_eq!(sign_in("redirect_url=").status, 400);

    let token = |query: &str| get(&local, &format!("/v1/local/token?user=admin{query}")).body;
    assert_eq!(actor(&token("&impersonated=true")), Some(support));
    assert_eq!(actor(&token("")), None);
    let fresh = verify(&local, &token("&second_factor=true"), APP).expect("a session");
    assert_eq!(fresh.factor_ages(), Some([0, 0]));
}
