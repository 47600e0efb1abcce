//! The table of event types, and what the data of each is.

use std::fmt;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::entities::{Deleted, Invitation, Membership, Organization, SessionData, User};
use super::{EventError, data};

macro_rules! payloads {
    ($($kind:literal => $variant:ident($data:ty),)+) => {
        /// What an event says, by its type. The list is that of Clerk's
        /// [webhook overview](https://clerk.com/docs/guides/development/webhooks/overview).
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Payload {
            $(
                #[doc = concat!("An event of the type `", $kind, "`.")]
                $variant($data),
            )+
            /// An event of a type above whose data does not have the shape of that type.
            ///
            /// Do not pass over it, or a change is missed: return the error, and the delivery
            /// stays on record to be replayed.
            Misfit {
                /// The member `data` as it came.
                data: Untyped,
                /// Where the data leaves the shape.
                error: EventError,
            },
            /// An event of any other type; [`Event::kind`](super::Event::kind) names it.
            Unknown(Untyped),
        }

        impl Payload {
            /// Types the member `data` of the event `json`.
            pub(super) fn read(kind: &str, untyped: Value, json: &str) -> Self {
                let payload = match kind {
                    $($kind => data(kind, json).map(Self::$variant),)+
                    _ => return Self::Unknown(Untyped(untyped)),
                };
                payload.unwrap_or_else(|error| Self::Misfit {
                    data: Untyped(untyped),
                    error,
                })
            }
        }
    };
}

payloads! {
    "email.created" => EmailCreated(Untyped),
    "organization.created" => OrganizationCreated(Organization),
    "organization.deleted" => OrganizationDeleted(Deleted),
    "organization.updated" => OrganizationUpdated(Organization),
    "organizationDomain.created" => OrganizationDomainCreated(Untyped),
    "organizationDomain.deleted" => OrganizationDomainDeleted(Deleted),
    "organizationDomain.updated" => OrganizationDomainUpdated(Untyped),
    "organizationInvitation.accepted" => OrganizationInvitationAccepted(Invitation),
    "organizationInvitation.created" => OrganizationInvitationCreated(Invitation),
    "organizationInvitation.revoked" => OrganizationInvitationRevoked(Invitation),
    "organizationMembership.created" => OrganizationMembershipCreated(Membership),
    "organizationMembership.deleted" => OrganizationMembershipDeleted(Membership),
    "organizationMembership.updated" => OrganizationMembershipUpdated(Membership),
    "paymentAttempt.created" => PaymentAttemptCreated(Untyped),
    "paymentAttempt.updated" => PaymentAttemptUpdated(Untyped),
    "permission.created" => PermissionCreated(Untyped),
    "permission.deleted" => PermissionDeleted(Untyped),
    "permission.updated" => PermissionUpdated(Untyped),
    "role.created" => RoleCreated(Untyped),
    "role.deleted" => RoleDeleted(Untyped),
    "role.updated" => RoleUpdated(Untyped),
    "session.created" => SessionCreated(SessionData),
    "session.ended" => SessionEnded(SessionData),
    "session.removed" => SessionRemoved(SessionData),
    "session.revoked" => SessionRevoked(SessionData),
    "sms.created" => SmsCreated(Untyped),
    "subscription.active" => SubscriptionActive(Untyped),
    "subscription.created" => SubscriptionCreated(Untyped),
    "subscription.pastDue" => SubscriptionPastDue(Untyped),
    "subscription.updated" => SubscriptionUpdated(Untyped),
    "subscriptionItem.abandoned" => SubscriptionItemAbandoned(Untyped),
    "subscriptionItem.active" => SubscriptionItemActive(Untyped),
    "subscriptionItem.canceled" => SubscriptionItemCanceled(Untyped),
    "subscriptionItem.created" => SubscriptionItemCreated(Untyped),
    "subscriptionItem.ended" => SubscriptionItemEnded(Untyped),
    "subscriptionItem.freeTrialEnding" => SubscriptionItemFreeTrialEnding(Untyped),
    "subscriptionItem.incomplete" => SubscriptionItemIncomplete(Untyped),
    "subscriptionItem.pastDue" => SubscriptionItemPastDue(Untyped),
    "subscriptionItem.upcoming" => SubscriptionItemUpcoming(Untyped),
    "subscriptionItem.updated" => SubscriptionItemUpdated(Untyped),
    "user.created" => UserCreated(User),
    "user.deleted" => UserDeleted(Deleted),
    "user.updated" => UserUpdated(User),
    "waitlistEntry.created" => WaitlistEntryCreated(Untyped),
    "waitlistEntry.updated" => WaitlistEntryUpdated(Untyped),
}

/// Data without a type of ours: the text of a message, metadata. `Debug` shows nothing of it.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Untyped(Value);

impl Untyped {
    /// The JSON value; null where the event had none.
    pub fn as_value(&self) -> &Value {
        &self.0
    }

    /// The data as a type of the application's own.
    ///
    /// # Errors
    /// If it does not have the shape of `T`. Unlike serde's, the message quotes nothing.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, EventError> {
        T::deserialize(&self.0)
            .map_err(|_| EventError("untyped data: does not have the wanted shape".to_owned()))
    }
}

