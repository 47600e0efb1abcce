//! What a session may do: roles, permissions, features and plans, as Clerk's `has` decides them.
//!
//! Missing or malformed data denies; there are no wildcards and no hierarchy of roles.

use super::Session;
use crate::policy::Requirement;
use crate::time::UnixTime;

impl Session {
    /// Whether the session meets every condition of `requirement` at the moment `now`: Clerk's
    /// `has`. A handler that shall refuse otherwise asks [`Grant::require`](crate::Grant::require)
    /// or takes [`Has`](crate::Has), which know the words.
    ///
    /// ```
    /// # use clerk_gate_core::{Requirement, Reverification, Session, UnixTime};
    /// fn may_refund(session: &Session, now: UnixTime) -> bool {
    ///     let right = Requirement::permission("org:invoices:manage");
    ///     session.has(&right.and_reverified(Reverification::STRICT), now)
    /// }
    /// ```
    pub fn has(&self, requirement: &Requirement, now: UnixTime) -> bool {
        requirement.check(self, now).is_ok()
    }

    /// Whether the user has `role` in the active organization.
    ///
    /// Compared exactly and case-sensitively, except that a leading `org:` counts as absent on
    /// both sides: `admin` and `org:admin` are the same role.
    pub fn has_role(&self, role: &str) -> bool {
        self.organization()
            .and_then(|organization| organization.role())
            .is_some_and(|own| !own.is_empty() && own == without_prefix(role))
    }

    /// Whether the user has `permission` in the active organization, such as
    /// `org:invoices:read`; the leading `org:` may be left out.
    ///
    /// System permissions (`org:sys_…`) are never in a session token, so asking for one denies.
    pub fn has_permission(&self, permission: &str) -> bool {
        let wanted = without_prefix(permission);
        let mut found = false;
        self.visit_permissions(|feature, name| {
            found |= match feature {
                Some(feature) => {
                    let rest = wanted.strip_prefix(feature);
                    rest.and_then(|rest| rest.strip_prefix(':')) == Some(name)
                }
                None => without_prefix(name) == wanted && name.starts_with(PREFIX),
            };
        });
        found
    }

    /// Whether the user or the active organization has `feature`: `dashboard`, or with a scope
    /// `org:dashboard` (`o:`, `organization:`) or `user:dashboard` (`u:`).
    pub fn has_feature(&self, feature: &str) -> bool {
        scoped_list_has(self.features(), feature)
    }

    /// Whether the user or the active organization is on `plan`; scopes as for features.
    pub fn has_plan(&self, plan: &str) -> bool {
        scoped_list_has(self.plans(), plan)
    }

    /// The permissions in the active organization, each with its `org:` prefix.
    pub fn permissions(&self) -> Vec<String> {
        let mut permissions = Vec::new();
        self.visit_permissions(|feature, name| {
            permissions.push(match feature {
                Some(feature) => format!("{PREFIX}{feature}:{name}"),
                None => name.to_owned(),
            });
        });
        permissions
    }

    /// Calls `visit` with every permission: feature and name apart for version 2 tokens, the
    /// whole text for version 1.
    ///
    /// In version 2 the n-th mask belongs to the n-th feature *of the organization*: features
    /// of the user alone do not count.
    fn visit_permissions(&self, mut visit: impl FnMut(Option<&str>, &str)) {
        let Some(organization) = self.organization() else {
            return;
        };
        for permission in organization.permissions_v1() {
            visit(None, permission);
        }
        let (Some(names), Some(masks)) = (organization.permission_names(), organization.masks())
        else {
            return;
        };
        let features = scoped(self.features().unwrap_or_default())
            .filter_map(|item| item.filter(|(scope, _)| scope.organization));
        for ((_, feature), mask) in features.zip(masks.split(',')) {
            for (bit, name) in names.split(',').enumerate() {
                if has_bit(mask.trim(), bit) {
                    visit(Some(feature), name.trim());
                }
            }
        }
    }
}

/// Whether every element of a `fea` or `pla` claim has a scope, as Clerk writes them.
pub(super) fn is_scoped_list(list: &str) -> bool {
    list.is_empty() || scoped(list).all(|item| item.is_some())
}

/// Whom an element of `fea` or `pla` is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Scope {
    organization: bool,
    user: bool,
}

/// The elements of a list such as `o:dashboard,u:beta,uo:shared`; `None` for one without scope.
fn scoped(list: &str) -> impl Iterator<Item = Option<(Scope, &str)>> {
    list.split(',').map(|element| {
        let (scope, name) = element.trim().split_once(':')?;
        let scope = match scope {
            "o" => Scope {
                organization: true,
                user: false,
            },
            "u" => Scope {
                organization: false,
                user: true,
            },
            "ou" | "uo" => Scope {
                organization: true,
                user: true,
            },
            _ => Scope::default(),
        };
        Some((scope, name))
    })
}

