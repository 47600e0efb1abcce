//! From settings, keys and a policy to a gate; every mistake of the configuration at once.

use std::sync::Arc;

use super::{Checks, Gate, Pages, Webhook};
use crate::audit::Sink;
use crate::body::JsonLimits;
use crate::cors::{CompiledCors, Cors};
use crate::credential::Cookies;
use crate::error::{ConfigError, ConfigErrors};
use crate::headers::SecurityHeaders;
use crate::path::Path;
use crate::policy::{self, Access, Policy, Rule};
use crate::reply::diagnose;
use crate::revocation::Revocations;
use crate::session::{Check, Keyring, Verifier};
use crate::settings::{Environment, Settings};
use crate::time::{Clock, SystemClock};
use crate::transport::TrustedProxies;
use crate::webhook::Endpoint;

/// Collects what a [`Gate`] is made of. What is mandatory is an argument of
/// [`Gate::builder`], what is optional is `with_…`, what is unwise is `dangerous_…`.
#[derive(Debug)]
#[must_use = "a gate is made by `build`"]
pub struct GateBuilder {
    settings: Settings,
    keyring: Keyring,
    policy: Policy,
    audience: Vec<Box<str>>,
    clock: Arc<dyn Clock>,
    cors: Option<Cors>,
    cross_origin: Check,
    headers: SecurityHeaders,
    https: Check,
    json: JsonLimits,
    leeway: Option<i64>,
    pages: Option<(String, String)>,
    parties: Vec<Box<str>>,
    parties_check: Check,
    proxies: Vec<String>,
    revocations: Option<Arc<Revocations>>,
    safeguards: Check,
    sink: Option<Arc<dyn Sink>>,
    token_cache: Option<usize>,
    trusted: Vec<Box<str>>,
    webhooks: Vec<(String, Endpoint)>,
}

impl Gate {
    /// Starts a gate. As it stands it enforces every check:
    ///
    /// - session tokens of the settings' instance, obtained by pages of the settings' origins;
    /// - the cross-origin check for those origins;
    /// - HTTPS, in production;
    /// - the security headers of [`SecurityHeaders::preset`];
    /// - redirects of navigations to `/sign-in` and `/unauthorized`.
    pub fn builder(settings: &Settings, keyring: Keyring, policy: Policy) -> GateBuilder {
        let origins: Vec<Box<str>> = settings
            .origins()
            .iter()
            .map(|origin| origin.as_str().into())
            .collect();
        let https = match settings.environment() {
            Environment::Production => Check::Enforce,
            Environment::Development => Check::Off,
        };
        GateBuilder {
            settings: settings.clone(),
            keyring,
            policy,
            audience: Vec::new(),
            clock: Arc::new(SystemClock),
            cors: None,
            cross_origin: Check::Enforce,
            headers: SecurityHeaders::preset(settings),
            https,
            json: JsonLimits::default(),
            leeway: None,
            pages: Some(("/sign-in".to_owned(), "/unauthorized".to_owned())),
            parties: origins.clone(),
            parties_check: Check::Enforce,
            proxies: Vec::new(),
            revocations: None,
            safeguards: Check::Enforce,
            sink: None,
            token_cache: None,
            trusted: origins,
            webhooks: Vec::new(),
        }
    }
}

impl GateBuilder {
    /// Demands that tokens name one of these audiences; see [`Verifier::with_audience`].
    pub fn with_audience<A: Into<Box<str>>>(
        mut self,
        audience: impl IntoIterator<Item = A>,
    ) -> Self {
        self.audience = audience.into_iter().map(Into::into).collect();
        self
    }

    /// Sends every decision to this sink.
    pub fn with_audit(mut self, sink: Arc<dyn Sink>) -> Self {
        self.sink = Some(sink);
        self
    }

    /// Sets who may have obtained a token (`azp`), instead of the application's origins, and
    /// whether others are refused; see [`Verifier::with_authorized_parties`].
    pub fn with_authorized_parties<P: Into<Box<str>>>(
        mut self,
        check: Check,
        parties: impl IntoIterator<Item = P>,
    ) -> Self {
        self.parties_check = check;
        self.parties = parties.into_iter().map(Into::into).collect();
        self
    }

    /// Reads the time from this clock.
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Answers preflights from the settings' origins and lets their pages read responses,
    /// refusals included. Pages of other origins get nothing.
    pub fn with_cors(mut self, cors: Cors) -> Self {
        self.cors = Some(cors);
        self
    }

    /// Sets what becomes of cookie-borne requests that act and come from foreign pages.
    ///
    /// # Security
    /// Anything but [`Check::Enforce`] lets other sites act with the user's session. Clerk's
    /// cookies are `SameSite=None` in some deployments.
    pub fn with_cross_origin(mut self, check: Check) -> Self {
        self.cross_origin = check;
        self
    }

