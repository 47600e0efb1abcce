//! Revocations: what they refuse, what webhooks teach them, and how they get from one to another.

mod sharing;
#[path = "../support/mod.rs"]
mod support;
mod webhooks;

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use allocation_counter::measure;
use clerk_gate_core::revocation::{RevocationStore, Revocations};
use clerk_gate_core::{Check, Decision, Gate, GateBuilder, Policy};
use clerk_gate_testkit::{FixedClock, NOW, Signer, Token};

use self::support::{builder, request, summary};
use self::webhooks::{PATH, endpoint};

const USER: &str = "user_2test0user0000000000000000000";
const SESSION: &str = "sess_2test0session0000000000000000";

/// Memory needs no runtime.
fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("memory does not wait"),
    }
}

fn revocations(store: Option<Arc<dyn RevocationStore>>, clock: &Arc<FixedClock>) -> Revocations {
    let own = store.map_or_else(Revocations::local, Revocations::shared);
    own.with_clock(Arc::<FixedClock>::clone(clock))
}

fn local() -> Arc<Revocations> {
    Arc::new(revocations(None, &Arc::default()))
}

fn gate_builder(revocations: &Arc<Revocations>, clock: &Arc<FixedClock>) -> GateBuilder {
    builder(Policy::builder().public("/"))
        .with_clock(Arc::<FixedClock>::clone(clock))
        .with_revocations(Arc::clone(revocations))
        .without_pages()
}

fn gate(revocations: &Arc<Revocations>) -> Gate {
    gate_builder(revocations, &Arc::default()).build().unwrap()
}

fn ask(gate: &Gate, token: &Token) -> String {
    let line = format!("Bearer {}", token.sign(Signer::primary()));
    summary(&gate.decide(&request("GET", "/me", &[("authorization", &line)])))
}

fn issued(seconds_ago: i64) -> Token {
    Token::session().claim("iat", NOW.as_secs() - seconds_ago)
}

fn member(role: &str) -> Token {
    Token::session().organization("org_1", "acme", role)
}

const REVOKED: &str = "401 session-revoked";

#[test]
fn a_revoked_session_is_refused_for_good_and_others_are_not() {
    let revocations = local();
    let gate = gate(&revocations);
    assert_eq!(ask(&gate, &Token::session()), "proceed");
    now(revocations.revoke_session(SESSION)).unwrap();
    assert_eq!(ask(&gate, &Token::session()), REVOKED);
    assert_eq!(ask(&gate, &issued(-4)), REVOKED);
    assert_eq!(
        ask(&gate, &Token::session().claim("sid", "sess_2")),
        "proceed"
    );
    assert_eq!(revocations.len(), 1);
}

#[test]
fn a_revoked_users_older_tokens_are_refused_and_newer_ones_are_not() {
    let revocations = local();
    let gate = gate(&revocations);
    now(revocations.revoke_user(USER)).unwrap();
    assert_eq!(ask(&gate, &issued(30)), REVOKED);
    assert_eq!(
        ask(&gate, &issued(0)),
        REVOKED,
        "the second of the revocation itself"
    );
    assert_eq!(ask(&gate, &issued(-1)), "proceed", "signed in anew");
    assert_eq!(
        ask(&gate, &Token::session().claim("sub", "user_2")),
        "proceed"
    );
}

#[test]
fn a_revoked_membership_concerns_tokens_of_that_organization() {
    let revocations = local();
    let gate = gate(&revocations);
    now(revocations.revoke_membership(USER, "org_1")).unwrap();
    assert_eq!(ask(&gate, &member("admin")), REVOKED);
    assert_eq!(ask(&gate, &Token::session()), "proceed");
    let other = Token::session().organization("org_2", "other", "admin");
    assert_eq!(ask(&gate, &other), "proceed");
    let colleague = member("admin").claim("sub", "user_2");
    assert_eq!(ask(&gate, &colleague), "proceed");
}

#[test]
fn on_a_public_route_a_revoked_session_is_nobody() {
    let revocations = local();
    let gate = gate(&revocations);
    now(revocations.revoke_session(SESSION)).unwrap();
    let line = format!("Bearer {}", Token::session().sign(Signer::primary()));
    let decision = gate.decide(&request("GET", "/", &[("authorization", &line)]));
    let Decision::Proceed(grant) = decision else {
        panic!("the route is public");
    };
    assert!(grant.session().is_none());
    assert_eq!(grant.require_session().unwrap_err().status(), 401);
}

#[test]
fn a_token_that_outlives_its_revocation_is_refused() {
    let clock = Arc::default();
    let own = Arc::new(revocations(None, &clock).with_longest_token_life(60));
    let gate = gate_builder(&own, &clock).build().unwrap();
    let lives = |seconds: i64| Token::session().claim("exp", NOW.as_secs() + seconds);
    assert_eq!(ask(&gate, &lives(60)), "proceed");
    assert_eq!(ask(&gate, &lives(61)), "401 invalid-token");
}

#[test]
fn settings_that_cannot_work_are_mistakes() {
    let clock = Arc::default();
    for (own, want) in [
        (
            revocations(None, &clock).with_longest_token_life(59),
            "longest token life 59 s",
        ),
        (
            revocations(None, &clock).with_longest_token_life(200_000),
            "longest token life 200000 s",
        ),
        (
            revocations(None, &clock).with_stale(Check::Enforce, 2),
            "age of revocations 2 s",
        ),
    ] {
        let errors = gate_builder(&Arc::new(own), &clock).build().unwrap_err();
        assert!(errors.to_string().contains(want), "{errors}");
    }
    let shared = endpoint(&Arc::default());
    let first = gate_builder(&local(), &clock).with_webhook(PATH, shared.clone());
    assert!(first.build().is_ok());
    let second = gate_builder(&local(), &clock).with_webhook(PATH, shared);
    let errors = second.build().unwrap_err().to_string();
    assert!(errors.contains("revocations of another gate"), "{errors}");
}

#[test]
fn a_million_revocations_cost_less_than_64_mib() {
    const MANY: i64 = 1_000_000;
    let revocations = local();
    let use_of = measure(|| {
        for n in 0..MANY {
            now(revocations.revoke_session(&format!("sess_{n}"))).unwrap();
        }
    });
    assert_eq!(revocations.len(), 1_000_000);
    println!(
        "{} bytes, at most {}",
        use_of.bytes_current, use_of.bytes_max
    );
    assert!(use_of.bytes_max < 64 << 20, "{}", use_of.bytes_max);
    assert_eq!(ask(&gate(&revocations), &Token::session()), "proceed");
    let revoked = Token::session().claim("sid", "sess_999999");
    assert_eq!(ask(&gate(&revocations), &revoked), REVOKED);
}
