//! Many requests: when they are made, and what becomes of the keys.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use clerk_gate_core::{KeySet, Reason, Settings, Verification, Verifier};
use clerk_gate_jwks::{Keys, Schedule, keys_for};
use clerk_gate_testkit::{ISSUER, NOW, ORIGIN, Signer, Token, key_set};

use super::server::{Server, response};
use super::{EAGER, block_on, start, token, waiting};

#[test]
fn a_thousand_requests_at_a_cold_start_share_one_fetch() {
    let server = Server::start();
    let (_keys, verifier) = start(&server, Schedule::default());
    let token = token(Signer::primary());
    let waits: Vec<_> = (0..1000).map(|_| waiting(&verifier, &token)).collect();
    server.request().answer(&publishing(&[Signer::primary()]));
    waits.into_iter().for_each(block_on);
    assert_eq!(refusal(&verifier, &token), None);
    assert!(server.is_idle());
}

#[test]
fn a_wait_that_is_given_up_does_not_hold_up_the_others() {
    let server = Server::start();
    let (_keys, verifier) = start(&server, Schedule::default());
    let token = token(Signer::primary());
    let first = waiting(&verifier, &token);
    let second = waiting(&verifier, &token);
    drop(first);
    server.request().answer(&publishing(&[Signer::primary()]));
    block_on(second);
    assert_eq!(refusal(&verifier, &token), None);
}

#[test]
fn a_flood_of_unknown_kids_fetches_nothing_during_the_rest() {
    let server = Server::start();
    let (keys, verifier) = start(&server, Schedule::default());
    let wait = waiting(&verifier, &token(Signer::primary()));
    server.request().answer(&publishing(&[Signer::primary()]));
    block_on(wait);
    for number in 0..200 {
        let forged = Token::session().header("kid", format!("ins_{number}"));
        let verification = verifier.verify(&forged.sign(Signer::other()), NOW);
        assert!(
            matches!(verification, Verification::Refused(Reason::TokenUnknownKey)),
            "{verification:?}"
        );
    }
    assert_eq!(keys.status().attempts, 1);
    assert!(server.is_idle());
}

#[test]
fn an_unknown_kid_fetches_once_the_rest_is_over() {
    let server = Server::start();
    let patient = Schedule {
        refresh: Duration::from_secs(300),
        ..EAGER
    };
    let (_keys, verifier) = start(&server, patient);
    let first = waiting(&verifier, &token(Signer::primary()));
    server.request().answer(&publishing(&[Signer::primary()]));
    block_on(first);
    // Each of these has a kid of its own, since the keyring remembers those it does not know.
    let wait = (0..)
        .find_map(|number| {
            let new = Token::session().header("kid", format!("ins_{number}"));
            match verifier.verify(&new.sign(Signer::other()), NOW) {
                Verification::AwaitKeys(wait) => Some(wait),
                _ => None,
            }
        })
        .expect("an endless range");
    server
        .request()
        .answer(&publishing(&[Signer::primary(), Signer::other()]));
    block_on(wait);
    assert_eq!(refusal(&verifier, &token(Signer::other())), None);
}

#[test]
fn a_rotated_key_is_accepted_and_the_withdrawn_one_refused_after_the_refresh() {
    let server = Server::start();
    let (_keys, verifier) = start(&server, EAGER);
    let (old, new) = (token(Signer::primary()), token(Signer::other()));
    server.request().answer(&publishing(&[Signer::primary()]));
    let refresh = server.request();
    assert_eq!(refusal(&verifier, &old), None);
    let wait = waiting(&verifier, &new);
    refresh.answer(&publishing(&[Signer::other()]));
    block_on(wait);
    assert_eq!(refusal(&verifier, &new), None);
    assert_eq!(refusal(&verifier, &old), Some(Reason::TokenUnknownKey));
}

#[test]
fn known_keys_outlive_an_outage_and_unknown_ones_are_our_fault() {
    let server = Server::start();
    let (keys, verifier) = start(&server, EAGER);
    server.request().answer(&publishing(&[Signer::primary()]));
    server.request().answer(&response(500, "", ""));
    let _retry = server.request();
    assert!(keys.status().last_error.is_some());
    assert_eq!(refusal(&verifier, &token(Signer::primary())), None);
    assert_eq!(
        refusal(&verifier, &token(Signer::other())),
        Some(Reason::KeysUnavailable)
    );
}

#[test]
fn nobody_is_refused_under_load_while_the_server_is_down_and_when_it_is_back() {
    /// Ends the load, however the test ends.
    struct Stop<'s>(&'s AtomicBool);

    impl Drop for Stop<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    let server = Server::start();
    let (_keys, verifier) = start(&server, EAGER);
    server.request().answer(&publishing(&[Signer::primary()]));
    let first_failure = server.request();
    let known = token(Signer::primary());
    let over = AtomicBool::new(false);
    let load = || {
        let mut refusals = Vec::new();
        while !over.load(Ordering::Relaxed) {
            refusals.extend(refusal(&verifier, &known));
        }
        refusals
    };
    let refusals = thread::scope(|scope| {
        let threads = [0; 4].map(|_| scope.spawn(load));
        let stop = Stop(&over);
        first_failure.answer(&response(500, "", ""));
        for _ in 0..8 {
            // Hangs up without an answer.
            drop(server.request());
        }
        let both = [Signer::primary(), Signer::other()];
        server.request().answer(&publishing(&both));
        let _refresh = server.request();
        assert_eq!(refusal(&verifier, &token(Signer::other())), None);
        drop(stop);
        threads.map(|thread| thread.join().unwrap()).concat()
    });
    assert_eq!(refusals, []);
}

