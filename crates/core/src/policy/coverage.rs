//! Which rule decides about each route that an application has really mounted.

use std::borrow::Cow;
use std::fmt;

use super::pattern::{Part, Pattern};
use super::{Policy, Rule};
use crate::error::{ConfigError, ConfigErrors};

/// The mounted routes of an application, each with what decides about it. Displays as a table.
///
/// ```
/// use clerk_gate_core::Policy;
///
/// let policy = Policy::builder().public("/").session("/users/{id}").build()?;
/// let coverage = policy.coverage([("GET", "/"), ("GET", "/users/<id>")]);
/// coverage.check()?;
/// # Ok::<(), clerk_gate_core::ConfigErrors>(())
/// ```
#[derive(Clone, Debug)]
pub struct Coverage(Vec<Row>);

/// One mounted route.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    method: String,
    route: String,
    /// The pattern of the rule that decides; `None` for the default.
    rule: Option<String>,
    access: String,
}

impl Policy {
    /// Looks up what decides about each of these routes: a method, or `*` for several, and a
    /// pattern in the grammar of axum, actix-web or Rocket.
    ///
    /// A parameter stands for any text, so the rule shown is the one for values that no rule
    /// names. A segment that mixes text and parameters counts as a parameter.
    pub fn coverage<M, P>(&self, routes: impl IntoIterator<Item = (M, P)>) -> Coverage
    where
        M: AsRef<str>,
        P: AsRef<str>,
    {
        let mut rows = Vec::new();
        for (method, route) in routes {
            let (method, route) = (method.as_ref(), route.as_ref());
            let pattern = Pattern::of_route(route);
            if method != "*" {
                rows.push(self.row(method, route, &pattern));
                continue;
            }
            let all: Vec<_> = METHODS
                .map(|method| self.row(method, route, &pattern))
                .into();
            match all.first() {
                Some(first) if all.iter().all(|row| row.rule == first.rule) => rows.push(Row {
                    method: "*".to_owned(),
                    ..first.clone()
                }),
                _ => rows.extend(all),
            }
        }
        Coverage(rows)
    }

    fn row(&self, method: &str, route: &str, pattern: &Pattern) -> Row {
        let segments = pattern.parts.iter().map(|part| match part {
            Part::Literal(text) => Cow::Borrowed(&**text),
            Part::Parameter | Part::Rest => Cow::Borrowed(ANY),
        });
        let found = self.matcher.find(segments, method);
        let rule = found.and_then(|index| Some(&self.rules.get(index)?.rule));
        Row {
            method: method.to_owned(),
            route: route.to_owned(),
            rule: rule.map(|rule| rule.pattern().to_owned()),
            access: rule.map_or(&self.default, Rule::access).to_string(),
        }
    }
}

impl Coverage {
    /// Whether every route is decided by a rule.
    ///
    /// # Errors
    /// One for each route that falls to the default without being declared.
    pub fn check(&self) -> Result<(), ConfigErrors> {
        let undeclared = self.0.iter().filter(|row| row.rule.is_none());
        let errors = undeclared.map(|row| {
            ConfigError::new(
                format!("route {} {:?}", row.method, row.route),
                format!("is not declared, so the default decides ({})", row.access),
                "add a rule for it to the policy, such as .session(…)",
            )
        });
        ConfigErrors::check(errors.collect(), ())
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |text: fn(&Row) -> &str| {
            self.0
                .iter()
                .map(|row| text(row).chars().count())
                .max()
                .unwrap_or_default()
        };
        let method = width(|row| &row.method);
        let route = width(|row| &row.route);
        let rule = width(Row::rule);
        for row in &self.0 {
            let (own, access) = (row.rule(), &row.access);
            writeln!(
                f,
                "{:method$}  {:route$}  {own:rule$}  {access}",
                row.method, row.route
            )?;
        }
        Ok(())
    }
}

impl Row {
    fn rule(&self) -> &str {
        self.rule.as_deref().unwrap_or("(default)")
    }
}

/// A segment that no literal equals: literals have no controls.
const ANY: &str = "\0";

/// What `*` is looked up as.
const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Requirement;

    fn policy() -> Policy {
        Policy::builder()
            .public("/")
            .session("/users/{id}")
            .public("/users/me")
            .require("/admin/{*rest}", Requirement::role("org:admin"))
            .rule(Rule::public("/posts").methods(["GET"]))
            .rule(Rule::session("/posts"))
            .build()
            .unwrap()
    }

    #[test]
    fn each_frameworks_grammar_finds_the_rule_that_requests_find() {
        for (method, route, want) in [
            ("GET", "/", Some("/")),
            ("GET", "/users/{id}", Some("/users/{id}")),
            ("GET", "/users/<id>", Some("/users/{id}")),
            ("GET", "/users/{id:\\d+}", Some("/users/{id}")),
            ("GET", "/users/{id}.json", Some("/users/{id}")),
            ("GET", "/users/me", Some("/users/me")),
            ("GET", "/users/{id}/", Some("/users/{id}")),
            ("GET", "/admin", Some("/admin/{*rest}")),
            ("GET", "/admin/<path..>", Some("/admin/{*rest}")),
            ("GET", "/admin/{tail:.*}", Some("/admin/{*rest}")),
            ("GET", "/{*rest}", None),
            ("GET", "/other", None),
            ("POST", "/posts", Some("/posts")),
        ] {
            let coverage = policy().coverage([(method, route)]);
            let rules: Vec<_> = coverage.0.iter().map(|row| row.rule.as_deref()).collect();
            assert_eq!(rules, [want], "{method} {route}");
        }
    }

    #[test]
    fn undeclared_routes_are_mistakes_and_the_table_shows_them() {
        let coverage = policy().coverage([("*", "/users/<id>"), ("GET", "/other")]);
        assert_eq!(
            coverage.to_string(),
            "*    /users/<id>  /users/{id}  a session\nGET  /other       (default)    a session\n"
        );
        let errors = coverage.check().unwrap_err();
        let subjects: Vec<_> = errors.iter().map(ConfigError::subject).collect();
        assert_eq!(subjects, ["route GET \"/other\""]);
    }
}
