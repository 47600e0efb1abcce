//! Rules about the content security policy.

use super::headers::{short, wants};
use crate::doctor::facts::Server;
use crate::doctor::rule::{Check, Outcome, Rule, Severity, Unknown};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "csp",
        title: "Every response has a content security policy",
        severity: Severity::Medium,
        asvs: "3.4.3",
        source: "Clerk, CSP headers",
        how: "reads Content-Security-Policy on the home page, an error and a refusal; one that only reports does not count",
        remedy: "send Content-Security-Policy; Csp::clerk makes one for pages with Clerk's components",
        check: Check::Server(|server| wants(server, "content-security-policy", |v| !v.is_empty())),
    },
    Rule {
        id: "csp-script",
        title: "The policy stops injected scripts",
        severity: Severity::High,
        asvs: "3.4.3",
        source: "Clerk, CSP headers",
        how: "reads script-src, or default-src, of the home page; 'unsafe-eval' is borne on a developer's machine",
        remedy: "remove 'unsafe-inline', 'unsafe-eval', data:, bare schemes and * from script-src, and give inline scripts a nonce",
        check: Check::Server(csp_script),
    },
    Rule {
        id: "csp-object",
        title: "The policy stops plug-ins",
        severity: Severity::Medium,
        asvs: "3.4.3",
        source: "Clerk, CSP headers",
        how: "reads object-src, or default-src, of the home page",
        remedy: "add object-src 'none'",
        check: Check::Server(|server| {
            csp_wants(server, &["object-src", "default-src"], "object-src", |v| {
                v == ["'none'"]
            })
        }),
    },
    Rule {
        id: "csp-base",
        title: "The policy keeps relative URLs on this site",
        severity: Severity::Medium,
        asvs: "3.4.3",
        source: "Clerk, CSP headers",
        how: "reads base-uri of the home page; default-src does not speak for it",
        remedy: "add base-uri 'none'",
        check: Check::Server(|server| {
            csp_wants(server, &["base-uri"], "base-uri", |v| v == ["'none'"])
        }),
    },
    Rule {
        id: "csp-frame",
        title: "The policy says who may show pages in frames",
        severity: Severity::Medium,
        asvs: "3.4.6",
        source: "guide, step 2",
        how: "reads frame-ancestors of the home page",
        remedy: "add frame-ancestors 'none', or name the origins that may",
        check: Check::Server(|server| {
            csp_wants(server, &["frame-ancestors"], "frame-ancestors", |sources| {
                let open = |source: &&str| is_open(source);
                !sources.is_empty() && !sources.iter().any(open)
            })
        }),
    },
    Rule {
        id: "csp-clerk",
        title: "The policy lets Clerk's components reach Clerk",
        severity: Severity::Low,
        asvs: "3.4.3",
        source: "Clerk, CSP headers",
        how: "looks for the Frontend API in connect-src, or default-src, of the home page",
        remedy: "add the Frontend API's origin to connect-src: without it, pages cannot refresh sessions",
        check: Check::Server(csp_clerk),
    },
    Rule {
        id: "csp-protect",
        title: "The policy lets Clerk's bot protection reach its service",
        severity: Severity::Low,
        asvs: "3.4.3",
        source: "Clerk, CSP headers",
        how: "looks for https://*.protect.clerk.com:* in connect-src, or default-src, of the home page",
        remedy: "add https://*.protect.clerk.com:* to connect-src, with the star for the port",
        check: Check::Server(|server| reaches(server, &["https://*.protect.clerk.com:*"])),
    },
];

