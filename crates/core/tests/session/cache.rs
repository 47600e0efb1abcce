//! A token that was verified before is judged as if it had never been seen.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread;

use clerk_gate_core::{Check, KeySet, Keyring, Reason, UnixTime, Verifier};
use clerk_gate_testkit::{ISSUER, NOW, ORIGIN, Signer, Token};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::RngSeed;

use super::{check_with, keys, sign, verifier};

/// A moment that many seconds from [`NOW`].
fn at(seconds: i64) -> UnixTime {
    NOW.saturating_add(seconds)
}

#[test]
fn times_are_checked_on_every_use() {
    let verifier = verifier();
    let token = sign(&Token::session().claim("nbf", NOW.as_secs() + 3));
    for (seconds, want) in [
        (0, Ok(())),
        (64, Ok(())),
        (65, Err(Reason::TokenExpired)),
        (30, Ok(())),
        (-2, Ok(())),
        (-3, Err(Reason::TokenNotYetValid)),
        (0, Ok(())),
        (-9, Err(Reason::TokenNotYetValid)),
    ] {
        check_with(&verifier, &token, at(seconds), want);
    }
    let early = sign(&Token::session().without("nbf"));
    check_with(&verifier, &early, NOW, Ok(()));
    check_with(&verifier, &early, at(-6), Err(Reason::TokenIssuedInFuture));
}

#[test]
fn a_withdrawn_key_takes_what_it_has_verified_with_it() {
    let (keyring, feed) = Keyring::fed(|| {});
    let verifier = Verifier::new(ISSUER, keyring);
    let token = sign(&Token::session());
    let verify = || verifier.verify_finally(&token, NOW).map(|_| ());
    let (primary, other) = (Signer::primary(), Signer::other());
    for (signers, want) in [
        (&[primary][..], Ok(())),
        (&[primary, other], Ok(())),
        (&[other], Err(Reason::TokenUnknownKey)),
        (&[primary], Ok(())),
    ] {
        feed.publish(keys(signers));
        assert_eq!(verify(), want, "{:?}", keys(signers));
        assert_eq!(verify(), want, "{:?}", keys(signers));
    }
    feed.expire();
    assert_eq!(verify(), Err(Reason::KeysUnavailable));
    feed.publish(keys(&[primary]));
    assert_eq!(verify(), Ok(()));
    drop(feed);
    assert_eq!(verify(), Err(Reason::KeysUnavailable));
}

/// The key of a `kid` is another one, which it must not be, but a key set can say so.
#[test]
fn a_key_that_is_replaced_under_its_kid_takes_what_it_has_verified_with_it() {
    let (keyring, feed) = Keyring::fed(|| {});
    let verifier = Verifier::new(ISSUER, keyring);
    let token = sign(&Token::session());
    let mut jwk = Signer::other().jwk();
    jwk["kid"] = Signer::primary().kid().into();
    let set = serde_json::json!({ "keys": [jwk] }).to_string();
    feed.publish(keys(&[Signer::primary()]));
    check_with(&verifier, &token, NOW, Ok(()));
    feed.publish(KeySet::from_json(set.as_bytes()).unwrap());
    check_with(&verifier, &token, NOW, Err(Reason::TokenSignature));
}

#[test]
fn another_configuration_begins_anew_and_leaves_clones_alone() {
    let token = sign(&Token::session());
    let used = || {
        let verifier = verifier();
        check_with(&verifier, &token, NOW, Ok(()));
        verifier
    };
    let first = used();
    let strict = first.clone().with_audience(["api"]);
    check_with(&strict, &token, NOW, Err(Reason::TokenAudience));
    check_with(&first, &token, NOW, Ok(()));

    let parties = ["https://other.test"];
    let strict = used().with_authorized_parties(Check::Enforce, parties);
    check_with(&strict, &token, NOW, Err(Reason::TokenAuthorizedParty));
    let strict = used().with_leeway(0);
    check_with(&strict, &token, at(60), Err(Reason::TokenExpired));
    let same = used().with_authorized_parties(Check::Enforce, [ORIGIN]);
    check_with(&same, &token, NOW, Ok(()));
}

#[test]
fn only_the_very_same_token_counts() {
    let verifier = verifier();
    let token = sign(&Token::session());
    check_with(&verifier, &token, NOW, Ok(()));
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let foreign = sign(&Token::session().claim("sub", "user_2admin"));
    let (claims, _) = foreign.rsplit_once('.').unwrap();
    let stolen = format!("{claims}.{signature}");
    check_with(&verifier, &stolen, NOW, Err(Reason::TokenSignature));
    let padded = format!("{signed}.A{signature}");
    assert!(verifier.verify_finally(&padded, NOW).is_err());
    assert!(verifier.verify_finally(signature, NOW).is_err());
}

#[test]
fn a_token_that_was_refused_is_not_remembered() {
    let verifier = verifier();
    let early = sign(&Token::session());
    check_with(&verifier, &early, at(-60), Err(Reason::TokenNotYetValid));
    check_with(&verifier, &early, NOW, Ok(()));
    let pending = sign(&Token::session().claim("sts", "pending"));
    check_with(&verifier, &pending, NOW, Err(Reason::SessionPending));
}

