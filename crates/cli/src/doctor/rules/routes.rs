//! Rules about protected routes.

use crate::doctor::facts::{Answer, Exchange, Server};
use crate::doctor::rule::{Check, Evidence, Outcome, Rule, Severity, Unknown};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "route-open",
        title: "Protected routes answer 401 without a session",
        severity: Severity::High,
        asvs: "8.3.1",
        source: "guide, steps 2 and 3",
        how: "asks for each --protected path without a credential",
        remedy: "put the gate around the whole application; what no rule of its policy names needs a session. If the path is not yours, name one that is with --protected",
        check: Check::Server(|server| {
            each(&server.protected, |answer| match answer.status {
                401 => None,
                status => Some(format!("answers {status}, wanted 401")),
            })
        }),
    },
    Rule {
        id: "route-policy",
        title: "The server refuses what the policy file says it must",
        severity: Severity::High,
        asvs: "8.3.1",
        source: "guide, step 2; Clerk, protecting content",
        how: "asks for paths of --policy that need a session, and for one that no rule names, without a credential; --protected paths are left to route-open",
        remedy: "let the server run the policy of this file: is the build old, does it read another file, or does a proxy answer first?",
        check: Check::Server(promised),
    },
    Rule {
        id: "route-forged",
        title: "Tokens that nobody has signed are refused",
        severity: Severity::High,
        asvs: "9.1.1",
        source: "Clerk, manual JWT verification",
        how: "asks for the first --protected path with an unsigned token (alg none), a wrong signature, and an unsigned cookie",
        remedy: "verify signature, algorithm and claims of every token: the gate's verifier does",
        check: Check::Server(|server| {
            is_closed(server)?;
            each(&server.forged, |answer| {
                let refused = matches!(answer.status, 400 | 401 | 403);
                (!refused).then(|| format!("answers {}, wanted 401", answer.status))
            })
        }),
    },
    Rule {
        id: "route-forms",
        title: "Other spellings of a protected path are refused too",
        severity: Severity::High,
        asvs: "1.1.1",
        source: "beyond the guide",
        how: "asks for the first --protected path with doubled and encoded slashes, dots, an encoded letter, capitals and a parameter",
        remedy: "decide on the same reading of the path as the router: the gate refuses paths that have two",
        check: Check::Server(forms),
    },
    Rule {
        id: "route-cache",
        title: "Answers that depend on the session are not stored",
        severity: Severity::Medium,
        asvs: "14.3.2",
        source: "beyond the guide",
        how: "reads Cache-Control of the refusals of protected routes, and of what a navigation gets there",
        remedy: "send Cache-Control: no-store",
        check: Check::Server(|server| {
            let asked = server.protected.iter().chain([&server.forwarded]);
            each(asked, |answer| {
                let value = answer.one("cache-control").unwrap_or_default();
                let value = value.to_ascii_lowercase();
                let kept = !["no-store", "private"]
                    .iter()
                    .any(|word| value.contains(word));
                kept.then(|| {
                    "may be stored: Cache-Control has neither no-store nor private".to_owned()
                })
            })
        }),
    },
    Rule {
        id: "route-forwarded-host",
        title: "Redirects do not follow a forwarded host",
        severity: Severity::High,
        asvs: "4.1.3",
        source: "Clerk, deploying behind a proxy",
        how: "opens the first --protected path with a foreign X-Forwarded-Host and looks for it in the answer",
        remedy: "build redirects from configured origins, and let the proxy overwrite X-Forwarded-Host",
        check: Check::Server(|server| {
            let answer = server.forwarded.answer()?;
            let location = answer.one("location").unwrap_or_default();
            let named = [&location, &answer.body]
                .iter()
                .any(|text| text.contains("doctor.invalid"));
            let what = "hands the foreign host on to the browser";
            Ok(named
                .then(|| server.forwarded.found(what))
                .into_iter()
                .collect())
        }),
    },
];

/// What is wrong with each answer, if anything is.
fn each<'e>(
    exchanges: impl IntoIterator<Item = &'e Exchange>,
    fault: impl Fn(&Answer) -> Option<String>,
) -> Outcome {
    let mut found = Vec::new();
    for exchange in exchanges {
        found.extend(fault(exchange.answer()?).map(|what| exchange.found(what)));
    }
    Ok(found)
}

/// Whatever answers neither 401 nor with the way to a sign-in page has not asked the policy.
fn promised(server: &Server) -> Outcome {
    let promised = server.promised.as_ref().map_err(Clone::clone)?;
    let paths = promised.paths.iter().map(|exchange| {
        let path = exchange.request.trim_start_matches("GET ");
        (exchange, path)
    });
    let missing = promised.unlisted;
    let missing = missing.then_some((&server.missing, server.marker.as_str()));
    let mut found = Vec::new();
    for (exchange, path) in paths.chain(missing) {
        let answer = exchange.answer()?;
        if answer.status != 401 && !leads_elsewhere(answer, path) {
            let status = answer.status;
            let what = format!("answers {status}, where the policy demands a session");
            found.push(exchange.found(what));
        }
    }
    match (found.is_empty(), promised.left_out) {
        (true, 0) if promised.paths.is_empty() && missing.is_none() => {
            let what = "every path of the policy that needs a session is a --protected path; see the rule route-open";
            Err(Unknown::NotAsked(what.to_owned()))
        }
        (true, count) if count > 0 => {
            let asked = promised.paths.len();
            let what = format!(
                "{asked} paths of the policy refuse as they should; {count} more are too many for one run: name them with --protected in another"
            );
            Err(Unknown::NotAsked(what))
        }
        _ => Ok(found),
    }
}

/// Whether this is the way to a sign-in page, and not the same path over HTTPS or with a slash.
fn leads_elsewhere(answer: &Answer, path: &str) -> bool {
    let location = answer.one("location").unwrap_or_default();
    let target = location.split(['?', '#']).next().unwrap_or_default();
    let is_same = target.trim_end_matches('/').ends_with(path);
    matches!(answer.status, 302 | 303 | 307) && !target.is_empty() && !is_same
}

/// What is open anyway tells nothing about ways around a check.
fn is_closed(server: &Server) -> Result<(), Unknown> {
    let Some(first) = server.protected.first() else {
        return Ok(());
    };
    if first.answer()?.is_success() {
        let what = "the route is open; see the rule route-open";
        return Err(Unknown::NotAsked(what.to_owned()));
    }
    Ok(())
}

/// A page that is served for every unknown path is no way in.
fn forms(server: &Server) -> Outcome {
    is_closed(server)?;
    let missing = server.missing.answer()?;
    let mut found: Vec<Evidence> = Vec::new();
    for form in &server.forms {
        let answer = form.answer()?;
        let is_fallback = missing.is_success() && missing.body == answer.body;
        if answer.is_success() && !is_fallback {
            let what = format!(
                "answers {}, where the plain path is protected",
                answer.status
            );
            found.push(form.found(what));
        }
    }
    Ok(found)
}
