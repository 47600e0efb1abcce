//! The requests themselves: few, sequential, without a body that could do anything.

use aws_lc_rs::hmac;
use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use clerk_gate_core::{Clock, Secret, SystemClock};
use serde_json::json;

use super::client::Client;
use super::server::{Exchange, Options, Promised, Server};
use crate::doctor::rule::Unknown;

/// What the webhook endpoint answers.
pub(in crate::doctor) struct Webhook {
    pub(in crate::doctor) get: Exchange,
    pub(in crate::doctor) unsigned: Exchange,
    pub(in crate::doctor) forged: Exchange,
    pub(in crate::doctor) signed: Option<Signed>,
}

/// Deliveries that are signed with the endpoint's own secret.
pub(in crate::doctor) struct Signed {
    /// An hour old.
    pub(in crate::doctor) stale: Exchange,
    /// For another body than the one that is sent.
    pub(in crate::doctor) altered: Exchange,
    pub(in crate::doctor) genuine: Exchange,
    pub(in crate::doctor) duplicate: Exchange,
}

/// Asks everything, in order. An error where the server cannot be reached at all.
pub(super) fn run(options: &Options) -> Result<Server, Unknown> {
    let mut asking = Asking {
        client: Client::new(options.pause),
        options,
    };
    let home = asking.get("/", &[("accept", "text/html")]);
    home.answer()?;
    let marker = format!("doctor{}", random_hex());
    let missing = format!("/{marker}?q=%3Ci%3E{marker}");
    let plain = asking.plain();
    let first = options.protected.first().map_or("/", String::as_str);
    let protected = options.protected.iter();
    let protected = protected.map(|path| asking.get(path, &[])).collect();
    let promised = options.promised.as_ref().map_err(Clone::clone);
    let promised = promised.map(|promised| Promised {
        paths: promised.paths.iter().map(|p| asking.get(p, &[])).collect(),
        left_out: promised.left_out,
        unlisted: promised.unlisted,
    });
    let origin = options.origin.clone();
    let origin = origin.unwrap_or_else(|| options.target.origin());
    Ok(Server {
        forged: asking.forged(first, &origin),
        forms: forms(first).iter().map(|p| asking.get(p, &[])).collect(),
        foreign: asking.foreign(first, &origin),
        foreign_post: asking.ask(
            "POST",
            first,
            &[
                ("origin", FOREIGN),
                ("sec-fetch-site", "cross-site"),
                ("content-type", "text/plain"),
                ("cookie", "__session=doctor"),
            ],
            "",
        ),
        forwarded: asking.get(
            first,
            &[
                ("accept", "text/html"),
                ("x-forwarded-host", FOREIGN_HOST),
                ("forwarded", "host=doctor.invalid"),
            ],
        ),
        trace: asking.ask("TRACE", "/", &[("x-doctor", &marker)], ""),
        files: FILES.iter().map(|path| asking.get(path, &[])).collect(),
        webhook: options.webhook.as_ref().map(|path| asking.webhook(path)),
        // The path is another one each time; findings about it keep one name.
        missing: Exchange {
            request: "GET an unknown path".to_owned(),
            ..asking.get(&missing, &[("accept", "text/html"), ("referer", &marker)])
        },
        target: options.target.clone(),
        behind_proxy: options.behind_proxy,
        frontend_api: options.frontend_api.clone(),
        home,
        plain,
        marker,
        protected,
        promised,
    })
}

struct Asking<'o> {
    client: Client,
    options: &'o Options,
}

