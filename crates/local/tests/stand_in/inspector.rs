//! The inspector's page, without its script.

use std::io;
use std::sync::{Arc, Mutex};

use clerk_gate_core::{Decision, Event, Gate, KeySet, Keyring, Policy, RequestView, Sink};

use crate::{get, sign_in, start};

#[test]
fn the_inspector_shows_what_has_happened() {
    let local = start();
    sign_in(&local, "member", "%2F", &[]);
    let page = get(&local, "/inspector").body;
    for text in [
        r#"id="role-member" name="do" value="make-admin:member""#,
        r#"id="ban-member" name="do" value="ban:member""#,
        r#"id="revoke-sess_"#,
        r#"id="verify-second-sess_"#,
        r#"<td>issued at 08:00:00</td>"#,
        r#"data-kind="session.created""#,
        r#"id="replay-msg_"#,
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    assert!(!page.contains("style="), "{page}");
    assert!(!page.contains("<script>"), "{page}");
}

#[test]
fn the_inspector_shows_decisions_and_the_sink_still_gets_them() {
    let local = start();
    let sink = Arc::new(Kept::default());
    let keys = get(&local, "/.well-known/jwks.json").body;
    let keys = Keyring::fixed(KeySet::from_json(keys.as_bytes()).expect("a key set"));
    let policy = Policy::builder().build().expect("a policy");
    let gate = Gate::builder(&local.settings(), keys, policy)
        .with_audit(local.watch(sink.clone()))
        .without_pages()
        .build()
        .expect("a gate");
    let view = RequestView::new("GET", "/<b>tea", None);
    assert!(matches!(gate.decide(&view), Decision::Respond(_)));
    assert_eq!(*sink.0.lock().expect("a lock"), ["/<b>tea"]);
    let page = get(&local, "/inspector").body;
    assert!(page.contains("session-required"), "{page}");
    assert!(page.contains("GET /&lt;b&gt;tea"), "{page}");
}

/// A sink that keeps paths.
#[derive(Debug, Default)]
struct Kept(Mutex<Vec<String>>);

impl Sink for Kept {
    fn record(&self, event: &Event<'_>) -> io::Result<()> {
        self.0.lock().expect("a lock").push(event.path.to_owned());
        Ok(())
    }
}
