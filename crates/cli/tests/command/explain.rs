//! `clerk-gate explain`.

use std::path::PathBuf;

use clerk_gate_testkit::{Signer, key_set};

use crate::{Run, TEST_INSTANCE, mint, run};

/// Writes a file of this test run, and gives its path.
fn file(name: &str, text: &str) -> String {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).expect("a file");
    path.to_str().expect("a path in Unicode").to_owned()
}

fn explain(method: &str, path: &str, more: &[&str], token: &str) -> Run {
    let policy = file("explain.toml", POLICY);
    let arguments = [&["explain", method, path, "--policy", &policy], more].concat();
    run(&arguments, &[], token.as_bytes())
}

#[test]
fn the_rule_is_told_with_its_why() {
    for (method, path, code, want) in [
        (
            "GET",
            "/",
            0,
            "GET /: rule \"/\" demands public, being the most specific that matches\n",
        ),
        (
            "GET",
            "/admin/users?q=1",
            0,
            "GET /admin/users: rule \"/admin/{*rest}\" demands a session with role org:admin, \
             being the most specific that matches\n",
        ),
        (
            "GET",
            "/other",
            0,
            "GET /other: no rule matches; the default demands a session\n",
        ),
        (
            "GET",
            "//admin",
            1,
            "GET //admin: refused (malformed-target), because routers could read this path in \
             more than one way\n",
        ),
    ] {
        let run = explain(method, path, &[], "");
        assert_eq!((run.code, &*run.out), (Some(code), want), "{run:?}");
    }
}

#[test]
fn a_token_is_decided_about_and_the_reason_is_exact() {
    let admin = mint(&["--role", "admin"]);
    let member = mint(&["--role", "member"]);
    let old = mint(&["--age", "120"]);
    for (path, token, code, want) in [
        (
            "/admin",
            &*admin,
            0,
            "proceeds as user_2test0user0000000000000000000",
        ),
        ("/admin", &member, 1, "refused with 403: missing-role"),
        (
            "/me",
            &member,
            0,
            "proceeds as user_2test0user0000000000000000000",
        ),
        ("/me", &old, 1, "refused with 401: token-expired"),
        ("/me", "nonsense", 1, "refused with 401: token-malformed"),
        ("/", &old, 0, "proceeds as nobody: token-expired"),
    ] {
        let run = explain("GET", path, &["--test-keys"], token);
        assert_eq!(run.code, Some(code), "{run:?}");
        assert_eq!(run.out.lines().last(), Some(want), "{run:?}");
        assert!(!run.out.contains(token.trim()), "a token is printed");
    }
}

#[test]
fn the_settings_of_the_environment_and_a_key_set_from_a_file_decide() {
    let policy = file("explain-keys.toml", POLICY);
    let token = mint(&[]);
    let ask = |keys: &str| {
        let arguments = ["explain", "GET", "/me", "--policy", &policy, "--jwks", keys];
        run(&arguments, &TEST_INSTANCE, token.as_bytes())
    };
    let good = file("explain-good.json", &key_set(&[Signer::primary()]));
    let other = file("explain-other.json", &key_set(&[Signer::other()]));
    assert_eq!(ask(&good).code, Some(0));
    let run = ask(&other);
    assert_eq!(
        run.out.lines().last(),
        Some("refused with 401: token-unknown-key")
    );
}

#[test]
fn programs_get_json() {
    let run = explain(
        "GET",
        "/admin",
        &["--json", "--test-keys"],
        &mint(&["--role", "member"]),
    );
    let json = run.json();
    assert_eq!(json["rule"], "/admin/{*rest}");
    assert_eq!(json["access"], "a session with role org:admin");
    assert_eq!(json["decision"]["status"], 403);
    assert_eq!(json["decision"]["reason"], "missing-role");
    assert_eq!(
        json["decision"]["event"]["user"],
        "user_2test0user0000000000000000000"
    );

    let run = explain("GET", "/other", &["--json", "--token", "none"], "");
    let json = run.json();
    assert_eq!((json["rule"].is_null(), json.get("decision")), (true, None));
}

#[test]
fn what_keeps_it_from_its_work_is_told() {
    let run = crate::run(
        &["explain", "GET", "/", "--policy", "nowhere.toml"],
        &[],
        b"",
    );
    assert_eq!(run.code, Some(2));
    assert!(run.err.contains("name the policy with --policy"), "{run:?}");

    let policy = file(
        "explain-wrong.toml",
        "[routes]\n'/a' = 'pubic'\n'/b(.*)' = 'public'\n",
    );
    let run = crate::run(&["explain", "GET", "/", "--policy", &policy], &[], b"");
    assert_eq!((run.code, &*run.out), (Some(2), ""));
    for mistake in ["line 2, \"/a\"", "line 3, pattern \"/b(.*)\""] {
        assert!(run.err.contains(mistake), "{run:?}");
    }

    // A token without settings to judge it by.
    let run = explain("GET", "/", &[], "a.b.c");
    assert_eq!(run.code, Some(2));
    assert!(run.err.contains("CLERK_PUBLISHABLE_KEY"), "{run:?}");
}

const POLICY: &str = r#"
[routes]
"/" = "public"
"/admin/{*rest}" = { role = "org:admin" }
"/billing" = { sensitive = true }
"#;