impl Asking<'_> {
    fn get(&mut self, path: &str, headers: &[(&str, &str)]) -> Exchange {
        self.ask("GET", path, headers, "")
    }

    fn ask(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Exchange {
        let mut lines = headers.to_vec();
        if !lines.iter().any(|(name, _)| *name == "accept") {
            lines.push(("accept", "application/json"));
        }
        if self.options.behind_proxy {
            lines.push(("x-forwarded-proto", "https"));
        }
        let url = format!("{}{path}", self.options.target.origin());
        Exchange {
            request: format!("{method} {path}"),
            result: self.client.send(method, &url, &lines, body),
        }
    }

    fn plain(&mut self) -> Result<Exchange, Unknown> {
        let target = &self.options.target;
        // Behind a proxy, a request that does not say so has come over plain HTTP.
        let url = match target.plain() {
            Some(url) => format!("{url}/"),
            None if self.options.behind_proxy || !target.https => format!("{}/", target.origin()),
            None => {
                let what = "the URL names a port; nobody knows the one for plain HTTP";
                return Err(Unknown::NotAsked(what.to_owned()));
            }
        };
        Ok(Exchange {
            request: format!("GET {url}"),
            result: self
                .client
                .send("GET", &url, &[("accept", "text/html")], ""),
        })
    }

    fn forged(&mut self, path: &str, origin: &str) -> Vec<Exchange> {
        let now = SystemClock.now().as_secs();
        let issuer = self.options.issuer.as_deref();
        let part = |json: serde_json::Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let claims = part(json!({
            "azp": origin, "exp": now + 60, "iat": now, "nbf": now - 10,
            "iss": issuer.unwrap_or("https://clerk.example.com"),
            "sid": "sess_doctor", "sts": "active", "sub": "user_doctor", "v": 2,
        }));
        let unsigned = format!("{}.{claims}.", part(json!({ "alg": "none", "typ": "JWT" })));
        let header = part(json!({ "alg": "RS256", "kid": "ins_doctor", "typ": "JWT" }));
        let garbled = format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode([7; 256]));
        let sent = [
            (
                "an unsigned bearer token",
                "authorization",
                format!("Bearer {unsigned}"),
            ),
            (
                "a bearer token with a wrong signature",
                "authorization",
                format!("Bearer {garbled}"),
            ),
            (
                "an unsigned session cookie",
                "cookie",
                format!("__session={unsigned}; __client_uat=1"),
            ),
        ];
        let asked = sent.iter().map(|(what, name, value)| {
            let exchange = self.get(path, &[(name, value)]);
            Exchange {
                request: format!("{} with {what}", exchange.request),
                ..exchange
            }
        });
        asked.collect()
    }

    fn foreign(&mut self, path: &str, origin: &str) -> Vec<(String, Exchange)> {
        // Lists that are compared by their beginning or end let these two pass.
        let host = origin.split("://").nth(1).unwrap_or(origin);
        let begins = format!("{origin}.{FOREIGN_HOST}");
        let ends = format!("https://doctor{host}");
        let mut asked = Vec::new();
        for foreign in [FOREIGN, "null", &begins, &ends] {
            asked.push((foreign.to_owned(), self.get(path, &[("origin", foreign)])));
        }
        let preflight = [
            ("origin", FOREIGN),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "content-type"),
        ];
        asked.push((
            FOREIGN.to_owned(),
            self.ask("OPTIONS", path, &preflight, ""),
        ));
        asked
    }

    fn webhook(&mut self, path: &str) -> Webhook {
        let now = SystemClock.now().as_secs();
        let get = self.get(path, &[]);
        let unsigned = self.deliver(path, "without signature", &[]);
        let id = format!("msg_doctor{}", random_hex());
        // Not the endpoint's secret, but of its form.
        let other = Secret::new(format!("whsec_{}", STANDARD.encode(random_hex())));
        let lines = signed(&other, &id, now, BODY);
        let forged = self.deliver(path, "signed with another secret", &lines);
        let secret = self.options.webhook_secret.clone();
        let signed = secret.map(|secret| {
            let (fresh, old) = (signed(&secret, &id, now, BODY), now - 3600);
            Signed {
                stale: self.deliver(path, "an hour old", &signed(&secret, &id, old, BODY)),
                altered: self.deliver(
                    path,
                    "signed for another body",
                    &signed(&secret, &id, now, "{}"),
                ),
                genuine: self.deliver(path, "of an event that means nothing", &fresh),
                duplicate: self.deliver(path, "delivered again", &fresh),
            }
        });
        Webhook {
            get,
            unsigned,
            forged,
            signed,
        }
    }

    fn deliver(&mut self, path: &str, what: &str, lines: &[(&str, String)]) -> Exchange {
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(lines.iter().map(|(name, value)| (*name, value.as_str())));
        let exchange = self.ask("POST", path, &headers, BODY);
        Exchange {
            request: format!("{} {what}", exchange.request),
            ..exchange
        }
    }
}

/// Header lines of a delivery (Standard Webhooks, under Svix's names).
fn signed(secret: &Secret, id: &str, at: i64, body: &str) -> [(&'static str, String); 3] {
    let text = secret.expose();
    let base64 = text.strip_prefix("whsec_").unwrap_or(text);
    let key = STANDARD.decode(base64).unwrap_or_default();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let code = hmac::sign(&key, format!("{id}.{at}.{body}").as_bytes());
    [
        ("svix-id", id.to_owned()),
        ("svix-timestamp", at.to_string()),
        ("svix-signature", format!("v1,{}", STANDARD.encode(code))),
    ]
}

/// Other spellings of a path that a router may take for it, and a check in front of it may not.
fn forms(path: &str) -> Vec<String> {
    let (parent, last) = path.rsplit_once('/').unwrap_or(("", path));
    let mut rest = last.chars();
    let first = rest
        .next()
        .map_or(String::new(), |c| format!("%{:02X}", u32::from(c)));
    let mut forms = vec![
        format!("/{path}"),
        format!("/.{path}"),
        format!("/doctor/..{path}"),
        format!("{path}/"),
        format!("{path}%00"),
        format!("{path};v=1"),
        format!("{parent}/{first}{}", rest.as_str()),
        path.to_uppercase(),
    ];
    if !parent.is_empty() {
        forms.push(format!("{parent}//{last}"));
        forms.push(format!("{parent}%2F{last}"));
        forms.push(format!("{parent}%5C{last}"));
    }
    forms
}

fn random_hex() -> String {
    let mut bytes = [0; 8];
    // Only a name that no server has heard before: zeros would do.
    let _ = rand::fill(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// No host has this name (RFC 2606 §2).
pub(super) const FOREIGN: &str = "https://doctor.invalid";
const FOREIGN_HOST: &str = "doctor.invalid";

/// An event that no application handles.
const BODY: &str = r#"{"data":{},"object":"event","type":"clerk-gate.doctor"}"#;

const FILES: [&str; 4] = ["/.env", "/.env.local", "/.env.production", "/.git/HEAD"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_other_spellings_of_one_path() {
        let forms = forms("/api/protected");
        for want in [
            "//api/protected",
            "/./api/protected",
            "/doctor/../api/protected",
            "/api/protected/",
            "/api/%70rotected",
            "/api%2Fprotected",
            "/API/PROTECTED",
        ] {
            assert!(forms.iter().any(|form| form == want), "{want} in {forms:?}");
        }
        assert!(!forms.iter().any(|form| form == "/api/protected"));
    }
}
