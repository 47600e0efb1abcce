//! Which key verifies a token, and what is answered while there is none.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clerk_gate_core::{KeySet, Keyring, Reason, Verification, Verifier};
use clerk_gate_testkit::{ISSUER, NOW, Signer, Token, key_set};

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
fn a_weak_key_is_no_key() {
    let set = keys(&[Signer::weak(), Signer::primary()]);
    assert_eq!(
        set.skipped(),
        ["key 1 has fewer than 2048 or more than 8192 bits"]
    );
    let alone = KeySet::from_json(key_set(&[Signer::weak()]).as_bytes());
    assert_eq!(
        alone.map_err(|error| error.to_string()).err().as_deref(),
        Some("no usable key: [key 1 has fewer than 2048 or more than 8192 bits]")
    );
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
        token.clone().without_header("kid"),
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
