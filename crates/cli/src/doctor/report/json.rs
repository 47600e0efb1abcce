//! The report for programs. Members are added, never renamed.

use std::time::UNIX_EPOCH;

use serde_json::{Map, Value, json};

use super::{Item, Report, Verdict};
use crate::doctor::rule::{ASVS, Evidence, Place};
use crate::doctor::rules::FOR_PEOPLE;

pub(in crate::doctor) fn json(report: &Report) -> String {
    let counts =
        Verdict::ALL.map(|verdict| (verdict.name().to_owned(), report.count(verdict).into()));
    let mut summary: Map<String, Value> = counts.into_iter().collect();
    summary.insert("for_people".to_owned(), FOR_PEOPLE.len().into());
    let for_people = FOR_PEOPLE.iter().map(|item| {
        json!({
            "title": item.title,
            "look_at": item.look_at,
            "asvs": item.asvs,
            "source": item.source,
        })
    });
    let subjects = report.subjects.iter();
    let subjects: Map<String, Value> = subjects
        .map(|(area, name)| (area.name().to_owned(), name.as_str().into()))
        .collect();
    let at = report.at.duration_since(UNIX_EPOCH);
    let document = json!({
        "tool": "clerk-gate doctor",
        "version": env!("CARGO_PKG_VERSION"),
        "asvs": ASVS,
        "at": at.map_or(0, |since| since.as_secs()),
        "subjects": subjects,
        "summary": summary,
        "rules": report.items.iter().map(rule).collect::<Value>(),
        "for_people": for_people.collect::<Value>(),
    });
    format!("{document:#}\n")
}

fn rule(item: &Item) -> Value {
    let rule = item.rule;
    json!({
        "id": rule.id,
        "title": rule.title,
        "area": rule.check.area().name(),
        "severity": rule.severity.name(),
        "verdict": item.verdict.name(),
        "asvs": rule.asvs,
        "source": rule.source,
        "how": rule.how,
        "remedy": rule.remedy,
        "why": item.why,
        "evidence": item.evidence.iter().map(evidence).collect::<Value>(),
    })
}

fn evidence((evidence, accepted): &(Evidence, bool)) -> Value {
    let (file, line, commit) = match &evidence.place {
        Place::File { path, line, commit } => (Some(path), *line, commit.as_ref()),
        Place::Named(_) => (None, None, None),
    };
    json!({
        "place": evidence.place.to_string(),
        "file": file,
        "line": line,
        "commit": commit,
        "what": evidence.what,
        "accepted": accepted,
    })
}
