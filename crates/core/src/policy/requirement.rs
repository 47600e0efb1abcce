//! What a session must be allowed to do.

use std::fmt;

use super::reverification::Reverification;
use crate::error::ConfigError;
use crate::reason::Reason;
use crate::reply::Reply;
use crate::session::{Session, is_askable, without_prefix};
use crate::time::UnixTime;

/// Conditions on a session. All of them must hold; missing data denies. A refusal names the first
/// that does not, in the order in which they were written.
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

/// One condition.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Condition {
    Role(Box<str>),
    Permission(Box<str>),
    Feature(Box<str>),
    Plan(Box<str>),
    NoImpersonation,
    TokenAge(i64),
    Reverified(Reverification),
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

    /// Nobody acts in the user's place (`act`).
    pub fn no_impersonation() -> Self {
        Self(vec![Condition::NoImpersonation])
    }

    /// The user has verified a factor lately.
    pub fn reverified(reverification: Reverification) -> Self {
        Self(vec![Condition::Reverified(reverification)])
    }

    /// The token was issued at most `seconds` ago.
    ///
    /// This is the guide's session age. Clerk renews tokens every minute, so it tells how lately
    /// the browser was open, not when the user signed in; for that there is
    /// [`reverified`](Self::reverified).
    pub fn token_age(seconds: i64) -> Self {
        Self(vec![Condition::TokenAge(seconds)])
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

    /// And nobody acts in the user's place.
    pub fn and_no_impersonation(self) -> Self {
        self.and(Condition::NoImpersonation)
    }

    /// And the user has verified a factor lately.
    pub fn and_reverified(self, reverification: Reverification) -> Self {
        self.and(Condition::Reverified(reverification))
    }

    /// And the token was issued at most `seconds` ago.
    pub fn and_token_age(self, seconds: i64) -> Self {
        self.and(Condition::TokenAge(seconds))
    }

    /// And all of these.
    #[cfg(feature = "policy-file")]
    pub(super) fn and_all(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    fn and(mut self, condition: Condition) -> Self {
        self.0.push(condition);
        self
    }

    /// Whether `session` meets every condition at the moment `now`.
    ///
    /// # Errors
    /// The reason of the first condition that it does not meet.
    pub fn check(&self, session: &Session, now: UnixTime) -> Result<(), Reason> {
        self.0
            .iter()
            .try_for_each(|condition| condition.check(session, now))
    }

    /// The reply to a session that is refused for `reason`. Where a factor is missing it names
    /// which, so that Clerk's front-end helpers prompt for it.
    pub(crate) fn refusal(&self, reason: Reason, session: &Session, now: UnixTime) -> Reply {
        let unmet = |condition: &Condition| match condition {
            Condition::Reverified(demand) if !demand.is_met(session, now) => Some(*demand),
            _ => None,
        };
        match self.0.iter().find_map(unmet) {
            Some(demand) if reason == Reason::ReverificationRequired => {
                Reply::reverification(&demand.metadata())
            }
            _ => Reply::refusal(reason),
        }
    }

    /// Whether the user must have verified a factor lately.
    pub fn demands_reverification(&self) -> bool {
        let mut conditions = self.0.iter();
        conditions.any(|condition| matches!(condition, Condition::Reverified(_)))
    }

    /// How old a token may be, in seconds; `None` where its age makes no difference.
    pub fn token_age_limit(&self) -> Option<i64> {
        let limits = self.0.iter().filter_map(|condition| match condition {
            Condition::TokenAge(seconds) => Some(*seconds),
            _ => None,
        });
        limits.min()
    }

    /// Mistakes that would deny everybody for ever.
    pub(super) fn mistakes(&self) -> impl Iterator<Item = ConfigError> {
        self.0.iter().filter_map(Condition::mistake)
    }
}

impl Condition {
    fn check(&self, session: &Session, now: UnixTime) -> Result<(), Reason> {
        let (met, reason) = match self {
            Self::Role(role) => (session.has_role(role), Reason::MissingRole),
            Self::Permission(name) => (session.has_permission(name), Reason::MissingPermission),
            Self::Feature(name) => (session.has_feature(name), Reason::MissingFeature),
            Self::Plan(name) => (session.has_plan(name), Reason::MissingPlan),
            Self::NoImpersonation => (session.actor_id().is_none(), Reason::Impersonated),
            Self::TokenAge(seconds) => {
                let age = now.as_secs().saturating_sub(session.issued_at().as_secs());
                (age <= *seconds, Reason::SessionTooOld)
            }
            Self::Reverified(demand) => {
                (demand.is_met(session, now), Reason::ReverificationRequired)
            }
        };
        if met { Ok(()) } else { Err(reason) }
    }

    fn mistake(&self) -> Option<ConfigError> {
        let error = |problem, remedy| {
            let subject = format!("requirement \"{self}\"");
            Some(ConfigError::new(subject, problem, remedy))
        };
        match self {
            Self::Role(name) | Self::Permission(name) | Self::Feature(name) | Self::Plan(name)
                if name.is_empty() || name.chars().any(char::is_whitespace) =>
            {
                error(
                    "is empty or has white space, and nobody can have it",
                    "write the key as the Clerk dashboard shows it",
                )
            }
            Self::Role(name) | Self::Permission(name) if without_prefix(name).is_empty() => error(
                "names nothing behind org:, and nobody can have it",
                "write the key as the Clerk dashboard shows it",
            ),
            Self::Feature(name) | Self::Plan(name) if !is_askable(name) => error(
                "has a scope that features and plans do not have, or names nothing behind it",
                "write the slug alone, or behind org: or user:",
            ),
            Self::Permission(name) if name.trim_start_matches("org:").starts_with("sys_") => error(
                "is a system permission, and those are never in a session token",
                "require a role or a custom permission",
            ),
            Self::TokenAge(seconds) if *seconds < 60 => error(
                "is less than the life of a token, and users would be refused at random",
                "write at least 60 seconds",
            ),
            Self::Reverified(demand) if demand.is_impossible() => error(
                "leaves no time, and nobody can meet it",
                "write at least one minute",
            ),
            _ => None,
        }
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, condition) in self.0.iter().enumerate() {
            let separator = if position == 0 { "" } else { ", " };
            write!(f, "{separator}{condition}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Role(name) => write!(f, "role {name}"),
            Self::Permission(name) => write!(f, "permission {name}"),
            Self::Feature(name) => write!(f, "feature {name}"),
            Self::Plan(name) => write!(f, "plan {name}"),
            Self::NoImpersonation => f.write_str("no impersonation"),
            Self::TokenAge(seconds) => write!(f, "a token of at most {seconds} s"),
            Self::Reverified(demand) => write!(f, "{demand}"),
        }
    }
}
