//! One event as the table has it.

use clerk_gate_core::{Event, Reason, Session};

/// An event of which nothing is borrowed.
#[derive(Debug)]
pub(super) struct Row {
    /// Its place among the events of one writer: written twice, it is there once.
    pub(super) number: i64,
    pub(super) time: i64,
    pub(super) outcome: &'static str,
    pub(super) reason: Option<&'static str>,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) rule: Option<String>,
    pub(super) user: Option<String>,
    pub(super) session: Option<String>,
    pub(super) organization: Option<String>,
    pub(super) actor: Option<String>,
    pub(super) delivery: Option<String>,
    pub(super) sensitive: bool,
    pub(super) observed: Option<String>,
}

impl Row {
    pub(super) fn new(number: i64, event: &Event<'_>) -> Self {
        let session = event.session;
        let organization = session.and_then(Session::organization);
        let observed: Vec<_> = event.observed.iter().map(|reason| reason.code()).collect();
        Self {
            number,
            time: event.time.as_secs(),
            outcome: event.outcome.code(),
            reason: event.reason.map(Reason::code),
            method: text(event.method),
            path: text(event.path),
            rule: event.rule.map(text),
            user: session.map(Session::user_id).map(text),
            session: session.map(Session::session_id).map(text),
            organization: organization.map(|own| text(own.id())),
            actor: session.and_then(Session::actor_id).map(text),
            delivery: event.delivery.map(text),
            sensitive: event.sensitive,
            observed: (!observed.is_empty()).then(|| observed.join(" ")),
        }
    }
}

/// PostgreSQL's text cannot hold the character NUL: one such event would hold up all others.
fn text(text: &str) -> String {
    let kept = text.chars().take(Event::MAX_TEXT);
    kept.map(|c| if c == '\0' { '\u{fffd}' } else { c })
        .collect()
}
