//! Rules about requests from other sites.

use crate::doctor::facts::Server;
use crate::doctor::rule::{Check, Outcome, Rule, Severity};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "origin-foreign",
        title: "Requests from foreign pages are refused",
        severity: Severity::High,
        asvs: "3.5.1",
        source: "guide, step 3; Clerk, CSRF protection",
        how: "posts nothing to the first --protected path with a foreign Origin and a cookie that is no session",
        remedy: "compare Origin and Sec-Fetch-Site with the application's origins: the gate does for every request that comes with a cookie",
        check: Check::Server(|server| {
            let answer = server.foreign_post.answer()?;
            let refused = (400..500).contains(&answer.status);
            let what = format!(
                "from a foreign page answers {}, wanted 401 or 403",
                answer.status
            );
            Ok((!refused)
                .then(|| server.foreign_post.found(what))
                .into_iter()
                .collect())
        }),
    },
    Rule {
        id: "cors-foreign",
        title: "Foreign pages cannot read answers",
        severity: Severity::High,
        asvs: "3.4.2",
        source: "guide, step 3",
        how: "asks with foreign origins, null, and origins that begin or end like the application's own, and sends a preflight",
        remedy: "send Access-Control-Allow-Origin for listed origins only, compared whole; Cors does so for those of the settings",
        check: Check::Server(cors),
    },
    Rule {
        id: "cors-wildcard",
        title: "No protected answer is for every page",
        severity: Severity::Medium,
        asvs: "3.4.2",
        source: "guide, step 3",
        how: "looks for Access-Control-Allow-Origin: * on the first --protected path",
        remedy: "list origins in place of *",
        check: Check::Server(|server| {
            let mut found = Vec::new();
            for (_, exchange) in &server.foreign {
                if exchange
                    .answer()?
                    .one("access-control-allow-origin")
                    .as_deref()
                    == Some("*")
                {
                    found.push(exchange.found("lets pages of every origin read the answer"));
                }
            }
            found.dedup();
            Ok(found)
        }),
    },
];

fn cors(server: &Server) -> Outcome {
    let mut found = Vec::new();
    for (origin, exchange) in &server.foreign {
        let allowed = exchange.answer()?.one("access-control-allow-origin");
        if allowed.as_deref() == Some(origin) {
            found.push(exchange.found(format!("lets pages of {origin} read the answer")));
        }
    }
    Ok(found)
}
