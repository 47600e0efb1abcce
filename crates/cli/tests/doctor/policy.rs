//! Mistakes in policy files, and servers that keep to another policy.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use axum::http::StatusCode;

use super::faults::fault;
use super::project::{POLICY, Project};
use super::run::Run;
use super::server::Server;

/// The rule, what stands in the way of the good policy, and what its remedy makes of it.
type Case = (&'static str, &'static str, &'static str);

#[test]
fn every_mistake_in_a_policy_is_found_and_can_be_mended() {
    let project = Project::new();
    for (rule, seed, mended) in cases() {
        project.write("policy.toml", &with(seed));
        doctor(&project, &[]).finds(&[rule], seed);
        project.write("policy.toml", &with(mended));
        doctor(&project, &[]).finds(&[], mended);
    }
}

/// The rules that a seed here breaks.
pub(crate) fn seeded() -> Vec<&'static str> {
    cases().iter().map(|(rule, ..)| *rule).collect()
}

fn cases() -> Vec<Case> {
    vec![
        (
            "policy-file",
            "'/a(.*)' = 'public'",
            "'/a/{*rest}' = 'public'",
        ),
        (
            "policy-file",
            "'/a' = { rol = 'org:a' }",
            "'/a' = { role = 'org:a' }",
        ),
        ("policy-file", "/a = public", "'/a' = 'public'"),
        ("policy-default", "dangerous_public_by_default = true", ""),
        (
            "policy-wide",
            "'/{*rest}' = 'public'",
            "'/about/{*rest}' = 'public'",
        ),
        (
            "policy-wide",
            "'GET /api/v1/{*rest}' = 'public'",
            "'GET /api/v1/prices/{*rest}' = 'public'",
        ),
        (
            "policy-wide",
            "'/{language}/{*rest}' = 'public'",
            "'/{language}' = 'public'",
        ),
        (
            "policy-wide",
            "'/{*rest}' = 'assets'",
            "'/static/{*rest}' = 'assets'",
        ),
        (
            "policy-admin",
            "'/admin/help' = 'public'",
            "'/help' = 'public'",
        ),
        (
            "policy-admin",
            "'/api/admin/{*rest}' = 'session'",
            "'/api/admin/{*rest}' = { permission = 'org:a:b' }",
        ),
        (
            "policy-admin",
            "'/v1/back-office' = { no_impersonation = true, token_age = 60 }",
            "'/v1/back-office' = { role = 'org:a' }",
        ),
        (
            "policy-admin",
            "'POST /internal/jobs' = { role = 'org:a' }",
            "'/internal/jobs' = { role = 'org:a' }",
        ),
        (
            "policy-admin",
            "'GET /Staff' = { role = 'org:a' }",
            "'/Staff' = { role = 'org:a' }",
        ),
        (
            "policy-sensitive",
            "'/billing/{*rest}' = 'session'",
            "'/billing/{*rest}' = { sensitive = true }",
        ),
        (
            "policy-sensitive",
            "'/billing/{*rest}' = 'session'",
            "'GET /billing/{*rest}' = 'session'",
        ),
        (
            "policy-sensitive",
            "'POST /api/api_keys' = { role = 'org:a' }",
            "'POST /api/api_keys' = { role = 'org:a', reverification = 'strict' }",
        ),
        (
            "policy-sensitive",
            "'DELETE /me' = 'session'",
            "'DELETE /me' = { reverification = 'strict' }",
        ),
        (
            "policy-sensitive",
            "'/me/password' = { no_impersonation = true }",
            "'/me/password' = { safeguards = { reverification = 'lax' } }",
        ),
        (
            "policy-safeguards",
            "'/pay' = { access = 'public', sensitive = true }",
            "'/pay' = { access = 'session', sensitive = true }",
        ),
        (
            "policy-token-age",
            "'/a' = { token_age = 3600 }",
            "'/a' = { reverification = 'moderate' }",
        ),
        (
            "policy-token-age",
            "'/a' = { safeguards = { token_age = 301 } }",
            "'/a' = { safeguards = { token_age = 300 } }",
        ),
    ]
}

/// The good policy with a line before or behind its routes.
fn with(line: &str) -> String {
    if line.starts_with('\'') || line.starts_with('/') {
        format!("{POLICY}{line}\n")
    } else {
        format!("{line}\n{POLICY}")
    }
}

#[test]
fn a_finding_says_file_line_and_what_to_write() {
    let project = Project::new();
    let routes = "[routes]\n'/a' = 'pubic'\n\n'/b(.*)' = 'public'\n";
    project.write("policy.toml", routes);
    let run = doctor(&project, &[]);
    assert_eq!(
        evidence(&run, "policy-file"),
        [
            (
                "policy.toml:2".to_owned(),
                r#""/a" is "pubic", which is no kind of access; write "public""#.to_owned()
            ),
            (
                "policy.toml:4".to_owned(),
                r#"pattern "/b(.*)" is written in another router's grammar; write "/b/{*rest}""#
                    .to_owned()
            ),
        ]
    );
    let others = run.rules("not_checked");
    assert!(
        others.contains("policy-admin") && others.contains("policy-wide"),
        "{others:?}"
    );
    assert_eq!(run.rules("passed"), BTreeSet::new());

    // Other methods than that of the rule go to the next best.
    let routes = "[routes]\n'GET /admin' = { role = 'org:admin' }\n'POST /admin' = 'public'\n";
    project.write("policy.toml", routes);
    let run = doctor(&project, &[]);
    let left = |line: &str, what: &str| {
        let methods = "HEAD, PUT, PATCH, DELETE";
        let what = format!("\"/admin\" {what}, and needs nothing but a session for {methods}");
        (format!("policy.toml:{line}"), what)
    };
    let open = "needs no session for POST";
    assert_eq!(
        evidence(&run, "policy-admin"),
        [left("2", open), left("3", open)]
    );
}