    /// Replaces the security headers.
    pub fn with_headers(mut self, headers: SecurityHeaders) -> Self {
        self.headers = headers;
        self
    }

    /// Sets what becomes of plain HTTP requests: [`Check::Enforce`] in production,
    /// [`Check::Off`] in development.
    pub fn with_https(mut self, check: Check) -> Self {
        self.https = check;
        self
    }

    /// Sets the limits of JSON bodies.
    pub fn with_json_limits(mut self, limits: JsonLimits) -> Self {
        self.json = limits;
        self
    }

    /// Sets the clock difference tolerated for tokens, in seconds; see [`Verifier::with_leeway`].
    pub fn with_leeway(mut self, seconds: i64) -> Self {
        self.leeway = Some(seconds);
        self
    }

    /// Sets where navigations are sent: to sign in, and when the user lacks rights.
    ///
    /// Each is a path of this application, or an `https://` URL such as Clerk's account portal.
    /// The sign-in page gets the way back in the parameter `redirect_url`, as Clerk's own
    /// components expect it.
    pub fn with_pages(
        mut self,
        sign_in: impl Into<String>,
        unauthorized: impl Into<String>,
    ) -> Self {
        self.pages = Some((sign_in.into(), unauthorized.into()));
        self
    }

    /// Refuses sessions that are revoked, and learns from the webhooks of this gate which are.
    ///
    /// # Security
    /// Without it, and for as long as no webhook tells, a session that has ended at Clerk is good
    /// until its token expires, about a minute.
    pub fn with_revocations(mut self, revocations: Arc<Revocations>) -> Self {
        self.revocations = Some(revocations);
        self
    }

    /// Sets what becomes of sessions that do not meet what sensitive routes demand besides their
    /// rule's own access; see [`Rule::sensitive`](crate::Rule::sensitive).
    ///
    /// # Security
    /// Anything but [`Check::Enforce`] lets old sign-ins and impersonators use those routes. Their
    /// decisions are recorded all the same.
    pub fn with_safeguards(mut self, check: Check) -> Self {
        self.safeguards = check;
        self
    }

    /// Sets how many verified tokens are remembered, 0 for none; see
    /// [`Verifier::with_token_cache`].
    pub fn with_token_cache(mut self, entries: usize) -> Self {
        self.token_cache = Some(entries);
        self
    }

    /// Believes the forwarded headers of these peers: addresses, or ranges such as
    /// `10.0.0.0/8`.
    ///
    /// # Security
    /// A peer in this list can make plain HTTP pass for HTTPS. List only proxies that overwrite
    /// `X-Forwarded-Proto`.
    pub fn with_trusted_proxies<P: Into<String>>(
        mut self,
        proxies: impl IntoIterator<Item = P>,
    ) -> Self {
        self.proxies = proxies.into_iter().map(Into::into).collect();
        self
    }

    /// Receives webhooks at `path`, which is made of literal segments only. No rule of the
    /// policy may have the same pattern.
    pub fn with_webhook(mut self, path: impl Into<String>, endpoint: Endpoint) -> Self {
        self.webhooks.push((path.into(), endpoint));
        self
    }

    /// Answers navigations with JSON like everything else: for an API without pages.
    pub fn without_pages(mut self) -> Self {
        self.pages = None;
        self
    }

