//! The one place where the steps of a decision are put in order.

mod builder;
mod explain;
mod trail;

use std::sync::Arc;

pub use self::builder::GateBuilder;
pub use self::explain::Explanation;
use self::trail::Trail;
use crate::audit::{Outcome, Recorded, Sink};
use crate::body::JsonLimits;
use crate::cors::CompiledCors;
use crate::counters::{CheckKind, Counters, Counts, Readiness};
use crate::credential::{self, Cookies, Credential};
use crate::decision::{Decision, Wait, Waited};
use crate::grant::Grant;
use crate::headers::{Nonce, NonceCsp, REFUSAL_CSP};
use crate::origin;
use crate::page;
use crate::path::Path;
use crate::policy::{Access, Policy};
use crate::reason::Reason;
use crate::reply::{Line, Mode, Reply};
use crate::request::RequestView;
use crate::revocation::Revocations;
use crate::session::{Check, KeyWait, Session, Verification, Verifier};
use crate::time::{Clock, UnixTime};
use crate::transport::TrustedProxies;
use crate::webhook::{BodyWait, Endpoint, Witness};

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
    checks: Checks,
    proxies: TrustedProxies,
    headers: Vec<Line>,
    nonce_csp: Option<NonceCsp>,
    pages: Option<Pages>,
    json: JsonLimits,
    webhooks: Vec<Webhook>,
    sink: Option<Arc<dyn Sink>>,
    clock: Arc<dyn Clock>,
    revocations: Option<Arc<Revocations>>,
    counters: Arc<Counters>,
}

/// What becomes of checks that can lock real users out.
#[derive(Clone, Copy, Debug)]
struct Checks {
    authorized_party: Check,
    cross_origin: Check,
    https: Check,
    safeguards: Check,
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

