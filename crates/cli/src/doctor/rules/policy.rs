//! Rules about the policy file. What it means a gate with it has said.

use crate::doctor::facts::{Policy, Route, Who};
use crate::doctor::rule::{Check, Evidence, Outcome, Rule, Severity, Unknown};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "policy-file",
        title: "The policy file has no mistake",
        severity: Severity::High,
        asvs: "8.1.1",
        source: "Clerk, protecting content",
        how: "parses --policy as the gate does",
        remedy: "correct each line as its finding says; an application with this file does not start",
        check: Check::Policy(|policy| Ok(mistakes(policy))),
    },
    Rule {
        id: "policy-default",
        title: "What no rule names needs a session",
        severity: Severity::High,
        asvs: "8.2.1",
        source: "guide, step 2; Clerk, protecting content",
        how: "asks a gate with this policy about a path that no rule can name",
        remedy: "remove dangerous_public_by_default, and list what is public",
        check: Check::Policy(|policy| {
            let name = "dangerous_public_by_default";
            let line = policy.line_of(name);
            let found = || {
                Evidence::in_file(
                    &policy.file,
                    line,
                    format!("{name} opens what nobody lists"),
                )
            };
            Ok(policy.judged()?.is_open.then(found).into_iter().collect())
        }),
    },
    Rule {
        id: "policy-wide",
        title: "No public rule reaches everywhere",
        severity: Severity::High,
        asvs: "8.2.1",
        source: "guide, step 2; Clerk, protecting content",
        how: "looks for public rules and assets with a rest behind nothing, behind parameters, or behind /api and a version",
        remedy: "name each public path or folder. Where one page answers for every path of a single-page application, bear the rule with --accept, and list its API as \"session\"",
        check: Check::Policy(|policy| {
            let what = "is public, and with it every path below that no other rule names";
            each(policy, |route| {
                let is_wide = route.is_public && reaches_everywhere(&route.pattern);
                is_wide.then(|| what.to_owned())
            })
        }),
    },
    Rule {
        id: "policy-admin",
        title: "Administration needs a right",
        severity: Severity::High,
        asvs: "8.2.1",
        source: "guide, step 2; Clerk, authorization checks",
        how: "asks a gate with this policy about /admin, /internal and the like, by every method, as nobody and as a user who has no right",
        remedy: "demand a role or a permission, for every method: \"/admin/{*rest}\" = { role = \"org:admin\" }",
        check: Check::Policy(|policy| {
            among(policy, is_administration, "administration", administration)
        }),
    },
    Rule {
        id: "policy-sensitive",
        title: "What costs money or an account asks for a factor again",
        severity: Severity::Medium,
        asvs: "7.5.3",
        source: "guide, step 5; Clerk, reverification",
        how: "looks for rules about billing, payments, passwords and API keys that let a session act, and for rules of their own for deleting accounts",
        remedy: "add sensitive = true, or a reverification; pages that only show may have a rule of their own: \"GET HEAD /billing\"",
        check: Check::Policy(|policy| {
            among(policy, is_costly, "money, keys or accounts", |route| {
                let is_careful = route.is_sensitive || route.is_reverified;
                (!is_careful).then(|| "lets act whoever finds a session open".to_owned())
            })
        }),
    },
    Rule {
        id: "policy-safeguards",
        title: "Safeguards stand where a session is demanded",
        severity: Severity::Medium,
        asvs: "7.5.3",
        source: "guide, step 5; Clerk, reverification",
        how: "looks for sensitive rules that are public: their decisions are recorded, and nothing is demanded",
        remedy: "demand a session or a right; where a record is all that is wanted, bear the rule with --accept",
        check: Check::Policy(|policy| {
            among(
                policy,
                |route| route.is_sensitive,
                "sensitive routes",
                |route| {
                    let what = "is sensitive and public, so its safeguards demand nothing";
                    route.is_public.then(|| what.to_owned())
                },
            )
        }),
    },
    Rule {
        id: "policy-token-age",
        title: "Limits on the age of tokens limit something",
        severity: Severity::Low,
        asvs: "7.3.2",
        source: "guide, step 5; Clerk, session options",
        how: "compares token_age with the 300 seconds of sensitive routes; a token lives for 60, and Clerk renews it as long as the session lasts",
        remedy: "demand a reverification, which the user must prove; how long sessions last is set in the Clerk dashboard",
        check: Check::Policy(|policy| {
            among(
                policy,
                |route| route.token_age.is_some(),
                "the age of tokens",
                |route| {
                    let age = route.token_age.filter(|age| *age > 300)?;
                    Some(format!("has token_age = {age}, and no token gets so old"))
                },
            )
        }),
    },
];

