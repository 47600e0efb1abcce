//! What has been learnt about a request on its way through the steps.

use super::{Stop, Webhook};
use crate::audit::{Event, Outcome};
use crate::counters::CheckKind;
use crate::policy::{Access, Match, Rule};
use crate::reason::Reason;
use crate::reply::Reply;
use crate::request::RequestView;
use crate::session::{Check, Session};
use crate::time::UnixTime;

/// What the audit event, the counters and the reply need to know.
#[derive(Default)]
pub(super) struct Trail<'g> {
    pub(super) found: Option<Match<'g>>,
    pub(super) webhook: Option<&'g Webhook>,
    pub(super) session: Option<Session>,
    /// Which checks were made in observe mode.
    pub(super) made: Vec<CheckKind>,
    /// What those would have refused, and which of them.
    pub(super) observed: Vec<Reason>,
    pub(super) observed_by: Vec<CheckKind>,
}

impl<'g> Trail<'g> {
    /// Makes a check: it ends the steps, or is noted, or is not made at all.
    pub(super) fn check(
        &mut self,
        kind: CheckKind,
        mode: Check,
        check: impl FnOnce() -> Result<(), Reason>,
    ) -> Result<(), Stop> {
        match mode {
            Check::Off => {}
            Check::Observe => {
                self.made.push(kind);
                if let Err(reason) = check() {
                    self.observed.push(reason);
                    self.observed_by.push(kind);
                }
            }
            Check::Enforce => check()?,
        }
        Ok(())
    }

    /// The pattern that decided; `None` for the default.
    pub(super) fn pattern(&self) -> Option<&'g str> {
        let webhook = self.webhook.map(|webhook| &*webhook.pattern);
        self.rule().map(Rule::pattern).or(webhook)
    }

    pub(super) fn event<'e>(
        &'e self,
        request: &RequestView<'e>,
        time: UnixTime,
        outcome: Outcome,
        reason: Option<Reason>,
    ) -> Event<'e> {
        Event {
            time,
            outcome,
            reason,
            method: request.method(),
            path: request.path(),
            rule: self.pattern(),
            session: self.session.as_ref(),
            delivery: None,
            sensitive: self.rule().is_some_and(Rule::is_sensitive),
            observed: &self.observed,
        }
    }

    /// The reply to a refusal; what is missing may be named in it.
    pub(super) fn refusal(&self, reason: Reason, now: UnixTime) -> Reply {
        let mut requirements = self.found.iter().flat_map(Match::requirements);
        let session = self.session.as_ref();
        let unmet = session.and_then(|session| {
            requirements.find_map(|requirement| {
                let met = requirement.check(session, now).is_ok();
                (!met).then(|| requirement.refusal(reason, session, now))
            })
        });
        unmet.unwrap_or_else(|| Reply::refusal(reason))
    }

    /// Sensitive routes, and routes that need rights, do not run unrecorded.
    pub(super) fn must_be_recorded(&self) -> bool {
        let needs_rights = |found: Match<'_>| matches!(found.access, Access::Require(_));
        self.found.is_some_and(needs_rights) || self.rule().is_some_and(Rule::is_sensitive)
    }

    fn rule(&self) -> Option<&'g Rule> {
        self.found.and_then(|found| found.rule)
    }
}
