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
