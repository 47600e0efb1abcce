//! A policy file: what it says, and whom a gate with it lets in.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use clerk_gate_core::{
    Access, ConfigErrors, Decision, Gate, JsonLines, Policy as Parsed, RequestView, Requirement,
    Rule,
};
use clerk_gate_testkit::{Signer, Token};

use crate::doctor::rule::{Evidence, Unknown};

/// A policy file, or all that is wrong with it.
pub(in crate::doctor) struct Policy {
    /// The file, as it was named.
    pub(in crate::doctor) file: String,
    text: String,
    pub(in crate::doctor) judged: Result<Judged, ConfigErrors>,
}

/// What the gate makes of a policy without mistakes.
pub(in crate::doctor) struct Judged {
    /// In the order of the file.
    pub(in crate::doctor) routes: Vec<Route>,
    /// Whether everybody gets to what no rule names.
    pub(in crate::doctor) is_open: bool,
    asking: Asking,
}

/// A rule of the policy.
pub(in crate::doctor) struct Route {
    pub(in crate::doctor) pattern: String,
    pub(in crate::doctor) line: Option<usize>,
    pub(in crate::doctor) is_public: bool,
    pub(in crate::doctor) is_sensitive: bool,
    /// Whether it asks for a factor that was shown lately.
    pub(in crate::doctor) is_reverified: bool,
    pub(in crate::doctor) token_age: Option<i64>,
    /// What is asked about one path of its pattern, method by method.
    pub(in crate::doctor) asked: Vec<Asked>,
    path: Option<String>,
}

/// Whom the gate lets in with one method.
pub(in crate::doctor) struct Asked {
    pub(in crate::doctor) method: &'static str,
    pub(in crate::doctor) who: Who,
    /// Whether this very rule decides, and not another or the default.
    pub(in crate::doctor) is_own: bool,
}

/// Whom the gate lets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::doctor) enum Who {
    /// Without a session.
    Everybody,
    /// With a session that has no right whatsoever, but is fresh in every way.
    EveryUser,
    /// With rights only.
    Entitled,
}

impl Policy {
    /// Reads a policy file, and asks a gate with it.
    pub(in crate::doctor) fn read(path: &Path) -> Result<Self, Unknown> {
        let file = path.display().to_string();
        let failed = |what: String| Unknown::Failed(format!("policy \"{file}\": {what}"));
        let text = fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
        let judged = match Parsed::from_toml(&text) {
            Ok(policy) => Ok(judge(policy, &text).map_err(|errors| failed(errors.to_string()))?),
            Err(errors) => Err(errors),
        };
        Ok(Self { file, text, judged })
    }

    /// What the gate makes of it, where there is no mistake.
    pub(in crate::doctor) fn judged(&self) -> Result<&Judged, Unknown> {
        let why = "the policy has mistakes that must be mended first; see the rule policy-file";
        let judged = self.judged.as_ref();
        judged.map_err(|_| Unknown::NotAsked(why.to_owned()))
    }

    /// Evidence about a rule.
    pub(in crate::doctor) fn about(&self, route: &Route, what: impl Into<String>) -> Evidence {
        let what = format!("{:?} {}", route.pattern, what.into());
        Evidence::in_file(&self.file, route.line, what)
    }

    /// The number of the first line that sets `name`.
    pub(in crate::doctor) fn line_of(&self, name: &str) -> Option<usize> {
        let is_it = |line: &str| line.trim_start().starts_with(name);
        Some(self.text.lines().position(is_it)? + 1)
    }
}

impl Judged {
    /// Paths that need a session when they are asked for with `GET`, those first that demand most.
    pub(in crate::doctor) fn protected(&self) -> Vec<String> {
        let mut found: Vec<(bool, bool, &String)> = Vec::new();
        for route in &self.routes {
            let Some(path) = &route.path else { continue };
            let got = route.asked.iter().find(|asked| asked.method == "GET");
            let who = got.map(|asked| asked.who);
            if matches!(who, None | Some(Who::Everybody)) || found.iter().any(|f| f.2 == path) {
                continue;
            }
            found.push((!route.is_sensitive, who != Some(Who::Entitled), path));
        }
        found.sort_by_key(|(mild, open, _)| (*mild, *open));
        found.into_iter().map(|(.., path)| path.clone()).collect()
    }