/// The sources of the first of `directives` that each policy of the home page has.
///
/// Browsers enforce all policies, so one good policy is enough. `None` if there is none at all.
fn policies(server: &Server, directives: &[&str]) -> Result<Vec<Option<Vec<String>>>, Unknown> {
    let answer = server.home.answer()?;
    let lines: Vec<_> = answer.all("content-security-policy").collect();
    let policies = lines.iter().flat_map(|line| line.split(','));
    let read = |policy: &str| {
        let parts: Vec<Vec<String>> = policy
            .to_ascii_lowercase()
            .split(';')
            .map(|part| part.split_whitespace().map(str::to_owned).collect())
            .collect();
        directives.iter().find_map(|name| {
            let named = parts
                .iter()
                .find(|part| part.first().is_some_and(|own| own == name));
            named.map(|part| part.iter().skip(1).cloned().collect())
        })
    };
    let read: Vec<_> = policies.map(read).collect();
    if read.is_empty() {
        let what = "the home page has no content security policy; see the rule csp";
        return Err(Unknown::NotAsked(what.to_owned()));
    }
    Ok(read)
}

fn csp_wants(
    server: &Server,
    directives: &[&str],
    name: &str,
    good: fn(&[&str]) -> bool,
) -> Outcome {
    let policies = policies(server, directives)?;
    let is_good = |sources: &Option<Vec<String>>| {
        let sources = sources.as_ref();
        sources.is_some_and(|list| good(&list.iter().map(String::as_str).collect::<Vec<_>>()))
    };
    if policies.iter().any(is_good) {
        return Ok(Vec::new());
    }
    let seen = policies.iter().flatten().next();
    let what = match seen {
        Some(sources) => format!("{name} is \"{}\"", short(&sources.join(" "))),
        None => format!("the policy has no {name}"),
    };
    Ok(vec![server.home.found(what)])
}

fn csp_script(server: &Server) -> Outcome {
    let policies = policies(server, &["script-src", "default-src"])?;
    // Development builds of front ends turn text into code.
    let deployed = server.require_https().is_ok();
    let mut found = Vec::new();
    for sources in &policies {
        let Some(sources) = sources else {
            found.push(
                server
                    .home
                    .found("the policy has neither script-src nor default-src"),
            );
            continue;
        };
        // Browsers that know nonces and hashes ignore 'unsafe-inline' beside them, and lists of
        // hosts beside 'strict-dynamic' (CSP Level 3 §6.7.3).
        let has_nonce = sources
            .iter()
            .any(|s| s.starts_with("'nonce-") || s.starts_with("'sha"));
        let dynamic = has_nonce && sources.iter().any(|s| s == "'strict-dynamic'");
        let bad: Vec<_> = sources
            .iter()
            .filter(|source| match source.as_str() {
                "'unsafe-inline'" => !has_nonce,
                "'unsafe-eval'" => deployed,
                source => !dynamic && is_open(source),
            })
            .map(String::as_str)
            .collect();
        if bad.is_empty() {
            return Ok(Vec::new());
        }
        found.push(
            server
                .home
                .found(format!("scripts may come from {}", bad.join(" "))),
        );
    }
    Ok(found)
}

fn csp_clerk(server: &Server) -> Outcome {
    let Some(frontend_api) = &server.frontend_api else {
        let what = "no settings say where the Frontend API is; add --env-file";
        return Err(Unknown::NotAsked(what.to_owned()));
    };
    let host = frontend_api.split("://").nth(1).unwrap_or(frontend_api);
    reaches(server, &[frontend_api, host])
}

/// Whether connect-src of a page has one of `sources`.
fn reaches(server: &Server, sources: &[&str]) -> Outcome {
    if !server.home.answer()?.is_success() {
        let what = "the home page is none for everybody";
        return Err(Unknown::NotAsked(what.to_owned()));
    }
    let policies = policies(server, &["connect-src", "default-src"])?;
    let has = |own: &Vec<String>| {
        let mut own = own.iter().map(String::as_str);
        own.any(|own| sources.contains(&own) || matches!(own, "*" | "https:"))
    };
    let cut_off = policies.iter().flatten().any(|own| !has(own));
    let wanted = sources.first().copied().unwrap_or_default();
    let what = format!("connect-src does not have {wanted}");
    Ok(cut_off
        .then(|| server.home.found(what))
        .into_iter()
        .collect())
}

/// Whether a source fits what others control.
fn is_open(source: &str) -> bool {
    matches!(
        source,
        "*" | "http:" | "https:" | "data:" | "blob:" | "http://*" | "https://*"
    )
}
