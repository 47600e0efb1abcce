//! A policy as a file: TOML in, a policy or every mistake out. The builder judges what it says.

mod condition;
mod reader;

use toml::de::DeValue;

use self::condition::CONDITIONS;
use self::reader::{Entry, Reader};
use super::{Policy, PolicyBuilder, Rule};
use crate::error::ConfigErrors;

impl Policy {
    /// Makes the policy that a TOML text describes. It can say what the builder can.
    ///
    /// Reading the file is up to the application: `include_str!` puts it into the program, where
    /// nobody can change it apart from the code that it protects.
    ///
    #[doc = concat!("```toml\n", include_str!("example.toml"), "```")]
    ///
    /// | Route | Value |
    /// |---|---|
    /// | `access` | `"assets"`, `"public"` or `"session"`; the word alone is the short form. Left out, it is a session |
    /// | `role`, `permission`, `feature`, `plan` | a key as the Clerk dashboard shows it |
    /// | `no_impersonation` | `true`: nobody acts in the user's place |
    /// | `token_age` | seconds: the token was issued at most so long ago |
    /// | `reverification` | `"strict_mfa"`, `"strict"`, `"moderate"`, `"lax"`, or a table: `preset`, or `level` and `after_minutes`; and `demanding_second_factor` |
    /// | `all` | an array of tables with any of these conditions, for two of one kind |
    /// | `sensitive` | `true`: as [`Rule::sensitive`] |
    /// | `safeguards` | a table of conditions: as [`Rule::safeguards`] |
    /// | `opaque_segments` | `true`: as [`Rule::opaque_segments`] |
    ///
    /// All conditions of a route must hold, and a refusal names the first that does not, in the
    /// order in which they are written. `dangerous_public_by_default = true`, above `[routes]`, is
    /// [`PolicyBuilder::dangerous_public_by_default`].
    ///
    /// `policy.schema.json` beside this crate's manifest tells editors the same.
    ///
    /// ```
    /// use clerk_gate_core::Policy;
    ///
    /// let policy = Policy::from_toml(r#"
    ///     [routes]
    ///     "/" = "public"
    ///     "/admin/{*rest}" = { role = "org:admin" }
    /// "#)?;
    /// assert_eq!(policy.rules().count(), 2);
    ///
    /// let errors = Policy::from_toml("[routes]\n'/admin' = { rol = 'org:admin' }").unwrap_err();
    /// let error = errors.iter().next().map(ToString::to_string);
    /// assert_eq!(error.as_deref(), Some(r#"line 2, "rol": is no key of a route; write "role""#));
    /// # Ok::<(), clerk_gate_core::ConfigErrors>(())
    /// ```
    ///
    /// # Errors
    /// Every mistake at once, each with its line: what the builder refuses, unknown keys, values
    /// of a wrong type. Where the text is no TOML, only that.
    pub fn from_toml(text: &str) -> Result<Self, ConfigErrors> {
        let mut reader = Reader::new(text);
        let (builder, places) = reader.document();
        // A mistake in the file leaves its rule out, and the rest is judged all the same.
        let policy = match builder.compile() {
            Ok(policy) => Some(policy),
            Err(mistakes) => {
                for (rule, error) in mistakes {
                    reader.refuse(places.get(rule).copied().unwrap_or_default(), &error);
                }
                None
            }
        };
        ConfigErrors::complete(reader.into_mistakes(), policy)
    }
}

