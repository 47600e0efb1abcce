//! Named gates. No shim configures security itself: it asks for a profile.
//!
//! All of them belong to one application at <https://app.test> and stand at one fixed time;
//! what sets a profile apart is the one line of [`gate`] that makes it. A canary is a profile
//! with one check switched off, for the suite to notice.

use std::io;
use std::sync::Arc;

use clerk_gate_core::webhook::Endpoint;
use clerk_gate_core::{
    Check, Clock, Cors, Csp, Gate, JsonLimits, JsonLines, Keyring, Level, Mode, Policy,
    PolicyBuilder, Requirement, Reverification, Rule, SecurityHeaders, Settings, Sink, UnixTime,
};
use clerk_gate_testkit::{FixedClock, NOW, ORIGIN, Signer, WEBHOOK_SECRET};

use crate::Result;
use crate::keyrings::{Turns, cold_keyring, keyring, rotation};
use crate::revocations;
use crate::sinks;
use crate::webhooks::{self, NEXT_SECRET, OTHER_SECRET, PATH};

/// Every canary, and a case that must notice it. The case says which profile it stands in for.
pub const CANARIES: &[(&str, &str)] = &[
    ("canary-audience", "session/audience"),
    ("canary-audit", "audit/no-query"),
    ("canary-authorized-party", "session/authorized-party"),
    ("canary-conjunction", "policy/conjunction-second"),
    ("canary-cors", "cors/preflight-foreign"),
    ("canary-cross-origin", "origin/cookie"),
    ("canary-decoded-path", "path/escaped-letters"),
    ("canary-default", "policy/unlisted"),
    ("canary-downgrade", "freshness/demanded"),
    ("canary-first-factor", "freshness/level-both"),
    ("canary-first-value", "credential/two-different"),
    ("canary-foreign-key", "session/foreign-key"),
    ("canary-headers", "policy/public"),
    ("canary-https", "transport/https"),
    ("canary-impersonation", "freshness/oneself"),
    ("canary-json-depth", "json/depth"),
    ("canary-json-size", "json/size"),
    ("canary-leeway", "session/leeway"),
    ("canary-observe-cross-origin", "origin/null"),
    ("canary-observe-https", "transport/https"),
    ("canary-observe-party", "session/party-empty"),
    ("canary-opaque", "path/opaque"),
    ("canary-pages", "redirect/document"),
    ("canary-policy-file", "policy/file"),
    ("canary-proxy", "transport/proxy-untrusted"),
    ("canary-punctual", "session/punctual-expiry"),
    ("canary-replay-key", "session/replay-key"),
    ("canary-replay-time", "session/replay-time"),
    ("canary-reverification", "freshness/preset-strict"),
    ("canary-revocation", "revocation/session"),
    ("canary-revocation-age", "revocation/stale"),
    ("canary-revocation-webhook", "revocation/webhook-session"),
    ("canary-role", "policy/role"),
    ("canary-safeguard-actor", "freshness/sensitive-actor"),
    ("canary-safeguard-age", "freshness/sensitive-age"),
    ("canary-safeguard-factor", "freshness/sensitive-factor"),
    ("canary-safeguards", "freshness/sensitive-factor"),
    ("canary-second-factor", "freshness/level-second"),
    ("canary-sensitive", "audit/sensitive"),
    ("canary-token-age", "freshness/age"),
    ("canary-webhook-body", "webhook/body-space"),
    ("canary-webhook-https", "webhook/https"),
    ("canary-webhook-memory", "webhook/duplicate-later"),
    ("canary-webhook-secret", "webhook/secret-other"),
    ("canary-webhook-size", "webhook/size"),
    ("canary-webhook-time", "webhook/time-past"),
];