#[test]
fn keys_too_old_are_given_up() {
    let server = Server::start();
    let brief = Schedule {
        max_age: Duration::from_millis(2),
        ..EAGER
    };
    let (keys, verifier) = start(&server, brief);
    server.request().answer(&publishing(&[Signer::primary()]));
    while keys.keyring().current().is_some() || keys.status().attempts < 2 {
        server.request().answer(&response(500, "", ""));
    }
    assert_eq!(
        refusal(&verifier, &token(Signer::primary())),
        Some(Reason::KeysUnavailable)
    );
}

#[test]
fn recovery_needs_no_restart() {
    let server = Server::start();
    let (keys, verifier) = start(&server, EAGER);
    let token = token(Signer::primary());
    let wait = waiting(&verifier, &token);
    server.request().answer(&response(503, "", ""));
    block_on(wait);
    assert_eq!(refusal(&verifier, &token), Some(Reason::KeysUnavailable));
    server.request().answer(&publishing(&[Signer::primary()]));
    let _refresh = server.request();
    assert_eq!(refusal(&verifier, &token), None);
    assert!(keys.status().last_error.is_none());
    assert!(keys.status().last_success.is_some());
}

#[test]
fn dropping_the_keys_closes_the_keyring() {
    let server = Server::start();
    let (keys, verifier) = start(&server, EAGER);
    let keyring = keys.keyring();
    server.request().answer(&publishing(&[Signer::primary()]));
    let refresh = server.request();
    drop(keys);
    refresh.answer(&publishing(&[Signer::primary()]));
    while keyring.current().is_some() {
        thread::yield_now();
    }
    let token = token(Signer::primary());
    assert_eq!(refusal(&verifier, &token), Some(Reason::KeysUnavailable));
}

#[test]
fn two_instances_in_one_process_do_not_share_keys() {
    let (ours, theirs) = (Server::start(), Server::start());
    let (_our_keys, verifier) = start(&ours, Schedule::default());
    let (_their_keys, other_verifier) = start(&theirs, Schedule::default());
    let (good, foreign) = (token(Signer::primary()), token(Signer::other()));
    let waits = [
        waiting(&verifier, &good),
        waiting(&other_verifier, &foreign),
    ];
    ours.request().answer(&publishing(&[Signer::primary()]));
    theirs.request().answer(&publishing(&[Signer::other()]));
    waits.into_iter().for_each(block_on);
    assert_eq!(refusal(&verifier, &good), None);
    assert_eq!(refusal(&verifier, &foreign), Some(Reason::TokenUnknownKey));
}

#[test]
fn the_settings_tell_where_keys_come_from() {
    fn keys(server: &Server, variable: (&str, &str)) -> Keys {
        let settings = Settings::parse(&|name| match name {
            "CLERK_PUBLISHABLE_KEY" => Some("pk_test_Y2xlcmsuYXBwLnRlc3Qk".to_owned()),
            "CLERK_GATE_ORIGINS" => Some(ORIGIN.to_owned()),
            "CLERK_API_URL" | "CLERK_PROXY_URL" => Some(server.origin("http")),
            other => (other == variable.0).then(|| variable.1.to_owned()),
        });
        keys_for(&settings.expect("good settings")).expect("keys")
    }

    #[track_caller]
    fn check(variable: (&str, &str), path: &str) {
        let server = Server::start();
        let _keys = keys(&server, variable);
        let head = server.request().head;
        assert!(head.starts_with(&format!("GET {path} ")), "{head}");
    }

    check(("CLERK_SECRET_KEY", "sk_test_secret"), "/v1/jwks");
    check(("UNSET", ""), "/.well-known/jwks.json");

    let server = Server::start();
    let keys = keys(&server, ("CLERK_JWT_KEY", &Signer::primary().public_pem()));
    let verifier = Verifier::new(ISSUER, keys.keyring());
    assert_eq!(refusal(&verifier, &token(Signer::primary())), None);
    assert!(server.is_idle());
}

#[test]
fn fixed_keys_need_no_network() {
    let text = key_set(&[Signer::primary()]);
    let keys = Keys::fixed(KeySet::from_json(text.as_bytes()).expect("a key set"));
    let verifier = Verifier::new(ISSUER, keys.keyring());
    drop(keys);
    assert_eq!(refusal(&verifier, &token(Signer::primary())), None);
}

fn publishing(signers: &[&Signer]) -> Vec<u8> {
    response(200, "", &key_set(signers))
}

/// The reason of a refusal with the keys that are there now.
fn refusal(verifier: &Verifier, token: &str) -> Option<Reason> {
    verifier.verify_finally(token, NOW).err()
}
