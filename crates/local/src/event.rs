//! What the stand-in tells of: the bodies of its webhooks, in the shape of Clerk's.

use clerk_gate_core::UnixTime;
use serde_json::{Value, json};

use crate::persona::{ACME, Persona, Role, SUPPORT};
use crate::sessions::Session;
use crate::users::{CREATED, User};

/// What has happened.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event<'e> {
    SessionCreated(&'e Session, User),
    /// The user has signed out.
    SessionRemoved(&'e Session),
    /// It was ended from elsewhere.
    SessionRevoked(&'e Session),
    UserUpdated(User),
    MembershipUpdated(Persona, Role),
}

impl Event<'_> {
    /// The type, as Clerk spells it.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::SessionCreated(..) => "session.created",
            Self::SessionRemoved(_) => "session.removed",
            Self::SessionRevoked(_) => "session.revoked",
            Self::UserUpdated(_) => "user.updated",
            Self::MembershipUpdated(..) => "organizationMembership.updated",
        }
    }

    /// The body of its deliveries.
    pub(crate) fn body(&self, instance_id: &str, now: UnixTime) -> String {
        let now = milliseconds(now);
        let data = match self {
            Self::SessionCreated(session, user) => {
                let mut data = self::session(session, session.persona.status(), now);
                data["user"] = self::user(*user);
                data
            }
            Self::SessionRemoved(session) => self::session(session, "removed", now),
            Self::SessionRevoked(session) => self::session(session, "revoked", now),
            Self::UserUpdated(user) => self::user(*user),
            Self::MembershipUpdated(persona, role) => membership(*persona, *role, now),
        };
        json!({
            "data": data,
            "event_attributes": { "http_request": { "client_ip": "127.0.0.1", "user_agent": "" } },
            "instance_id": instance_id,
            "object": "event",
            "timestamp": now,
            "type": self.kind(),
        })
        .to_string()
    }
}

fn session(session: &Session, status: &str, now: i64) -> Value {
    let created = milliseconds(session.since);
    let actor = session.impersonated.then(|| json!({ "sub": SUPPORT }));
    json!({
        "abandon_at": created.saturating_add(MONTH),
        "actor": actor,
        "client_id": session.client_id,
        "created_at": created,
        "expire_at": created.saturating_add(WEEK),
        "id": session.id,
        "last_active_at": now,
        "last_active_organization_id": session.persona.first_role().map(|_| ACME),
        "object": "session",
        "status": status,
        "updated_at": now,
        "user_id": session.persona.user_id(),
    })
}

fn user(user: User) -> Value {
    let persona = user.persona;
    let (first, last) = persona.name().split_once(' ').unwrap_or_default();
    let address = format!("idn_{}", persona.as_str());
    json!({
        "banned": user.banned,
        "created_at": CREATED,
        "email_addresses": [{
            "email_address": email(persona),
            "id": address,
            "object": "email_address",
            "verification": { "status": "verified", "strategy": "ticket" },
        }],
        "external_id": null,
        "first_name": first,
        "id": persona.user_id(),
        "image_url": null,
        "last_name": last,
        "last_sign_in_at": null,
        "locked": false,
        "object": "user",
        "phone_numbers": [],
        "primary_email_address_id": address,
        "primary_phone_number_id": null,
        "private_metadata": {},
        "public_metadata": {},
        "two_factor_enabled": persona.has_second_factor(),
        "unsafe_metadata": {},
        "updated_at": user.updated_at,
        "username": persona.as_str(),
    })
}

fn membership(persona: Persona, role: Role, now: i64) -> Value {
    let (first, last) = persona.name().split_once(' ').unwrap_or_default();
    json!({
        "created_at": CREATED,
        "id": format!("orgmem_{}", persona.as_str()),
        "object": "organization_membership",
        "organization": {
            "created_at": CREATED,
            "created_by": Persona::Admin.user_id(),
            "id": ACME,
            "image_url": null,
            "name": "Acme",
            "object": "organization",
            "public_metadata": {},
            "slug": "acme",
            "updated_at": CREATED,
        },
        "permissions": [],
        "public_metadata": {},
        "public_user_data": {
            "first_name": first,
            "identifier": email(persona),
            "image_url": null,
            "last_name": last,
            "user_id": persona.user_id(),
        },
        "role": role.to_string(),
        "updated_at": now,
    })
}

/// With the marker of Clerk's test addresses.
fn email(persona: Persona) -> String {
    format!("{}+clerk_test@example.com", persona.as_str())
}

fn milliseconds(time: UnixTime) -> i64 {
    time.as_secs().saturating_mul(1000)
}

const WEEK: i64 = 7 * 24 * 60 * 60 * 1000;
const MONTH: i64 = 30 * 24 * 60 * 60 * 1000;

#[cfg(test)]
mod tests {
    use clerk_gate_core::webhook::{self, Payload};

    use super::*;

    #[test]
    fn the_core_reads_every_event() {
        let now = UnixTime::from_secs(1_800_000_000);
        let session = Session::new(Persona::Member, now).impersonated(true);
        let user = User {
            persona: Persona::Member,
            role: Some(Role::Member),
            banned: true,
            updated_at: CREATED,
        };
        for event in [
            Event::SessionCreated(&session, user),
            Event::SessionRemoved(&session),
            Event::SessionRevoked(&session),
            Event::UserUpdated(user),
            Event::MembershipUpdated(Persona::Member, Role::Admin),
        ] {
            let read = webhook::Event::parse(event.body("ins_1", now).as_bytes()).unwrap();
            assert_eq!(read.kind(), event.kind());
            assert_eq!(read.instance_id(), Some("ins_1"));
            assert_eq!(read.timestamp(), Some(1_800_000_000_000));
            assert!(read.version().is_some());
            let payload = read.payload();
            assert!(
                !matches!(payload, Payload::Misfit { .. } | Payload::Unknown(_)),
                "{payload:?}"
            );
        }
    }
}
