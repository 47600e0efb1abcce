//! The entities that events are about, with the members that handlers need.
//!
//! Clerk's names and meanings. Every time is in milliseconds since the Unix epoch. What may be
//! absent or null is an `Option`; absent metadata is null.

use std::fmt;

use serde::{Deserialize, Deserializer};

use super::Untyped;

/// A user, all of it, as it is after the event.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct User {
    /// `user_…`.
    pub id: String,
    /// The application's own id of the user.
    pub external_id: Option<String>,
    /// The user name.
    pub username: Option<String>,
    /// The first name.
    pub first_name: Option<String>,
    /// The last name.
    pub last_name: Option<String>,
    /// Where the picture is; there is a generated one for users without.
    pub image_url: Option<String>,
    /// Which of `email_addresses` is the primary one.
    pub primary_email_address_id: Option<String>,
    /// Which of `phone_numbers` is the primary one.
    pub primary_phone_number_id: Option<String>,
    /// All email addresses, verified or not.
    pub email_addresses: Vec<EmailAddress>,
    /// All phone numbers, verified or not.
    pub phone_numbers: Vec<PhoneNumber>,
    /// Whether the user may not sign in any more.
    pub banned: Option<bool>,
    /// Whether the user may not sign in for a while, after too many attempts.
    pub locked: Option<bool>,
    /// Metadata that everybody may read and servers write.
    #[serde(default)]
    pub public_metadata: Untyped,
    /// Metadata for servers alone.
    #[serde(default)]
    pub private_metadata: Untyped,
    /// Metadata that the user may write: never decide by it.
    #[serde(default)]
    pub unsafe_metadata: Untyped,
    /// When the user last signed in.
    pub last_sign_in_at: Option<i64>,
    /// When the user was created.
    pub created_at: i64,
    /// When the user was last changed.
    pub updated_at: i64,
}

impl User {
    /// The primary email address, if the user has one.
    pub fn primary_email_address(&self) -> Option<&EmailAddress> {
        let primary = self.primary_email_address_id.as_deref()?;
        self.email_addresses
            .iter()
            .find(|address| address.id == primary)
    }
}

/// An email address of a user.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct EmailAddress {
    /// `idn_…`.
    pub id: String,
    /// The address itself.
    pub email_address: String,
    /// Whether its verification has the status `verified`.
    ///
    /// # Security
    /// Anybody can enter any address: one that is not verified says nothing about its user.
    #[serde(
        default,
        rename = "verification",
        deserialize_with = "has_status_verified"
    )]
    pub is_verified: bool,
}

/// A phone number of a user.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct PhoneNumber {
    /// `idn_…`.
    pub id: String,
    /// The number itself, in the form of E.164: `+12025550100`.
    pub phone_number: String,
    /// Whether its verification has the status `verified`.
    #[serde(
        default,
        rename = "verification",
        deserialize_with = "has_status_verified"
    )]
    pub is_verified: bool,
}

/// A session as Clerk stores it. No proof of anything, unlike [`Session`](crate::Session).
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct SessionData {
    /// `sess_…`.
    pub id: String,
    /// Whose session it is.
    pub user_id: String,
    /// The user, where the event has it.
    pub user: Option<User>,
    /// The client, usually a browser, that the session lives in: `client_…`.
    pub client_id: Option<String>,
    /// The status: `active`, `ended`, `removed`, `revoked` and others.
    pub status: String,
    /// The organization that was last active in it.
    pub last_active_organization_id: Option<String>,
    /// Who impersonates the user: an object whose member `sub` is a user id.
    pub actor: Option<Untyped>,
    /// When it was last used.
    pub last_active_at: i64,
    /// When it ends at the latest.
    pub expire_at: i64,
    /// When it ends for want of use.
    pub abandon_at: i64,
    /// When it was created.
    pub created_at: i64,
    /// When it was last changed.
    pub updated_at: i64,
}

/// An organization, as it is after the event.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Organization {
    /// `org_…`.
    pub id: String,
    /// The name.
    pub name: String,
    /// The name in URLs.
    pub slug: Option<String>,
    /// Where the picture is.
    pub image_url: Option<String>,
    /// The user who created it.
    pub created_by: Option<String>,
    /// Metadata that everybody may read and servers write.
    #[serde(default)]
    pub public_metadata: Untyped,
    /// Metadata for servers alone.
    #[serde(default)]
    pub private_metadata: Untyped,
    /// When it was created.
    pub created_at: i64,
    /// When it was last changed.
    pub updated_at: i64,
}

