//! The active organization and its rights, in both versions of the token.

use clerk_gate_core::Reason;
use clerk_gate_testkit::Token;
use serde_json::{Value, json};

use super::{check, session, sign};

/// A version 2 token with these features, permission names and masks.
fn token(features: &str, names: Option<&str>, masks: Option<&str>) -> Token {
    let mut organization = json!({ "id": "org_1", "rol": "admin", "slg": "acme" });
    for (name, value) in [("per", names), ("fpm", masks)] {
        if let Some(value) = value {
            organization[name] = Value::from(value);
        }
    }
    Token::session()
        .claim("fea", features)
        .claim("o", organization)
}

#[test]
fn the_organization_reads_the_same_in_both_versions() {
    for token in [
        Token::session().organization("org_1", "acme", "admin"),
        Token::session().v1().organization("org_1", "acme", "admin"),
        Token::session()
            .organization("org_1", "acme", "org:admin")
            .claim("org_id", "org_1")
            .claim("org_role", "org:admin"),
    ] {
        let session = session(&token);
        let organization = session.organization().unwrap();
        assert_eq!(organization.id(), "org_1");
        assert_eq!(organization.slug(), Some("acme"));
        assert_eq!(organization.role(), Some("admin"));
        for (role, has) in [
            ("admin", true),
            ("org:admin", true),
            ("org:org:admin", true),
            ("Admin", false),
            ("member", false),
            ("org:", false),
            ("", false),
        ] {
            assert_eq!(session.has_role(role), has, "{role}");
        }
        assert!(session.permissions().is_empty());
    }
}

#[test]
fn a_role_without_a_name_is_nobodys() {
    for role in [Value::from(""), Value::from("org:")] {
        let organization = json!({ "id": "org_1", "rol": role });
        let session = session(&Token::session().claim("o", organization));
        assert!(!session.has_role(""));
        assert!(!session.has_role("org:"));
    }
}

#[test]
fn masks_give_permissions_of_the_organizations_own_features() {
    let two_to_53_plus_1 = "9007199254740993";
    let names: Vec<_> = (0..54).map(|n| format!("p{n}")).collect();
    for (features, names, masks, want) in [
        (
            "o:dashboard,o:teams",
            Some("manage,read"),
            Some("3,2"),
            &[
                "org:dashboard:manage",
                "org:dashboard:read",
                "org:teams:read",
            ][..],
        ),
        (
            "o:impersonation,o:memberships",
            Some("read,manage"),
            Some("2,3"),
            &[
                "org:impersonation:manage",
                "org:memberships:read",
                "org:memberships:manage",
            ],
        ),
        (
            "u:impersonation,o:memberships",
            Some("read"),
            Some("1"),
            &["org:memberships:read"],
        ),
        (
            "ou:memberships,u:impersonation",
            Some("read,manage"),
            Some("3,0"),
            &["org:memberships:read", "org:memberships:manage"],
        ),
        (
            "o:repositories,uo:projects,u:gold",
            Some("read,write,admin"),
            Some("7,5,7"),
            &[
                "org:repositories:read",
                "org:repositories:write",
                "org:repositories:admin",
                "org:projects:read",
                "org:projects:admin",
            ],
        ),
        (
            " o:a , o:b ",
            Some(" p , q "),
            Some(" 1 , 2 "),
            &["org:a:p", "org:b:q"],
        ),
        (
            "o:a",
            Some(&names.join(",")),
            Some(two_to_53_plus_1),
            &["org:a:p0", "org:a:p53"],
        ),
        ("o:a", Some("p,q"), Some("18014398509481984"), &[]),
        ("o:a,o:b", Some("p"), Some("1invalid,1"), &["org:b:p"]),
        ("o:a,o:b,o:c", Some("p"), Some("-1,1.5,+1"), &[]),
        ("o:a,o:b", Some("p"), Some("1"), &["org:a:p"]),
        ("o:a", Some("p"), Some("0"), &[]),
        ("o:a", Some("p"), Some("1,1,1"), &["org:a:p"]),
        ("o:a", Some("p"), Some(""), &[]),
        ("o:a", Some("p"), None, &[]),
        ("o:a", Some(""), Some("1"), &[]),
        ("o:a", None, Some("1"), &[]),
        ("u:a", Some("p"), Some("1"), &[]),
        ("x:a", Some("p"), Some("1"), &[]),
        ("", Some("p"), Some("1"), &[]),
    ] {
        let session = session(&token(features, names, masks));
        assert_eq!(session.permissions(), want, "{features}");
        for permission in want {
            assert!(session.has_permission(permission), "{permission}");
            let bare = permission.trim_start_matches("org:");
            assert!(session.has_permission(bare), "{bare}");
        }
        for permission in ["org:a:z", "org:a", "a", "org:", "", "*", "org:*"] {
            assert!(!session.has_permission(permission), "{permission}");
        }
    }
}