/// Threads verify more tokens than there is room for, while the key comes and goes. No token
/// stands for another's session, and none passes that is asked about after its key was gone.
#[test]
fn threads_that_share_a_cache_do_not_mislead_each_other() {
    let (keyring, feed) = Keyring::fed(|| {});
    let verifier = Verifier::new(ISSUER, keyring).with_token_cache(24);
    let tokens: Vec<_> = (0..48)
        .map(|n| (format!("user_{n}"), n))
        .map(|(user, n)| {
            let token = Token::session().claim("sub", &*user).claim("n", n);
            (user, sign(&token))
        })
        .collect();
    for _ in 0..6 {
        feed.publish(keys(&[Signer::primary()]));
        let gone = AtomicBool::new(false);
        let (begun, beginnings) = channel::<()>();
        thread::scope(|scope| {
            for thread in 0..THREADS {
                let (tokens, verifier, gone) = (&tokens, &verifier, &gone);
                let mut begun = Some(begun.clone());
                scope.spawn(move || {
                    let mut last = false;
                    while !last {
                        last = gone.load(Ordering::SeqCst);
                        for (user, token) in tokens.iter().cycle().skip(thread * 7).take(48) {
                            match verifier.verify_finally(token, NOW) {
                                Ok(session) => {
                                    assert!(!last, "its key is gone");
                                    assert_eq!(session.user_id(), user);
                                }
                                Err(reason) => assert_eq!(reason, Reason::TokenUnknownKey),
                            }
                        }
                        drop(begun.take());
                    }
                });
            }
            // Ends when every thread has been through all tokens once, or has failed.
            drop(begun);
            assert_eq!(beginnings.iter().count(), 0);
            feed.publish(keys(&[Signer::other()]));
            gone.store(true, Ordering::SeqCst);
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(20_270_116),
        ..ProptestConfig::with_cases(200)
    })]

    #[test]
    fn what_is_remembered_of_tokens_never_shows(steps in vec(step(), 1..60)) {
        let (keyring, feed) = Keyring::fed(|| {});
        let remembering = Verifier::new(ISSUER, keyring).with_audience(["api"]).with_token_cache(1);
        let mut current = None;
        for step in steps {
            match step {
                Step::Expire => {
                    feed.expire();
                    current = None;
                }
                Step::Publish(signers) => {
                    feed.publish(published(&signers));
                    current = Some(signers);
                }
                Step::Verify(token, now) => {
                    let (keyring, feed) = Keyring::fed(|| {});
                    current.iter().for_each(|signers| feed.publish(published(signers)));
                    let new = Verifier::new(ISSUER, keyring).with_audience(["api"]);
                    let ask = |verifier: &Verifier| {
                        let session = verifier.verify_finally(token, now);
                        session.map(|session| session.claims_json().to_owned())
                    };
                    prop_assert_eq!(ask(&remembering), ask(&new));
                }
            }
        }
    }
}

/// What may happen to a verifier.
#[derive(Clone, Debug)]
enum Step {
    Expire,
    Publish(Vec<&'static str>),
    Verify(&'static str, UnixTime),
}

fn step() -> impl Strategy<Value = Step> {
    let times = NOW.as_secs() - 20..NOW.as_secs() + 80;
    let verify = (select(&**TOKENS), times)
        .prop_map(|(token, now)| Step::Verify(token, UnixTime::from_secs(now)));
    let sets: Vec<Vec<&str>> = vec![vec!["primary"], vec!["other"], vec!["primary", "other"]];
    prop_oneof![
        40 => verify,
        3 => select(sets).prop_map(Step::Publish),
        1 => Just(Step::Expire),
    ]
}

fn published(names: &[&str]) -> KeySet {
    let signers = names.iter().map(|name| match *name {
        "primary" => Signer::primary(),
        _ => Signer::other(),
    });
    let signers: Vec<_> = signers.collect();
    keys(&signers)
}

/// Good ones of two keys, more than a cache with one bucket holds, and some that are not good.
static TOKENS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let mut tokens = Vec::new();
    for signer in [Signer::primary(), Signer::other()] {
        for n in 0..12 {
            let token = Token::session().header("kid", signer.kid());
            let token = token.claim("sub", format!("user_{n}")).claim("aud", "api");
            let token = match n {
                0 => token.claim("aud", "web"),
                1 => token.claim("sts", "pending"),
                2 => token.claim("exp", NOW.as_secs() + 10),
                3 => token.claim("nbf", NOW.as_secs() + 15),
                4 => token.claim("iss", "https://clerk.evil.test"),
                5 => token.header("cat", "cl_B7d4PD222AAA"),
                6 => token.header("crit", ["b64"].as_slice()),
                7 => token.without_header("typ"),
                8 => token.without_header("kid"),
                _ => token,
            };
            tokens.push(token.sign(signer));
        }
    }
    // Another's claims under a good signature.
    let (claims, _) = tokens[9].rsplit_once('.').unwrap();
    let (_, signature) = tokens[10].rsplit_once('.').unwrap();
    tokens.push(format!("{claims}.{signature}"));
    tokens.push(Token::session().sign_none());
    tokens.into_iter().map(|token| &*token.leak()).collect()
});

const THREADS: usize = 4;
