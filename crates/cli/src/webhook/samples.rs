//! Events as Clerk sends them, for endpoints under development.

use serde_json::{Value, json};

/// The body of an event of this type; `None` if there is no sample.
pub(super) fn body(kind: &str, seconds: i64) -> Option<String> {
    let (_, data) = SAMPLES.iter().find(|(own, _)| *own == kind)?;
    let data: Value = serde_json::from_str(data).ok()?;
    let event = json!({
        "data": data,
        "event_attributes": {
            "http_request": { "client_ip": "203.0.113.7", "user_agent": "Example/1.0" },
        },
        "instance_id": "ins_2test0instance00000000000000",
        "object": "event",
        "timestamp": seconds.saturating_mul(1000),
        "type": kind,
    });
    Some(event.to_string())
}

/// The types of which there are samples.
pub(super) fn kinds() -> impl Iterator<Item = &'static str> {
    SAMPLES.iter().map(|(kind, _)| *kind)
}

const SAMPLES: [(&str, &str); 10] = [
    ("organization.created", ORGANIZATION),
    ("organization.deleted", DELETED),
    ("organizationMembership.created", MEMBERSHIP),
    ("organizationMembership.deleted", MEMBERSHIP),
    ("session.created", SESSION),
    ("session.ended", SESSION),
    ("session.revoked", SESSION),
    ("user.created", USER),
    ("user.deleted", DELETED),
    ("user.updated", USER),
];

const DELETED: &str = r#"{
    "object": "user", "id": "user_2test0user0000000000000000000", "deleted": true
}"#;

const MEMBERSHIP: &str = r#"{
    "object": "organization_membership", "id": "orgmem_1", "role": "org:admin",
    "permissions": ["org:posts:edit"], "public_metadata": {}, "private_metadata": {},
    "organization": {
        "object": "organization", "id": "org_2test0acme0000000000000000000", "name": "Acme",
        "slug": "acme", "image_url": "https://img.example.com/2", "has_image": false,
        "created_by": "user_2test0user0000000000000000000", "public_metadata": {},
        "private_metadata": {}, "created_at": 1800000000001, "updated_at": 1800000000002
    },
    "public_user_data": {
        "identifier": "ada@example.com", "first_name": "Ada", "last_name": "Example",
        "image_url": "https://img.example.com/1", "has_image": false,
        "user_id": "user_2test0user0000000000000000000"
    },
    "created_at": 1800000000001, "updated_at": 1800000000002
}"#;

const ORGANIZATION: &str = r#"{
    "object": "organization", "id": "org_2test0acme0000000000000000000", "name": "Acme",
    "slug": "acme", "image_url": "https://img.example.com/2", "has_image": false,
    "members_count": 1, "max_allowed_memberships": 5, "admin_delete_enabled": true,
    "public_metadata": {}, "private_metadata": {},
    "created_by": "user_2test0user0000000000000000000",
    "created_at": 1800000000001, "updated_at": 1800000000002
}"#;

const SESSION: &str = r#"{
    "object": "session", "id": "sess_2test0session0000000000000000", "client_id": "client_1",
    "user_id": "user_2test0user0000000000000000000", "status": "active", "actor": null,
    "last_active_organization_id": null, "last_active_at": 1800000000003,
    "expire_at": 1800000000004, "abandon_at": 1800000000005,
    "created_at": 1800000000001, "updated_at": 1800000000002
}"#;

const USER: &str = r#"{
    "object": "user", "id": "user_2test0user0000000000000000000", "external_id": null,
    "username": null, "first_name": "Ada", "last_name": "Example",
    "image_url": "https://img.example.com/1", "has_image": false,
    "primary_email_address_id": "idn_1", "primary_phone_number_id": null,
    "primary_web3_wallet_id": null, "password_enabled": true, "two_factor_enabled": false,
    "email_addresses": [{
        "object": "email_address", "id": "idn_1", "email_address": "ada@example.com",
        "verification": {"status": "verified", "strategy": "email_code"}, "linked_to": []
    }],
    "phone_numbers": [], "web3_wallets": [], "external_accounts": [],
    "public_metadata": {}, "private_metadata": {}, "unsafe_metadata": {},
    "last_sign_in_at": 1800000000003, "banned": false, "locked": false,
    "created_at": 1800000000001, "updated_at": 1800000000002
}"#;

#[cfg(test)]
mod tests {
    use clerk_gate_core::webhook::{Event, Payload};

    use super::*;

    #[test]
    fn every_sample_is_an_event_that_the_core_knows() {
        for kind in kinds() {
            let body = body(kind, 1_800_000_000).unwrap();
            let event = Event::parse(body.as_bytes()).unwrap();
            assert_eq!(event.kind(), kind);
            let misfit = matches!(
                event.payload(),
                Payload::Misfit { .. } | Payload::Unknown(_)
            );
            assert!(!misfit, "{kind}: {:?}", event.payload());
        }
    }
}