/// That a user is a member of an organization.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Membership {
    /// `orgmem_…`.
    pub id: String,
    /// The organization.
    pub organization: Organization,
    /// The member.
    pub public_user_data: PublicUserData,
    /// The role, as Clerk spells it: `org:admin`.
    pub role: String,
    /// The permissions of that role: `org:sys_memberships:read`.
    pub permissions: Option<Vec<String>>,
    /// Metadata of the membership that everybody may read and servers write.
    #[serde(default)]
    pub public_metadata: Untyped,
    /// Metadata of the membership for servers alone.
    #[serde(default)]
    pub private_metadata: Untyped,
    /// When it was created.
    pub created_at: i64,
    /// When it was last changed.
    pub updated_at: i64,
}

/// What members of an organization see of each other.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct PublicUserData {
    /// `user_…`.
    pub user_id: String,
    /// What the user signs in with: an email address, a phone number or a user name.
    pub identifier: Option<String>,
    /// The first name.
    pub first_name: Option<String>,
    /// The last name.
    pub last_name: Option<String>,
    /// Where the picture is.
    pub image_url: Option<String>,
}

/// An invitation to an organization.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Invitation {
    /// `orginv_…`.
    pub id: String,
    /// The organization.
    pub organization_id: String,
    /// Who is invited.
    pub email_address: String,
    /// The role that awaits them, as Clerk spells it: `org:member`.
    pub role: String,
    /// The status: `pending`, `accepted`, `revoked`.
    pub status: Option<String>,
    /// The user who accepted.
    pub user_id: Option<String>,
    /// Metadata that passes to the membership and that everybody may read.
    #[serde(default)]
    pub public_metadata: Untyped,
    /// Metadata that passes to the membership, for servers alone.
    #[serde(default)]
    pub private_metadata: Untyped,
    /// When it was created.
    pub created_at: i64,
    /// When it was last changed.
    pub updated_at: i64,
    /// When it lapses.
    pub expires_at: Option<i64>,
}

/// What is left of an entity that was deleted.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Deleted {
    /// The id that it had.
    pub id: String,
    /// The name in URLs that it had.
    pub slug: Option<String>,
    /// The application's own id of it.
    pub external_id: Option<String>,
}

fn has_status_verified<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    #[derive(Deserialize)]
    struct Verification {
        status: String,
    }

    let verification = Option::<Verification>::deserialize(deserializer)?;
    Ok(verification.is_some_and(|verification| verification.status == "verified"))
}

/// Lets `Debug` show these members alone: ids and times tell entities apart, all else is
/// personal.
macro_rules! debug_shows {
    ($($entity:ident: $($member:ident),+;)+) => {$(
        impl fmt::Debug for $entity {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($entity))
                    $(.field(stringify!($member), &self.$member))+
                    .finish_non_exhaustive()
            }
        }
    )+};
}

