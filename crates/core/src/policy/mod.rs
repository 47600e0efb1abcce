//! What each route demands: rules, their patterns, and the default for everything unlisted.

mod coverage;
#[cfg(feature = "policy-file")]
mod file;
mod matcher;
mod pattern;
mod requirement;
mod reverification;

use std::fmt;

pub use self::coverage::Coverage;
use self::matcher::Matcher;
use self::pattern::{Part, Pattern};
pub use self::requirement::Requirement;
pub use self::reverification::{Level, Reverification};
use crate::error::{ConfigError, ConfigErrors};
use crate::path::Path;
use crate::reason::Reason;

/// What a route demands of whoever asks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Access {
    /// Nothing, and no credential is looked at: scripts, styles, images.
    Static,
    /// Nothing; a session is there if the request has a good one.
    Public,
    /// A session.
    Session,
    /// A session that meets a requirement.
    Require(Requirement),
}

/// One line of a policy: a pattern, and what its routes demand.
///
/// A pattern is made of `/literal` segments, `{name}` for any one segment, and a final
/// `{*rest}` for all remaining segments, none included: `/admin/{*rest}` is `/admin` and
/// everything below it. Literals are compared exactly, after decoding the path once.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a rule does nothing until a policy has it"]
pub struct Rule {
    pattern: String,
    access: Access,
    methods: Vec<Box<str>>,
    opaque: bool,
    /// Of sensitive routes: what is demanded besides `access`.
    safeguards: Option<Requirement>,
}

impl Rule {
    /// Assets: nothing is demanded, no credential is looked at, no session is ever there.
    pub fn assets(pattern: impl Into<String>) -> Self {
        Self::new(pattern, Access::Static)
    }

    /// Public routes; a good credential still gives a session.
    pub fn public(pattern: impl Into<String>) -> Self {
        Self::new(pattern, Access::Public)
    }

    /// Routes that need a session.
    pub fn session(pattern: impl Into<String>) -> Self {
        Self::new(pattern, Access::Session)
    }

    /// Routes that need a session with rights.
    pub fn require(pattern: impl Into<String>, requirement: Requirement) -> Self {
        Self::new(pattern, Access::Require(requirement))
    }

    fn new(pattern: impl Into<String>, access: Access) -> Self {
        Self {
            pattern: pattern.into(),
            access,
            methods: Vec::new(),
            opaque: false,
            safeguards: None,
        }
    }

    /// Limits the rule to these methods, in upper case; other methods go to the next best rule.
    pub fn methods<M: Into<Box<str>>>(mut self, methods: impl IntoIterator<Item = M>) -> Self {
        self.methods.extend(methods.into_iter().map(Into::into));
        self
    }

    /// Marks the routes as sensitive. Every decision on them writes an audit event, without
    /// which they do not run; a gate without an audit sink cannot be built with them. Where a
    /// session is demanded its token must be at most 300 seconds old, nobody may act in the
    /// user's place, and a second factor must have been shown within the last ten minutes
    /// ([`Reverification::STRICT`]).
    ///
    /// [`safeguards`](Self::safeguards) demands something else of the session.
    pub fn sensitive(mut self) -> Self {
        let oneself = Requirement::no_impersonation();
        let lately = oneself
            .and_token_age(300)
            .and_reverified(Reverification::STRICT);
        self.safeguards = Some(lately);
        self
    }

    /// Marks the routes as [`sensitive`](Self::sensitive), with these demands instead.
    pub fn safeguards(mut self, requirement: Requirement) -> Self {
        self.safeguards = Some(requirement);
        self
    }

    /// Lets segments behind the pattern's literals hold escaped delimiters (`%2F`, `%25`, …).
    ///
    /// # Security
    /// Frameworks hand such a segment to the handler decoded or not, each in its own way. The
    /// handler must not take it for a path.
    pub fn opaque_segments(mut self) -> Self {
        self.opaque = true;
        self
    }

    /// The pattern, as written.
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// What the routes demand.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// Whether every decision writes an audit event.
    pub fn is_sensitive(&self) -> bool {
        self.safeguards.is_some()
    }

