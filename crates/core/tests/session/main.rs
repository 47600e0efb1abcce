//! What is a session token, and the reason for everything that is not.

mod cache;
mod claims;
mod form;
mod keys;
mod organization;

use clerk_gate_core::{KeySet, Keyring, Reason, Session, UnixTime, Verification, Verifier};
use clerk_gate_testkit::{ISSUER, NOW, ORIGIN, Signer, Token, key_set};

/// A verifier of the instance, whose one key is the primary one.
fn verifier() -> Verifier {
    Verifier::new(ISSUER, Keyring::fixed(keys(&[Signer::primary()])))
}

fn keys(signers: &[&Signer]) -> KeySet {
    KeySet::from_json(key_set(signers).as_bytes()).unwrap()
}

/// The token with the primary key's signature.
fn sign(token: &Token) -> String {
    token.sign(Signer::primary())
}

/// The session that a token of the primary key stands for.
#[track_caller]
fn session(token: &Token) -> Session {
    verifier().verify_finally(&sign(token), NOW).unwrap()
}

#[track_caller]
fn check(token: &str, want: Result<(), Reason>) {
    check_with(&verifier(), token, NOW, want);
}

/// Checks the verdict, which a second look must not change.
#[track_caller]
fn check_with(verifier: &Verifier, token: &str, now: UnixTime, want: Result<(), Reason>) {
    let found = match verifier.verify(token, now) {
        Verification::Verified(_) => Ok(()),
        Verification::Refused(reason) => Err(reason),
        Verification::AwaitKeys(_) => panic!("a fixed keyring has nothing to wait for"),
    };
    assert_eq!(found, want, "{token}");
    let again = verifier.verify_finally(token, now).map(|_| ());
    assert_eq!(again, want, "{token}");
}

#[test]
fn a_session_says_what_the_token_said() {
    let now = NOW.as_secs();
    let session = session(
        &Token::session()
            .claim("act", serde_json::json!({ "sub": "user_2admin" }))
            .claim("plan_name", "gold"),
    );
    assert_eq!(session.user_id(), "user_2test0user0000000000000000000");
    assert_eq!(session.session_id(), "sess_2test0session0000000000000000");
    assert_eq!(session.actor_id(), Some("user_2admin"));
    assert_eq!(session.authorized_party(), Some(ORIGIN));
    assert_eq!(session.token_id(), Some("2test0token000000000"));
    assert_eq!(session.issued_at(), NOW);
    assert_eq!(session.expires_at(), UnixTime::from_secs(now + 60));
    assert_eq!(session.factor_ages(), Some([0, -1]));
    assert!(session.organization().is_none());

    let claims: serde_json::Value = session.claims().unwrap();
    assert_eq!(claims["plan_name"], "gold");
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(session.claims_json()).unwrap(),
        claims
    );
    let error = session.claims::<Vec<u8>>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "claims: not of the wanted shape at column 0"
    );
}

#[test]
fn debug_shows_ids_and_no_claims() {
    let text = format!("{:?}", session(&Token::session().claim("note", "private")));
    assert_eq!(
        text,
        r#"Session { user_id: "user_2test0user0000000000000000000", session_id: "sess_2test0session0000000000000000", .. }"#
    );
}

#[test]
fn what_older_instances_leave_out_is_not_needed() {
    for claim in ["azp", "fva", "jti", "nbf", "sts", "v"] {
        check(&sign(&Token::session().without(claim)), Ok(()));
    }
    for parameter in ["cat", "typ"] {
        check(&sign(&Token::session().without_header(parameter)), Ok(()));
    }
}

#[test]
fn a_forger_learns_nothing_about_the_configuration() {
    let strict = verifier().with_audience(["api"]);
    for token in [
        Token::session().claim("iss", "https://clerk.evil.test"),
        Token::session().claim("aud", "web"),
        Token::session().claim("sts", "pending"),
        Token::session().claim("sub", "mch_1"),
        Token::session().without("sid"),
    ] {
        let forged = token.sign(Signer::other());
        check_with(&strict, &forged, NOW, Err(Reason::TokenSignature));
    }
}
