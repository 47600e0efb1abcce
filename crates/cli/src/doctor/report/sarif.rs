//! The report as SARIF 2.1.0, which code scanning reads.

use serde_json::{Value, json};

use super::{Item, Report, Verdict, cited};
use crate::doctor::rule::{Evidence, Place, Severity};

pub(in crate::doctor) fn sarif(report: &Report) -> String {
    let results = report.items.iter().enumerate().flat_map(|(index, item)| {
        let found = item.evidence.iter();
        found.map(move |(evidence, accepted)| result(index, item, evidence, *accepted))
    });
    let failed = report.of(Verdict::Failed);
    let notifications = failed.map(|item| {
        json!({
            "level": "error",
            "message": { "text": item.why },
            "associatedRule": { "id": item.rule.id },
        })
    });
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "clerk-gate doctor",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": report.items.iter().map(rule).collect::<Value>(),
            } },
            "columnKind": "unicodeCodePoints",
            "invocations": [{
                "executionSuccessful": report.count(Verdict::Failed) == 0,
                "toolExecutionNotifications": notifications.collect::<Value>(),
            }],
            "results": results.collect::<Value>(),
        }],
    });
    format!("{document:#}\n")
}

fn rule(item: &Item) -> Value {
    let rule = item.rule;
    json!({
        "id": rule.id,
        "name": rule.id,
        "shortDescription": { "text": rule.title },
        "fullDescription": { "text": format!("{}. How: {}.", rule.title, rule.how) },
        "help": { "text": format!("{}.", rule.remedy) },
        "defaultConfiguration": { "level": level(rule.severity) },
        "properties": {
            "security-severity": score(rule.severity),
            "tags": ["security", rule.check.area().name(), format!("OWASP ASVS {}", cited(rule.asvs))],
        },
    })
}

fn result(index: usize, item: &Item, evidence: &Evidence, accepted: bool) -> Value {
    let rule = item.rule;
    let place = &evidence.place;
    let text = format!("{place}: {}. {}.", evidence.what, rule.remedy);
    let mut result = json!({
        "ruleId": rule.id,
        "ruleIndex": index,
        "level": level(rule.severity),
        "message": { "text": text },
        "locations": [location(place)],
        // The same finding keeps its identity from run to run.
        "partialFingerprints": { "place/v1": format!("{}:{place}", rule.id) },
    });
    if accepted {
        result["suppressions"] = json!([{ "kind": "external", "status": "accepted" }]);
    }
    result
}

fn location(place: &Place) -> Value {
    match place {
        Place::File { path, line, .. } => json!({
            "physicalLocation": {
                "artifactLocation": { "uri": uri(path) },
                "region": { "startLine": line.unwrap_or(1) },
            },
        }),
        Place::Named(name) => json!({
            "logicalLocations": [{ "fullyQualifiedName": name, "kind": "resource" }],
        }),
    }
}

/// A path as a URI, relative to the working copy where it is (RFC 3986 §4.2).
fn uri(path: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~/".contains(&b);
    let escape = |b: u8| {
        if plain(b) {
            char::from(b).to_string()
        } else {
            format!("%{b:02X}")
        }
    };
    let escaped: String = path.trim_start_matches("./").bytes().map(escape).collect();
    if escaped.starts_with('/') {
        return format!("file://{escaped}");
    }
    escaped
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low => "note",
    }
}

/// Where code scanning sorts them, from 0 to 10.
const fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::High => "8.0",
        Severity::Medium => "5.0",
        Severity::Low => "2.0",
    }
}
