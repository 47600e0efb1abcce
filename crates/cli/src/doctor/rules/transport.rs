//! Rules about how requests come, and when.

use crate::doctor::facts::Server;
use crate::doctor::rule::{Check, Evidence, Outcome, Rule, Severity, Unknown};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "https-served",
        title: "The application is served over HTTPS",
        severity: Severity::High,
        asvs: "12.2.1",
        source: "guide, checklist",
        how: "looks at the scheme of --url; plain HTTP is for this machine alone",
        remedy: "put a server with a certificate in front, and name its https URL",
        check: Check::Server(|server| {
            let open = !server.target.https && !server.target.is_loopback();
            let found = open.then(|| Evidence::at(server.target.origin(), "is plain HTTP"));
            Ok(found.into_iter().collect())
        }),
    },
    Rule {
        id: "https-redirect",
        title: "Plain HTTP is redirected to HTTPS or refused",
        severity: Severity::High,
        asvs: "12.2.1",
        source: "guide, checklist",
        how: "asks for the home page over plain HTTP; with --behind-proxy, without X-Forwarded-Proto",
        remedy: "answer plain HTTP with a permanent redirect to https, or with 403; the gate does so in production",
        check: Check::Server(plain),
    },
    Rule {
        id: "hsts",
        title: "Browsers remember to use HTTPS for a year or more",
        severity: Severity::Medium,
        asvs: "3.4.1",
        source: "guide, checklist",
        how: "reads Strict-Transport-Security on the home page, an error and a refusal",
        remedy: "send Strict-Transport-Security: max-age=63072000; includeSubDomains",
        check: Check::Server(hsts),
    },
    Rule {
        id: "clock",
        title: "The server's clock is right",
        severity: Severity::Medium,
        asvs: "16.2.2",
        source: "Clerk, manual JWT verification",
        how: "compares the Date of the home page with this machine's clock",
        remedy: "run a time service (NTP) on the server: tokens live for a minute, 5 seconds of difference are tolerated",
        check: Check::Server(clock),
    },
];

fn plain(server: &Server) -> Outcome {
    server.require_https()?;
    let exchange = server.plain.as_ref().map_err(Clone::clone)?;
    // Nothing listens there, which is best.
    let Ok(answer) = exchange.answer() else {
        return Ok(Vec::new());
    };
    let location = answer.one("location").unwrap_or_default();
    let what = if answer.is_redirect() && location.starts_with("https://") {
        return Ok(Vec::new());
    } else if answer.is_redirect() {
        format!("redirects to \"{location}\", which is not https")
    } else if matches!(answer.status, 400..=499) {
        return Ok(Vec::new());
    } else {
        format!("answers {} over plain HTTP", answer.status)
    };
    Ok(vec![exchange.found(what)])
}

fn hsts(server: &Server) -> Outcome {
    server.require_https()?;
    let mut found = Vec::new();
    for (request, answer) in server.ordinary()? {
        let value = answer.one("strict-transport-security").unwrap_or_default();
        let value = value.to_ascii_lowercase();
        let mut parts = value.split(';').map(str::trim);
        let age = parts.clone().find_map(|part| part.strip_prefix("max-age="));
        let age: Option<u64> = age.and_then(|age| age.trim_matches('"').parse().ok());
        let what = match age {
            None => "has no Strict-Transport-Security with a max-age".to_owned(),
            Some(age) if age < YEAR => format!("is remembered for {age} seconds, a year is {YEAR}"),
            Some(_) if !parts.any(|part| part == "includesubdomains") => {
                "leaves subdomains out: includeSubDomains is missing".to_owned()
            }
            Some(_) => continue,
        };
        found.push(Evidence::at(request, what));
    }
    Ok(found)
}

fn clock(server: &Server) -> Outcome {
    let answer = server.home.answer()?;
    let date = answer
        .one("date")
        .and_then(|date| httpdate::parse_http_date(&date).ok());
    let Some(date) = date else {
        return Err(Unknown::NotAsked("the server sends no Date".to_owned()));
    };
    let date = date.duration_since(std::time::UNIX_EPOCH);
    let date = date.map_or(0, |since| since.as_secs());
    let date = i64::try_from(date).unwrap_or(i64::MAX);
    let difference = date.saturating_sub(answer.received);
    if difference.abs() <= TOLERATED {
        return Ok(Vec::new());
    }
    let way = if difference > 0 { "ahead of" } else { "behind" };
    let what = format!(
        "the server is {} seconds {way} this machine",
        difference.abs()
    );
    Ok(vec![server.home.found(what)])
}

/// In seconds.
const YEAR: u64 = 31_536_000;

/// In seconds: the leeway of tokens, and the second that `Date` leaves out.
const TOLERATED: i64 = 6;
