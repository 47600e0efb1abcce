//! One request: what it says, what it refuses, and the causes it gives.

use std::error::Error;
use std::process::Command;
use std::thread;
use std::time::Duration;

use clerk_gate_core::{Secret, Verifier};
use clerk_gate_jwks::{FetchError, Schedule, Source, connect};
use clerk_gate_testkit::{ISSUER, Signer, key_set};

use super::server::{Server, response};
use super::{EAGER, block_on, start, token, waiting};

#[test]
fn every_bad_answer_is_a_failure_with_its_cause() {
    #[track_caller]
    fn check(answer: &[u8], want: &str, transient: bool) {
        let server = Server::start();
        let (keys, verifier) = start(&server, Schedule::default());
        let wait = waiting(&verifier, &token(Signer::primary()));
        server.request().answer(answer);
        block_on(wait);
        let error = keys.status().last_error.expect("a failure");
        let url = format!("{}/.well-known/jwks.json", server.origin("http"));
        let text = with_cause(&error);
        let begins = text.starts_with(&format!("key set \"{url}\": {want}"));
        assert!(begins, "got {text}, wanted {want}");
        assert_eq!(error.is_transient(), transient, "{want}");
        assert!(server.is_idle(), "{want}");
    }

    let status = |status, lines| response(status, lines, &key_set(&[Signer::primary()]));
    check(&status(500, ""), "got status 500, wanted 200", true);
    check(&status(429, ""), "got status 429, wanted 200", true);
    check(&status(401, ""), "got status 401, wanted 200", false);
    check(&status(203, ""), "got status 203, wanted 200", false);
    check(
        &status(302, "location: /elsewhere\r\n"),
        "got status 302, wanted 200",
        false,
    );
    check(
        &status(200, "content-encoding: gzip\r\n"),
        "the answer is compressed",
        false,
    );

    let body = |body: &str| response(200, "", body);
    let big = " ".repeat(256 * 1024 + 1);
    check(
        &body("<html>"),
        "the answer gives no keys: not a JWK Set",
        false,
    );
    check(
        &body("{}"),
        "the answer gives no keys: not a JWK Set",
        false,
    );
    check(
        &body(r#"{"keys":[]}"#),
        "the answer gives no keys: no usable key",
        false,
    );
    check(
        &body(&key_set(&[Signer::weak()])),
        "the answer gives no keys: no usable key",
        false,
    );
    check(
        &body(&big),
        "the request failed: the response body is larger",
        false,
    );
    check(HALF, "the request failed: io: ", true);
    check(
        b"SSH-2.0-OpenSSH\r\n",
        "the request failed: protocol: ",
        false,
    );
}

#[test]
fn a_server_that_stalls_is_given_up() {
    #[track_caller]
    fn check(answer: &[u8]) {
        let server = Server::start();
        let source = Source::public(&server.origin("http"))
            .expect("a loopback source")
            .with_time_limit(Duration::from_millis(250));
        let keys = connect(source, Schedule::default()).expect("a good schedule");
        let verifier = Verifier::new(ISSUER, keys.keyring());
        let wait = waiting(&verifier, &token(Signer::primary()));
        let _stalled = server.request().begin(answer);
        block_on(wait);
        let error = keys.status().last_error.expect("a failure");
        assert!(with_cause(&error).ends_with("timeout: global"), "{error:?}");
        assert!(error.is_transient(), "{error:?}");
    }

    check(b"");
    check(b"HTTP/1.1 200 OK\r\ncontent-");
    check(HALF);
}

#[test]
fn nobody_listening_is_a_failure_like_any_other() {
    let closed = Server::start().origin("http");
    let source = Source::public(&closed).expect("a loopback source");
    let keys = connect(source, EAGER).expect("a good schedule");
    while keys.status().attempts < 2 {
        thread::yield_now();
    }
    let error = keys.status().last_error.expect("a failure");
    assert!(error.is_transient(), "{error:?}");
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_refused() {
    let server = Server::start();
    let source = Source::public(&server.origin("https")).expect("an HTTPS source");
    let keys = connect(source, Schedule::default()).expect("a good schedule");
    let verifier = Verifier::new(ISSUER, keys.keyring());
    let wait = waiting(&verifier, &token(Signer::primary()));
    server.offer_tls();
    block_on(wait);
    let error = keys.status().last_error.expect("a failure");
    assert!(with_cause(&error).ends_with("UnknownIssuer"), "{error:?}");
    assert!(!error.is_transient(), "{error:?}");
}

#[test]
fn the_public_key_set_is_asked_for_without_the_secret_key() {
    let server = Server::start();
    let (_keys, _) = start(&server, EAGER);
    let head = server.request().head;
    assert!(
        head.starts_with("GET /.well-known/jwks.json HTTP/1.1\r\n"),
        "{head}"
    );
    assert!(!head.contains("authorization"), "{head}");
    assert!(head.contains("\r\nuser-agent: clerk-gate/"), "{head}");
    assert!(head.contains("\r\naccept-encoding: identity\r\n"), "{head}");
}

#[test]
fn the_backend_api_is_asked_with_the_secret_key_and_a_version() {
    let server = Server::start();
    let secret = Secret::new("sk_test_secret");
    let source = Source::backend_api(&server.origin("http"), &secret).expect("a source");
    let keys = connect(source, EAGER).expect("a good schedule");
    let first = server.request();
    assert!(
        first.head.starts_with("GET /v1/jwks HTTP/1.1\r\n"),
        "{}",
        first.head
    );
    assert!(
        first
            .head
            .contains("\r\nauthorization: Bearer sk_test_secret\r\n")
    );
    assert!(first.head.contains("\r\nclerk-api-version: 2026-05-12\r\n"));
    first.answer(&response(401, "", "sk_test_secret"));
    let _second = server.request();
    assert!(!format!("{keys:?}").contains("sk_test_secret"));
}

#[test]
fn proxies_of_the_environment_are_not_used() {
    let this = std::env::current_exe().expect("the path of this test");
    let closed = Server::start().origin("http");
    let child = Command::new(this)
        .args(["--exact", "lifecycle::recovery_needs_no_restart"])
        .envs(["ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY"].map(|name| (name, &closed)))
        .output()
        .expect("this test runs again");
    let output = String::from_utf8_lossy(&child.stdout);
    assert!(output.contains("1 passed"), "{output}");
}

/// The whole message, as an operator's log has it.
fn with_cause(error: &FetchError) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// An answer that is shorter than it says.
const HALF: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{\"keys\":";
