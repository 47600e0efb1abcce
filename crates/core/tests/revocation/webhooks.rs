//! What webhooks tell has ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clerk_gate_core::revocation::{RevocationStore, Subject};
use clerk_gate_core::webhook::{Delivery, Endpoint, MemoryStore, Retry};
use clerk_gate_core::{Decision, Gate, RequestView, Settings};
use clerk_gate_testkit::{FixedClock, NOW, ORIGIN, Token, WEBHOOK_SECRET, sign_delivery};
use serde_json::json;

use super::sharing::Broken;
use super::{REVOKED, SESSION, USER, ask, gate_builder, issued, local, member, now, revocations};

pub(crate) const PATH: &str = "/webhooks/clerk";

/// Sends an event to a gate's webhook and gives the status of its reply.
fn deliver(gate: &Gate, id: &str, event: &str) -> u16 {
    let lines = sign_delivery(WEBHOOK_SECRET, id, NOW, event.as_bytes());
    let mut request = RequestView::new("POST", PATH, None).with_tls(true);
    for (name, value) in &lines {
        request.header(name, value.as_bytes());
    }
    match gate.decide(&request) {
        Decision::CollectBody(wait) => now(wait.deliver(event.to_owned().into())).status(),
        other => panic!("{other:?}"),
    }
}

pub(crate) fn endpoint(handled: &Arc<AtomicBool>) -> Endpoint {
    let settings = Settings::parse(&|name| match name {
        "CLERK_PUBLISHABLE_KEY" => Some("pk_live_Y2xlcmsuYXBwLnRlc3Qk".to_owned()),
        "CLERK_GATE_ORIGINS" => Some(ORIGIN.to_owned()),
        "CLERK_WEBHOOK_SIGNING_SECRET" => Some(WEBHOOK_SECRET.to_owned()),
        _ => None,
    });
    let handled = Arc::clone(handled);
    let handler = move |_: Delivery| {
        handled.store(true, Ordering::SeqCst);
        async { Ok::<(), Retry>(()) }
    };
    Endpoint::new(&settings.unwrap(), Arc::new(MemoryStore::new(100)), handler).unwrap()
}

/// The answers to tokens issued 30 seconds ago, now, and a second later, after `event`.
#[track_caller]
fn check_event(event: &serde_json::Value, token: impl Fn(i64) -> Token, want: [&str; 3]) {
    let revocations = local();
    let gate = gate_builder(&revocations, &Arc::default())
        .with_webhook(PATH, endpoint(&Arc::default()))
        .build()
        .unwrap();
    assert_eq!(deliver(&gate, "msg_1", &event.to_string()), 200);
    let answers = [30, 0, -1].map(|age| ask(&gate, &token(age)));
    assert_eq!(answers.each_ref().map(String::as_str), want, "{event}");
}

#[test]
fn webhooks_tell_what_has_ended() {
    const ALL: [&str; 3] = [REVOKED, REVOKED, REVOKED];
    const OLD: [&str; 3] = [REVOKED, REVOKED, "proceed"];
    const NONE: [&str; 3] = ["proceed", "proceed", "proceed"];
    let event = |kind: &str, data: serde_json::Value| json!({"type": kind, "data": data, "timestamp": NOW.as_secs() * 1000 + 999});
    let of_role =
        |role: &'static str| move |age: i64| member(role).claim("iat", NOW.as_secs() - age);
    let session = json!({"id": SESSION, "user_id": USER});
    for kind in ["session.revoked", "session.ended", "session.removed"] {
        check_event(&event(kind, session.clone()), issued, ALL);
        check_event(&event(kind, json!({"id": "sess_2"})), issued, NONE);
    }
    check_event(&event("session.created", session), issued, NONE);
    check_event(
        &event("user.deleted", json!({"id": USER, "deleted": true})),
        issued,
        ALL,
    );
    for (banned, want) in [
        (json!(true), OLD),
        (json!(false), NONE),
        (json!(null), NONE),
    ] {
        let data = json!({"id": USER, "banned": banned});
        check_event(&event("user.updated", data), issued, want);
    }
    let data = json!({"id": "org_1", "deleted": true});
    check_event(&event("organization.deleted", data), of_role("admin"), ALL);
    let membership = |role: &str| {
        json!({
            "role": role,
            "organization": {"id": "org_1"},
            "public_user_data": {"user_id": USER},
        })
    };
    let deleted = event("organizationMembership.deleted", membership("org:admin"));
    check_event(&deleted, of_role("admin"), OLD);
    check_event(&deleted, issued, NONE);
    let updated = |role| event("organizationMembership.updated", membership(role));
    check_event(&updated("org:member"), of_role("admin"), OLD);
    // Nothing that the token says has changed.
    check_event(&updated("org:admin"), of_role("admin"), NONE);
    check_event(&updated("org:admin"), issued, NONE);
    check_event(
        &event("user.created", json!({"id": USER, "banned": true})),
        issued,
        NONE,
    );
}

