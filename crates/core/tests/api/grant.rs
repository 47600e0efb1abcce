//! What a handler and its extractors learn from a grant.

use std::sync::Arc;

use clerk_gate_core::{
    Csp, CspSource, Decision, Directive, Gate, Grant, JsonLimits, Keyring, Mode, Principal, Reason,
    Reply, SecurityHeaders,
};
use clerk_gate_testkit::{FixedClock, Signer, Token};

use super::support::{builder, request, settings};
use super::{bearer, gate, policy};

#[track_caller]
fn grant(gate: &Gate, method: &str, target: &str, lines: &[(&str, &str)]) -> Grant {
    match gate.decide(&request(method, target, lines)) {
        Decision::Proceed(grant) => grant,
        other => panic!("{other:?} does not proceed"),
    }
}

#[test]
fn a_session_route_has_a_session() {
    let token = bearer(&Token::session());
    let grant = grant(&gate(), "GET", "/me", &[("authorization", &token)]);
    assert!(matches!(grant.principal(), Principal::Session(_)));
    let user = "user_2test0user0000000000000000000";
    assert_eq!(grant.session().map(|session| session.user_id()), Some(user));
    assert_eq!(grant.require_session().unwrap().user_id(), user);
    let lines: Vec<_> = grant.lines().collect();
    let [line] = lines[..] else {
        panic!("{lines:?} is not one line");
    };
    assert_eq!((line.name(), line.value()), ("cache-control", "no-store"));
    assert_eq!(line.mode(), Mode::IfNotPresent);
}

#[test]
fn a_public_route_knows_a_good_credential_and_ignores_a_bad_one() {
    let good = bearer(&Token::session());
    let forged = format!("Bearer {}", Token::session().sign(Signer::other()));
    let pending = bearer(&Token::session().claim("sts", "pending"));
    for (target, lines, refusal) in [
        ("/", &[("authorization", &*good)][..], None),
        ("/", &[], Some(Reason::SessionRequired)),
        (
            "/",
            &[("authorization", &*forged)],
            Some(Reason::TokenSignature),
        ),
        (
            "/",
            &[("authorization", "Basic YTpi")],
            Some(Reason::TokenMalformed),
        ),
        (
            "/",
            &[("authorization", &*pending)],
            Some(Reason::SessionPending),
        ),
        (
            "/",
            &[("cookie", "__session=a; __session=b")],
            Some(Reason::AmbiguousCredential),
        ),
        (
            "/assets/a.css",
            &[("authorization", &*good)],
            Some(Reason::SessionRequired),
        ),
    ] {
        let grant = grant(&gate(), "GET", target, lines);
        let want = refusal.map(Reply::refusal);
        assert_eq!(grant.require_session().err(), want, "{lines:?}");
        assert_eq!(grant.session().is_some(), want.is_none());
        let anonymous = matches!(grant.principal(), Principal::Anonymous);
        assert_eq!(anonymous, want.is_some());
        assert_eq!(grant.lines().count(), usize::from(want.is_none()));
    }
}

#[test]
fn a_public_handler_that_wants_a_session_during_an_outage_answers_503() {
    let (keyring, feed) = Keyring::fed(|| {});
    feed.fail();
    let gate = Gate::builder(&settings(), keyring, policy().build().unwrap());
    let gate = gate
        .with_clock(Arc::new(FixedClock::default()))
        .build()
        .unwrap();
    let token = bearer(&Token::session());
    let grant = grant(&gate, "GET", "/", &[("authorization", &token)]);
    let status = grant.require_session().map_err(|reply| reply.status());
    assert_eq!(status.err(), Some(503));
}

#[test]
fn a_grant_covers_its_own_target_and_no_other() {
    let grant = grant(&gate(), "GET", "/posts/a%20b?x=1", &[]);
    for (method, path, covered) in [
        ("GET", "/posts/a%20b", true),
        ("GET", "/posts/a%20b/", true),
        ("HEAD", "/posts/a%20b", true),
        ("POST", "/posts/a%20b", false),
        ("get", "/posts/a%20b", false),
        ("GET", "/posts/a b", false),
        ("GET", "/posts/a", false),
        ("GET", "/posts/a%20b/c", false),
        ("GET", "/Posts/a%20b", false),
        ("GET", "//posts/a%20b", false),
        ("GET", "/posts/a%20b//", false),
        ("GET", "/", false),
        ("GET", "", false),
    ] {
        let want = (!covered).then(|| Reply::refusal(Reason::TargetChanged));
        assert_eq!(grant.covers(method, path).err(), want, "{method} {path}");
    }
}

#[test]
fn the_root_is_a_target_of_its_own() {
    let grant = grant(&gate(), "GET", "/", &[]);
    for (path, covered) in [("/", true), ("", false), ("//", false), ("/a", false)] {
        assert_eq!(grant.covers("GET", path).is_ok(), covered, "{path:?}");
    }
}

#[test]
fn the_limits_of_json_bodies_travel_with_the_grant() {
    assert_eq!(
        grant(&gate(), "GET", "/", &[]).json(),
        JsonLimits::default()
    );
    let limits = JsonLimits::new(10, 1);
    let gate = builder(policy()).with_json_limits(limits).build().unwrap();
    let grant = grant(&gate, "GET", "/", &[]);
    assert_eq!(grant.json().max_bytes(), 10);
    let json = request("POST", "/", &[("content-type", "application/json")]);
    assert!(grant.json().admit(&json).is_ok());
    assert!(grant.json().admit(&request("POST", "/", &[])).is_err());
    assert_eq!(grant.json().parse::<Vec<u8>>(b"[1,2]").unwrap(), [1, 2]);
    assert!(grant.json().parse::<Vec<Vec<u8>>>(b"[[1]]").is_err());
}

#[test]
fn a_nonce_is_fresh_and_never_in_debug_or_on_a_refusal() {
    let csp = Csp::new()
        .add(Directive::ScriptSrc, CspSource::SELF_ORIGIN)
        .with_nonce();
    let headers = SecurityHeaders::preset(&settings()).with_csp(csp);
    let gate = builder(policy()).with_headers(headers).build().unwrap();
    let grants = [(); 2].map(|()| grant(&gate, "GET", "/", &[]));
    let nonces = grants
        .each_ref()
        .map(|grant| grant.nonce().unwrap().as_str());
    assert_ne!(nonces[0], nonces[1]);
    for (grant, nonce) in grants.iter().zip(nonces) {
        let mut lines = grant.lines();
        let policy = lines.find(|line| line.name() == "content-security-policy");
        assert!(
            policy
                .unwrap()
                .value()
                .contains(&format!("'nonce-{nonce}'"))
        );
        assert!(!format!("{grant:?}").contains(nonce));
    }
    let Decision::Respond(reply) = gate.decide(&request("GET", "/me", &[])) else {
        panic!("/me needs a session");
    };
    let policy = reply
        .lines()
        .find(|line| line.name() == "content-security-policy");
    assert!(!policy.unwrap().value().contains("nonce-"));
}
