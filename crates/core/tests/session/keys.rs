//! Which key verifies a token, and what is answered while there is none.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clerk_gate_core::{KeySet, Keyring, Reason, Verification, Verifier};
use clerk_gate_testkit::{ISSUER, NOW, Signer, Token, key_set};
use serde_json::json;

use super::{check, check_with, keys, sign};

#[test]
fn the_kid_names_the_key() {
    let token = Token::session();
    let other = Signer::other();
    for (token, want) in [
        (sign(&token), Ok(())),
        (
            sign(&token.clone().without_header("kid")),
            Err(Reason::TokenUnknownKey),
        ),
        (
            sign(&token.clone().header("kid", "")),
            Err(Reason::TokenUnknownKey),
        ),
        (
            sign(&token.clone().header("kid", Signer::weak().kid())),
            Err(Reason::TokenUnknownKey),
        ),
        (
            sign(&token.clone().header("kid", 1)),
            Err(Reason::TokenMalformed),
        ),
        (
            token.clone().header("kid", other.kid()).sign(other),
            Err(Reason::TokenUnknownKey),
        ),
        (token.sign(other), Err(Reason::TokenSignature)),
    ] {
        check(&token, want);
    }
}

#[test]
fn of_two_keys_the_named_one_counts() {
    let both = Keyring::fixed(keys(&[Signer::primary(), Signer::other()]));
    let verifier = Verifier::new(ISSUER, both);
    let named = |signer: &Signer| Token::session().header("kid", signer.kid());
    for signer in [Signer::primary(), Signer::other()] {
        check_with(&verifier, &named(signer).sign(signer), NOW, Ok(()));
    }
    let crossed = named(Signer::other()).sign(Signer::primary());
    check_with(&verifier, &crossed, NOW, Err(Reason::TokenSignature));
}

#[test]
fn a_key_that_cannot_be_used_is_skipped_and_the_next_one_counts() {
    let other_use = "is not for verifying RS256 signatures";
    let size = "has fewer than 2048 or more than 8192 bits";
    let undecodable = "cannot be decoded";
    let modulus = Signer::other().jwk()["n"].clone();
    let modulus = modulus.as_str().unwrap();
    for (name, value, why) in [
        ("alg", json!("RS512"), other_use),
        ("alg", json!("RS384"), other_use),
        ("alg", json!("PS256"), other_use),
        ("alg", json!("HS256"), other_use),
        ("alg", json!("unheard-of"), other_use),
        ("use", json!("enc"), other_use),
        ("use", json!("else"), other_use),
        ("key_ops", json!(["encrypt"]), other_use),
        ("key_ops", json!([]), other_use),
        ("kid", json!(null), "has no kid"),
        ("kid", json!(Signer::primary().kid()), "repeats a kid"),
        ("kid", json!(7), undecodable),
        ("kty", json!("rsa"), other_use),
        ("kty", json!("EC"), other_use),
        ("n", json!(Signer::weak().jwk()["n"]), size),
        ("n", json!("_".repeat(1368)), size),
        ("n", json!(modulus[..336]), size),
        (
            "n",
            json!(format!("{}{}", "A".repeat(12), &modulus[..336])),
            undecodable,
        ),
        ("n", json!(""), size),
        ("n", json!(format!("{modulus}==")), undecodable),
        ("n", json!("not base64url!"), undecodable),
        ("e", json!(""), undecodable),
        ("e", json!("AA"), undecodable),
        ("e", json!(65537), other_use),
    ] {
        let mut bad = Signer::other().jwk();
        bad[name] = value;
        let good = Signer::primary().jwk();
        let (first, second, number) = match name {
            "kid" => (&good, &bad, 2),
            _ => (&bad, &good, 1),
        };
        let text = json!({ "keys": [first, second], "more": 1 }).to_string();
        let set = KeySet::from_json(text.as_bytes()).unwrap();
        assert!(set.kids().eq([Signer::primary().kid()]), "{bad}");
        assert_eq!(set.skipped(), [format!("key {number} {why}")], "{bad}");
    }
}

