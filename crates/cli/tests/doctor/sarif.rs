//! The essentials of the SARIF 2.1.0 schema (OASIS), on a report with findings of every kind.

use std::collections::HashSet;

use serde_json::Value;

use super::project::{Project, RANDOM};
use super::run::Run;

#[test]
fn sarif_has_what_code_scanning_needs() {
    let project = Project::repository();
    project.write("src/a file.js", &format!("sk_live_{RANDOM}\n"));
    project.commit("leak");
    project.write(".env.local", "CLERK_PUBLISHABLE_KEY=nonsense\n");
    let arguments = [
        "--env-file",
        ".env.local",
        "--url",
        "http://127.0.0.1:1",
        "--format",
        "sarif",
        "--accept",
        "env-publishable-key",
    ];
    let run = Run::new(project.path(), &arguments);
    assert_eq!(run.code, 2);
    let log = run.json();
    assert_eq!(log["version"], "2.1.0");
    assert!(text(&log["$schema"]).ends_with("sarif-2.1.0.json"));
    let only = &log["runs"][0];
    assert_eq!(log["runs"].as_array().map(Vec::len), Some(1));

    let driver = &only["tool"]["driver"];
    assert_eq!(driver["name"], "clerk-gate doctor");
    let rules = list(&driver["rules"]);
    let ids: HashSet<_> = rules.iter().map(|rule| text(&rule["id"])).collect();
    assert_eq!(ids.len(), rules.len());
    for rule in rules {
        assert!(!text(&rule["shortDescription"]["text"]).is_empty());
        assert!(!text(&rule["help"]["text"]).is_empty());
        assert!(is_level(&rule["defaultConfiguration"]["level"]));
    }

    let results = list(&only["results"]);
    assert!(results.len() > 2);
    for result in results {
        let index = result["ruleIndex"]
            .as_u64()
            .and_then(|i| usize::try_from(i).ok());
        let rule = index.and_then(|index| rules.get(index));
        assert_eq!(rule.map(|rule| &rule["id"]), Some(&result["ruleId"]));
        assert!(is_level(&result["level"]));
        assert!(!text(&result["message"]["text"]).is_empty());
        let location = &result["locations"][0];
        let file = &location["physicalLocation"];
        if file.is_null() {
            assert!(!text(&location["logicalLocations"][0]["fullyQualifiedName"]).is_empty());
        } else {
            let uri = text(&file["artifactLocation"]["uri"]);
            assert!(
                !uri.contains([' ', '\\', ':']) && !uri.starts_with('/'),
                "{uri}"
            );
            assert!(file["region"]["startLine"].as_u64() >= Some(1));
        }
    }
    let uris = results
        .iter()
        .map(|r| &r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]);
    assert!(uris.into_iter().any(|uri| uri == "src/a%20file.js"));
    let accepted = results
        .iter()
        .filter(|r| r["ruleId"] == "env-publishable-key");
    for result in accepted {
        assert_eq!(result["suppressions"][0]["status"], "accepted");
    }

    let invocation = &only["invocations"][0];
    assert_eq!(invocation["executionSuccessful"], false);
    let told = list(&invocation["toolExecutionNotifications"]);
    assert!(
        told.iter()
            .any(|note| note["associatedRule"]["id"] == "hsts")
    );
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn is_level(value: &Value) -> bool {
    ["none", "note", "warning", "error"].contains(&text(value))
}