    /// Whether a `GET` for `path` needs a session.
    pub(in crate::doctor) fn protects(&self, path: &str) -> bool {
        self.asking.who("GET", path) != Who::Everybody
    }
}

fn judge(policy: Parsed, text: &str) -> Result<Judged, ConfigErrors> {
    let rules: Vec<Rule> = policy.rules().cloned().collect();
    // Sensitive routes need a sink; nobody reads it.
    let sink = Arc::new(JsonLines::new(io::sink()));
    let gate = clerk_gate_testkit::gate(policy).with_audit(sink).build()?;
    let user = format!("Bearer {}", user().sign(Signer::primary()));
    let asking = Asking { gate, user };
    let mut lines = Lines { text, at: 0 };
    let routes = rules.iter().map(|rule| asking.route(rule, &mut lines));
    Ok(Judged {
        routes: routes.collect(),
        // The one target that no rule can name (RFC 9112 §3.2.4).
        is_open: asking.who("OPTIONS", "*") == Who::Everybody,
        asking,
    })
}

/// A gate with the policy, and the credential of a user without rights.
struct Asking {
    gate: Gate,
    user: String,
}

impl Asking {
    fn route(&self, rule: &Rule, lines: &mut Lines<'_>) -> Route {
        let decides =
            |method: &str, path: &str| self.gate.explain(method, path).rule() == Some(rule);
        let path = paths(rule.pattern())
            .into_iter()
            .find(|path| METHODS.iter().any(|method| decides(method, path)));
        let asked = path.iter().flat_map(|path| {
            METHODS.map(|method| Asked {
                method,
                who: self.who(method, path),
                is_own: decides(method, path),
            })
        });
        let mut demands = rule.requirements();
        Route {
            line: lines.of(rule.pattern()),
            is_public: matches!(rule.access(), Access::Static | Access::Public),
            is_sensitive: rule.is_sensitive(),
            is_reverified: demands.any(Requirement::demands_reverification),
            token_age: rule
                .requirements()
                .filter_map(Requirement::token_age_limit)
                .min(),
            asked: asked.collect(),
            pattern: rule.pattern().to_owned(),
            path,
        }
    }

    fn who(&self, method: &str, path: &str) -> Who {
        let mut request = RequestView::new(method, path, None);
        if self.lets_in(&request) {
            return Who::Everybody;
        }
        request.header("authorization", self.user.as_bytes());
        if self.lets_in(&request) {
            Who::EveryUser
        } else {
            Who::Entitled
        }
    }

    fn lets_in(&self, request: &RequestView<'_>) -> bool {
        matches!(self.gate.decide(request), Decision::Proceed(_))
    }
}

/// A user without organization, whose token and factors are as fresh as can be.
fn user() -> Token {
    Token::session().claim("fva", vec![0, 0])
}

/// Paths of a pattern, as they are sent.
fn paths(pattern: &str) -> Vec<String> {
    let is_rest = |segment: &&str| segment.starts_with("{*");
    let segments = pattern.split('/').skip(1);
    let stem: String = segments
        .clone()
        .take_while(|segment| !is_rest(segment) && !segment.is_empty())
        .map(|segment| match segment.starts_with('{') {
            true => format!("/{ANY}"),
            false => format!("/{}", escaped(segment)),
        })
        .collect();
    let below = segments.clone().any(|segment| is_rest(&segment));
    let below = below.then(|| format!("{stem}/{ANY}"));
    let stem = if stem.is_empty() {
        "/".to_owned()
    } else {
        stem
    };
    [Some(stem), below].into_iter().flatten().collect()
}

