//! One revocation: whom it concerns, which of their tokens, and for how long it matters.

use std::fmt;
use std::str::FromStr;

use crate::time::UnixTime;

/// Whose tokens are revoked.
///
/// As text, for stores: `session sess_1`, `user user_1`, `organization org_1`,
/// `membership user_1 org_1`, `role user_1 org_1 org:admin`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Subject {
    /// Tokens of a user in which this organization is active.
    Membership {
        /// The user's id.
        user: String,
        /// The organization's id.
        organization: String,
    },
    /// Tokens of whoever is active in this organization.
    Organization(String),
    /// The same as for a membership, but for tokens that say `role`: the others are from before
    /// the role was changed.
    Role {
        /// The user's id.
        user: String,
        /// The organization's id.
        organization: String,
        /// The role that the user has now.
        role: String,
    },
    /// Tokens of one session.
    Session(String),
    /// All tokens of a user, and those in which the user acts in somebody's place.
    User(String),
}

/// One revocation, as stores keep it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    subject: Subject,
    cutoff: UnixTime,
    expires: UnixTime,
}

impl Revocation {
    /// Revokes the tokens of `subject` that were issued at `cutoff` or before; from `expires` on
    /// none of them can be alive, and this may be forgotten. For stores.
    pub fn new(subject: Subject, cutoff: UnixTime, expires: UnixTime) -> Self {
        Self {
            subject,
            cutoff,
            expires,
        }
    }

    /// Whose tokens.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// The last moment of issue (`iat`) that is revoked; the largest time there is for all.
    pub fn cutoff(&self) -> UnixTime {
        self.cutoff
    }

    /// From when on it may be forgotten.
    pub fn expires(&self) -> UnixTime {
        self.expires
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Membership { user, organization } => {
                write!(f, "membership {user} {organization}")
            }
            Self::Organization(id) => write!(f, "organization {id}"),
            Self::Role {
                user,
                organization,
                role,
            } => write!(f, "role {user} {organization} {role}"),
            Self::Session(id) => write!(f, "session {id}"),
            Self::User(id) => write!(f, "user {id}"),
        }
    }
}

impl FromStr for Subject {
    type Err = SubjectError;

    fn from_str(text: &str) -> Result<Self, SubjectError> {
        let words: Vec<String> = text.split(' ').map(str::to_owned).collect();
        if words.iter().any(String::is_empty) {
            return Err(SubjectError);
        }
        let mut words = words.into_iter();
        let (kind, first, second, third, rest) = (
            words.next(),
            words.next().ok_or(SubjectError)?,
            words.next(),
            words.next(),
            words.next(),
        );
        match (kind.as_deref(), second, third, rest) {
            (Some("membership"), Some(organization), None, None) => Ok(Self::Membership {
                user: first,
                organization,
            }),
            (Some("organization"), None, None, None) => Ok(Self::Organization(first)),
            (Some("role"), Some(organization), Some(role), None) => Ok(Self::Role {
                user: first,
                organization,
                role,
            }),
            (Some("session"), None, None, None) => Ok(Self::Session(first)),
            (Some("user"), None, None, None) => Ok(Self::User(first)),
            _ => Err(SubjectError),
        }
    }
}

/// The text is no [`Subject`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubjectError;

impl fmt::Display for SubjectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("revocation: the subject is not of a known form; update all processes together")
    }
}

impl std::error::Error for SubjectError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_reads_as_it_is_written() {
        let text = |text: &str| text.to_owned();
        for (subject, want) in [
            (Subject::Session(text("sess_1")), "session sess_1"),
            (Subject::User(text("user_1")), "user user_1"),
            (Subject::Organization(text("org_1")), "organization org_1"),
            (
                Subject::Membership {
                    user: text("user_1"),
                    organization: text("org_1"),
                },
                "membership user_1 org_1",
            ),
            (
                Subject::Role {
                    user: text("user_1"),
                    organization: text("org_1"),
                    role: text("org:admin"),
                },
                "role user_1 org_1 org:admin",
            ),
        ] {
            assert_eq!(subject.to_string(), want);
            assert_eq!(want.parse(), Ok(subject));
        }
        for odd in [
            "",
            "session",
            "session ",
            "session  a",
            "session a b",
            "user a b",
            "membership a",
            "membership a b c",
            "role a b",
            "role a b c d",
            "planet a",
            " session a",
        ] {
            assert_eq!(odd.parse::<Subject>(), Err(SubjectError), "{odd}");
        }
    }
}
