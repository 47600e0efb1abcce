//! The set-up that the manual describes, whole: nothing is found, and everything was looked at.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::project::{POLICY, Project, env_text, variables};
use super::run::Run;
use super::server::Server;
use super::{environment, policy, repository, url};

fn arguments(server: &Server, format: &'static str) -> Vec<String> {
    let list = [
        "--env-file",
        ".env.production",
        "--policy",
        "policy.toml",
        "--url",
        &server.url,
        "--behind-proxy",
        "--webhook",
        "/api/webhooks/clerk",
        "--protected",
        "/api/protected",
        "--protected",
        "/api/unlisted",
        "--pause",
        "0",
        "--format",
        format,
    ];
    list.map(str::to_owned).to_vec()
}

fn run(format: &'static str) -> Run {
    let project = Project::repository();
    project.write(".env.production", &env_text(&variables()));
    project.write("policy.toml", POLICY);
    let arguments = arguments(&Server::good(), format);
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    Run::new(project.path(), &arguments)
}

#[test]
fn a_hardened_application_gives_no_finding_and_every_rule_was_checked() {
    let run = run("json");
    run.finds(&[], "hardened");
    assert_eq!(run.rules("not_checked"), BTreeSet::new());
    assert_eq!(run.rules("accepted"), BTreeSet::new());
    assert!(run.rules("passed").len() >= 60);
}

#[test]
fn no_rule_is_without_a_seeded_mistake() {
    let rules = run("json").rules("passed");
    let seeded = [
        repository::seeded(),
        environment::seeded(),
        policy::seeded(),
        url::seeded(),
    ];
    let seeded: Vec<_> = seeded.into_iter().flatten().map(str::to_owned).collect();
    assert!(seeded.len() >= 90, "{}", seeded.len());
    assert_eq!(seeded.into_iter().collect::<BTreeSet<_>>(), rules);
}

#[test]
fn the_table_has_no_colours_where_nobody_sees_them() {
    let run = run("table");
    assert_eq!(run.code, 0);
    assert!(!run.stdout.contains('\x1b'));
    assert!(
        run.stdout.contains("0 found, 0 could not be checked"),
        "{}",
        run.stdout
    );
    assert!(run.stderr.contains("server: asking http://127.0.0.1"));
}

#[test]
fn colours_are_for_terminals_and_for_whoever_forces_them() {
    let project = Project::repository();
    for (variables, coloured) in [
        (vec![("CLICOLOR_FORCE", "1")], true),
        (vec![("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], false),
        (vec![], false),
    ] {
        let run = Run::with(project.path(), &[], &variables);
        assert_eq!(run.stdout.contains('\x1b'), coloured, "{variables:?}");
    }
}

#[test]
fn the_page_needs_nothing_from_elsewhere() {
    let run = run("html");
    assert_eq!(run.code, 0);
    let page = run.stdout;
    for needed in [
        "<!doctype html>",
        "<html lang=\"en\">",
        "<title>",
        "prefers-color-scheme: dark",
    ] {
        assert!(page.contains(needed), "{needed}");
    }
    for foreign in ["<script", "<link", "<img", "src=", "url(", "@import"] {
        assert!(!page.contains(foreign), "{foreign}");
    }
}

/// The members of the report and their types: programs rely on them.
#[test]
fn the_shape_of_the_json_report_is_stable() {
    let shape = shape(&run("json").json());
    let text = "string";
    let want = json!({
        "tool": text,
        "version": text,
        "asvs": text,
        "at": "number",
        "subjects": { "repository": text, "environment": text, "keys": text, "policy": text, "server": text },
        "summary": {
            "found": "number",
            "failed": "number",
            "accepted": "number",
            "passed": "number",
            "not_checked": "number",
            "for_people": "number",
        },
        "rules": [{
            "id": text,
            "title": text,
            "area": text,
            "severity": text,
            "verdict": text,
            "asvs": text,
            "source": text,
            "how": text,
            "remedy": text,
            "why": "null",
            "evidence": [],
        }],
        "for_people": [{ "title": text, "look_at": text, "asvs": text, "source": text }],
    });
    assert_eq!(shape, want, "{shape:#}");
}

#[test]
fn the_shape_of_evidence_is_stable() {
    let project = Project::new();
    project.write("env", "CLERK_PUBLISHABLE_KEY=nonsense\n");
    let run = Run::new(project.path(), &["--env-file", "env", "--format", "json"]);
    let report = run.json();
    let mut rules = report["rules"].as_array().into_iter().flatten();
    let own = rules.find(|rule| rule["id"] == "env-publishable-key");
    let want = json!({
        "place": "env:1",
        "file": "env",
        "line": 1,
        "commit": null,
        "what": "CLERK_PUBLISHABLE_KEY begins with neither \"pk_test_\" nor \"pk_live_\"; copy the publishable key from the API keys page of the Clerk dashboard",
        "accepted": false,
    });
    assert_eq!(own.map(|rule| &rule["evidence"][0]), Some(&want));
}

#[test]
fn a_report_can_go_to_a_file() {
    let project = Project::repository();
    let run = Run::new(
        project.path(),
        &["--output", "report.html", "--format", "html"],
    );
    assert_eq!((run.code, run.stdout.as_str()), (0, ""));
    let page = std::fs::read_to_string(project.path().join("report.html")).expect("written");
    assert!(page.ends_with("</html>\n"));
    let run = Run::new(project.path(), &["--output", "no/such/folder"]);
    assert_eq!(run.code, 2);
}

/// Values become the names of their types, lists their first element.
fn shape(value: &Value) -> Value {
    match value {
        Value::Null => "null".into(),
        Value::Bool(_) => "bool".into(),
        Value::Number(_) => "number".into(),
        Value::String(_) => "string".into(),
        Value::Array(list) => list.first().into_iter().map(shape).collect(),
        Value::Object(map) => {
            let members = map.iter().map(|(name, value)| (name.clone(), shape(value)));
            Value::Object(members.collect())
        }
    }
}
