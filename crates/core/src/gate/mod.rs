//! The one place where the steps of a decision are put in order.

mod builder;
mod explain;

use std::sync::Arc;

pub use self::builder::GateBuilder;
pub use self::explain::Explanation;
use crate::audit::{Event, Outcome, Sink};
use crate::body::JsonLimits;
use crate::cors::CompiledCors;
use crate::credential::{self, Cookies, Credential};
use crate::decision::Decision;
use crate::grant::Grant;
use crate::headers::{Nonce, NonceCsp, REFUSAL_CSP};
use crate::origin;
use crate::page;
use crate::path::Path;
use crate::policy::{Access, Match, Policy, Rule};
use crate::reason::Reason;
use crate::reply::{Line, Mode, Reply};
use crate::request::RequestView;
use crate::revocation::Revocations;
use crate::session::{Check, KeyWait, Session, Verification, Verifier};
use crate::time::{Clock, UnixTime};
use crate::transport::TrustedProxies;
use crate::webhook::{BodyWait, Endpoint};

/// Decides about requests: a pure function of its configuration, the request and the time.
///
/// Made once by [`Gate::builder`] and shared by all connections.
#[derive(Debug)]
pub struct Gate {
    policy: Policy,
    verifier: Verifier,
    cookies: Cookies,
    /// Trusted origins; the first is the application's own.
    origins: Vec<Box<str>>,
    cors: Option<CompiledCors>,
    cross_origin: Check,
    https: Check,
    proxies: TrustedProxies,
    headers: Vec<Line>,
    nonce_csp: Option<NonceCsp>,
    pages: Option<Pages>,
    json: JsonLimits,
    webhooks: Vec<Webhook>,
    sink: Option<Arc<dyn Sink>>,
    clock: Arc<dyn Clock>,
    revocations: Option<Arc<Revocations>>,
}

/// Where navigations go instead of a JSON refusal.
#[derive(Debug)]
struct Pages {
    sign_in: String,
    unauthorized: String,
    /// What goes before the way back: the application's origin if the sign-in page is elsewhere.
    way_back_origin: Box<str>,
}

/// An endpoint and where it is.
#[derive(Debug)]
struct Webhook {
    pattern: String,
    segments: Vec<Box<str>>,
    endpoint: Endpoint,
}

/// What has been learnt about a request, for the audit event.
#[derive(Default)]
struct Trail<'g> {
    found: Option<Match<'g>>,
    webhook: Option<&'g Webhook>,
    session: Option<Session>,
    observed: Vec<Reason>,
}

/// Why the steps ended without a grant.
enum Stop {
    Answer(Reply),
    Collect(BodyWait),
    Refuse(Reason),
    Wait(KeyWait),
}

impl From<Reason> for Stop {
    fn from(reason: Reason) -> Self {
        Self::Refuse(reason)
    }
}

impl Gate {
    /// Decides about a request.
    pub fn decide(&self, request: &RequestView<'_>) -> Decision {
        self.conclude(request, false)
    }

    /// Decides about a request that has waited for keys. Never waits again.
    pub fn resume(&self, request: &RequestView<'_>) -> Decision {
        self.conclude(request, true)
    }

    /// The header lines of *every* response that passes the gate, the framework's own 404, 405
    /// and 500 among them. They do not change: an adapter converts them once.
    pub fn headers(&self) -> &[Line] {
        &self.headers
    }

    /// The policy.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Carries the outcome of the steps to the audit trail and to the adapter.
    fn conclude(&self, request: &RequestView<'_>, waited: bool) -> Decision {
        let now = self.clock.now();
        let mut trail = Trail::default();
        match self.steps(request, now, waited, &mut trail) {
            Ok(grant) => self.proceed(request, now, &trail, grant),
            Err(Stop::Answer(reply)) => {
                self.record(request, now, &trail, Outcome::Preflight, None);
                Decision::Respond(reply)
            }
            Err(Stop::Collect(wait)) => Decision::CollectBody(wait),
            Err(Stop::Refuse(reason)) => self.refuse(request, now, &trail, reason),
            Err(Stop::Wait(wait)) => Decision::AwaitKeys(wait),
        }
    }