    /// Decides about a request that has waited. Never waits for the same again.
    pub fn resume(&self, request: &RequestView<'_>, waited: Waited) -> Decision {
        let decision = waited.decision();
        match &decision {
            Some(Decision::Proceed(grant)) => self.count(Outcome::Proceed, grant.reason()),
            Some(_) => self.count_unrecorded(),
            None => {}
        }
        decision.unwrap_or_else(|| self.conclude(request, true))
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

    /// How often the gate has decided what since it was made.
    pub fn counts(&self) -> Counts {
        self.counters.counts()
    }

    /// Whether the checks that only observe may be enforced, by what has come so far.
    pub fn readiness(&self) -> Readiness {
        let age = self.revocations.as_ref().map(|own| own.stale_check());
        self.counters.readiness(&[
            (CheckKind::AuthorizedParty, self.checks.authorized_party),
            (CheckKind::CrossOrigin, self.checks.cross_origin),
            (CheckKind::Https, self.checks.https),
            (CheckKind::RevocationAge, age.unwrap_or(Check::Off)),
            (CheckKind::Safeguards, self.checks.safeguards),
        ])
    }

    /// Carries the outcome of the steps to the audit trail and to the adapter.
    fn conclude(&self, request: &RequestView<'_>, waited: bool) -> Decision {
        let now = self.clock.now();
        let mut trail = Trail::default();
        let result = self.steps(request, now, waited, &mut trail);
        if !matches!(result, Err(Stop::Wait(_))) {
            self.counters.observe(
                trail.pattern(),
                &trail.made,
                &trail.observed_by,
                &trail.observed,
            );
        }
        match result {
            Ok(grant) => self.proceed(request, now, &trail, grant),
            Err(Stop::Answer(reply)) => {
                self.count(Outcome::Preflight, None);
                self.record(request, now, &trail, Outcome::Preflight, None);
                Decision::Respond(reply)
            }
            Err(Stop::Collect(wait)) => Decision::CollectBody(wait),
            Err(Stop::Refuse(reason)) => self.refuse(request, now, &trail, reason),
            Err(Stop::Wait(wait)) => Decision::Await(Wait::for_keys(wait)),
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
        trail.check(CheckKind::Https, self.checks.https, || {
            demand(self.proxies.is_https(request), Reason::HttpsRequired)
        })?;
        if let Some(webhook) = trail.webhook {
            return Err(self.collect(webhook, request, trail));
        }
        let found = trail.found.ok_or(Reason::MalformedTarget)?;
        if let Some(reply) = self.cors.as_ref().and_then(|cors| cors.answer(request)) {
            return Err(Stop::Answer(reply));
        }
        let grant = Grant::new(request.method(), request.path(), now, self.json)
            .with_reader(self.reader(request));
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
        // An enforced party was a matter of verification.
        if self.checks.authorized_party == Check::Observe {
            trail.check(CheckKind::AuthorizedParty, Check::Observe, || {
                demand(!session.has_foreign_party(), Reason::TokenAuthorizedParty)
            })?;
        }

        // Only what a browser attaches by itself can be sent by a page without the user's will.
        if matches!(credential, Credential::Cookie { .. }) {
            trail.check(CheckKind::CrossOrigin, self.checks.cross_origin, || {
                demand(origin::may_act(request, &self.origins), Reason::CrossOrigin)
            })?;
        }
        if let Some(requirement) = found.requirement() {
            requirement.check(&session, now)?;
        }
        if let Some(safeguards) = found.safeguards() {
            trail.check(CheckKind::Safeguards, self.checks.safeguards, || {
                safeguards.check(&session, now)
            })?;
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
        let witness = Witness {
            clock: Arc::clone(&self.clock),
            sink: self.sink.clone(),
            counters: Arc::clone(&self.counters),
        };
        let observed = trail.observed.clone();
        let wait = webhook
            .endpoint
            .collect(request, &webhook.pattern, observed, csp, witness);
        Stop::Collect(wait)
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
            trail.check(CheckKind::RevocationAge, revocations.stale_check(), || {
                demand(!revocations.is_stale(now), Reason::RevocationsStale)
            })?;
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
        let reason = grant.reason();
        let proceed = Decision::Proceed(match &self.nonce_csp {
            Some(csp) => {
                let nonce = Nonce::random();
                // Without randomness no script runs.
                let line = nonce
                    .as_ref()
                    .map_or(REFUSAL_CSP_LINE, |n| csp.line(n.as_str()));
                grant.with_nonce(nonce, line)
            }
            None => grant,
        });
        if !trail.must_be_recorded() {
            self.record(request, now, trail, Outcome::Proceed, reason);
            self.count(Outcome::Proceed, reason);
            return proceed;
        }
        let refuse =
            || Decision::Respond(self.reply(request, now, trail, Reason::AuditUnavailable));
        let event = trail.event(request, now, Outcome::Proceed, reason);
        let recorded = self.sink.as_ref().map(|sink| sink.record_durably(&event));
        match recorded {
            None | Some(Recorded::Now(Ok(()))) => {
                self.count(Outcome::Proceed, reason);
                proceed
            }
            Some(Recorded::Now(Err(_))) => {
                self.count_unrecorded();
                refuse()
            }
            Some(Recorded::Later(recording)) => {
                Decision::Await(Wait::for_record(recording, proceed, refuse()))
            }
        }
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
        self.count(outcome, Some(reason));
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

    /// Records an event whose loss stops nobody.
    fn record(
        &self,
        request: &RequestView<'_>,
        now: UnixTime,
        trail: &Trail<'_>,
        outcome: Outcome,
        reason: Option<Reason>,
    ) {
        if let Some(sink) = &self.sink
            && sink
                .record(&trail.event(request, now, outcome, reason))
                .is_err()
        {
            self.counters.lose_event();
        }
    }

    fn count(&self, outcome: Outcome, reason: Option<Reason>) {
        self.counters.decide(outcome, reason);
    }

    fn count_unrecorded(&self) {
        self.counters.lose_event();
        self.count(Outcome::Refuse, Some(Reason::AuditUnavailable));
    }
}

fn demand(holds: bool, reason: Reason) -> Result<(), Reason> {
    if holds { Ok(()) } else { Err(reason) }
}

/// What takes the place of a policy with a nonce where there is no page.
const REFUSAL_CSP_LINE: Line =
    Line::fixed("content-security-policy", REFUSAL_CSP, Mode::Overriding);