#[test]
fn the_policies_of_the_documents_and_examples_have_no_finding() {
    let project = Project::new();
    let documented = include_str!("../../../core/src/policy/file/example.toml");
    for policy in [documented, EXAMPLES] {
        project.write("policy.toml", policy);
        doctor(&project, &[]).finds(&[], policy);
    }
}

#[test]
fn a_policy_that_cannot_be_read_is_no_clean_one() {
    let project = Project::new();
    let run = doctor(&project, &[]);
    assert_eq!(run.code, 2);
    assert!(run.rules("failed").contains("policy-file"));
    assert!(
        run.stdout.contains("policy \\\"policy.toml\\\": "),
        "{}",
        run.stdout
    );
}

#[test]
fn what_a_policy_says_nothing_about_was_not_checked() {
    let project = Project::new();
    project.write("policy.toml", "[routes]\n'/' = 'public'\n");
    let run = doctor(&project, &[]);
    run.finds(&[], "a small policy");
    let passed = ["policy-default", "policy-file", "policy-wide"];
    assert_eq!(run.rules("passed"), passed.map(str::to_owned).into());
    assert!(run.rules("not_checked").contains("route-policy"));
}

#[test]
fn protected_paths_are_those_of_the_policy_unless_they_are_named() {
    let project = Project::new();
    project.write("policy.toml", POLICY);
    for (named, posted) in [
        (None, "/api/billing"),
        (Some("/api/protected"), "/api/protected"),
    ] {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (_, spy) = fault("", {
            let asked = Arc::clone(&asked);
            move |request, _| {
                let request = format!("{} {}", request.method, request.path);
                asked.lock().expect("no panic").push(request);
            }
        });
        let server = Server::with(spy);
        let mut arguments = vec!["--url", &*server.url, "--behind-proxy", "--pause", "0"];
        arguments.extend(named.iter().flat_map(|path| ["--protected", path]));
        let run = doctor(&project, &arguments);
        assert!(
            run.rules("passed").contains("route-policy"),
            "{}",
            run.stdout
        );
        let asked = asked.lock().expect("no panic");
        let count = |request: &str| asked.iter().filter(|own| *own == request).count();
        assert_eq!(count(&format!("POST {posted}")), 1, "{asked:?}");
        for path in ["/admin", "/api/reports", "/unauthorized"] {
            assert_eq!(count(&format!("GET {path}")), 1, "{path} of {asked:?}");
        }
        for path in ["/assets", "/assets/doctor", "/admin/sign-in"] {
            assert_eq!(count(&format!("GET {path}")), 0, "{path} of {asked:?}");
        }
    }
}

#[test]
fn what_there_is_no_room_to_ask_has_not_passed() {
    let project = Project::new();
    let route = |n| format!("'/api/other{n}' = 'session'\n");
    let asked_of = |routes: usize, server: &Server| {
        let policy: String = (0..routes).map(route).collect();
        project.write("policy.toml", &format!("[routes]\n{policy}"));
        doctor(
            &project,
            &["--url", &server.url, "--behind-proxy", "--pause", "0"],
        )
    };
    let good = Server::good();
    assert!(asked_of(24, &good).rules("passed").contains("route-policy"));
    let run = asked_of(25, &good);
    assert!(
        run.rules("not_checked").contains("route-policy"),
        "{}",
        run.stdout
    );
    assert!(
        run.stdout.contains("23 paths of the policy refuse"),
        "{}",
        run.stdout
    );

    let (_, open) = fault("", |asked, response| {
        if asked.path == "/api/other3" {
            *response.status_mut() = StatusCode::OK;
        }
    });
    let run = asked_of(25, &Server::with(open));
    let found = evidence(&run, "route-policy");
    let what = "answers 200, where the policy demands a session".to_owned();
    assert_eq!(found, [("GET /api/other3".to_owned(), what)]);
}

fn doctor(project: &Project, more: &[&str]) -> Run {
    let arguments = [&["--policy", "policy.toml", "--format", "json"], more].concat();
    Run::new(project.path(), &arguments)
}

/// Places and words of what was found under a rule.
fn evidence(run: &Run, id: &str) -> Vec<(String, String)> {
    let report = run.json();
    let mut rules = report["rules"].as_array().into_iter().flatten();
    let own = rules
        .find(|rule| rule["id"] == id)
        .expect("there is such a rule");
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let found = own["evidence"].as_array().into_iter().flatten();
    found
        .map(|one| (text(&one["place"]), text(&one["what"])))
        .collect()
}

/// The policy of the three example applications, as a file.
const EXAMPLES: &str = r#"
[routes]
"/" = "public"
"/sign-in/{*rest}" = "public"
"/sign-up/{*rest}" = "public"
"/assets/{*rest}" = "assets"
"/unauthorized" = "session"
"/dashboard" = "session"
"/api/protected" = "session"
"/api/sign-out-everywhere" = "session"
"/admin/{*rest}" = { role = "org:admin" }
"/api/admin/{*rest}" = { role = "org:admin", sensitive = true }
"/api/billing/{*rest}" = { sensitive = true }

[routes."/api/billing/upgrade"]
sensitive = true
reverification = { preset = "strict", demanding_second_factor = true }
"#;