    /// All that is demanded of a session, in the order of refusal: what [`access`](Self::access)
    /// requires, and the safeguards of a sensitive route. Without a session neither counts.
    pub fn requirements(&self) -> impl Iterator<Item = &Requirement> {
        let required = match &self.access {
            Access::Require(requirement) => Some(requirement),
            Access::Static | Access::Public | Access::Session => None,
        };
        required.into_iter().chain(&self.safeguards)
    }

    /// What sensitive routes demand of a session besides [`access`](Self::access).
    pub(crate) fn demands(&self) -> Option<&Requirement> {
        self.safeguards.as_ref()
    }
}

/// The rules of an application. Whatever no rule matches needs a session.
///
/// ```
/// use clerk_gate_core::{Policy, Requirement, Rule};
///
/// let policy = Policy::builder()
///     .public("/")
///     .public("/sign-in/{*rest}")
///     .require("/admin/{*rest}", Requirement::role("org:admin"))
///     .rule(Rule::session("/api/billing/{*rest}").sensitive())
///     .build()?;
/// # Ok::<(), clerk_gate_core::ConfigErrors>(())
/// ```
#[derive(Debug)]
pub struct Policy {
    rules: Vec<CompiledRule>,
    matcher: Matcher,
    default: Access,
}

#[derive(Debug)]
struct CompiledRule {
    rule: Rule,
    literal_prefix: usize,
}

/// Collects rules; see [`Policy`].
#[derive(Debug, Default)]
#[must_use = "a policy is made by `build`"]
pub struct PolicyBuilder {
    rules: Vec<Rule>,
    public_by_default: bool,
}

impl Policy {
    /// Starts a policy.
    pub fn builder() -> PolicyBuilder {
        PolicyBuilder::default()
    }

    /// The rules, in the order in which they were given.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().map(|compiled| &compiled.rule)
    }

    /// What decides about `path`: a rule, or the default.
    pub(crate) fn find(&self, path: &Path<'_>, method: &str) -> Result<Match<'_>, Reason> {
        let found = match path.is_asterisk() {
            true => None,
            false => self.matcher.find(path.segments(), method),
        };
        let compiled = found.and_then(|index| self.rules.get(index));
        if let Some(position) = path.opaque_from() {
            let allowed = compiled.is_some_and(|c| c.rule.opaque && position >= c.literal_prefix);
            if !allowed {
                return Err(Reason::MalformedTarget);
            }
        }
        Ok(match compiled {
            Some(CompiledRule { rule, .. }) => Match {
                access: &rule.access,
                rule: Some(rule),
            },
            None => Match {
                access: &self.default,
                rule: None,
            },
        })
    }
}

/// What was found for a path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Match<'p> {
    pub(crate) access: &'p Access,
    pub(crate) rule: Option<&'p Rule>,
}

impl<'p> Match<'p> {
    /// What is demanded of a session as its right.
    pub(crate) fn requirement(&self) -> Option<&'p Requirement> {
        match self.access {
            Access::Require(requirement) => Some(requirement),
            Access::Static | Access::Public | Access::Session => None,
        }
    }

    /// What sensitive routes demand besides; nothing where no session is needed.
    pub(crate) fn safeguards(&self) -> Option<&'p Requirement> {
        match self.access {
            Access::Require(_) | Access::Session => self.rule.and_then(Rule::demands),
            Access::Static | Access::Public => None,
        }
    }

    /// Both, in the order of refusal.
    pub(crate) fn requirements(&self) -> impl Iterator<Item = &'p Requirement> + use<'p> {
        self.requirement().into_iter().chain(self.safeguards())
    }
}

