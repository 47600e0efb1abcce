//! Events for tests, with every member that Clerk documents.

use serde_json::{Value, json};

/// An event of this type with this data.
pub(super) fn event(kind: &str, data: &Value) -> Value {
    json!({
        "data": data,
        "event_attributes": {
            "http_request": {"client_ip": "203.0.113.7", "user_agent": "Example/1.0"},
        },
        "instance_id": "ins_1",
        "object": "event",
        "timestamp": 1_800_000_000_123_i64,
        "type": kind,
    })
}

/// The data of an event of this type.
pub(super) fn sample(kind: &str) -> &'static str {
    match kind.split('.').collect::<Vec<_>>()[..] {
        ["user" | "organization" | "organizationDomain", "deleted"] => DELETED,
        ["user", _] => USER,
        ["session", _] => SESSION,
        ["organization", _] => ORGANIZATION,
        ["organizationMembership", _] => MEMBERSHIP,
        ["organizationInvitation", _] => INVITATION,
        ["email", _] => EMAIL,
        ["sms", _] => SMS,
        _ => OTHER,
    }
}

/// A type for each sample.
pub(super) const SAMPLES: [(&str, &str); 9] = [
    ("email.created", EMAIL),
    ("organization.updated", ORGANIZATION),
    ("organizationInvitation.created", INVITATION),
    ("organizationMembership.updated", MEMBERSHIP),
    ("session.revoked", SESSION),
    ("sms.created", SMS),
    ("subscriptionItem.pastDue", OTHER),
    ("user.deleted", DELETED),
    ("user.updated", USER),
];

const DELETED: &str = r#"{
    "object": "thing", "id": "thing_1", "slug": "example", "deleted": true,
    "external_id": "customer 7"
}"#;

const EMAIL: &str = r#"{
    "object": "email", "id": "ema_1", "slug": "verification_code", "from_email_name": "noreply",
    "to_email_address": "ada@example.com", "email_address_id": "idn_2", "user_id": "user_1",
    "subject": "424242 is your code", "body": "<b>424242</b>", "body_plain": "424242",
    "status": "queued", "data": {"otp_code": "424242", "app": {"name": "Example"}},
    "delivered_by_clerk": true
}"#;

const INVITATION: &str = r#"{
    "object": "organization_invitation", "id": "orginv_1", "organization_id": "org_1",
    "email_address": "ada@example.com", "role": "org:member", "role_name": "Member",
    "status": "accepted", "user_id": "user_1",
    "public_organization_data": {"id": "org_1", "name": "Example Ltd"},
    "public_metadata": {"team": "blue"}, "private_metadata": {"offer": 7},
    "url": "https://app.example.com/?__clerk_ticket=ticket",
    "created_at": 1800000000001, "updated_at": 1800000000002, "expires_at": 1800000000006
}"#;

const MEMBERSHIP: &str = r#"{
    "object": "organization_membership", "id": "orgmem_1", "role": "org:admin",
    "permissions": ["org:sys_memberships:read"],
    "public_metadata": {"desk": 4}, "private_metadata": {"salary": 7},
    "organization": {
        "object": "organization", "id": "org_1", "name": "Example Ltd", "slug": "example",
        "image_url": "https://img.example.com/2", "has_image": true, "created_by": "user_1",
        "max_allowed_memberships": 5, "admin_delete_enabled": true,
        "public_metadata": {"tier": 1}, "private_metadata": {"rebate": 2},
        "created_at": 1800000000001, "updated_at": 1800000000002
    },
    "public_user_data": {
        "identifier": "ada@example.com", "first_name": "Ada", "last_name": "Example",
        "image_url": "https://img.example.com/1", "has_image": true, "user_id": "user_1"
    },
    "created_at": 1800000000001, "updated_at": 1800000000002
}"#;

const ORGANIZATION: &str = r#"{
    "object": "organization", "id": "org_1", "name": "Example Ltd", "slug": "example",
    "image_url": "https://img.example.com/2", "has_image": true, "members_count": 3,
    "pending_invitations_count": 1, "max_allowed_memberships": 5, "admin_delete_enabled": true,
    "public_metadata": {"tier": 1}, "private_metadata": {"rebate": 2}, "created_by": "user_1",
    "created_at": 1800000000001, "updated_at": 1800000000002, "last_active_at": 1800000000003,
    "missing_member_with_elevated_permissions": false, "role_set_key": "role_set:default"
}"#;

