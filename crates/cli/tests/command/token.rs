//! `clerk-gate token`.

use clerk_gate_testkit::{Signer, key_set};
use serde_json::Value;

use crate::{Run, TEST_INSTANCE, mint, run};

fn inspect(more: &[&str], environment: &[(&str, &str)], token: &str) -> Run {
    let arguments = [&["token", "inspect"], more].concat();
    run(&arguments, environment, token.as_bytes())
}

#[test]
fn without_keys_it_says_that_the_signature_was_not_verified() {
    let run = inspect(&[], &[], &mint(&[]));
    assert_eq!(run.code, Some(0), "{run:?}");
    let first = run.out.lines().next();
    assert_eq!(
        first,
        Some("signature: NOT verified, for want of keys; anybody can have written what follows")
    );
    assert!(run.out.contains("  iss  not judged: "), "{run:?}");
    let last = run.out.lines().last();
    assert_eq!(
        last,
        Some("the gate accepts this token if its signature is good")
    );
}

#[test]
fn each_claim_has_what_the_gate_makes_of_it() {
    let claims = [
        "--claim",
        "plan=gold",
        "--claim",
        "sts=pending",
        "--role",
        "admin",
    ];
    let run = inspect(&["--json"], &TEST_INSTANCE, &mint(&claims));
    assert_eq!(run.code, Some(1), "{run:?}");
    let json = run.json();
    assert_eq!(json["signature"], "not verified");
    assert_eq!(json["refused"], "session-pending");
    let said = |name: &str| {
        let claim = &json["claims"][name];
        (claim["verdict"].clone(), claim["reason"].clone())
    };
    for name in ["azp", "exp", "iat", "iss", "nbf", "o", "sid", "sub", "v"] {
        assert_eq!(said(name), ("ok".into(), Value::Null), "{name}");
    }
    assert_eq!(said("plan"), ("ignored".into(), Value::Null));
    assert_eq!(said("sts"), ("refused".into(), "session-pending".into()));
    assert_eq!(json["header"]["alg"]["verdict"], "ok");
    assert_eq!(json["claims"]["plan"]["value"], "gold");
}

#[test]
fn the_signature_is_verified_where_there_are_keys_even_of_a_token_that_has_expired() {
    let verified = |more: &[&str], token: &str| {
        let run = inspect(&[more, &["--json"]].concat(), &[], token);
        (
            run.json()["signature"].clone(),
            run.json()["refused"].clone(),
        )
    };
    let keys = &["--test-keys"];
    assert_eq!(verified(keys, &mint(&[])), ("verified".into(), Value::Null));
    let old = mint(&["--age", "3600"]);
    assert_eq!(
        verified(keys, &old),
        ("verified".into(), "token-expired".into())
    );
    let (rest, signature) = old.trim().rsplit_once('.').expect("three parts");
    let other = mint(&["--user", "user_8"]);
    let (_, foreign) = other.trim().rsplit_once('.').expect("three parts");
    assert_ne!(signature, foreign);
    let forged = format!("{rest}.{foreign}");
    let want = ("token-signature".into(), "token-signature".into());
    assert_eq!(verified(keys, &forged), want);
    let run = inspect(&["--json"], &[], &old);
    assert_eq!(run.json()["header"]["kid"]["reason"], "no keys are given");
    let foreign = mint(&["--claim", "iss=https://evil.test"]);
    assert_eq!(
        verified(keys, &foreign),
        ("verified".into(), "token-issuer".into())
    );
}

#[test]
fn a_key_that_is_in_no_key_set_is_told() {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("token-other.json");
    std::fs::write(&path, key_set(&[Signer::other()])).expect("a file");
    let keys = path.to_str().expect("a path in Unicode");
    let run = inspect(&["--json", "--jwks", keys], &TEST_INSTANCE, &mint(&[]));
    assert_eq!(run.code, Some(1), "{run:?}");
    let json = run.json();
    assert_eq!(json["refused"], "token-unknown-key");
    assert_eq!(json["header"]["kid"]["reason"], "token-unknown-key");
}

#[test]
fn a_moment_can_be_named() {
    let token = mint(&["--at", "1800000000"]);
    let code = |at: &str| inspect(&["--test-keys", "--at", at], &[], &token).code;
    assert_eq!(code("1800000030"), Some(0));
    assert_eq!(code("1800000100"), Some(1));
    let run = inspect(&["--at", "1800000100"], &[], &token);
    assert!(
        run.out
            .contains("refused because of token-expired  1800000060  (40 s ago)"),
        "{run:?}"
    );
}

#[test]
fn what_is_no_token_is_refused_and_steers_no_terminal() {
    for text in ["", "a", "a.b.c", "\u{1b}[31m", "eyJhbGciOiJSUzI1NiJ9.e30"] {
        let run = inspect(&[], &[], text);
        assert_eq!(run.code, Some(1), "{run:?}");
        assert!(run.out.contains("token-malformed"), "{run:?}");
    }
    let run = run(&["token", "inspect"], &[], b"\xff");
    assert_eq!(run.code, Some(2));
    let run = inspect(&[], &[], &mint(&["--claim", "x=\u{1b}[31m\u{202e}"]));
    assert!(!run.out.contains(['\u{1b}', '\u{202e}']), "{run:?}");
}

#[test]
fn a_minted_token_has_what_was_asked_for() {
    let token = mint(&[
        "--user",
        "user_9",
        "--organization",
        "org_9",
        "--role",
        "org:owner",
        "--claim",
        "fva=[3,-1]",
        "--without",
        "jti",
        "--at",
        "1800000000",
        "--age",
        "-30",
    ]);
    let json = inspect(&["--json"], &[], &token).json();
    let value = |name: &str| json["claims"][name]["value"].to_string();
    assert_eq!(value("sub"), "\"user_9\"");
    assert_eq!(value("o"), r#"{"id":"org_9","rol":"owner","slg":"acme"}"#);
    assert_eq!(value("fva"), "[3,-1]");
    assert_eq!(value("jti"), "null");
    assert_eq!(value("iat"), "1800000030");
    let run = run(&["token", "mint", "--claim", "x"], &[], b"");
    assert_eq!(run.code, Some(2));
    assert!(run.err.contains("NAME=VALUE"), "{run:?}");
}