impl PolicyBuilder {
    /// Adds a rule.
    pub fn rule(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    /// Adds [`Rule::assets`].
    pub fn assets(self, pattern: impl Into<String>) -> Self {
        self.rule(Rule::assets(pattern))
    }

    /// Adds [`Rule::public`].
    pub fn public(self, pattern: impl Into<String>) -> Self {
        self.rule(Rule::public(pattern))
    }

    /// Adds [`Rule::session`].
    pub fn session(self, pattern: impl Into<String>) -> Self {
        self.rule(Rule::session(pattern))
    }

    /// Adds [`Rule::require`].
    pub fn require(self, pattern: impl Into<String>, requirement: Requirement) -> Self {
        self.rule(Rule::require(pattern, requirement))
    }

    /// Makes everything public that no rule matches.
    ///
    /// # Security
    /// A route that somebody forgets to list is then open to everybody.
    pub fn dangerous_public_by_default(mut self) -> Self {
        self.public_by_default = true;
        self
    }

    /// Makes the policy.
    ///
    /// # Errors
    /// Every mistake at once: patterns in another grammar, rules that can never match because
    /// another rule has the same pattern, methods and requirements that nobody can meet.
    pub fn build(self) -> Result<Policy, ConfigErrors> {
        self.compile().or_else(|mistakes| {
            let errors = mistakes.into_iter().map(|(_, error)| error);
            ConfigErrors::complete(errors.collect(), None)
        })
    }

    /// Makes the policy, or tells each mistake with the position of its rule.
    fn compile(self) -> Result<Policy, Vec<(usize, ConfigError)>> {
        let mut errors = Vec::new();
        let mut matcher = Matcher::default();
        let mut rules: Vec<CompiledRule> = Vec::new();
        for (position, rule) in self.rules.into_iter().enumerate() {
            let mut refuse = |error| errors.push((position, error));
            rule.mistakes().into_iter().for_each(&mut refuse);
            match Pattern::parse(&rule.pattern) {
                Ok(pattern) => {
                    if let Err(other) = matcher.add(&pattern, &rule.methods, rules.len()) {
                        let other = rules
                            .get(other)
                            .map_or_else(|| rule.pattern(), |c| c.rule.pattern());
                        refuse(ConfigError::new(
                            format!("pattern {:?}", rule.pattern),
                            format!(
                                "is equal to {other:?}, so one of the two rules is never reached"
                            ),
                            "remove one, or give them different methods",
                        ));
                    }
                    let literal_prefix = pattern.literal_prefix();
                    rules.push(CompiledRule {
                        rule,
                        literal_prefix,
                    });
                }
                Err(error) => refuse(error),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Policy {
            rules,
            matcher,
            default: if self.public_by_default {
                Access::Public
            } else {
                Access::Session
            },
        })
    }
}

/// The segments of a pattern that names one path.
pub(crate) fn literal_segments(pattern: &str) -> Result<Vec<Box<str>>, ConfigError> {
    let parts = Pattern::parse(pattern)?.parts.into_iter();
    parts
        .map(|part| match part {
            Part::Literal(text) => Ok(text),
            Part::Parameter | Part::Rest => Err(ConfigError::new(
                format!("pattern {pattern:?}"),
                "names more than one path",
                "write literal segments only",
            )),
        })
        .collect()
}

impl Rule {
    fn mistakes(&self) -> Vec<ConfigError> {
        let subject = || format!("pattern {:?}", self.pattern);
        let mut errors: Vec<ConfigError> = self
            .methods
            .iter()
            .filter(|method| {
                method.is_empty() || !method.bytes().all(|b| b.is_ascii_uppercase() || b == b'-')
            })
            .map(|method| {
                ConfigError::new(
                    subject(),
                    format!("has the method {method:?}, but methods are case-sensitive"),
                    format!("write {:?}", method.to_ascii_uppercase()),
                )
            })
            .collect();
        if let Access::Require(requirement) = &self.access {
            errors.extend(requirement.mistakes());
        }
        errors.extend(self.safeguards.iter().flat_map(Requirement::mistakes));
        if self.access == Access::Static && self.is_sensitive() {
            errors.push(ConfigError::new(
                subject(),
                "is sensitive, but assets are never checked",
                "demand a session or rights, or do not mark it",
            ));
        }
        errors
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Static => f.write_str("static, no credential is looked at"),
            Self::Public => f.write_str("public"),
            Self::Session => f.write_str("a session"),
            Self::Require(requirement) => write!(f, "a session with {requirement}"),
        }
    }
}

#[cfg(test)]
mod tests;