#[test]
fn an_event_says_when_it_happened_or_its_delivery_does() {
    let banned = |timestamp: serde_json::Value| json!({"type": "user.updated", "data": {"id": USER, "banned": true}, "timestamp": timestamp});
    let at = |seconds: i64| json!((NOW.as_secs() + seconds) * 1000);
    check_event(&banned(at(-20)), issued, [REVOKED, "proceed", "proceed"]);
    check_event(&banned(json!(null)), issued, [REVOKED, REVOKED, "proceed"]);
    check_event(&banned(at(1)), issued, [REVOKED, REVOKED, REVOKED]);
}

#[test]
fn a_clock_that_is_wrong_at_clerk_locks_nobody_out_for_long() {
    let clock = Arc::<FixedClock>::default();
    let revocations = local();
    let gate = gate_builder(&revocations, &clock)
        .with_webhook(PATH, endpoint(&Arc::default()))
        .build()
        .unwrap();
    let event = json!({
        "type": "user.updated",
        "data": {"id": USER, "banned": true},
        "timestamp": i64::MAX,
    });
    assert_eq!(deliver(&gate, "msg_1", &event.to_string()), 200);
    clock.advance(61);
    let issued = |seconds: i64| {
        let at = NOW.as_secs() + seconds;
        Token::session().claim("iat", at).claim("exp", at + 60)
    };
    assert_eq!(ask(&gate, &issued(60)), REVOKED);
    assert_eq!(ask(&gate, &issued(61)), "proceed");
}

#[test]
fn an_event_that_does_not_say_what_has_ended_is_not_acknowledged() {
    for event in [
        r#"{"type":"session.revoked","data":{}}"#,
        r#"{"type":"session.revoked","data":{"id":7}}"#,
        r#"{"type":"user.deleted","data":{}}"#,
        r#"{"type":"user.updated","data":{"id":"user_1","banned":"yes"}}"#,
        r#"{"type":"organizationMembership.deleted","data":{"organization":{"id":"org_1"}}}"#,
    ] {
        let handled = Arc::default();
        let gate = gate_builder(&local(), &Arc::default())
            .with_webhook(PATH, endpoint(&handled))
            .build()
            .unwrap();
        assert_eq!(deliver(&gate, "msg_1", event), 500, "{event}");
        assert!(!handled.load(Ordering::SeqCst), "{event}");
    }
}

#[test]
fn a_delivery_is_acknowledged_only_when_its_revocation_is_recorded() {
    let (store, clock) = (Arc::new(Broken::default()), Arc::default());
    let shared: Arc<dyn RevocationStore> = Arc::<Broken>::clone(&store);
    let revocations = Arc::new(revocations(Some(shared), &clock));
    let handled = Arc::default();
    let gate = gate_builder(&revocations, &clock)
        .with_webhook(PATH, endpoint(&handled))
        .build()
        .unwrap();
    let event = json!({"type": "session.revoked", "data": {"id": SESSION}}).to_string();

    assert_eq!(deliver(&gate, "msg_1", &event), 503);
    assert!(!handled.load(Ordering::SeqCst));
    assert_eq!(
        ask(&gate, &Token::session()),
        REVOKED,
        "here it counts already"
    );

    store.mended.store(true, Ordering::SeqCst);
    assert_eq!(deliver(&gate, "msg_1", &event), 200);
    assert!(handled.load(Ordering::SeqCst));
    assert_eq!(
        store.inner.subjects(),
        [Subject::Session(SESSION.to_owned())]
    );
}