    /// Makes the gate.
    ///
    /// # Errors
    /// Every mistake at once.
    pub fn build(self) -> Result<Gate, ConfigErrors> {
        let mut errors = Vec::new();
        let proxies = TrustedProxies::parse(&self.proxies, &mut errors);
        let own = self.trusted.first().cloned().unwrap_or_default();
        let pages = self.pages.map(|(sign_in, unauthorized)| {
            check_page(&self.policy, "sign-in", &sign_in, &mut errors);
            check_page(&self.policy, "unauthorized", &unauthorized, &mut errors);
            let way_back_origin = if sign_in.starts_with('/') {
                Box::default()
            } else {
                own
            };
            Pages {
                sign_in,
                unauthorized,
                way_back_origin,
            }
        });
        if self.parties_check != Check::Off && self.parties.is_empty() {
            errors.push(ConfigError::new(
                "authorized parties",
                "are checked, but there are none, so nobody could sign in",
                "name the origins of your pages",
            ));
        }
        if let Some(rule) = self.policy.rules().find(|rule| rule.is_sensitive())
            && self.sink.is_none()
        {
            errors.push(ConfigError::new(
                format!("pattern {:?}", rule.pattern()),
                "is sensitive, but the gate has no audit sink",
                "add one with with_audit, such as JsonLines::new(std::io::stdout())",
            ));
        }
        let (mut headers, nonce_csp) = match self.headers.compile() {
            Ok(compiled) => (compiled.lines, compiled.nonce_csp),
            Err(mistakes) => {
                errors.extend(mistakes);
                (Vec::new(), None)
            }
        };
        let cors = self
            .cors
            .map(|cors| cors.compile(&self.trusted, &mut errors));
        headers.extend(cors.is_some().then_some(CompiledCors::VARY));
        let webhooks = compile_webhooks(self.webhooks, &self.policy, &mut errors);
        if let Some(revocations) = &self.revocations {
            errors.extend(revocations.mistakes());
            errors.extend(teach(&webhooks, revocations));
        }
        let mut verifier = Verifier::new(self.settings.issuer(), self.keyring)
            .with_audience(self.audience)
            .with_authorized_parties(self.parties_check, self.parties);
        if let Some(leeway) = self.leeway {
            verifier = verifier.with_leeway(leeway);
        }
        if let Some(revocations) = &self.revocations {
            verifier = verifier.with_longest_life(revocations.longest_life());
        }
        if let Some(entries) = self.token_cache {
            verifier = verifier.with_token_cache(entries);
        }
        let checks = Checks {
            authorized_party: self.parties_check,
            cross_origin: self.cross_origin,
            https: self.https,
            safeguards: self.safeguards,
        };
        let gate = Gate {
            policy: self.policy,
            verifier,
            cookies: Cookies::new(&self.settings),
            origins: self.trusted,
            cors,
            checks,
            proxies,
            headers,
            nonce_csp,
            pages,
            json: self.json,
            webhooks,
            sink: self.sink,
            clock: self.clock,
            revocations: self.revocations,
            counters: Arc::default(),
        };
        ConfigErrors::check(errors, gate)
    }
}

fn compile_webhooks(
    webhooks: Vec<(String, Endpoint)>,
    policy: &Policy,
    errors: &mut Vec<ConfigError>,
) -> Vec<Webhook> {
    let mut compiled: Vec<Webhook> = Vec::new();
    for (pattern, endpoint) in webhooks {
        let subject = format!("webhook {pattern:?}");
        let segments = match policy::literal_segments(&pattern) {
            Ok(segments) => segments,
            Err(error) => {
                errors.push(ConfigError::new(subject, error.problem(), error.remedy()));
                continue;
            }
        };
        let is_rule = policy.rules().any(|rule| rule.pattern() == pattern);
        if is_rule || compiled.iter().any(|other| other.segments == segments) {
            errors.push(ConfigError::new(
                subject.clone(),
                "is also the pattern of a rule or of another webhook",
                "remove the other one: a webhook needs no rule",
            ));
        }
        if endpoint.is_unconfigured() {
            let problem = "no webhook secret is set, so every delivery is answered 500";
            diagnose(&format!(
                "{subject}: {problem}; set CLERK_WEBHOOK_SIGNING_SECRET"
            ));
        }
        compiled.push(Webhook {
            pattern,
            segments,
            endpoint,
        });
    }
    compiled
}

/// Lets the revocations learn from every webhook.
fn teach(webhooks: &[Webhook], revocations: &Arc<Revocations>) -> Vec<ConfigError> {
    let untaught = webhooks
        .iter()
        .filter(|webhook| !webhook.endpoint.teach(revocations));
    let mistake = |webhook: &Webhook| {
        ConfigError::new(
            format!("webhook {:?}", webhook.pattern),
            "tells the revocations of another gate what has ended",
            "give both gates the same revocations, or each an endpoint of its own",
        )
    };
    untaught.map(mistake).collect()
}

/// A page that users without a session are sent to must not send them on again.
fn check_page(policy: &Policy, name: &str, page: &str, errors: &mut Vec<ConfigError>) {
    let subject = format!("{name} page {page:?}");
    if !page.bytes().all(|b| (b'!'..=b'~').contains(&b)) {
        errors.push(ConfigError::new(
            subject,
            "has a character that no URL has",
            "escape it with a percent sign",
        ));
        return;
    }
    if page.starts_with("https://") {
        return;
    }
    let raw = page.split(['?', '#']).next().unwrap_or_default();
    let found = Path::parse(raw, "GET").and_then(|path| policy.find(&path, "GET"));
    let Ok(found) = found else {
        errors.push(ConfigError::new(
            subject,
            "is not a path of this application",
            "write a path such as \"/sign-in\", or a URL that starts with https://",
        ));
        return;
    };
    let ends_here = match found.access {
        Access::Static | Access::Public => true,
        // Whoever lacks a right has a session.
        Access::Session => name == "unauthorized",
        Access::Require(_) => false,
    };
    if !ends_here {
        let rule = found.rule.map_or("the default", Rule::pattern);
        errors.push(ConfigError::new(
            subject,
            format!("is not public (decided by {rule}), so it would redirect to itself"),
            format!("add .public({raw:?}) to the policy, or call without_pages for an API"),
        ));
    }
}