    /// The steps, in order. The first that does not hold ends them.
    fn steps<'g>(
        &'g self,
        request: &RequestView<'_>,
        now: UnixTime,
        waited: bool,
        trail: &mut Trail<'g>,
    ) -> Result<Grant, Stop> {
        let path = Path::parse(request.path(), request.method())?;
        trail.webhook = self.webhook(&path);
        if trail.webhook.is_none() {
            trail.found = Some(self.policy.find(&path, request.method())?);
        }
        if !self.proxies.is_https(request) {
            trail.enforce(self.https, Reason::HttpsRequired)?;
        }
        if let Some(webhook) = trail.webhook {
            return Err(self.collect(webhook, request, trail));
        }
        let found = trail.found.ok_or(Reason::MalformedTarget)?;
        if let Some(reply) = self.cors.as_ref().and_then(|cors| cors.answer(request)) {
            return Err(Stop::Answer(reply));
        }
        let grant =
            Grant::new(request.method(), &path, now, self.json).with_reader(self.reader(request));
        if *found.access == Access::Static {
            return Ok(grant);
        }

        let credential = match self.identify(request, now, waited, trail) {
            Ok((credential, session)) => {
                trail.session = session;
                credential
            }
            // A bad credential is no worse than none where none is needed; but what a handler
            // then asks for is answered by the reason.
            Err(Stop::Refuse(reason)) if *found.access == Access::Public => {
                return Ok(grant.with_session(None, Some(reason)));
            }
            Err(stop) => return Err(stop),
        };
        let Some(session) = trail.session.clone() else {
            return match found.access {
                Access::Public => Ok(grant),
                _ => Err(Reason::SessionRequired.into()),
            };
        };
        if session.has_foreign_party() {
            trail.observed.push(Reason::TokenAuthorizedParty);
        }

        // Only what a browser attaches by itself can be sent by a page without the user's will.
        let by_browser = matches!(credential, Credential::Cookie { .. });
        if by_browser && !origin::may_act(request, &self.origins) {
            trail.enforce(self.cross_origin, Reason::CrossOrigin)?;
        }
        for requirement in found.requirements() {
            requirement.check(&session, now)?;
        }
        Ok(grant.with_session(Some(session), None))
    }

    fn webhook(&self, path: &Path<'_>) -> Option<&Webhook> {
        let is_here = |webhook: &&Webhook| {
            let segments = webhook.segments.iter().map(|segment| &**segment);
            path.segments().eq(segments)
        };
        let webhook = self.webhooks.iter().find(is_here);
        webhook.filter(|_| !path.is_asterisk())
    }

    /// A delivery needs no session: its signature says who sent it.
    fn collect(&self, webhook: &Webhook, request: &RequestView<'_>, trail: &Trail<'_>) -> Stop {
        if request.method() != "POST" {
            return Reason::MethodNotAllowed.into();
        }
        let csp = self.nonce_csp.as_ref().map(|_| REFUSAL_CSP_LINE);
        let (clock, sink) = (Arc::clone(&self.clock), self.sink.clone());
        let observed = trail.observed.clone();
        Stop::Collect(webhook.endpoint.collect(
            request,
            &webhook.pattern,
            observed,
            csp,
            clock,
            sink,
        ))
    }

    /// Who is asking: the credential, and the session that it stands for.
    fn identify<'r>(
        &self,
        request: &RequestView<'r>,
        now: UnixTime,
        waited: bool,
        trail: &mut Trail<'_>,
    ) -> Result<(Credential<'r>, Option<Session>), Stop> {
        let credential = credential::find(request, &self.cookies, now)?;
        let (Credential::Bearer(token) | Credential::Cookie { token, .. }) = credential else {
            return Ok((credential, None));
        };
        let session = match self.verify(token, now, waited) {
            Ok(session) => session,
            Err(_) if self.cookies.is_foreign(credential) => return Ok((Credential::None, None)),
            Err(stop) => return Err(stop),
        };
        if let Credential::Cookie { updated, .. } = credential {
            match updated {
                // Clerk sets both cookies or neither.
                None => return Err(Reason::SessionUnconfirmed.into()),
                // The browser has signed out, or in anew, since the token was issued.
                Some(at) if at == 0 || session.issued_at() < UnixTime::from_secs(at) => {
                    return Err(Reason::SessionEnded.into());
                }
                Some(_) => {}
            }
        }
        if let Some(revocations) = &self.revocations {
            if revocations.revokes(&session) {
                return Err(Reason::SessionRevoked.into());
            }
            trail.enforce(revocations.staleness(now), Reason::RevocationsStale)?;
        }
        Ok((credential, Some(session)))
    }

    fn verify(&self, token: &str, now: UnixTime, waited: bool) -> Result<Session, Stop> {
        if waited {
            return Ok(self.verifier.verify_finally(token, now)?);
        }
        match self.verifier.verify(token, now) {
            Verification::Verified(session) => Ok(session),
            Verification::Refused(reason) => Err(reason.into()),
            Verification::AwaitKeys(wait) => Err(Stop::Wait(wait)),
        }
    }

    fn proceed(
        &self,
        request: &RequestView<'_>,
        now: UnixTime,
        trail: &Trail<'_>,
        grant: Grant,
    ) -> Decision {
        let recorded = self.record(request, now, trail, Outcome::Proceed, grant.reason());
        if !recorded && trail.must_be_recorded() {
            return Decision::Respond(self.reply(request, now, trail, Reason::AuditUnavailable));
        }
        Decision::Proceed(match &self.nonce_csp {
            Some(csp) => {
                let nonce = Nonce::random();
                // Without randomness no script runs.
                let line = nonce
                    .as_ref()
                    .map_or(REFUSAL_CSP_LINE, |n| csp.line(n.as_str()));
                grant.with_nonce(nonce, line)
            }
            None => grant,
        })
    }

    /// A refusal is sent whether or not it could be recorded: nothing was let through.
    fn refuse(
        &self,
        request: &RequestView<'_>,
        now: UnixTime,
        trail: &Trail<'_>,
        reason: Reason,
    ) -> Decision {
        let reply = self.reply(request, now, trail, reason);
        let outcome = if reply.is_redirect() {
            Outcome::Redirect
        } else {
            Outcome::Refuse
        };
        self.record(request, now, trail, outcome, Some(reason));
        Decision::Respond(reply)
    }

    /// A page for people, bytes for programs.
    fn reply(
        &self,
        request: &RequestView<'_>,
        now: UnixTime,
        trail: &Trail<'_>,
        reason: Reason,
    ) -> Reply {
        let location = match &self.pages {
            Some(pages) if page::is_navigation(request) => self.location(pages, request, reason),
            _ => None,
        };
        let reply = location.map_or_else(|| trail.refusal(reason, now), Reply::redirect);
        let csp = self.nonce_csp.as_ref().map(|_| REFUSAL_CSP_LINE);
        let reader = self.reader(request);
        let reader = reader.iter().flat_map(|lines| lines.iter().cloned());
        reader.chain(csp).fold(reply, Reply::with_line)
    }

    /// What lets the requesting page read the response, if it may.
    fn reader(&self, request: &RequestView<'_>) -> Option<Arc<[Line]>> {
        self.cors.as_ref()?.reader(request).cloned()
    }

    fn location(&self, pages: &Pages, request: &RequestView<'_>, reason: Reason) -> Option<String> {
        if reason == Reason::HttpsRequired {
            let own = self.origins.first()?;
            return Some(page::on_origin(own, request));
        }
        if reason.is_missing_right() {
            return Some(pages.unauthorized.clone());
        }
        let sign_in = || page::with_way_back(&pages.sign_in, &pages.way_back_origin, request);
        reason.wants_sign_in().then(sign_in)
    }

    /// Whether the event is in the trail, or there is no trail.
    fn record(
        &self,
        request: &RequestView<'_>,
        now: UnixTime,
        trail: &Trail<'_>,
        outcome: Outcome,
        reason: Option<Reason>,
    ) -> bool {
        let Some(sink) = &self.sink else {
            return true;
        };
        let rule = trail.found.and_then(|found| found.rule);
        let webhook = trail.webhook.map(|webhook| &*webhook.pattern);
        sink.record(&Event {
            time: now,
            outcome,
            reason,
            method: request.method(),
            path: request.path(),
            rule: rule.map(Rule::pattern).or(webhook),
            session: trail.session.as_ref(),
            delivery: None,
            sensitive: rule.is_some_and(|rule| rule.is_sensitive()),
            observed: &trail.observed,
        })
        .is_ok()
    }
}

impl Trail<'_> {
    /// Ends the steps, notes what would have ended them, or does nothing.
    fn enforce(&mut self, check: Check, reason: Reason) -> Result<(), Stop> {
        match check {
            Check::Off => {}
            Check::Observe => self.observed.push(reason),
            Check::Enforce => return Err(reason.into()),
        }
        Ok(())
    }

    fn refusal(&self, reason: Reason, now: UnixTime) -> Reply {
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
    fn must_be_recorded(&self) -> bool {
        self.found.is_some_and(|found| {
            matches!(found.access, Access::Require(_))
                || found.rule.is_some_and(|rule| rule.is_sensitive())
        })
    }
}

/// What takes the place of a policy with a nonce where there is no page.
const REFUSAL_CSP_LINE: Line =
    Line::fixed("content-security-policy", REFUSAL_CSP, Mode::Overriding);
