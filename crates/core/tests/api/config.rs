//! What a gate is made of, what it refuses to be made of, and what it tells about itself.

use clerk_gate_core::{
    Access, Check, Gate, Keyring, Policy, Requirement, Rule, SecurityHeaders, Settings,
};
use clerk_gate_testkit::{ORIGIN, Signer};

use super::support::{builder, keys, request, settings};
use super::{gate, policy};

#[test]
fn every_mistake_is_reported_at_once() {
    let policy = Policy::builder()
        .rule(Rule::session("/keys").sensitive())
        .require("/unauthorized", Requirement::role("admin"))
        .build()
        .unwrap();
    let keyring = Keyring::fixed(keys(Signer::primary()));
    let errors = Gate::builder(&settings(), keyring, policy)
        .with_authorized_parties(Check::Enforce, [""; 0])
        .with_trusted_proxies(["proxy.internal", "10.0.0.0/8"])
        .build()
        .unwrap_err();
    let messages: Vec<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        messages,
        [
            "trusted proxy \"proxy.internal\": is not an address or a range of addresses; write \"10.0.0.7\", \"10.0.0.0/8\" or \"fd00::/8\"",
            "sign-in page \"/sign-in\": is not public (decided by the default), so it would redirect to itself; add .public(\"/sign-in\") to the policy, or call without_pages for an API",
            "unauthorized page \"/unauthorized\": is not public (decided by /unauthorized), so it would redirect to itself; add .public(\"/unauthorized\") to the policy, or call without_pages for an API",
            "authorized parties: are checked, but there are none, so nobody could sign in; name the origins of your pages",
            "pattern \"/keys\": is sensitive, but the gate has no audit sink; add one with with_audit, such as JsonLines::new(std::io::stdout())",
        ]
    );
    assert!(
        errors
            .to_string()
            .starts_with("5 mistakes in the configuration\n")
    );
}

#[test]
fn a_page_must_end_the_journey() {
    for (sign_in, unauthorized, problem) in [
        ("/sign-in", "/unauthorized", None),
        ("/sign-in/?a=b", "/", None),
        ("/sign-in", "/me", None),
        ("https://accounts.app.test/sign-in", "/", None),
        (
            "/me",
            "/",
            Some("is not public (decided by the default), so it would redirect to itself"),
        ),
        (
            "/sign-in",
            "/admin",
            Some("is not public (decided by /admin/{*rest}), so it would redirect to itself"),
        ),
        ("sign-in", "/", Some("is not a path of this application")),
        (
            "//evil.test",
            "/",
            Some("is not a path of this application"),
        ),
        (
            "/\\evil.test",
            "/",
            Some("is not a path of this application"),
        ),
        (
            "http://accounts.app.test",
            "/",
            Some("is not a path of this application"),
        ),
        (
            "javascript:alert(1)",
            "/",
            Some("is not a path of this application"),
        ),
        (
            "/sign-in\r\nset-cookie: a=b",
            "/",
            Some("has a character that no URL has"),
        ),
        ("/übergang", "/", Some("has a character that no URL has")),
        ("", "/", Some("is not a path of this application")),
    ] {
        let built = builder(policy()).with_pages(sign_in, unauthorized).build();
        let problems = built.err();
        let problems = problems.iter().flatten().map(|error| error.problem());
        assert!(problems.eq(problem), "{sign_in} {unauthorized}");
    }
}

#[test]
fn mistakes_in_a_policy_come_together() {
    let errors = Policy::builder()
        .public("no-slash")
        .session("/a/{x}")
        .session("/a/{y}")
        .rule(Rule::session("/b").methods(["get"]))
        .rule(Rule::assets("/c").sensitive())
        .require("/d", Requirement::permission("org:sys_memberships:manage"))
        .build()
        .unwrap_err();
    let subjects: Vec<_> = errors.iter().map(|error| error.subject()).collect();
    assert_eq!(
        subjects,
        [
            "pattern \"no-slash\"",
            "pattern \"/a/{y}\"",
            "pattern \"/b\"",
            "pattern \"/c\"",
            "requirement \"permission org:sys_memberships:manage\"",
        ]
    );
}

#[test]
fn the_gate_explains_itself() {
    let gate = gate();
    for (method, path, want) in [
        (
            "GET",
            "/",
            "rule \"/\" demands public, being the most specific that matches",
        ),
        (
            "GET",
            "/admin/users?a=/",
            "rule \"/admin/{*rest}\" demands a session with role org:admin, being the most specific that matches",
        ),
        (
            "DELETE",
            "/posts/1",
            "no rule matches; the default demands a session",
        ),
        (
            "GET",
            "/assets/a",
            "rule \"/assets/{*rest}\" demands static, no credential is looked at, being the most specific that matches",
        ),
        (
            "GET",
            "/%61dmin",
            "refused (malformed-target), because routers could read this path in more than one way",
        ),
    ] {
        let raw = path.split('?').next().unwrap();
        let text = gate.explain(method, path).to_string();
        assert_eq!(text, format!("{method} {raw}: {want}"));
    }
    let admin = gate.explain("GET", "/admin");
    assert_eq!(admin.rule().map(Rule::pattern), Some("/admin/{*rest}"));
    assert!(matches!(admin.access(), Some(Access::Require(_))));
    assert_eq!(gate.explain("GET", "/me").access(), Some(&Access::Session));
    assert!(gate.explain("GET", "/me").rule().is_none());
    assert!(gate.explain("GET", "//").access().is_none());
    let hostile = gate.explain("GET\n", "/\u{1b}[31m").to_string();
    assert!(
        hostile.starts_with("GET\\n /\\u{1b}[31m: refused"),
        "{hostile}"
    );
    assert_eq!(gate.policy().rules().count(), 10);
}

#[test]
fn security_headers_are_fixed_lines_of_visible_ascii() {
    let gate = gate();
    let names: Vec<_> = gate.headers().iter().map(|line| line.name()).collect();
    for name in [
        "content-security-policy",
        "strict-transport-security",
        "x-content-type-options",
    ] {
        assert!(names.contains(&name), "{names:?}");
    }
    for line in gate.headers() {
        assert!(line.value().bytes().all(|b| (b' '..=b'~').contains(&b)));
        assert_eq!(line.name(), line.name().to_ascii_lowercase());
    }
    let less = SecurityHeaders::preset(&settings()).dangerous_without("x-content-type-options");
    let less = builder(policy()).with_headers(less).build().unwrap();
    assert_eq!(less.headers().len(), gate.headers().len() - 1);
}

#[test]
fn debug_shows_no_secret() {
    let secret = "sk_live_planted000000";
    let settings = Settings::parse(&|name| match name {
        "CLERK_PUBLISHABLE_KEY" => Some("pk_live_Y2xlcmsuYXBwLnRlc3Qk".to_owned()),
        "CLERK_GATE_ORIGINS" => Some(ORIGIN.to_owned()),
        "CLERK_SECRET_KEY" => Some(secret.to_owned()),
        _ => None,
    })
    .unwrap();
    let keyring = Keyring::fixed(keys(Signer::primary()));
    let builder = Gate::builder(&settings, keyring, policy().build().unwrap());
    let request = request(
        "GET",
        "/a?__clerk_ticket=planted",
        &[("authorization", "planted"), ("cookie", "a=planted")],
    );
    let texts = [
        format!("{request:?}"),
        format!("{settings:?}"),
        format!("{:?}", settings.secret_key()),
        format!("{builder:?}"),
        format!("{:?}", builder.build().unwrap()),
    ];
    for text in texts {
        assert!(!text.contains("planted"), "{text}");
    }
}
