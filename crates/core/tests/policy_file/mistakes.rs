//! What is wrong in a file is told with its line, to people here and to editors by the schema.

use boon::{Compiler, SchemaIndex, Schemas};
use clerk_gate_core::Policy;
use serde_json::Value;

use crate::EXAMPLE;

/// A mistake, and what is said of it; whether a schema can tell.
const MISTAKES: [(&str, &str, bool); 33] = [
    (
        "rooutes = {}",
        r#"line 1, "rooutes": is no key of the file; write "routes""#,
        true,
    ),
    (
        "[rule]",
        r#"line 1, "rule": is no key of the file; write one of dangerous_public_by_default, routes"#,
        true,
    ),
    (
        "routes = 3",
        r#"line 1, "routes": is of type integer; write routes = { "/me" = "session" }"#,
        true,
    ),
    (
        "dangerous_public_by_default = 'yes'",
        r#"line 1, "dangerous_public_by_default": is of type string; write dangerous_public_by_default = true"#,
        true,
    ),
    (
        "[routes]\n\n'/a' = 'pubic'",
        r#"line 3, "/a": is "pubic", which is no kind of access; write "public""#,
        true,
    ),
    (
        "[routes]\n'/a' = 'org:admin'",
        r#"line 2, "/a": is "org:admin", which is no kind of access; write "assets", "public", "session", or a table such as { role = "org:admin" }"#,
        true,
    ),
    (
        "[routes]\n'/a' = true",
        r#"line 2, "/a": is of type boolean; write "assets", "public", "session", or a table such as { role = "org:admin" }"#,
        true,
    ),
    (
        "[routes]\n'/a' = {}",
        r#"line 2, "/a": demands nothing; write "session" or "public""#,
        true,
    ),
    (
        "[routes.'/a']\nrole = 'org:admin'\nsensitiv = true",
        r#"line 3, "sensitiv": is no key of a route; write "sensitive""#,
        true,
    ),
    (
        "[routes]\n'/a' = { token-age = 300 }",
        r#"line 2, "token-age": is no key of a route; write "token_age""#,
        true,
    ),
    (
        "[routes]\n'/a' = { methods = ['GET'] }",
        r#"line 2, "methods": is no key of a route; write them before the pattern: "GET POST /a""#,
        true,
    ),
    (
        "[routes]\n'/a' = { owner = 'x' }",
        r#"line 2, "owner": is no key of a route; write one of access, all, feature, no_impersonation, opaque_segments, permission, plan, reverification, role, safeguards, sensitive, token_age"#,
        true,
    ),
    (
        "[routes]\n'/a' = { role = ['org:admin'] }",
        r#"line 2, "role": is of type array; write role = "org:admin""#,
        true,
    ),
    (
        "[routes]\n'/a' = { token_age = '300' }",
        r#"line 2, "token_age": is of type string; write token_age = 300"#,
        true,
    ),
    (
        "[routes]\n'/a' = { token_age = 30 }",
        r#"line 2, requirement "a token of at most 30 s": is less than the life of a token, and users would be refused at random; write at least 60 seconds"#,
        true,
    ),
    (
        "[routes]\n'/a' = { token_age = 99999999999999999999 }",
        r#"line 2, "token_age": is too large; write token_age = 300"#,
        false,
    ),
    (
        "[routes]\n'/a' = { sensitive = 1 }",
        r#"line 2, "sensitive": is of type integer; write sensitive = true"#,
        true,
    ),
    (
        "[routes]\n'/a' = { access = 'public', role = 'org:admin' }",
        r#"line 2, "access": is "public", where conditions need a session; remove it, or the conditions"#,
        false,
    ),
    (
        "[routes]\n'/a' = { access = 'publik', opaque_segments = true }",
        r#"line 2, "access": is "publik", which is no kind of access; write "public""#,
        true,
    ),
    (
        "[routes]\n'/a' = { access = 'assets', sensitive = true }",
        r#"line 2, pattern "/a": is sensitive, but assets are never checked; demand a session or rights, or do not mark it"#,
        false,
    ),
    (
        "[routes]\n'/a' = { sensitive = false, safeguards = { no_impersonation = true } }",
        r#"line 2, "/a": has safeguards, but is said not to be sensitive; remove sensitive = false, or the safeguards"#,
        false,
    ),
    (
        "[routes]\n'/a' = { safeguards = {} }",
        r#"line 2, "safeguards": demands nothing; write a condition, such as no_impersonation = true"#,
        true,
    ),
    (
        "[routes]\n'/a' = { safeguards = { sensitive = true } }",
        r#"line 2, "sensitive": is no key of a condition; write one of all, feature, no_impersonation, permission, plan, reverification, role, token_age"#,
        true,
    ),
    (
        "[routes]\n'/a' = { all = { role = 'a' } }",
        r#"line 2, "all": is of type table; write all = [{ permission = "a" }, { permission = "b" }]"#,
        true,
    ),
    (
        "[routes]\n'/a' = { all = [] }",
        r#"line 2, "all": demands nothing; write all = [{ permission = "a" }, { permission = "b" }]"#,
        true,
    ),
    (
        "[routes]\n'/a' = { reverification = 'srtict' }",
        r#"line 2, "reverification": is "srtict", which is no preset; write "strict""#,
        true,
    ),
    (
        "[routes]\n'/a' = { reverification = { level = 'second_factor' } }",
        r#"line 2, "reverification": is neither a preset nor a level with its minutes; write "strict" or { level = "second_factor", after_minutes = 10 }"#,
        true,
    ),
    (
        "[routes]\n'/a' = { reverification = { level = 'third', after_minutes = -1 } }",
        r#"line 2, "level": is "third", which is no level; write "first_factor", "second_factor" or "multi_factor""#,
        true,
    ),
    (
        "[routes]\n'/a' = { reverification = { level = 'first_factor', after_minutes = 0 } }",
        r#"line 2, requirement "first_factor within 0 minutes": leaves no time, and nobody can meet it; write at least one minute"#,
        true,
    ),
    (
        "[routes]\n'/a(.*)' = 'public'",
        r#"line 2, pattern "/a(.*)": is written in another router's grammar; write "/a/{*rest}""#,
        false,
    ),
    (
        "[routes]\n'get /a' = 'public'",
        r#"line 2, pattern "/a": has the method "get", but methods are case-sensitive; write "GET""#,
        true,
    ),
    (
        "[routes]\n'GET a' = 'public'",
        r#"line 2, pattern "a": must start with a slash; write "/a""#,
        true,
    ),
    (
        "[routes]\n'/a/{x}' = 'public'\n'/a/{y}' = 'session'",
        r#"line 3, pattern "/a/{y}": is equal to "/a/{x}", so one of the two rules is never reached; remove one, or give them different methods"#,
        false,
    ),
];