/// What a segment may hold (RFC 3986 §3.3) stays, as the gate refuses needless escapes.
fn escaped(segment: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte);
    let bytes = segment.bytes().map(|byte| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    });
    bytes.collect()
}

/// Finds where patterns stand. They come in the order of the file.
struct Lines<'t> {
    text: &'t str,
    /// Behind the last pattern that was found, in bytes.
    at: usize,
}

impl Lines<'_> {
    /// The number of the line that has `pattern` as a key; `None` where it is written with
    /// escapes.
    fn of(&mut self, pattern: &str) -> Option<usize> {
        let rest = self.text.get(self.at..)?;
        let is_key = |(at, found): &(usize, &str)| {
            let before = &self.text[..self.at + at];
            let behind = &rest[at + found.len()..];
            // No pattern has a `#`: what stands behind one is a comment.
            let line = before.rsplit('\n').next().unwrap_or_default();
            before.ends_with(['"', '\'', ' ', ','])
                && behind.starts_with(['"', '\''])
                && !line.contains('#')
        };
        let (at, found) = rest.match_indices(pattern).find(is_key)?;
        self.at += at + found.len();
        Some(self.text[..self.at].matches('\n').count() + 1)
    }
}

const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

/// Stands for any one segment.
const ANY: &str = "doctor";

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(text: &str) -> Judged {
        judge(Parsed::from_toml(text).unwrap(), text).unwrap()
    }

    #[test]
    fn paths_are_those_that_a_pattern_matches() {
        for (pattern, want) in [
            ("/", vec!["/"]),
            ("/me", vec!["/me"]),
            ("/{*rest}", vec!["/", "/doctor"]),
            ("/users/{id}/edit", vec!["/users/doctor/edit"]),
            ("/a/{*rest}", vec!["/a", "/a/doctor"]),
            ("/a b/über@x", vec!["/a%20b/%C3%BCber@x"]),
        ] {
            assert_eq!(paths(pattern), want, "{pattern}");
        }
    }

    #[test]
    fn lines_are_those_of_keys() {
        let text = "# \"/b\" is below\n[routes]\n'/a' = 'public' # \"/b\" too\n\n'GET,POST /b' = 'session'\n[routes.\"POST /a\"]\nrole = 'a'\n";
        let routes = judged(text).routes;
        let lines: Vec<_> = routes.iter().map(|route| route.line).collect();
        assert_eq!(lines, [Some(3), Some(5), Some(6)]);
    }

    #[test]
    fn a_gate_tells_who_gets_in_by_which_method() {
        let text = "[routes]\n'/a' = { role = 'org:a' }\n'GET /b' = { role = 'org:a' }\n'/c' = { sensitive = true }\n'/d' = 'assets'\n";
        let who = |route: &Route| {
            let asked = |method| {
                route
                    .asked
                    .iter()
                    .find(|a| a.method == method)
                    .map(|a| a.who)
            };
            [asked("GET"), asked("POST")].map(Option::unwrap)
        };
        let found: Vec<_> = judged(text).routes.iter().map(who).collect();
        assert_eq!(
            found,
            [
                [Who::Entitled, Who::Entitled],
                [Who::Entitled, Who::EveryUser],
                [Who::EveryUser, Who::EveryUser],
                [Who::Everybody, Who::Everybody],
            ]
        );
    }

    #[test]
    fn protected_paths_are_there_once_and_the_strictest_first() {
        let text = "[routes]\n'/' = 'public'\n'/me' = 'session'\n'POST /open' = 'session'\n'/admin/{*rest}' = { role = 'org:admin' }\n'DELETE /me' = { token_age = 60 }\n'/pay/{id}' = { sensitive = true }\n'GET /open' = 'public'\n";
        let judged = judged(text);
        assert_eq!(judged.protected(), ["/pay/doctor", "/admin", "/me"]);
        assert!(judged.protects("/other") && !judged.protects("/open"));
        assert!(!judged.is_open);
    }
}
