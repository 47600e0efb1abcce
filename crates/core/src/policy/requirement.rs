//! What a session must be allowed to do.

use crate::error::ConfigError;
use crate::reply::Reason;
use crate::session::Session;

/// Conditions on a session. All of them must hold; missing data denies.
///
/// ```
/// use clerk_gate_core::Requirement;
///
/// let requirement = Requirement::role("org:admin").and_feature("audit_log");
/// assert_eq!(requirement.to_string(), "role org:admin, feature audit_log");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a requirement does nothing until a rule has it"]
pub struct Requirement(Vec<Condition>);

/// One condition. The order of the variants is the order of refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Condition {
    Role(Box<str>),
    Permission(Box<str>),
    Feature(Box<str>),
    Plan(Box<str>),
}

impl Requirement {
    /// The user has this role in the active organization; see [`Session::has_role`].
    pub fn role(role: impl Into<Box<str>>) -> Self {
        Self(vec![Condition::Role(role.into())])
    }

    /// The user has this permission in the active organization; see [`Session::has_permission`].
    pub fn permission(permission: impl Into<Box<str>>) -> Self {
        Self(vec![Condition::Permission(permission.into())])
    }

    /// The user or the active organization has this feature; see [`Session::has_feature`].
    pub fn feature(feature: impl Into<Box<str>>) -> Self {
        Self(vec![Condition::Feature(feature.into())])
    }

    /// The user or the active organization is on this plan; see [`Session::has_plan`].
    pub fn plan(plan: impl Into<Box<str>>) -> Self {
        Self(vec![Condition::Plan(plan.into())])
    }

    /// And this role.
    pub fn and_role(self, role: impl Into<Box<str>>) -> Self {
        self.and(Condition::Role(role.into()))
    }

    /// And this permission.
    pub fn and_permission(self, permission: impl Into<Box<str>>) -> Self {
        self.and(Condition::Permission(permission.into()))
    }

    /// And this feature.
    pub fn and_feature(self, feature: impl Into<Box<str>>) -> Self {
        self.and(Condition::Feature(feature.into()))
    }

    /// And this plan.
    pub fn and_plan(self, plan: impl Into<Box<str>>) -> Self {
        self.and(Condition::Plan(plan.into()))
    }

    fn and(mut self, condition: Condition) -> Self {
        self.0.push(condition);
        self
    }

    /// Whether `session` meets every condition.
    ///
    /// # Errors
    /// The reason of the first condition that it does not meet.
    pub fn check(&self, session: &Session) -> Result<(), Reason> {
        self.0
            .iter()
            .try_for_each(|condition| condition.check(session))
    }

    /// Mistakes that would deny everybody for ever.
    pub(super) fn mistakes(&self) -> impl Iterator<Item = ConfigError> {
        self.0.iter().filter_map(Condition::mistake)
    }
}

impl Condition {
    fn check(&self, session: &Session) -> Result<(), Reason> {
        let (met, reason) = match self {
            Self::Role(role) => (session.has_role(role), Reason::MissingRole),
            Self::Permission(name) => (session.has_permission(name), Reason::MissingPermission),
            Self::Feature(name) => (session.has_feature(name), Reason::MissingFeature),
            Self::Plan(name) => (session.has_plan(name), Reason::MissingPlan),
        };
        if met { Ok(()) } else { Err(reason) }
    }

    fn mistake(&self) -> Option<ConfigError> {
        let (_, name) = self.parts();
        let subject = format!("requirement \"{self}\"");
        if name.is_empty() || name.chars().any(char::is_whitespace) {
            return Some(ConfigError::new(
                subject,
                "is empty or has white space, and nobody can have it",
                "write the key as the Clerk dashboard shows it",
            ));
        }
        let is_system = matches!(self, Self::Permission(_))
            && name.trim_start_matches("org:").starts_with("sys_");
        is_system.then(|| {
            ConfigError::new(
                subject,
                "is a system permission, and those are never in a session token",
                "require a role or a custom permission",
            )
        })
    }

    fn parts(&self) -> (&'static str, &str) {
        match self {
            Self::Role(name) => ("role", name),
            Self::Permission(name) => ("permission", name),
            Self::Feature(name) => ("feature", name),
            Self::Plan(name) => ("plan", name),
        }
    }
}

impl std::fmt::Display for Requirement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (position, condition) in self.0.iter().enumerate() {
            let separator = if position == 0 { "" } else { ", " };
            write!(f, "{separator}{condition}")?;
        }
        Ok(())
    }
}

impl std::fmt::Display for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (kind, name) = self.parts();
        write!(f, "{kind} {name}")
    }
}