debug_shows! {
    Deleted: id;
    EmailAddress: id;
    Invitation: id, organization_id, created_at, updated_at;
    Membership: id, organization, public_user_data, created_at, updated_at;
    Organization: id, created_at, updated_at;
    PhoneNumber: id;
    PublicUserData: user_id;
    SessionData: id, user_id, created_at, updated_at;
    User: id, created_at, updated_at;
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::testing::{event, sample};
    use super::super::{Event, Payload};
    use super::*;

    fn data(kind: &str) -> Value {
        serde_json::from_str(sample(kind)).unwrap()
    }

    fn payload(kind: &str, data: &Value) -> Payload {
        let event = Event::parse(event(kind, data).to_string().as_bytes());
        event.unwrap().payload().clone()
    }

    /// Of the members of the sample, exactly these must be there.
    fn check(kind: &str, demanded: &[&str]) {
        let sample = data(kind);
        for name in sample.as_object().unwrap().keys() {
            let mut absent = sample.clone();
            absent.as_object_mut().unwrap().remove(name);
            let mut null = sample.clone();
            null[name] = Value::Null;
            for data in [&absent, &null] {
                let misfit = matches!(payload(kind, data), Payload::Misfit { .. });
                assert_eq!(misfit, demanded.contains(&name.as_str()), "{kind} {name}");
            }
        }
        for name in demanded {
            let mut odd = sample.clone();
            odd[*name] = json!(true);
            let misfit = matches!(payload(kind, &odd), Payload::Misfit { .. });
            assert!(misfit, "{kind} {name}");
        }
    }

    #[test]
    fn only_what_no_handler_can_do_without_is_demanded() {
        let times = ["created_at", "updated_at"];
        for (kind, demanded) in [
            (
                "user.created",
                &["id", "email_addresses", "phone_numbers"][..],
            ),
            (
                "session.created",
                &[
                    "id",
                    "user_id",
                    "status",
                    "last_active_at",
                    "expire_at",
                    "abandon_at",
                ],
            ),
            ("organization.created", &["id", "name"]),
            (
                "organizationMembership.created",
                &["id", "organization", "public_user_data", "role"],
            ),
            (
                "organizationInvitation.accepted",
                &["id", "organization_id", "email_address", "role"],
            ),
        ] {
            check(kind, &[demanded, &times].concat());
        }
        check("user.deleted", &["id"]);
    }

    #[test]
    fn a_user_is_read() {
        let Payload::UserCreated(user) = payload("user.created", &data("user.created")) else {
            panic!();
        };
        assert_eq!(user.id, "user_1");
        assert_eq!(user.external_id.as_deref(), Some("customer 7"));
        assert_eq!(user.username.as_deref(), Some("ada"));
        assert_eq!(user.first_name.as_deref(), Some("Ada"));
        assert_eq!(user.last_name.as_deref(), Some("Example"));
        assert_eq!(user.image_url.as_deref(), Some("https://img.example.com/1"));
        assert_eq!(user.primary_phone_number_id.as_deref(), Some("idn_3"));
        let addresses = user.email_addresses.iter();
        let addresses: Vec<_> = addresses
            .map(|a| (&*a.id, &*a.email_address, a.is_verified))
            .collect();
        let want = [
            ("idn_1", "old@example.com", false),
            ("idn_2", "ada@example.com", true),
        ];
        assert_eq!(addresses, want);
        let number = &user.phone_numbers[0];
        assert_eq!(
            (&*number.id, &*number.phone_number),
            ("idn_3", "+12025550100")
        );
        assert!(number.is_verified);
        assert_eq!((user.banned, user.locked), (Some(false), Some(true)));
        assert_eq!(user.public_metadata.as_value(), &json!({"plan": "gold"}));
        assert_eq!(user.private_metadata.as_value(), &json!({"debt": 7}));
        assert_eq!(user.unsafe_metadata.as_value(), &json!({"theme": "dark"}));
        assert_eq!(user.last_sign_in_at, Some(1_800_000_000_003));
        let times = (user.created_at, user.updated_at);
        assert_eq!(times, (1_800_000_000_001, 1_800_000_000_002));
    }

    #[test]
    fn the_primary_email_address_is_the_one_that_is_named() {
        for (primary, want) in [
            (json!("idn_2"), Some("ada@example.com")),
            (json!("idn_1"), Some("old@example.com")),
            (json!("idn_9"), None),
            (Value::Null, None),
        ] {
            let mut data = data("user.updated");
            data["primary_email_address_id"] = primary;
            let Payload::UserUpdated(user) = payload("user.updated", &data) else {
                panic!();
            };
            let got = user.primary_email_address().map(|a| &*a.email_address);
            assert_eq!(got, want);
        }
    }

    #[test]
    fn only_the_status_verified_verifies() {
        for (verification, want) in [
            (json!({"status": "verified"}), Some(true)),
            (json!({"status": "unverified"}), Some(false)),
            (json!({"status": "Verified"}), Some(false)),
            (json!({"status": "transferable"}), Some(false)),
            (Value::Null, Some(false)),
            (json!({}), None),
            (json!({"status": true}), None),
            (json!("verified"), None),
            (json!(true), None),
        ] {
            let address = json!({
                "id": "idn_1",
                "email_address": "ada@example.com",
                "verification": verification,
            });
            let address: Result<EmailAddress, _> = serde_json::from_value(address);
            assert_eq!(address.ok().map(|a| a.is_verified), want, "{verification}");
        }
        let absent = json!({"id": "idn_3", "phone_number": "+12025550100"});
        let number: PhoneNumber = serde_json::from_value(absent).unwrap();
        assert!(!number.is_verified);
    }

    #[test]
    fn a_session_is_read() {
        let Payload::SessionEnded(session) = payload("session.ended", &data("session.ended"))
        else {
            panic!();
        };
        assert_eq!(session.id, "sess_1");
        assert_eq!(session.user_id, "user_1");
        assert_eq!(session.user.unwrap().id, "user_1");
        assert_eq!(session.client_id.as_deref(), Some("client_1"));
        assert_eq!(session.status, "active");
        assert_eq!(
            session.last_active_organization_id.as_deref(),
            Some("org_1")
        );
        assert_eq!(session.actor.unwrap().as_value(), &json!({"sub": "user_9"}));
        assert_eq!(session.last_active_at, 1_800_000_000_003);
        assert_eq!(session.expire_at, 1_800_000_000_004);
        assert_eq!(session.abandon_at, 1_800_000_000_005);
        let times = (session.created_at, session.updated_at);
        assert_eq!(times, (1_800_000_000_001, 1_800_000_000_002));
    }

    #[test]
    fn a_membership_and_its_organization_are_read() {
        let kind = "organizationMembership.deleted";
        let Payload::OrganizationMembershipDeleted(membership) = payload(kind, &data(kind)) else {
            panic!();
        };
        assert_eq!(membership.id, "orgmem_1");
        assert_eq!(membership.role, "org:admin");
        assert_eq!(
            membership.permissions.unwrap(),
            ["org:sys_memberships:read"]
        );
        assert_eq!(membership.public_metadata.as_value(), &json!({"desk": 4}));
        assert_eq!(
            membership.private_metadata.as_value(),
            &json!({"salary": 7})
        );
        let times = (membership.created_at, membership.updated_at);
        assert_eq!(times, (1_800_000_000_001, 1_800_000_000_002));
        let member = membership.public_user_data;
        assert_eq!(member.user_id, "user_1");
        assert_eq!(member.identifier.as_deref(), Some("ada@example.com"));
        assert_eq!(member.first_name.as_deref(), Some("Ada"));
        assert_eq!(member.last_name.as_deref(), Some("Example"));
        assert_eq!(
            member.image_url.as_deref(),
            Some("https://img.example.com/1")
        );
        let organization = membership.organization;
        assert_eq!(organization.id, "org_1");
        assert_eq!(organization.name, "Example Ltd");
        assert_eq!(organization.slug.as_deref(), Some("example"));
        assert_eq!(
            organization.image_url.as_deref(),
            Some("https://img.example.com/2")
        );
        assert_eq!(organization.created_by.as_deref(), Some("user_1"));
        assert_eq!(organization.public_metadata.as_value(), &json!({"tier": 1}));
        assert_eq!(
            organization.private_metadata.as_value(),
            &json!({"rebate": 2})
        );
        let times = (organization.created_at, organization.updated_at);
        assert_eq!(times, (1_800_000_000_001, 1_800_000_000_002));
    }

    #[test]
    fn an_invitation_is_read() {
        let kind = "organizationInvitation.accepted";
        let Payload::OrganizationInvitationAccepted(invitation) = payload(kind, &data(kind)) else {
            panic!();
        };
        assert_eq!(invitation.id, "orginv_1");
        assert_eq!(invitation.organization_id, "org_1");
        assert_eq!(invitation.email_address, "ada@example.com");
        assert_eq!(invitation.role, "org:member");
        assert_eq!(invitation.status.as_deref(), Some("accepted"));
        assert_eq!(invitation.user_id.as_deref(), Some("user_1"));
        assert_eq!(
            invitation.public_metadata.as_value(),
            &json!({"team": "blue"})
        );
        assert_eq!(invitation.private_metadata.as_value(), &json!({"offer": 7}));
        let times = (invitation.created_at, invitation.updated_at);
        assert_eq!(times, (1_800_000_000_001, 1_800_000_000_002));
        assert_eq!(invitation.expires_at, Some(1_800_000_000_006));
    }

    #[test]
    fn a_deletion_is_read() {
        let kind = "organization.deleted";
        let Payload::OrganizationDeleted(deleted) = payload(kind, &data(kind)) else {
            panic!();
        };
        assert_eq!(deleted.id, "thing_1");
        assert_eq!(deleted.slug.as_deref(), Some("example"));
        assert_eq!(deleted.external_id.as_deref(), Some("customer 7"));
    }
}
