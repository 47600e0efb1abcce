//! Rules about security headers.

use crate::doctor::facts::{Answer, Server};
use crate::doctor::rule::{Check, Evidence, Outcome, Rule, Severity};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "header-nosniff",
        title: "Browsers do not guess content types",
        severity: Severity::Medium,
        asvs: "3.4.4",
        source: "guide, step 2",
        how: "reads X-Content-Type-Options on the home page, an error and a refusal",
        remedy: "send X-Content-Type-Options: nosniff on every response",
        check: Check::Server(|server| wants(server, "x-content-type-options", |v| v == "nosniff")),
    },
    Rule {
        id: "header-frame",
        title: "Old browsers do not show pages in frames of others",
        severity: Severity::Low,
        asvs: "3.4.6",
        source: "guide, step 2",
        how: "reads X-Frame-Options on the home page, an error and a refusal",
        remedy: "send X-Frame-Options: DENY on every response",
        check: Check::Server(|server| {
            wants(server, "x-frame-options", |v| {
                matches!(v, "deny" | "sameorigin")
            })
        }),
    },
    Rule {
        id: "header-referrer",
        title: "Paths and queries do not leak to other sites",
        severity: Severity::Medium,
        asvs: "3.4.5",
        source: "guide, step 2",
        how: "reads Referrer-Policy on the home page, an error and a refusal",
        remedy: "send Referrer-Policy: strict-origin-when-cross-origin on every response",
        check: Check::Server(|server| {
            wants(server, "referrer-policy", |value| {
                // Browsers take the last value that they know.
                let last = value.rsplit(',').next().unwrap_or_default().trim();
                REFERRER.contains(&last)
            })
        }),
    },
    Rule {
        id: "header-permissions",
        title: "Scripts cannot ask for devices",
        severity: Severity::Low,
        asvs: "",
        source: "beyond the guide",
        how: "reads Permissions-Policy on the home page",
        remedy: "send Permissions-Policy: camera=(), geolocation=(), microphone=()",
        check: Check::Server(|server| page_wants(server, "permissions-policy", |v| !v.is_empty())),
    },
    Rule {
        id: "header-opener",
        title: "Foreign openers lose their hold on pages",
        severity: Severity::Low,
        asvs: "3.4.8",
        source: "beyond the guide",
        how: "reads Cross-Origin-Opener-Policy on the home page",
        remedy: "send Cross-Origin-Opener-Policy: same-origin-allow-popups",
        check: Check::Server(|server| {
            page_wants(server, "cross-origin-opener-policy", |v| {
                v.starts_with("same-origin")
            })
        }),
    },
    Rule {
        id: "header-resource",
        title: "Other sites cannot load responses into their pages",
        severity: Severity::Low,
        asvs: "3.5.8",
        source: "beyond the guide",
        how: "reads Cross-Origin-Resource-Policy on the home page",
        remedy: "send Cross-Origin-Resource-Policy: same-origin",
        check: Check::Server(|server| {
            page_wants(server, "cross-origin-resource-policy", |v| {
                v.starts_with("same-")
            })
        }),
    },
];

/// Every ordinary answer has a line `name` with a good value, in lower case.
pub(super) fn wants(server: &Server, name: &str, good: fn(&str) -> bool) -> Outcome {
    let answers = server.ordinary()?;
    let found = answers
        .iter()
        .filter_map(|(request, answer)| bad(request, answer, name, good));
    Ok(found.collect())
}

/// The same for the home page alone.
fn page_wants(server: &Server, name: &str, good: fn(&str) -> bool) -> Outcome {
    let answer = server.home.answer()?;
    Ok(bad(&server.home.request, answer, name, good)
        .into_iter()
        .collect())
}

fn bad(request: &str, answer: &Answer, name: &str, good: fn(&str) -> bool) -> Option<Evidence> {
    match answer.one(name) {
        None => Some(Evidence::at(request, format!("has no {name}"))),
        Some(value) if good(value.trim().to_ascii_lowercase().as_str()) => None,
        Some(value) => Some(Evidence::at(
            request,
            format!("{name} is \"{}\"", short(&value)),
        )),
    }
}

/// The beginning of what a server has sent, for people.
pub(super) fn short(text: &str) -> String {
    let mut short: String = text.chars().take(80).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// Policies that show other sites no more than the origin.
const REFERRER: [&str; 6] = [
    "no-referrer",
    "origin",
    "origin-when-cross-origin",
    "same-origin",
    "strict-origin",
    "strict-origin-when-cross-origin",
];
