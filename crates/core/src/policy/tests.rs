//! What a policy finds, tells and refuses to be.

use super::*;

fn policy() -> Policy {
    Policy::builder()
        .public("/")
        .assets("/assets/{*rest}")
        .session("/admin/{*rest}")
        .public("/admin/help")
        .require("/admin/{section}/edit", Requirement::role("org:admin"))
        .rule(Rule::public("/posts/{id}").methods(["GET", "HEAD"]))
        .rule(Rule::session("/posts/{id}").methods(["POST"]))
        .rule(Rule::session("/files/{*rest}").opaque_segments())
        .build()
        .unwrap()
}

#[test]
fn the_most_specific_rule_wins() {
    for (method, raw, want) in [
        ("GET", "/", Some("/")),
        ("GET", "/other", None),
        ("GET", "/assets/a/b.css", Some("/assets/{*rest}")),
        ("GET", "/admin", Some("/admin/{*rest}")),
        ("GET", "/admin/", Some("/admin/{*rest}")),
        ("GET", "/admin/help", Some("/admin/help")),
        ("GET", "/admin/help/", Some("/admin/help")),
        ("GET", "/admin/help/edit", Some("/admin/{section}/edit")),
        ("GET", "/admin/users/edit", Some("/admin/{section}/edit")),
        ("GET", "/admin/users/edit/x", Some("/admin/{*rest}")),
        ("GET", "/adminx", None),
        ("GET", "/ADMIN", None),
        ("GET", "/posts/1", Some("/posts/{id}")),
        ("DELETE", "/posts/1", None),
        ("get", "/posts/1", None),
        ("GET", "/posts", None),
        ("GET", "/files/a%2Fb", Some("/files/{*rest}")),
    ] {
        let policy = policy();
        let path = Path::parse(raw, method).unwrap();
        let found = policy.find(&path, method).unwrap();
        assert_eq!(found.rule.map(Rule::pattern), want, "{method} {raw}");
    }
}

#[test]
fn a_rule_tells_all_that_it_demands_of_a_session() {
    let lately = Requirement::reverified(Reverification::LAX).and_token_age(600);
    let rule = Rule::require("/a", Requirement::role("org:admin").and_token_age(900));
    let rule = rule.safeguards(lately.and_token_age(700));
    let told = rule.requirements().map(|requirement| {
        let asks = requirement.demands_reverification();
        (asks, requirement.token_age_limit())
    });
    let want = [(false, Some(900)), (true, Some(600))];
    assert_eq!(told.collect::<Vec<_>>(), want);
    assert_eq!(Rule::public("/a").requirements().count(), 0);
    assert_eq!(Rule::session("/a").sensitive().requirements().count(), 1);
}

#[test]
fn an_opaque_segment_needs_a_rule_that_allows_it() {
    let policy = policy();
    for raw in [
        "/admin/a%2Fb",
        "/other%2Fx",
        "/%2ffiles",
        "/files%2Fa",
        "/files%2Fa/b",
    ] {
        let path = Path::parse(raw, "GET").unwrap();
        assert_eq!(
            policy.find(&path, "GET").err(),
            Some(Reason::MalformedTarget),
            "{raw}"
        );
    }
}

#[test]
fn what_no_rule_matches_needs_a_session() {
    let path = Path::parse("/other", "GET").unwrap();
    assert_eq!(
        policy().find(&path, "GET").unwrap().access,
        &Access::Session
    );
    let open = Policy::builder()
        .dangerous_public_by_default()
        .build()
        .unwrap();
    assert_eq!(open.find(&path, "GET").unwrap().access, &Access::Public);
}

#[test]
fn every_mistake_is_reported_at_once() {
    let errors = Policy::builder()
        .public("/a/{x}")
        .session("/a/{y}")
        .public("/b(.*)")
        .rule(Rule::public("/c").methods(["get"]))
        .rule(Rule::public("/d").methods(["GET"]))
        .rule(Rule::session("/d").methods(["POST", "GET"]))
        .require("/e", Requirement::role(""))
        .require("/f", Requirement::permission("org:sys_domains:read"))
        .rule(Rule::assets("/g").sensitive())
        .build()
        .unwrap_err();
    let found: Vec<_> = errors.iter().map(|e| (e.subject(), e.remedy())).collect();
    assert_eq!(
        found,
        [
            (
                "pattern \"/a/{y}\"",
                "remove one, or give them different methods"
            ),
            ("pattern \"/b(.*)\"", "write \"/b/{*rest}\""),
            ("pattern \"/c\"", "write \"GET\""),
            (
                "pattern \"/d\"",
                "remove one, or give them different methods"
            ),
            (
                "requirement \"role \"",
                "write the key as the Clerk dashboard shows it"
            ),
            (
                "requirement \"permission org:sys_domains:read\"",
                "require a role or a custom permission"
            ),
            (
                "pattern \"/g\"",
                "demand a session or rights, or do not mark it"
            ),
        ]
    );
}