#[test]
fn a_mistake_is_told_with_its_line_and_what_to_write() {
    for (text, want, _) in MISTAKES {
        let errors = Policy::from_toml(text).expect_err(text);
        let first = errors.iter().next().map(ToString::to_string);
        let first = first.unwrap_or_default();
        assert!(first.starts_with(want), "{text}\n{first}");
    }
}

#[test]
fn all_mistakes_are_told_at_once_from_the_first_line_to_the_last() {
    let text = "\
[routes]
'/b(.*)' = 'public'
'/c' = { rol = 'org:admin' }
'post /d' = { token_age = 1, plan = 7 }
[routs]
";
    let errors = Policy::from_toml(text).expect_err("mistakes");
    let lines: Vec<_> = errors.iter().map(|e| e.subject().to_owned()).collect();
    assert_eq!(
        lines,
        [
            "line 2, pattern \"/b(.*)\"",
            "line 3, \"rol\"",
            "line 4, pattern \"/d\"",
            "line 4, requirement \"a token of at most 1 s\"",
            "line 4, \"plan\"",
            "line 5, \"routs\"",
        ]
    );
}

#[test]
fn what_is_no_toml_is_told_with_every_line() {
    let text = "[routes]\n/a = 'public'\n'/b' = \n'/c' = 'public'\n'/c' = 'session'\n";
    let errors = Policy::from_toml(text).expect_err("no TOML");
    let subjects: Vec<_> = errors.iter().map(|e| e.subject().to_owned()).collect();
    assert!(subjects.contains(&"line 2, TOML".to_owned()), "{errors}");
    assert!(subjects.contains(&"line 3, TOML".to_owned()), "{errors}");
    assert!(subjects.contains(&"line 5, TOML".to_owned()), "{errors}");
}

#[test]
fn editors_are_told_the_same_by_the_schema() {
    let text = include_str!("../../policy.schema.json");
    let schema: Value = serde_json::from_str(text).expect("JSON");
    let mut schemas = Schemas::new();
    let mut compiler = Compiler::new();
    compiler
        .add_resource("policy.schema.json", schema)
        .expect("a schema");
    let index: SchemaIndex = compiler
        .compile("policy.schema.json", &mut schemas)
        .expect("a schema");
    let accepts = |text: &str| {
        let value: Value = toml::from_str(text).expect("TOML");
        schemas.validate(&value, index).is_ok()
    };
    assert!(accepts(EXAMPLE));
    for (text, _, told) in MISTAKES {
        if !text.contains("99999999999999999999") {
            assert_eq!(accepts(text), !told, "{text}");
        }
    }
}
