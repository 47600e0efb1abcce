//! The audit trail: what is recorded, what is not, and what does not run unrecorded.

use std::io;
use std::sync::{Arc, Mutex};

use clerk_gate_core::{
    Check, Event, Gate, JsonLines, Keyring, Policy, Requirement, Rule, Sink, Waited,
};
use clerk_gate_testkit::{FixedClock, ORIGIN, Signer, Token};
use serde_json::{Value, json};

use super::support::{builder, request, settings, summary};
use super::{admin, bearer, check, cookie};

/// Keeps events, or fails to.
#[derive(Debug, Default)]
struct Trail {
    broken: bool,
    events: Mutex<Vec<String>>,
}

impl Trail {
    /// The events since the last call.
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.events.lock().unwrap())
    }
}

impl Sink for Trail {
    fn record(&self, event: &Event<'_>) -> io::Result<()> {
        if self.broken {
            return Err(io::Error::other("the disk is full"));
        }
        self.events.lock().unwrap().push(event.to_json());
        Ok(())
    }
}

/// A gate that only watches, with a route of every importance.
fn gate(trail: &Arc<Trail>) -> Gate {
    let policy = Policy::builder()
        .assets("/assets/{*rest}")
        .public("/")
        .rule(Rule::public("/contact").sensitive())
        .rule(Rule::session("/keys").sensitive())
        .require("/admin", Requirement::role("admin"));
    builder(policy)
        .without_pages()
        .with_authorized_parties(Check::Observe, [ORIGIN])
        .with_cross_origin(Check::Observe)
        .with_https(Check::Observe)
        .with_audit(trail.clone())
        .build()
        .unwrap()
}

#[test]
fn every_decision_is_one_event() {
    let trail = Arc::new(Trail::default());
    let gate = gate(&trail);
    let ids = r#""user":"user_2test0user0000000000000000000","session":"sess_2test0session0000000000000000""#;
    let good = bearer(&Token::session());
    let forged = format!("Bearer {}", Token::session().sign(Signer::other()));
    let acting = bearer(&admin().claim("act", json!({ "sub": "user_2support" })));
    for (target, line, want) in [
        (
            "/assets/a.css",
            ("authorization", &*good),
            r#""outcome":"proceed","method":"GET","path":"/assets/a.css","rule":"/assets/{*rest}""#
                .to_owned(),
        ),
        (
            "/?secret=1",
            ("accept", "*/*"),
            r#""outcome":"proceed","method":"GET","path":"/","rule":"/""#.to_owned(),
        ),
        (
            "/",
            ("authorization", &*forged),
            r#""outcome":"proceed","reason":"token-signature","method":"GET","path":"/","rule":"/""#
                .to_owned(),
        ),
        (
            "/me",
            ("authorization", &*good),
            format!(r#""outcome":"proceed","method":"GET","path":"/me",{ids}"#),
        ),
        (
            "/me",
            ("authorization", &*forged),
            r#""outcome":"refuse","reason":"token-signature","method":"GET","path":"/me""#
                .to_owned(),
        ),
        (
            "/keys",
            ("accept", "*/*"),
            r#""outcome":"refuse","reason":"session-required","method":"GET","path":"/keys","rule":"/keys","sensitive":true"#
                .to_owned(),
        ),
        (
            "/admin",
            ("authorization", &*good),
            format!(
                r#""outcome":"refuse","reason":"missing-role","method":"GET","path":"/admin","rule":"/admin",{ids}"#
            ),
        ),
        (
            "/admin",
            ("authorization", &*acting),
            format!(
                r#""outcome":"proceed","method":"GET","path":"/admin","rule":"/admin",{ids},"organization":"org_1","actor":"user_2support""#
            ),
        ),
        (
            "//admin",
            ("accept", "*/*"),
            r#""outcome":"refuse","reason":"malformed-target","method":"GET","path":"//admin""#
                .to_owned(),
        ),
    ] {
        let _ = gate.decide(&request("GET", target, &[line]));
        let want = format!(r#"{{"time":1800000000,{want}}}"#);
        assert_eq!(trail.take(), [want], "{target}");
    }
}

#[test]
fn what_a_watching_check_lets_pass_is_in_the_event() {
    let trail = Arc::new(Trail::default());
    let gate = gate(&trail);
    let foreign = cookie(&Token::session().claim("azp", "https://evil.test"));
    let post = request("POST", "/me", &[("cookie", &foreign)]).with_tls(false);
    check(&gate, &post, "proceed");
    let events = trail.take().concat();
    let observed = r#""observed":["https-required","token-authorized-party","cross-origin"]}"#;
    assert!(events.ends_with(observed), "{events}");
    assert!(!events.contains("evil"), "{events}");
}

#[test]
fn what_matters_does_not_run_unrecorded() {
    let trail = Arc::new(Trail {
        broken: true,
        ..Trail::default()
    });
    let gate = gate(&trail);
    let token = bearer(&admin());
    for (target, lines, want) in [
        ("/", &[][..], "proceed"),
        ("/assets/a.css", &[], "proceed"),
        ("/me", &[("authorization", &*token)], "proceed"),
        ("/me", &[], "401 session-required"),
        ("/contact", &[], "503 audit-unavailable"),
        ("/keys", &[], "401 session-required"),
        (
            "/keys",
            &[("authorization", &*token)],
            "503 audit-unavailable",
        ),
        ("/admin", &[], "401 session-required"),
        (
            "/admin",
            &[("authorization", &*token)],
            "503 audit-unavailable",
        ),
    ] {
        check(&gate, &request("GET", target, lines), want);
    }
}

#[test]
fn a_wait_is_no_decision_and_no_event() {
    let trail = Arc::new(Trail::default());
    let (keyring, feed) = Keyring::fed(|| {});
    let policy = Policy::builder().build().unwrap();
    let gate = Gate::builder(&settings(), keyring, policy)
        .without_pages()
        .with_audit(trail.clone())
        .with_clock(Arc::new(FixedClock::default()))
        .build()
        .unwrap();
    let token = bearer(&Token::session());
    let request = request("GET", "/me", &[("authorization", &token)]);
    assert_eq!(summary(&gate.decide(&request)), "wait");
    assert!(trail.take().is_empty());
    assert_eq!(
        summary(&gate.resume(&request, Waited::default())),
        "503 keys-unavailable"
    );
    assert_eq!(trail.take().len(), 1);
    drop(feed);
}

#[test]
fn json_lines_writes_one_line_for_each_event() {
    let file = SharedFile::default();
    let sink = Arc::new(JsonLines::new(file.clone()));
    let policy = Policy::builder().public("/");
    let gate = builder(policy).without_pages().with_audit(sink);
    let gate = gate.build().unwrap();
    let forged = "/a\u{2028}\n{\"outcome\":\"proceed\"}";
    for target in ["/", forged] {
        let _ = gate.decide(&request("GET\n", target, &[]));
    }
    let text = String::from_utf8(file.0.lock().unwrap().clone()).unwrap();
    assert!(text.is_ascii() && text.ends_with('\n'), "{text}");
    let lines: Vec<_> = text.lines().collect();
    let parsed = lines.iter().map(|line| serde_json::from_str::<Value>(line));
    let paths: Vec<_> = parsed.map(|event| event.unwrap()["path"].clone()).collect();
    assert_eq!(paths, ["/", forged]);
}

/// A file that can be read while a sink holds it.
#[derive(Clone, Debug, Default)]
struct SharedFile(Arc<Mutex<Vec<u8>>>);

impl io::Write for SharedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