#[test]
fn version_1_permissions_are_taken_as_they_stand() {
    let session = session(
        &Token::session()
            .v1()
            .organization("org_1", "acme", "admin")
            .claim("org_permissions", json!(["org:invoices:read", "bare:name"])),
    );
    assert_eq!(session.permissions(), ["org:invoices:read", "bare:name"]);
    for (permission, has) in [
        ("invoices:read", true),
        ("org:invoices:read", true),
        ("org:invoices:write", false),
        ("org:invoices", false),
        ("bare:name", false),
        ("org:bare:name", false),
    ] {
        assert_eq!(session.has_permission(permission), has, "{permission}");
    }
}

#[test]
fn no_organization_means_no_rights_in_one() {
    for token in [
        Token::session(),
        Token::session().claim("o", Value::Null),
        Token::session().v1(),
        Token::session().v1().claim("org_id", Value::Null),
        Token::session().v1().claim("org_role", "org:admin"),
        Token::session()
            .v1()
            .claim("org_permissions", json!(["org:a:p"])),
    ] {
        let session = session(&token);
        assert!(session.organization().is_none());
        assert!(!session.has_role("admin"));
        assert!(!session.has_permission("org:a:p"));
    }
}

#[test]
fn features_and_plans_count_with_and_without_an_organization() {
    for token in [
        Token::session(),
        Token::session().organization("org_1", "acme", "admin"),
        Token::session().v1(),
    ] {
        let session = session(
            &token
                .claim("fea", "o:reservations,u:dashboard")
                .claim("pla", "u:pro"),
        );
        assert!(session.has_feature("org:reservations"));
        assert!(session.has_feature("user:dashboard"));
        assert!(!session.has_feature("user:reservations"));
        assert!(!session.has_feature("pro"));
        assert!(session.has_plan("pro"));
        assert!(session.has_plan("u:pro"));
        assert!(!session.has_plan("org:pro"));
        assert!(!session.has_plan("dashboard"));
    }
}

#[test]
fn an_organization_without_id_and_versions_that_contradict_each_other_deny() {
    let v2 = Token::session().organization("org_1", "acme", "admin");
    let v1 = Token::session().v1();
    for token in [
        v2.clone().claim("org_id", "org_2"),
        v2.clone().claim("org_role", "org:member"),
        v2.clone().v1(),
        v2.clone().claim("v", 1),
        v2.clone().claim("v", 3),
        v1.clone().claim("o", json!({ "id": "org_1" })),
        v1.clone().organization("", "acme", "admin"),
        v1.organization("org_1", "acme", "admin").claim("v", 2),
        v2.clone().claim("org_id", ""),
        v2.clone().claim("o", json!({})),
        v2.clone().claim("o", json!({ "id": "", "rol": "admin" })),
        v2.clone().claim("o", json!({ "rol": "admin" })),
        v2.clone().claim("fea", "o:a,b"),
        v2.clone().claim("fea", "a"),
        v2.claim("fea", ","),
    ] {
        check(&sign(&token), Err(Reason::TokenClaims));
    }
}