impl Reader<'_> {
    /// The rules of the file, and where each of them stands.
    fn document(&mut self) -> (PolicyBuilder, Vec<usize>) {
        let mut builder = Policy::builder();
        let mut places = Vec::new();
        for entry in self.parse() {
            match &*entry.name {
                "routes" => {
                    for route in self
                        .table(&entry, r#"{ "/me" = "session" }"#)
                        .unwrap_or_default()
                    {
                        if let Some(rule) = self.route(&route) {
                            places.push(route.at);
                            builder = builder.rule(rule);
                        }
                    }
                }
                "dangerous_public_by_default" => {
                    if self.flag(&entry) == Some(true) {
                        builder = builder.dangerous_public_by_default();
                    }
                }
                _ => self.unknown(&entry, "the file", &[&FILE]),
            }
        }
        (builder, places)
    }

    fn route(&mut self, entry: &Entry) -> Option<Rule> {
        let (methods, pattern) = target(&entry.name);
        let rule = match &entry.value {
            DeValue::String(word) => self.access(entry, word, pattern),
            DeValue::Table(_) => self.demands(entry, pattern),
            other => {
                let problem = format!("is of type {}", other.type_str());
                self.mistake(entry, problem, ROUTE_REMEDY);
                None
            }
        }?;
        Some(rule.methods(methods))
    }

    fn access(&mut self, entry: &Entry, word: &str, pattern: &str) -> Option<Rule> {
        match word {
            "assets" => Some(Rule::assets(pattern)),
            "public" => Some(Rule::public(pattern)),
            "session" => Some(Rule::session(pattern)),
            _ => {
                let problem = format!("is {word:?}, which is no kind of access");
                self.mistake_near(entry, problem, word, &[&ACCESS], ROUTE_REMEDY);
                None
            }
        }
    }

    /// The rule of a table: its access, its conditions, and how it is treated.
    fn demands(&mut self, entry: &Entry, pattern: &str) -> Option<Rule> {
        let entries = self.table(entry, r#"{ role = "org:admin" }"#)?;
        if entries.is_empty() {
            self.mistake(entry, "demands nothing", r#"write "session" or "public""#);
            return None;
        }
        let mut access = None;
        let mut conditions = Vec::new();
        let (mut sensitive, mut safeguards, mut opaque) = (None, None, false);
        for part in entries {
            match &*part.name {
                "access" => access = Some(part),
                "sensitive" => sensitive = self.flag(&part),
                "safeguards" => safeguards = self.condition_table(&part).or(safeguards),
                "opaque_segments" => opaque = self.flag(&part) == Some(true),
                "methods" | "method" => {
                    let remedy = format!("write them before the pattern: \"GET POST {pattern}\"");
                    self.mistake(&part, "is no key of a route", remedy);
                }
                name if CONDITIONS.contains(&name) => conditions.push(part),
                _ => self.unknown(&part, "a route", &[&ROUTE, &CONDITIONS]),
            }
        }
        if sensitive == Some(false) && safeguards.is_some() {
            let problem = "has safeguards, but is said not to be sensitive";
            self.mistake(
                entry,
                problem,
                "remove sensitive = false, or the safeguards",
            );
        }
        let requirement = self.conditions(&conditions);
        let rule = match (access, requirement) {
            (None, Some(requirement)) => Rule::require(pattern, requirement),
            (None, None) => Rule::session(pattern),
            (Some(part), requirement) => {
                let word = self.text(&part, "session")?;
                if requirement.is_some() && word != "session" {
                    let problem = format!("is {word:?}, where conditions need a session");
                    self.mistake(&part, problem, "remove it, or the conditions");
                }
                match requirement.filter(|_| word == "session") {
                    Some(requirement) => Rule::require(pattern, requirement),
                    None => self.access(&part, &word, pattern)?,
                }
            }
        };
        let rule = if opaque { rule.opaque_segments() } else { rule };
        Some(match safeguards {
            Some(requirement) => rule.safeguards(requirement),
            None if sensitive == Some(true) => rule.sensitive(),
            None => rule,
        })
    }
}

/// `GET POST /path` apart: the methods, and the pattern.
fn target(text: &str) -> (impl Iterator<Item = &str>, &str) {
    let is_method = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_uppercase());
    let (methods, pattern) = match text.find(" /").and_then(|at| text.split_at_checked(at)) {
        _ if text.starts_with('/') => ("", text),
        Some(parts) => parts,
        // A pattern without its slash: the builder says so.
        None => match text.split_once(' ') {
            Some((word, pattern)) if is_method(word) => (word, pattern),
            _ => ("", text),
        },
    };
    let methods = methods.split([' ', ',']).filter(|word| !word.is_empty());
    (methods, pattern.trim_start())
}

const FILE: [&str; 2] = ["dangerous_public_by_default", "routes"];

const ROUTE: [&str; 4] = ["access", "opaque_segments", "safeguards", "sensitive"];

const ACCESS: [&str; 3] = ["assets", "public", "session"];

const ROUTE_REMEDY: &str =
    r#"write "assets", "public", "session", or a table such as { role = "org:admin" }"#;
