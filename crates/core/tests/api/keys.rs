//! Keys that are not there yet, not ours, or not enough without the time.

use std::sync::Arc;

use clerk_gate_core::{Gate, Keyring, Waited};
use clerk_gate_testkit::{FixedClock, Signer, Token};

use super::support::{builder, keys, request, settings, summary};
use super::{bearer, check, gate, policy};

#[test]
fn keys_are_awaited_once_and_their_lack_is_never_a_401() {
    let (keyring, feed) = Keyring::fed(|| {});
    let gate = Gate::builder(&settings(), keyring, policy().build().unwrap())
        .with_clock(Arc::new(FixedClock::default()))
        .build()
        .unwrap();
    let token = bearer(&Token::session());
    let private = request("GET", "/me", &[("authorization", &token)]);
    let public = request("GET", "/", &[("authorization", &token)]);
    check(&gate, &request("GET", "/", &[]), "proceed");
    check(&gate, &request("GET", "/me", &[]), "401 session-required");
    for target in [&private, &public] {
        check(&gate, target, "wait");
    }
    assert_eq!(
        summary(&gate.resume(&private, Waited::default())),
        "503 keys-unavailable"
    );
    assert_eq!(summary(&gate.resume(&public, Waited::default())), "proceed");
    let page = request(
        "GET",
        "/me",
        &[("authorization", &token), ("sec-fetch-dest", "document")],
    );
    assert_eq!(
        summary(&gate.resume(&page, Waited::default())),
        "503 keys-unavailable"
    );

    feed.publish(keys(Signer::primary()));
    assert_eq!(
        summary(&gate.resume(&private, Waited::default())),
        "proceed"
    );
    check(&gate, &private, "proceed");
    let other = Token::session().header("kid", Signer::other().kid());
    let other = format!("Bearer {}", other.sign(Signer::other()));
    let rotated = request("GET", "/me", &[("authorization", &other)]);
    feed.rested();
    check(&gate, &rotated, "wait");
    assert_eq!(
        summary(&gate.resume(&rotated, Waited::default())),
        "401 invalid-token"
    );
    drop(feed);
    check(&gate, &private, "503 keys-unavailable");
}

#[test]
fn two_gates_of_one_process_share_nothing() {
    let other = Gate::builder(
        &settings(),
        Keyring::fixed(keys(Signer::other())),
        policy().build().unwrap(),
    );
    let other = other.with_clock(Arc::new(FixedClock::default()));
    let other = other.build().unwrap();
    let ours = bearer(&Token::session().header("kid", "ins_of_both"));
    let theirs = Token::session().header("kid", Signer::other().kid());
    let theirs = format!("Bearer {}", theirs.sign(Signer::other()));
    for token in [&ours, &theirs] {
        let request = request("GET", "/me", &[("authorization", token)]);
        check(&gate(), &request, "401 invalid-token");
    }
    let theirs = request("GET", "/me", &[("authorization", &theirs)]);
    check(&other, &theirs, "proceed");
}

#[test]
fn a_token_dies_with_the_clock() {
    let clock = Arc::new(FixedClock::default());
    let gate = builder(policy()).with_leeway(0).with_clock(clock.clone());
    let gate = gate.build().unwrap();
    let token = bearer(&Token::session());
    let request = request("GET", "/me", &[("authorization", &token)]);
    for (seconds, want) in [
        (59, "proceed"),
        (1, "401 invalid-token"),
        (-1, "proceed"),
        (-60, "401 invalid-token"),
    ] {
        clock.advance(seconds);
        check(&gate, &request, want);
    }
}
