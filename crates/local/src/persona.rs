//! The ready users, and what their session tokens say about them.

use serde::Deserialize;
use serde_json::{Value, json};

/// A ready user of the stand-in. In requests they are called `admin`, `member`, `pending` and
/// `solo`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Persona {
    /// Ada has the role `org:admin` in the organization `acme`.
    Admin,
    /// Ben has the role `org:member` in the organization `acme`.
    Member,
    /// Dan has signed in but still has a task to finish, so he counts as not signed in.
    Pending,
    /// Cleo has no organization.
    Solo,
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

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Admin => "Ada Adams",
            Self::Member => "Ben Baker",
            Self::Pending => "Dan Drew",
            Self::Solo => "Cleo Clark",
        }
    }

    pub(crate) fn description(self) -> &'static str {
        match self {
            Self::Admin => "org:admin of acme",
            Self::Member => "org:member of acme",
            Self::Pending => "pending: a task is open, so apps take this for signed out",
            Self::Solo => "no organization",
        }
    }

    /// The claims that depend on the user alone, in version 2 of Clerk's session token.
    ///
    /// Each mask of `fpm` belongs to a feature of the organization in `fea`; its lowest bit
    /// stands for the first name in `per`.
    pub(crate) fn claims(self) -> Value {
        let acme = |role, permissions, masks| {
            json!({
                "id": "org_2local000000000000000000acme",
                "slg": "acme",
                "rol": role,
                "per": permissions,
                "fpm": masks,
            })
        };
        match self {
            Self::Admin => json!({
                "sub": "user_2local000000000000000000ada",
                "sts": "active",
                "fea": "o:reports,o:invoices",
                "pla": "o:pro,u:free",
                "o": acme("admin", "read,manage", "3,3"),
            }),
            Self::Member => json!({
                "sub": "user_2local000000000000000000ben",
                "sts": "active",
                "fea": "o:reports,o:invoices",
                "pla": "o:pro,u:free",
                "o": acme("member", "read", "1,0"),
            }),
            Self::Pending => json!({
                "sub": "user_2local000000000000000000dan",
                "sts": "pending",
                "pla": "u:free",
            }),
            Self::Solo => json!({
                "sub": "user_2local00000000000000000cleo",
                "sts": "active",
                "pla": "u:free",
            }),
        }
    }
}
