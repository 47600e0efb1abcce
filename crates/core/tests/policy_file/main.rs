//! Policies as files: they say what the builder says, and every mistake has its line.

mod mistakes;
mod properties;

use std::io;
use std::sync::Arc;

use clerk_gate_core::{
    Gate, JsonLines, Level, Policy, PolicyBuilder, Requirement, Reverification, Rule,
};

const EXAMPLE: &str = include_str!("../../src/policy/file/example.toml");

/// The documented example, by the builder.
fn example() -> PolicyBuilder {
    let demanded = Reverification::within(Level::SecondFactor, 5).demanding_second_factor();
    let reports = Requirement::feature("reports").and_plan("org:pro");
    let keys = Requirement::permission("org:keys:read").and_permission("org:keys:write");
    let oneself = Requirement::no_impersonation();
    Policy::builder()
        .public("/")
        .public("/sign-in/{*rest}")
        .public("/unauthorized")
        .assets("/assets/{*rest}")
        .session("/me")
        .require("/admin/{*rest}", Requirement::role("org:admin"))
        .require("/reports", reports)
        .rule(Rule::public("/posts/{id}").methods(["GET", "HEAD"]))
        .rule(
            Rule::require("/posts/{id}", Requirement::permission("org:posts:edit"))
                .methods(["POST", "PATCH", "DELETE"]),
        )
        .rule(Rule::session("/files/{id}").opaque_segments())
        .rule(Rule::require("/api/billing/{*rest}", Requirement::role("org:admin")).sensitive())
        .rule(
            Rule::require("/api/keys", keys)
                .safeguards(oneself.and_reverified(Reverification::STRICT_MFA)),
        )
        .rule(
            Rule::require(
                "/me",
                Requirement::token_age(120)
                    .and_no_impersonation()
                    .and_reverified(demanded),
            )
            .methods(["DELETE"]),
        )
}

fn gate(policy: Policy) -> Gate {
    let sink = Arc::new(JsonLines::new(io::sink()));
    clerk_gate_testkit::gate(policy)
        .with_audit(sink)
        .build()
        .expect("a gate")
}

fn rules(policy: &Policy) -> Vec<String> {
    policy.rules().map(|rule| format!("{rule:?}")).collect()
}

#[test]
fn the_documented_example_says_what_the_builder_says() {
    let file = Policy::from_toml(EXAMPLE).expect("the example has no mistake");
    let built = example().build().expect("no mistake");
    assert_eq!(rules(&file), rules(&built));

    let (file, built) = (gate(file), gate(built));
    for method in ["GET", "HEAD", "POST", "DELETE", "get"] {
        for path in [
            "/",
            "/sign-in",
            "/sign-in/a/b",
            "/assets/app.css",
            "/me",
            "/me/",
            "/admin",
            "/admin/users?x=1",
            "/reports",
            "/posts/1",
            "/posts",
            "/files/a%2Fb",
            "/me/a%2Fb",
            "/api/billing/1",
            "/api/keys",
            "/api/keys/1",
            "//admin",
            "/..",
            "*",
        ] {
            let (file, built) = (file.explain(method, path), built.explain(method, path));
            assert_eq!(file.to_string(), built.to_string());
        }
    }
}

#[test]
fn everything_may_be_public_by_default() {
    let text = "dangerous_public_by_default = true\n[routes]\n'/me' = 'session'";
    let open = gate(Policy::from_toml(text).expect("no mistake"));
    let said = open.explain("GET", "/other").to_string();
    assert_eq!(
        said,
        "GET /other: no rule matches; the default demands public"
    );
    for text in ["", "dangerous_public_by_default = false", "[routes]"] {
        let closed = gate(Policy::from_toml(text).expect("no mistake"));
        let said = closed.explain("GET", "/other").to_string();
        assert_eq!(
            said,
            "GET /other: no rule matches; the default demands a session"
        );
    }
}