fn mistakes(policy: &Policy) -> Vec<Evidence> {
    let errors = policy.judged.as_ref().err().into_iter().flatten();
    let found = errors.map(|error| {
        // `line 3, pattern "/a"`: the place has the line.
        let told = error.subject().strip_prefix("line ");
        let told = told.and_then(|told| told.split_once(", "));
        let (line, subject) = told.map_or_else(
            || (None, error.subject()),
            |(line, subject)| (line.parse().ok(), subject),
        );
        let what = format!("{subject} {}; {}", error.problem(), error.remedy());
        Evidence::in_file(&policy.file, line, what)
    });
    found.collect()
}

/// What is wrong with each route, if anything is.
fn each(policy: &Policy, fault: impl Fn(&Route) -> Option<String>) -> Outcome {
    let routes = policy.judged()?.routes.iter();
    let found = routes.filter_map(|route| Some(policy.about(route, fault(route)?)));
    Ok(found.collect())
}

/// The same for some routes. Where there are none, nothing has been checked.
fn among(
    policy: &Policy,
    is_one: impl Fn(&Route) -> bool,
    subject: &str,
    fault: impl Fn(&Route) -> Option<String>,
) -> Outcome {
    if !policy.judged()?.routes.iter().any(&is_one) {
        let what = format!("no rule is about {subject}");
        return Err(Unknown::NotAsked(what));
    }
    each(policy, |route| is_one(route).then(|| fault(route))?)
}

fn reaches_everywhere(pattern: &str) -> bool {
    let segments: Vec<_> = pattern.split('/').skip(1).collect();
    let Some((last, before)) = segments.split_last() else {
        return false;
    };
    let is_version = |segment: &str| {
        let number = segment.strip_prefix('v').unwrap_or_default();
        !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
    };
    let says_nothing =
        |segment: &&str| segment.starts_with('{') || *segment == "api" || is_version(segment);
    last.starts_with("{*") && before.iter().all(says_nothing)
}

fn is_administration(route: &Route) -> bool {
    has_word(route, &ADMINISTRATION) && !has_word(route, &WAYS_IN)
}

/// Methods by which people get in who have no right.
fn administration(route: &Route) -> Option<String> {
    let by = |who: Who| {
        let asked = route.asked.iter().filter(|asked| asked.who == who);
        let methods: Vec<_> = asked.map(|asked| asked.method).collect();
        match methods.len() {
            0 => None,
            n if n == route.asked.len() => Some(String::new()),
            _ => Some(format!(" for {}", methods.join(", "))),
        }
    };
    let open = by(Who::Everybody).map(|methods| format!("needs no session{methods}"));
    let users = by(Who::EveryUser).map(|methods| format!("needs nothing but a session{methods}"));
    let found: Vec<_> = [open, users].into_iter().flatten().collect();
    (!found.is_empty()).then(|| found.join(", and "))
}

/// Whether a session can act here, and what that costs the user.
fn is_costly(route: &Route) -> bool {
    let acts = |method: &str| {
        let mut own = route.asked.iter().filter(|asked| asked.is_own);
        own.any(|asked| asked.method == method)
    };
    let can_act = ["POST", "PUT", "PATCH", "DELETE"].into_iter().any(acts);
    // A rule for all methods says nothing about deleting.
    let deletes = acts("DELETE") && !acts("GET");
    let is_account = words(route)
        .last()
        .is_some_and(|last| ACCOUNTS.contains(&&**last));
    !route.is_public && can_act && (has_word(route, &COSTLY) || deletes && is_account)
}

fn has_word(route: &Route, wanted: &[&str]) -> bool {
    words(route).iter().any(|word| wanted.contains(&&**word))
}

/// The literals of a pattern, in one spelling.
fn words(route: &Route) -> Vec<String> {
    let segments = route.pattern.split('/');
    let literals = segments.filter(|segment| !segment.is_empty() && !segment.starts_with('{'));
    let one_spelling = |segment: &str| segment.to_ascii_lowercase().replace(['-', '_'], "");
    literals.map(one_spelling).collect()
}

const ADMINISTRATION: [&str; 8] = [
    "admin",
    "administration",
    "administrator",
    "backoffice",
    "internal",
    "staff",
    "sudo",
    "superadmin",
];

/// Below `/admin`, and for those who have not shown their right yet.
const WAYS_IN: [&str; 8] = [
    "assets",
    "login",
    "signin",
    "signup",
    "signout",
    "logout",
    "static",
    "unauthorized",
];

const COSTLY: [&str; 10] = [
    "apikeys",
    "billing",
    "deleteaccount",
    "password",
    "payment",
    "paymentmethods",
    "payments",
    "payouts",
    "refunds",
    "withdrawals",
];

const ACCOUNTS: [&str; 8] = [
    "account",
    "accounts",
    "me",
    "organization",
    "organizations",
    "profile",
    "user",
    "users",
];
