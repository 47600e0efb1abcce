//! Rules about cookies.

use super::headers::short;
use crate::doctor::facts::Server;
use crate::doctor::rule::{Check, Evidence, Outcome, Rule, Severity, Unknown};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "cookie-secure",
        title: "Cookies travel over HTTPS alone",
        severity: Severity::High,
        asvs: "3.3.1",
        source: "guide, checklist",
        how: "reads Set-Cookie of every answer",
        remedy: "add Secure to the cookie",
        check: Check::Server(|server| {
            server.require_https()?;
            cookies(server, |cookie| {
                (!cookie.has("secure")).then_some("has no Secure")
            })
        }),
    },
    Rule {
        id: "cookie-http-only",
        title: "Scripts cannot read cookies that are not for them",
        severity: Severity::Medium,
        asvs: "3.3.4",
        source: "Clerk, XSS leak protection",
        how: "reads Set-Cookie of every answer; Clerk's own cookies, which its scripts read, are left out",
        remedy: "add HttpOnly to the cookie",
        check: Check::Server(|server| {
            cookies(server, |cookie| {
                (!cookie.has("httponly") && !cookie.is_clerks()).then_some("has no HttpOnly")
            })
        }),
    },
    Rule {
        id: "cookie-same-site",
        title: "Other sites' requests come without cookies",
        severity: Severity::Medium,
        asvs: "3.3.2",
        source: "Clerk, CSRF protection",
        how: "reads Set-Cookie of every answer",
        remedy: "add SameSite=Lax or SameSite=Strict to the cookie",
        check: Check::Server(|server| {
            cookies(server, |cookie| match cookie.value("samesite") {
                Some("lax" | "strict") => None,
                Some(_) => Some("has a SameSite that lets it travel from other sites"),
                None => Some("has no SameSite"),
            })
        }),
    },
    Rule {
        id: "cookie-development",
        title: "No cookie of a development instance is set",
        severity: Severity::Medium,
        asvs: "13.4.2",
        source: "Clerk, deploying to production",
        how: "looks for __clerk_db_jwt in Set-Cookie of a server that is reached over HTTPS",
        remedy: "deploy with the keys of the production instance",
        check: Check::Server(|server| {
            server.require_https()?;
            cookies(server, |cookie| {
                let theirs = cookie.name.starts_with("__clerk_db_jwt");
                theirs.then_some("is what development instances sign browsers in with")
            })
        }),
    },
    Rule {
        id: "cookie-size",
        title: "Cookies are small enough to be stored",
        severity: Severity::Low,
        asvs: "3.3.5",
        source: "Clerk, session tokens",
        how: "reads Set-Cookie of every answer: names and values of more than 4096 bytes are dropped by browsers",
        remedy: "keep data out of cookies, and custom claims below 1.2 KB",
        check: Check::Server(|server| {
            cookies(server, |cookie| {
                (cookie.size > 4096).then_some("is larger than browsers store")
            })
        }),
    },
];

/// One `Set-Cookie` line, without its value.
struct Cookie {
    name: String,
    /// Of name and value, in bytes.
    size: usize,
    attributes: Vec<(String, String)>,
}

impl Cookie {
    fn parse(line: &str) -> Self {
        let mut parts = line
            .split(';')
            .map(|part| part.split_once('=').unwrap_or((part, "")));
        let (name, value) = parts.next().unwrap_or_default();
        let (name, size) = (name.trim().to_owned(), name.len() + value.len());
        let lower = |text: &str| text.trim().to_ascii_lowercase();
        let attributes = parts
            .map(|(name, value)| (lower(name), lower(value)))
            .collect();
        Self {
            name,
            size,
            attributes,
        }
    }

    fn value(&self, name: &str) -> Option<&str> {
        let own = self.attributes.iter().find(|(own, _)| own == name);
        own.map(|(_, value)| value.as_str())
    }

    fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// Clerk's scripts read these (Clerk, how Clerk works: cookies).
    fn is_clerks(&self) -> bool {
        let base = [
            "__session",
            "__client_uat",
            "__clerk_db_jwt",
            "clerk_active_context",
        ];
        base.iter()
            .any(|base| self.name == *base || self.name.starts_with(&format!("{base}_")))
    }
}

fn cookies(server: &Server, fault: impl Fn(&Cookie) -> Option<&'static str>) -> Outcome {
    let mut found = Vec::new();
    let mut any = false;
    for (request, answer) in server.ordinary()? {
        for line in answer.all("set-cookie") {
            any = true;
            let cookie = Cookie::parse(line);
            if let Some(fault) = fault(&cookie) {
                let what = format!("the cookie \"{}\" {fault}", short(&cookie.name));
                found.push(Evidence::at(request, what));
            }
        }
    }
    if !any {
        return Err(Unknown::NotAsked("no answer sets a cookie".to_owned()));
    }
    Ok(found)
}
