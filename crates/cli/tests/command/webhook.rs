//! `clerk-gate webhook`, against an application with a real gate.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;

use axum::Router;
use clerk_gate_axum::GateLayer;
use clerk_gate_core::webhook::{Delivery, Endpoint, Event, MemoryStore, Retry};
use clerk_gate_core::{Check, Gate, KeySet, Keyring, Policy, Settings};
use clerk_gate_testkit::{NOW, Signer, WEBHOOK_SECRET, key_set, sign_delivery};

use crate::{Run, TEST_INSTANCE, run};

/// Starts an application with a webhook endpoint, whose handler fails for `session.ended`.
fn application() -> SocketAddr {
    async fn handle(delivery: Delivery) -> Result<(), Retry> {
        match Event::parse(delivery.body())?.kind() {
            "session.ended" => Err(io::Error::other("not now").into()),
            _ => Ok(()),
        }
    }

    let settings = Settings::parse(&|name| {
        let own = [("CLERK_WEBHOOK_SIGNING_SECRET", WEBHOOK_SECRET)];
        let mut all = TEST_INSTANCE.iter().chain(&own);
        all.find(|(n, _)| *n == name)
            .map(|(_, value)| (*value).to_owned())
    });
    let settings = settings.expect("settings");
    let keys = KeySet::from_json(key_set(&[Signer::primary()]).as_bytes()).expect("keys");
    let endpoint = Endpoint::new(&settings, Arc::new(MemoryStore::default()), handle);
    let policy = Policy::builder().build().expect("a policy");
    let gate = Gate::builder(&settings, Keyring::fixed(keys), policy)
        .with_https(Check::Off)
        .with_webhook("/api/webhooks", endpoint.expect("an endpoint"))
        .without_pages()
        .build()
        .expect("a gate");

    let (address, bound) = channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.expect("a runtime").block_on(async {
            let app = GateLayer::new(Arc::new(gate)).layer(Router::new());
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
                .await
                .expect("a port");
            address
                .send(listener.local_addr().expect("an address"))
                .expect("the test waits");
            axum::serve(listener, app.into_make_service()).await
        })
    });
    bound.recv().expect("the application starts")
}

fn send(url: &str, more: &[&str]) -> Run {
    let arguments = [&["webhook", "send", url, "--json"], more].concat();
    run(&arguments, &SECRET, br#"{"type":"user.updated","data":{}}"#)
}

fn statuses(run: &Run) -> Vec<u64> {
    let json = run.json();
    let replies = json["replies"].as_array().expect("an array");
    replies
        .iter()
        .filter_map(|reply| reply["status"].as_u64())
        .collect()
}

#[test]
fn deliveries_reach_a_real_gate() {
    let url = format!("http://{}/api/webhooks", application());
    for (more, code, want) in [
        (&[][..], 0, &[200][..]),
        (&["--event", "user.deleted"], 0, &[200]),
        (&["--body", "-"], 0, &[200]),
        (&["--attempts", "3"], 0, &[200]),
        (&["--duplicate", "--id", "msg_twice"], 0, &[200, 200]),
        (
            &["--event", "session.ended", "--attempts", "3"],
            1,
            &[500, 500, 500],
        ),
        (&["--unsigned"], 0, &[400]),
        (&["--bad-signature"], 0, &[400]),
        (&["--at", "1000"], 1, &[400]),
    ] {
        let run = send(&url, more);
        assert_eq!(
            (run.code, &*statuses(&run)),
            (Some(code), want),
            "{more:?} {run:?}"
        );
    }
    // Where nobody verifies, a forgery that is accepted is what is wrong.
    let run = send(&url.replace("/api/webhooks", "/elsewhere"), &[]);
    assert_eq!(
        (run.code, &*statuses(&run)),
        (Some(1), &[401][..]),
        "{run:?}"
    );
}

#[test]
fn only_this_machine_is_sent_to_unless_a_flag_says_otherwise() {
    for url in [
        "https://example.com/",
        "http://10.0.0.1/",
        "http://localhost.evil.test/",
        "x",
        "ftp://localhost/",
    ] {
        let run = send(url, &[]);
        assert_eq!((run.code, &*run.out), (Some(2), ""), "{run:?}");
    }
    let run = send("https://example.com/", &[]);
    assert!(run.err.contains("--anywhere"), "{run:?}");
}

#[test]
fn a_secret_that_is_missing_or_wrong_is_told_and_not_shown() {
    let send = |environment: &[(&str, &str)]| {
        run(
            &["webhook", "send", "http://127.0.0.1:1/"],
            environment,
            b"",
        )
    };
    let missing = send(&[]);
    assert_eq!(missing.code, Some(2));
    assert!(
        missing
            .err
            .contains("CLERK_WEBHOOK_SIGNING_SECRET: is missing"),
        "{missing:?}"
    );
    let wrong = send(&[("CLERK_WEBHOOK_SIGNING_SECRET", "hunter2!")]);
    assert_eq!(wrong.code, Some(2));
    assert!(!wrong.err.contains("hunter2"), "{wrong:?}");
}

#[test]
fn a_delivery_is_verified_with_its_very_bytes_and_time() {
    let body = br#"{"type":"user.created","data":{}}"#;
    let lines = sign_delivery(WEBHOOK_SECRET, "msg_1", NOW, body);
    let lines = lines.map(|(name, value)| format!("{name}: {value}"));
    let verify = |lines: &[String], at: i64, body: &[u8]| {
        let at = at.to_string();
        let headers = lines.iter().flat_map(|line| ["--header", line]);
        let arguments = ["webhook", "verify", "--json", "--at", &at].into_iter();
        let arguments: Vec<_> = arguments.chain(headers).collect();
        let run = run(&arguments, &SECRET, body);
        (run.code, run.json())
    };
    let now = NOW.as_secs();
    let (code, json) = verify(&lines, now, body);
    assert_eq!((code, &json["id"]), (Some(0), &"msg_1".into()), "{json}");
    assert_eq!(json["event"], "user.created");
    for (lines, at, body, reason) in [
        (&lines[..], now, &b"{}"[..], "webhook-signature"),
        (&lines[..], now + 301, body, "webhook-timestamp"),
        (&lines[..2], now, body, "webhook-headers"),
    ] {
        let (code, json) = verify(lines, at, body);
        assert_eq!((code, &json["reason"]), (Some(1), &reason.into()));
    }
}

const SECRET: [(&str, &str); 1] = [("CLERK_WEBHOOK_SIGNING_SECRET", WEBHOOK_SECRET)];