/// Looks `wanted` up in a list of scoped names.
fn scoped_list_has(list: Option<&str>, wanted: &str) -> bool {
    let Some((scope, name)) = asked(wanted) else {
        return false;
    };
    let Some(list) = list.filter(|list| is_scoped_list(list)) else {
        return false;
    };
    scoped(list).flatten().any(|(own, own_name)| {
        own_name == name && ((own.organization && scope.organization) || (own.user && scope.user))
    })
}

/// Whether somebody can have a feature or a plan that is asked for like this.
pub(crate) fn is_askable(wanted: &str) -> bool {
    asked(wanted).is_some()
}

/// The scope and the name that are asked for. Only the first two parts count, as in Clerk;
/// without a scope both do.
fn asked(wanted: &str) -> Option<(Scope, &str)> {
    let mut parts = wanted.split(':');
    let (first, second) = (parts.next().unwrap_or_default(), parts.next());
    let both = Scope {
        organization: true,
        user: true,
    };
    let (scope, name) = match (first, second) {
        (name, None) => (both, name),
        ("o" | "org" | "organization", Some(name)) => (
            Scope {
                user: false,
                ..both
            },
            name,
        ),
        ("u" | "user", Some(name)) => (
            Scope {
                organization: false,
                ..both
            },
            name,
        ),
        _ => return None,
    };
    (!name.is_empty()).then_some((scope, name))
}

/// `org:org:admin` is `admin`: Clerk normalises both sides of a comparison.
pub(crate) fn without_prefix(mut name: &str) -> &str {
    while let Some(rest) = name.strip_prefix(PREFIX) {
        name = rest;
    }
    name
}

/// Whether bit `bit` is set in a decimal number of any length, the least significant being 0.
/// What is not a decimal number has no bits.
fn has_bit(decimal: &str, bit: usize) -> bool {
    if decimal.is_empty() || !decimal.bytes().all(|b| b.is_ascii_digit()) {
        return false;
    }
    if let Ok(small) = decimal.parse::<u128>() {
        let shift = u32::try_from(bit).unwrap_or(u32::MAX);
        return small.checked_shr(shift).is_some_and(|rest| rest & 1 == 1);
    }
    // Limbs of 32 bits, least significant first; each digit multiplies by ten and adds.
    let mut limbs: Vec<u32> = Vec::new();
    for digit in decimal.bytes() {
        let mut carry = u64::from(digit.wrapping_sub(b'0'));
        for limb in &mut limbs {
            let wide = u64::from(*limb).wrapping_mul(10).wrapping_add(carry);
            *limb = u32::try_from(wide & 0xffff_ffff).unwrap_or_default();
            carry = wide >> 32;
        }
        if carry > 0 {
            limbs.push(u32::try_from(carry).unwrap_or_default());
        }
    }
    let limb = limbs.get(bit / 32).copied().unwrap_or_default();
    (limb >> (bit % 32)) & 1 == 1
}

const PREFIX: &str = "org:";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_are_decimals_of_any_length() {
        let two_to_200 = "1606938044258990275541962092341162602522202993782792835301376";
        for (mask, bits) in [
            ("0", &[][..]),
            ("3", &[0, 1]),
            ("9007199254740993", &[0, 53]),
            ("18014398509481984", &[54]),
            (two_to_200, &[200]),
            ("1invalid", &[]),
            ("-1", &[]),
            ("1.5", &[]),
            ("+1", &[]),
            ("", &[]),
        ] {
            let set: Vec<usize> = (0..300).filter(|bit| has_bit(mask, *bit)).collect();
            assert_eq!(set, bits, "{mask}");
        }
    }

    #[test]
    fn lists_are_looked_up_by_scope_and_exact_name() {
        let list = "o:reservations,u:dashboard,ou:both,x:odd";
        for (wanted, has) in [
            ("reservations", true),
            ("o:reservations", true),
            ("org:reservations", true),
            ("organization:reservations", true),
            ("user:reservations", false),
            ("user:dashboard", true),
            ("org:dashboard", false),
            ("both", true),
            ("user:both", true),
            ("org:both", true),
            ("odd", false),
            ("x:odd", false),
            ("foo:reservations", false),
            ("reservation", false),
            ("", false),
            ("org:", false),
        ] {
            assert_eq!(scoped_list_has(Some(list), wanted), has, "{wanted}");
        }
        assert!(!scoped_list_has(None, "a"));
        assert!(!scoped_list_has(Some(""), ""));
        assert!(
            !scoped_list_has(Some("o:a,b"), "a"),
            "an element without scope denies all"
        );
    }
}