#[test]
fn a_document_without_usable_key_is_an_error_that_quotes_nothing() {
    let weak = key_set(&[Signer::weak()]);
    for (text, want) in [
        ("", "not a JWK Set: JSON that ends too early"),
        ("<html>secret</html>", "not a JWK Set: not JSON"),
        ("{\"keys\":[]}x", "not a JWK Set: not JSON"),
        ("[]", "not a JWK Set: no array \"keys\""),
        ("{\"secret\":1}", "not a JWK Set: no array \"keys\""),
        ("{\"keys\":\"secret\"}", "not a JWK Set: no array \"keys\""),
        ("{\"keys\":[]}", "no usable key: []"),
        (
            "{\"keys\":[\"secret\"]}",
            "no usable key: [key 1 cannot be decoded]",
        ),
        (
            &weak,
            "no usable key: [key 1 has fewer than 2048 or more than 8192 bits]",
        ),
    ] {
        let error = KeySet::from_json(text.as_bytes()).map_err(|error| error.to_string());
        assert_eq!(error.err().as_deref(), Some(want), "{text}");
    }
}

#[test]
fn a_pem_key_answers_to_every_kid() {
    let pem = Signer::primary().public_pem();
    let base64: String = pem.lines().filter(|line| !line.starts_with("--")).collect();
    let der = STANDARD.decode(base64).unwrap();
    let keys = KeySet::from_spki_der(&der).unwrap();
    assert_eq!(keys.kids().count(), 0);
    let verifier = Verifier::new(ISSUER, Keyring::fixed(keys));
    let token = Token::session();
    for token in [
        token.clone(),
        token.clone().header("kid", "anything"),
        token.without_header("kid"),
    ] {
        check_with(&verifier, &sign(&token), NOW, Ok(()));
        let forged = token.sign(Signer::other());
        check_with(&verifier, &forged, NOW, Err(Reason::TokenSignature));
    }
}

#[test]
fn our_own_outage_is_not_the_tokens_fault() {
    let (keyring, feed) = Keyring::fed(|| {});
    let verifier = Verifier::new(ISSUER, keyring);
    let token = sign(&Token::session());
    let verify = |token: &str| match verifier.verify(token, NOW) {
        Verification::Verified(_) => "session",
        Verification::Refused(reason) => reason.code(),
        Verification::AwaitKeys(_) => "wait",
    };
    assert_eq!(verify(&token), "wait");
    assert_eq!(
        verifier.verify_finally(&token, NOW).err(),
        Some(Reason::KeysUnavailable)
    );
    feed.fail();
    assert_eq!(verify(&token), "keys-unavailable");
    feed.rested();
    assert_eq!(verify(&token), "wait");

    feed.publish(keys(&[Signer::primary()]));
    assert_eq!(verify(&token), "session");
    feed.fail();
    assert_eq!(verify(&token), "session", "known keys outlive an outage");

    feed.publish(keys(&[Signer::other()]));
    assert_eq!(verify(&token), "token-unknown-key", "a key is taken back");

    feed.publish(keys(&[Signer::primary()]));
    feed.expire();
    assert_eq!(verify(&token), "keys-unavailable");
    feed.publish(keys(&[Signer::primary()]));
    drop(feed);
    assert_eq!(verify(&token), "keys-unavailable");
}

#[test]
fn a_token_that_no_key_can_help_never_waits() {
    let (keyring, feed) = Keyring::fed(|| panic!("nobody may ask for keys"));
    let verifier = Verifier::new(ISSUER, keyring);
    let token = Token::session();
    for (token, want) in [
        (token.clone().claim("exp", 0), Reason::TokenClaims),
        (
            token.clone().claim("iat", NOW.as_secs() + 30),
            Reason::TokenIssuedInFuture,
        ),
        (token.clone().header("alg", "none"), Reason::TokenAlgorithm),
        (token.without_header("kid"), Reason::TokenUnknownKey),
    ] {
        check_with(&verifier, &sign(&token), NOW, Err(want));
    }
    drop(feed);
}