impl fmt::Debug for Untyped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Untyped(..)")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Event;
    use super::super::testing::{event, sample};
    use super::*;

    /// The payload of an event of this type whose data is the sample for it.
    fn check(kind: &str, want: &str) {
        let data = serde_json::from_str(sample(kind)).unwrap();
        let event = Event::parse(event(kind, &data).to_string().as_bytes()).unwrap();
        let payload = format!("{:?}", event.payload());
        assert!(payload.starts_with(want), "{kind}: {payload}");
    }

    #[test]
    fn every_type_has_its_variant() {
        for (kind, want) in [
            ("email.created", "EmailCreated(Untyped"),
            ("organization.created", "OrganizationCreated(Organization"),
            ("organization.deleted", "OrganizationDeleted(Deleted"),
            ("organization.updated", "OrganizationUpdated(Organization"),
            (
                "organizationDomain.created",
                "OrganizationDomainCreated(Untyped",
            ),
            (
                "organizationDomain.deleted",
                "OrganizationDomainDeleted(Deleted",
            ),
            (
                "organizationDomain.updated",
                "OrganizationDomainUpdated(Untyped",
            ),
            (
                "organizationInvitation.accepted",
                "OrganizationInvitationAccepted(Invitation",
            ),
            (
                "organizationInvitation.created",
                "OrganizationInvitationCreated(Invitation",
            ),
            (
                "organizationInvitation.revoked",
                "OrganizationInvitationRevoked(Invitation",
            ),
            (
                "organizationMembership.created",
                "OrganizationMembershipCreated(Membership",
            ),
            (
                "organizationMembership.deleted",
                "OrganizationMembershipDeleted(Membership",
            ),
            (
                "organizationMembership.updated",
                "OrganizationMembershipUpdated(Membership",
            ),
            ("paymentAttempt.created", "PaymentAttemptCreated(Untyped"),
            ("paymentAttempt.updated", "PaymentAttemptUpdated(Untyped"),
            ("permission.created", "PermissionCreated(Untyped"),
            ("permission.deleted", "PermissionDeleted(Untyped"),
            ("permission.updated", "PermissionUpdated(Untyped"),
            ("role.created", "RoleCreated(Untyped"),
            ("role.deleted", "RoleDeleted(Untyped"),
            ("role.updated", "RoleUpdated(Untyped"),
            ("session.created", "SessionCreated(SessionData"),
            ("session.ended", "SessionEnded(SessionData"),
            ("session.removed", "SessionRemoved(SessionData"),
            ("session.revoked", "SessionRevoked(SessionData"),
            ("sms.created", "SmsCreated(Untyped"),
            ("subscription.active", "SubscriptionActive(Untyped"),
            ("subscription.created", "SubscriptionCreated(Untyped"),
            ("subscription.pastDue", "SubscriptionPastDue(Untyped"),
            ("subscription.updated", "SubscriptionUpdated(Untyped"),
            (
                "subscriptionItem.abandoned",
                "SubscriptionItemAbandoned(Untyped",
            ),
            ("subscriptionItem.active", "SubscriptionItemActive(Untyped"),
            (
                "subscriptionItem.canceled",
                "SubscriptionItemCanceled(Untyped",
            ),
            (
                "subscriptionItem.created",
                "SubscriptionItemCreated(Untyped",
            ),
            ("subscriptionItem.ended", "SubscriptionItemEnded(Untyped"),
            (
                "subscriptionItem.freeTrialEnding",
                "SubscriptionItemFreeTrialEnding(Untyped",
            ),
            (
                "subscriptionItem.incomplete",
                "SubscriptionItemIncomplete(Untyped",
            ),
            (
                "subscriptionItem.pastDue",
                "SubscriptionItemPastDue(Untyped",
            ),
            (
                "subscriptionItem.upcoming",
                "SubscriptionItemUpcoming(Untyped",
            ),
            (
                "subscriptionItem.updated",
                "SubscriptionItemUpdated(Untyped",
            ),
            ("user.created", "UserCreated(User"),
            ("user.deleted", "UserDeleted(Deleted"),
            ("user.updated", "UserUpdated(User"),
            ("waitlistEntry.created", "WaitlistEntryCreated(Untyped"),
            ("waitlistEntry.updated", "WaitlistEntryUpdated(Untyped"),
        ] {
            check(kind, want);
        }
    }

    #[test]
    fn a_type_in_another_spelling_is_unknown() {
        for kind in [
            "",
            "user",
            "user.",
            "user.create",
            "user.createdx",
            " user.created",
            "User.created",
            "user.Created",
            "USER.CREATED",
            "session.pending",
            "organizationmembership.created",
            "organization_membership.created",
            "organizationDomain.Updated",
            "waitlistentry.created",
            "waitlist_entry.created",
            "subscription.past_due",
            "subscription.pastdue",
            "subscriptionItem.free_trial_ending",
        ] {
            check(kind, "Unknown(Untyped");
        }
    }

    #[test]
    fn data_that_does_not_fit_is_kept_with_the_place() {
        let data = json!({"id": "user_1", "email_addresses": 7});
        let body = event("user.created", &data).to_string();
        let event = Event::parse(body.as_bytes()).unwrap();
        let Payload::Misfit { data: kept, error } = event.payload() else {
            panic!("{event:?}");
        };
        assert_eq!(kept.as_value(), &data);
        let column = body.find('7').unwrap() + 1;
        assert_eq!(
            error.to_string(),
            format!(
                "event \"user.created\": data does not have the wanted shape at line 1, column {column}"
            )
        );
    }

    #[test]
    fn untyped_data_reads_into_a_type_of_the_application() {
        let untyped = Untyped(json!({"plan": "gold"}));
        #[derive(Deserialize)]
        struct Metadata {
            plan: String,
        }
        assert_eq!(untyped.read::<Metadata>().unwrap().plan, "gold");
        let error = untyped.read::<Vec<String>>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "untyped data: does not have the wanted shape"
        );
        assert_eq!(Untyped::default().as_value(), &Value::Null);
    }
}
