//! `clerk-gate keys`.

use clerk_gate_core::Origin;
use clerk_gate_local::{Local, LocalOptions};

use crate::{TEST_INSTANCE, run};

#[test]
fn every_mistake_is_told_with_what_to_write() {
    let environment = [
        ("CLERK_PUBLISHABLE_KEY", "pk_live_x"),
        ("CLERK_SECRET_KEY", "hunter2"),
    ];
    let run = run(&["keys", "check"], &environment, b"");
    assert_eq!(run.code, Some(1), "{run:?}");
    for name in [
        "CLERK_PUBLISHABLE_KEY",
        "CLERK_GATE_ORIGINS",
        "CLERK_SECRET_KEY",
    ] {
        assert!(run.out.contains(&format!("wrong: {name}")), "{run:?}");
    }
    assert!(!run.out.contains("hunter2"), "a secret is printed");
    let json = crate::run(&["keys", "check", "--json"], &environment, b"").json();
    assert_eq!(json["usable"], false);
    assert!(json["mistakes"][0]["remedy"].is_string(), "{json}");
}

#[test]
fn the_keys_of_a_running_instance_are_fetched() {
    let app = Origin::parse("http://127.0.0.1:3000").expect("an origin");
    let local = Local::start(LocalOptions::new(app), &|_| None).expect("a stand-in");
    let variables = local.environment();
    let environment: Vec<_> = variables.iter().map(|(n, v)| (&**n, &**v)).collect();
    let good = run(&["keys", "check", "--json"], &environment, b"");
    assert_eq!(good.code, Some(0), "{good:?}");
    assert_eq!(
        good.json()["kids"].as_array().map(Vec::len),
        Some(1),
        "{good:?}"
    );
    let good = run(&["keys", "check"], &environment, b"");
    assert!(
        good.out.contains("issuer       http://127.0.0.1:"),
        "{good:?}"
    );

    // Nobody listens there any more.
    drop(local);
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("an address")
    };
    let proxy = format!("http://{closed}");
    let bad = [&environment[..], &[("CLERK_PROXY_URL", &*proxy)]].concat();
    let bad: Vec<_> = bad
        .into_iter()
        .filter(|(n, _)| *n != "CLERK_JWT_KEY")
        .collect();
    let run = run(&["keys", "check"], &bad, b"");
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(
        run.out.contains("wrong: key set \"http://127.0.0.1:"),
        "{run:?}"
    );
}

#[test]
fn a_jwt_key_needs_no_network() {
    let pem = clerk_gate_testkit::Signer::primary().public_pem();
    let environment = [&TEST_INSTANCE[..], &[("CLERK_JWT_KEY", &*pem)]].concat();
    let run = run(&["keys", "check"], &environment, b"");
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.out.contains("the JWT key"), "{run:?}");
}