const OTHER: &str = r#"{
    "object": "other", "id": "other_1", "status": "past_due", "name": "Example",
    "email_address": "ada@example.com", "payer": {"email": "ada@example.com"},
    "payment_source": {"card_type": "visa", "last4": "4242"}, "amount": 4200,
    "created_at": 1800000000001, "updated_at": 1800000000002
}"#;

const SESSION: &str = r#"{
    "object": "session", "id": "sess_1", "client_id": "client_1", "user_id": "user_1",
    "user": {
        "object": "user", "id": "user_1", "first_name": "Ada", "email_addresses": [],
        "phone_numbers": [], "private_metadata": {"debt": 7},
        "created_at": 1800000000001, "updated_at": 1800000000002
    },
    "status": "active", "last_active_organization_id": "org_1", "actor": {"sub": "user_9"},
    "latest_activity": {
        "id": "sess_activity_1", "device_type": "Linux", "is_mobile": false,
        "browser_name": "Example", "browser_version": "1", "ip_address": "203.0.113.7",
        "city": "Springfield", "country": "US"
    },
    "last_active_at": 1800000000003, "expire_at": 1800000000004, "abandon_at": 1800000000005,
    "created_at": 1800000000001, "updated_at": 1800000000002
}"#;

const SMS: &str = r#"{
    "object": "sms_message", "id": "sms_1", "slug": "verification_code",
    "from_phone_number": "+12025550199", "to_phone_number": "+12025550100",
    "phone_number_id": "idn_3", "user_id": "user_1", "message": "424242 is your code",
    "status": "queued", "data": {"otp_code": "424242"}, "delivered_by_clerk": true
}"#;

const USER: &str = r#"{
    "object": "user", "id": "user_1", "external_id": "customer 7", "username": "ada",
    "first_name": "Ada", "last_name": "Example", "image_url": "https://img.example.com/1",
    "has_image": true, "primary_email_address_id": "idn_2", "primary_phone_number_id": "idn_3",
    "primary_web3_wallet_id": "idn_4", "password_enabled": true, "two_factor_enabled": true,
    "totp_enabled": true, "backup_code_enabled": true,
    "email_addresses": [
        {
            "object": "email_address", "id": "idn_1", "email_address": "old@example.com",
            "verification": null, "linked_to": []
        },
        {
            "object": "email_address", "id": "idn_2", "email_address": "ada@example.com",
            "verification": {"status": "verified", "strategy": "email_code", "attempts": 1,
                "expire_at": 1800000000009, "nonce": "nonce", "message": "message"},
            "linked_to": [{"id": "idn_5", "type": "oauth_google"}]
        }
    ],
    "phone_numbers": [
        {
            "object": "phone_number", "id": "idn_3", "phone_number": "+12025550100",
            "reserved_for_second_factor": true, "default_second_factor": true, "reserved": false,
            "verification": {"status": "verified", "strategy": "phone_code"}, "linked_to": [],
            "backup_codes": ["backup-code-1", "backup-code-2"]
        }
    ],
    "web3_wallets": [
        {"object": "web3_wallet", "id": "idn_4", "web3_wallet": "0x0", "verification": null}
    ],
    "organization_memberships": null,
    "external_accounts": [
        {"object": "external_account", "id": "idn_5", "provider": "oauth_google",
            "email_address": "ada@example.com", "approved_scopes": "email"}
    ],
    "enterprise_accounts": [], "password_last_updated_at": 1800000000003,
    "public_metadata": {"plan": "gold"}, "private_metadata": {"debt": 7},
    "unsafe_metadata": {"theme": "dark"}, "last_sign_in_at": 1800000000003,
    "banned": false, "locked": true, "lockout_expires_in_seconds": 60,
    "verification_attempts_remaining": 3, "created_at": 1800000000001,
    "updated_at": 1800000000002, "last_active_at": 1800000000003,
    "create_organization_enabled": true, "create_organizations_limit": 2,
    "delete_self_enabled": true, "legal_accepted_at": 1800000000001, "locale": "en-US"
}"#;
