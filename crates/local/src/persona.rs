//! The ready users, and what their session tokens say about them.

use std::fmt;

use serde::Deserialize;
use serde_json::{Value, json};

/// A ready user of the stand-in. In requests they are called `admin`, `member`, `pending` and
/// `solo`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Persona {
    /// Ada has the role `org:admin` in the organization `acme`, and a second factor.
    Admin,
    /// Ben has the role `org:member` in the organization `acme`, and a second factor.
    Member,
    /// Dan has signed in but still has a task to finish, so he counts as not signed in.
    Pending,
    /// Cleo has no organization and no second factor.
    Solo,
}

/// A role in the organization `acme`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    Admin,
    Member,
}

impl Persona {
    /// All of them, in the order of the sign-in page.
    pub const ALL: [Self; 4] = [Self::Admin, Self::Member, Self::Solo, Self::Pending];

    /// What requests call the user.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Member => "member",
            Self::Pending => "pending",
            Self::Solo => "solo",
        }
    }

    /// The user id, the claim `sub`.
    pub fn user_id(self) -> &'static str {
        match self {
            Self::Admin => "user_2local000000000000000000ada",
            Self::Member => "user_2local000000000000000000ben",
            Self::Pending => "user_2local000000000000000000dan",
            Self::Solo => "user_2local00000000000000000cleo",
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Admin => "Ada Adams",
            Self::Member => "Ben Baker",
            Self::Pending => "Dan Drew",
            Self::Solo => "Cleo Clark",
        }
    }

    /// Whether there is more than the first factor to show.
    pub(crate) fn has_second_factor(self) -> bool {
        matches!(self, Self::Admin | Self::Member)
    }

    /// The role at the start.
    pub(crate) fn first_role(self) -> Option<Role> {
        match self {
            Self::Admin => Some(Role::Admin),
            Self::Member => Some(Role::Member),
            Self::Pending | Self::Solo => None,
        }
    }

    /// The status of a session: pending while a task is open.
    pub(crate) fn status(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            _ => "active",
        }
    }

    /// The claims that depend on the user and the role alone, in version 2 of Clerk's session
    /// token.
    ///
    /// Each mask of `fpm` belongs to a feature of the organization in `fea`; its lowest bit
    /// stands for the first name in `per`.
    pub(crate) fn claims(self, role: Option<Role>) -> Value {
        let (sub, sts) = (self.user_id(), self.status());
        let Some(role) = role else {
            return json!({ "sub": sub, "sts": sts, "pla": "u:free" });
        };
        let (permissions, masks) = match role {
            Role::Admin => ("read,manage", "3,3"),
            Role::Member => ("read", "1,0"),
        };
        json!({
            "sub": sub,
            "sts": sts,
            "fea": "o:reports,o:invoices",
            "pla": "o:pro,u:free",
            "o": {
                "id": ACME,
                "slg": "acme",
                "rol": role.as_str(),
                "per": permissions,
                "fpm": masks,
            },
        })
    }
}

impl Role {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Member => "member",
        }
    }

    pub(crate) fn other(self) -> Self {
        match self {
            Self::Admin => Self::Member,
            Self::Member => Self::Admin,
        }
    }
}

/// As Clerk spells it outside of tokens.
impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "org:{}", self.as_str())
    }
}

/// The organization.
pub(crate) const ACME: &str = "org_2local000000000000000000acme";

/// Whoever acts in a user's place: somebody of support, no user of the application.
pub(crate) const SUPPORT: &str = "user_2local000000000000000000sue";