/// The gate called `name` at the time `now` in seconds since the epoch; its events go to
/// `sink`. `None` if there is no such profile.
///
/// # Panics
/// If a profile has a mistake in it.
pub fn gate(name: &str, now: i64, sink: &Arc<dyn Sink>) -> Option<Gate> {
    let live = settings(LIVE, ORIGIN, &[]);
    let clock: Arc<dyn Clock> = Arc::new(FixedClock::new(UnixTime::from_secs(now)));
    let keys = || keyring(&[Signer::weak(), Signer::primary()]);
    let judge = |settings: &Settings, keyring: Keyring, policy: Policy| {
        Gate::builder(settings, keyring, policy)
            .with_audit(Arc::clone(sink))
            .with_clock(Arc::clone(&clock))
            .with_https(Check::Off)
    };
    let with = |settings: &Settings, keyring: Keyring, policy: PolicyBuilder| {
        let policy = policy.build().expect("a policy without mistakes");
        judge(settings, keyring, policy)
    };
    let read = |text: &str| {
        let policy = Policy::from_toml(text).expect("a file without mistakes");
        judge(&live, keys(), policy)
    };
    let usual = || with(&live, keys(), policy());
    // A rule for one method comes before the rule for all.
    let relaxed = |rule: Rule| with(&live, keys(), fresh().rule(rule.methods(["GET"])));
    let received = |endpoint: Endpoint| usual().with_webhook(PATH, endpoint);
    let webhook = || endpoint(&SECRETS, MANY);
    let gate = match name {
        // Its events are of many times, so they are not written.
        "aging" => usual()
            .with_audit(Arc::new(JsonLines::new(io::empty())))
            .with_clock(Arc::new(Turns::new(move |turn| now + 40 * turn))),
        "api" => usual().without_pages(),
        "audience" => usual().with_audience(["https://api.app.test"]),
        "cold" => with(&live, cold_keyring(), policy()),
        "cold-production" => with(&live, cold_keyring(), policy())
            .with_https(Check::Enforce)
            .with_trusted_proxies(["127.0.0.1"]),
        "cors" => with(&origins(&[ORIGIN, SECOND]), keys(), policy()).with_cors(Cors::default()),
        "development" => {
            let test = settings("pk_test_Y2xlcmsuYXBwLnRlc3Qk", "http://localhost:3000", &[]);
            with(&test, keys(), policy()).with_authorized_parties(Check::Enforce, [ORIGIN])
        }
        "exposed" => usual().with_https(Check::Enforce),
        "fresh" => with(&live, keys(), fresh()),
        "full" => usual().with_audit(sinks::full()),
        "headers" => usual().with_headers(
            SecurityHeaders::preset(&live)
                .with("vary", "origin", Mode::Appending)
                .with("x-own", "gate", Mode::IfNotPresent),
        ),
        "observe-safeguards" => with(&live, keys(), fresh()).with_safeguards(Check::Observe),
        "observe" => usual()
            .with_authorized_parties(Check::Observe, [ORIGIN])
            .with_cross_origin(Check::Observe)
            .with_https(Check::Observe),
        "later" => usual().with_audit(sinks::later(Arc::clone(sink))),
        "later-full" => usual().with_audit(sinks::later(sinks::full())),
        "outage" => with(&live, Keyring::fed(|| {}).0, policy()),
        "portal" => usual().with_pages("https://accounts.app.test/sign-in?lang=en", "/"),
        "production" => usual()
            .with_https(Check::Enforce)
            .with_trusted_proxies(["127.0.0.1"]),
        "punctual" => usual().with_leeway(0),
        "revocation" => usual().with_revocations(revocations::some(&clock)),
        "revocation-observe" => {
            usual().with_revocations(revocations::unheard(&clock, Check::Observe))
        }
        "revocation-stale" => {
            usual().with_revocations(revocations::unheard(&clock, Check::Enforce))
        }
        "rights" => with(&live, keys(), rights(auditor())),
        "rules" => with(&live, keys(), nested()),
        "rules-file" => read(RULES),
        "session" => usual(),
        "webhook" => received(webhook()),
        "webhook-cors" => received(webhook()).with_cors(Cors::default()),
        "webhook-full" => received(webhook()).with_audit(sinks::full()),
        "webhook-nonce" => received(webhook())
            .with_headers(SecurityHeaders::preset(&live).with_csp(Csp::clerk(&live).with_nonce())),
        "webhook-observe" => received(webhook()).with_https(Check::Observe),
        "webhook-production" => received(webhook())
            .with_https(Check::Enforce)
            .with_trusted_proxies(["127.0.0.1"]),
        "webhook-revocation" => received(webhook()).with_revocations(revocations::some(&clock)),
        "webhook-revocation-down" => {
            received(webhook()).with_revocations(revocations::unheard(&clock, Check::Off))
        }
        "withdrawn" => {
            let (keyring, clock) = rotation(now, &[Signer::other()]);
            with(&live, keyring, policy()).with_clock(clock)
        }
        "webhook-secretless" => received(endpoint(&[], MANY)),

        "canary-audience" => usual(),
        "canary-audit" => usual().with_audit(Arc::new(JsonLines::new(io::empty()))),
        "canary-authorized-party" => usual().with_authorized_parties(Check::Off, [ORIGIN]),
        // The fault of these is in the adapter without a socket.
        "canary-decoded-path" | "canary-first-value" => usual(),
        "canary-webhook-body" => received(webhook()),
        "canary-conjunction" => with(&live, keys(), rights(Requirement::role("org:admin"))),
        "canary-cors" => with(
            &origins(&[ORIGIN, SECOND, "https://evil.test"]),
            keys(),
            policy(),
        )
        .with_cors(Cors::default()),
        "canary-cross-origin" => usual().with_cross_origin(Check::Off),
        "canary-default" => with(&live, keys(), policy().dangerous_public_by_default()),
        "canary-downgrade" => relaxed(reverified("/admin/demanded", Reverification::STRICT)),
        "canary-first-factor" => relaxed(level("/admin/both", Level::SecondFactor)),
        "canary-foreign-key" => with(
            &live,
            keyring(&[Signer::primary(), Signer::other()]),
            policy(),
        ),
        "canary-headers" => usual().with_headers(
            SecurityHeaders::preset(&live).dangerous_without("x-content-type-options"),
        ),
        "canary-https" => usual(),
        "canary-impersonation" => relaxed(Rule::session("/admin/oneself")),
        "canary-json-depth" => usual().with_json_limits(JsonLimits::new(MAX_BYTES, 128)),
        "canary-json-size" => usual().with_json_limits(JsonLimits::new(usize::MAX, MAX_DEPTH)),
        "canary-leeway" => usual().with_leeway(60),
        "canary-observe-cross-origin" => usual().with_cross_origin(Check::Observe),
        "canary-observe-https" => usual()
            .with_https(Check::Observe)
            .with_trusted_proxies(["127.0.0.1"]),
        "canary-observe-party" => usual().with_authorized_parties(Check::Observe, [ORIGIN]),
        "canary-opaque" => with(
            &live,
            keys(),
            rules(admin().opaque_segments(), billing().sensitive()),
        ),
        "canary-pages" => usual().without_pages(),
        "canary-policy-file" => read(&RULES.replace(r#"{ role = "org:admin" }"#, r#""session""#)),
        "canary-proxy" => usual()
            .with_https(Check::Enforce)
            .with_trusted_proxies(["127.0.0.1"]),
        "canary-punctual" => usual(),
        "canary-replay-key" => {
            let (keyring, clock) = rotation(now, &[Signer::primary(), Signer::other()]);
            with(&live, keyring, policy()).with_clock(clock)
        }
        "canary-replay-time" => usual().with_audit(Arc::new(JsonLines::new(io::empty()))),
        "canary-reverification" => relaxed(Rule::session("/admin/strict")),
        "canary-revocation" => usual(),
        "canary-revocation-age" => {
            usual().with_revocations(revocations::unheard(&clock, Check::Off))
        }
        "canary-revocation-webhook" => received(webhook()),
        "canary-role" => with(
            &live,
            keys(),
            rules(Rule::session(ADMIN), billing().sensitive()),
        ),
        "canary-safeguard-actor" => {
            let rest = Requirement::token_age(300).and_reverified(Reverification::STRICT);
            relaxed(Rule::session("/me").safeguards(rest))
        }
        "canary-safeguard-age" => {
            let rest = Requirement::reverified(Reverification::STRICT).and_no_impersonation();
            relaxed(Rule::session("/me").safeguards(rest))
        }
        "canary-safeguard-factor" => {
            let rest = Requirement::token_age(300).and_no_impersonation();
            relaxed(Rule::session("/me").safeguards(rest))
        }
        "canary-safeguards" => with(&live, keys(), fresh()).with_safeguards(Check::Off),
        "canary-second-factor" => relaxed(level("/admin/second", Level::FirstFactor)),
        "canary-sensitive" => with(&live, keys(), rules(admin(), billing())),
        "canary-token-age" => relaxed(Rule::require("/admin/young", Requirement::token_age(91))),
        "canary-webhook-https" => received(webhook()),
        "canary-webhook-memory" => received(endpoint(&SECRETS, 1)),
        "canary-webhook-secret" => {
            let secrets = [WEBHOOK_SECRET, NEXT_SECRET, OTHER_SECRET];
            received(endpoint(&secrets, MANY))
        }
        "canary-webhook-size" => received(webhook().with_max_bytes(usize::MAX)),
        "canary-webhook-time" => received(webhook().with_tolerance(i64::MAX)),
        _ => return None,
    };
    Some(gate.build().expect("a profile without mistakes"))
}

/// The header lines that every response of `profile` carries, as in a case.
///
/// # Errors
/// There is no such profile.
pub fn baseline(profile: &str) -> Result<Vec<String>> {
    let sink: Arc<dyn Sink> = Arc::new(JsonLines::new(io::empty()));
    let gate = gate(profile, NOW.as_secs(), &sink)
        .ok_or_else(|| format!("profile {profile:?} is not known; see src/profiles.rs"))?;
    let lines = gate
        .headers()
        .iter()
        .map(|line| format!("{}: {}", line.name(), line.value()));
    let mut lines: Vec<_> = lines.collect();
    lines.sort();
    Ok(lines)
}

/// An application with pages of several origins, its own first.
fn origins(origins: &[&str]) -> Settings {
    settings(LIVE, &origins.join(","), &[])
}

fn settings(publishable_key: &str, origin: &str, webhook_secrets: &[&str]) -> Settings {
    Settings::parse(&|name| match name {
        "CLERK_PUBLISHABLE_KEY" => Some(publishable_key.to_owned()),
        "CLERK_GATE_ORIGINS" => Some(origin.to_owned()),
        "CLERK_WEBHOOK_SIGNING_SECRET" if !webhook_secrets.is_empty() => {
            Some(webhook_secrets.join(","))
        }
        _ => None,
    })
    .expect("settings without mistakes")
}

/// The endpoint at [`PATH`], for deliveries signed with one of `secrets`.
fn endpoint(secrets: &[&str], capacity: usize) -> Endpoint {
    webhooks::endpoint(&settings(LIVE, ORIGIN, secrets), capacity)
}

fn policy() -> PolicyBuilder {
    rules(admin(), billing().sensitive())
}

fn rules(admin: Rule, billing: Rule) -> PolicyBuilder {
    Policy::builder()
        .public("/")
        .rule(admin)
        .session("/api/{*rest}")
        .rule(billing)
        .assets("/assets/{*rest}")
        .public("/extract")
        .public("/fail")
        .rule(Rule::session("/files/{*rest}").opaque_segments())
        .public("/headers")
        .public("/json")
        .public("/maybe")
        .session("/me")
        .public("/right")
        .public("/sign-in")
        .public("/unauthorized")
}

/// One kind of right for each route.
fn rights(item: Requirement) -> PolicyBuilder {
    Policy::builder()
        .require("/admin", Requirement::permission("org:invoices:manage"))
        .require("/admin/{item}", item)
        .require("/api/billing", Requirement::plan("org:pro"))
        .require("/api/items", Requirement::feature("export"))
        .require("/files/{file}", Requirement::feature("user:beta"))
        .require("/me", Requirement::plan("pro"))
        .public("/sign-in")
        .public("/unauthorized")
}

fn auditor() -> Requirement {
    Requirement::role("org:admin").and_feature("org:audit")
}

/// Rules that overlap, and rules for some methods only.
fn nested() -> PolicyBuilder {
    Policy::builder()
        .session("/admin/{*rest}")
        .require("/admin/{item}", Requirement::role("org:admin"))
        .public("/admin/help")
        .rule(Rule::public("/api/items").methods(["GET"]))
        .rule(Rule::session("/api/items").methods(["POST"]))
        .rule(
            Rule::require("/api/items", Requirement::role("org:admin")).methods(["DELETE", "PUT"]),
        )
        .assets("/files/{*rest}")
        .session("/files/{file}")
        .public("/sign-in")
        .public("/unauthorized")
}

/// What each route demands of the moment and of whoever acts; most are named after it.
fn fresh() -> PolicyBuilder {
    let demanded = Reverification::STRICT.demanding_second_factor();
    let manager = Requirement::role("org:admin").and_reverified(Reverification::STRICT);
    Policy::builder()
        .rule(admin().sensitive())
        .rule(level("/admin/both", Level::MultiFactor))
        .rule(reverified("/admin/demanded", demanded))
        .rule(level("/admin/first", Level::FirstFactor))
        .rule(reverified("/admin/lax", Reverification::LAX))
        .require("/admin/manager", manager)
        .rule(reverified("/admin/moderate", Reverification::MODERATE))
        .require("/admin/oneself", Requirement::no_impersonation())
        .rule(level("/admin/second", Level::SecondFactor))
        .rule(reverified("/admin/strict", Reverification::STRICT))
        .rule(reverified("/admin/strict-mfa", Reverification::STRICT_MFA))
        .require("/admin/young", Requirement::token_age(90))
        .rule(Rule::session("/api/items").safeguards(Requirement::no_impersonation()))
        .rule(Rule::public("/maybe").sensitive())
        .rule(Rule::session("/me").sensitive())
        .public("/sign-in")
        .public("/unauthorized")
}

/// The factors of `level` within a time that no preset has.
fn level(pattern: &str, level: Level) -> Rule {
    reverified(pattern, Reverification::within(level, 15))
}

fn reverified(pattern: &str, demand: Reverification) -> Rule {
    Rule::require(pattern, Requirement::reverified(demand))
}

fn admin() -> Rule {
    Rule::require(ADMIN, Requirement::role("org:admin"))
}

fn billing() -> Rule {
    Rule::session("/api/billing")
}

/// The policy of [`nested`], as a file.
const RULES: &str = include_str!("rules.toml");

/// Another application of the same people, which may act with the user's cookies.
const SECOND: &str = "https://admin.app.test:8443";

/// The publishable key of the application in production.
const LIVE: &str = "pk_live_Y2xlcmsuYXBwLnRlc3Qk";

/// Both are live while one takes the place of the other.
const SECRETS: [&str; 2] = [WEBHOOK_SECRET, NEXT_SECRET];

/// More deliveries than there are cases.
const MANY: usize = 10_000;

const ADMIN: &str = "/admin/{*rest}";

/// The limits of JSON bodies that a gate has by default.
const MAX_BYTES: usize = 256 * 1024;
const MAX_DEPTH: usize = 32;
