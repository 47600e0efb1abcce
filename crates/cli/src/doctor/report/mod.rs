//! What became of every rule, in four forms.

mod html;
mod json;
mod sarif;
mod table;

pub(super) use self::html::html;
pub(super) use self::json::json;
pub(super) use self::sarif::sarif;
pub(super) use self::table::table;

use std::time::SystemTime;

use super::facts::Facts;
use super::rule::{Area, Check, Evidence, Outcome, Rule, Unknown};
use super::rules;

/// What became of every rule, in the order of the checklist.
pub(super) struct Report {
    items: Vec<Item>,
    /// Where each area's facts came from, for those that are there.
    subjects: Vec<(Area, String)>,
    at: SystemTime,
}

/// A rule and what became of it.
pub(super) struct Item {
    rule: &'static Rule,
    verdict: Verdict,
    /// Each with whether it was accepted beforehand.
    evidence: Vec<(Evidence, bool)>,
    /// Why it was not checked.
    why: Option<String>,
}

/// In one word, what became of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Something was found.
    Found,
    /// It should have been checked and could not be.
    Failed,
    /// All that was found was accepted beforehand.
    Accepted,
    /// Nothing was found.
    Passed,
    /// Nobody asked for it.
    NotChecked,
}

impl Verdict {
    const ALL: [Self; 5] = [
        Self::Found,
        Self::Failed,
        Self::Accepted,
        Self::Passed,
        Self::NotChecked,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::Failed => "failed",
            Self::Accepted => "accepted",
            Self::Passed => "passed",
            Self::NotChecked => "not_checked",
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::Failed => "could not be checked",
            Self::Accepted => "accepted",
            Self::Passed => "passed",
            Self::NotChecked => "not checked",
        }
    }
}

impl Report {
    /// Judges every rule. `accepted` has rules whose findings are borne, as `RULE[:PLACE]`.
    pub(super) fn new(facts: &Facts, accepted: &[String]) -> Self {
        let items = rules::all().map(|rule| item(rule, judge(rule, facts), accepted));
        Self {
            items: items.collect(),
            subjects: facts.subjects(),
            at: SystemTime::now(),
        }
    }

    /// Those of `accepted` that fit nothing in what was checked: the next mistake could hide
    /// behind them.
    pub(super) fn stale<'a>(&'a self, accepted: &'a [String]) -> impl Iterator<Item = &'a String> {
        accepted.iter().filter(|entry| {
            let id = entry.split(':').next().unwrap_or_default();
            let mut own = self.items.iter().filter(|item| item.rule.id == id);
            own.any(|item| match item.verdict {
                Verdict::Failed | Verdict::NotChecked => false,
                _ => !item
                    .evidence
                    .iter()
                    .any(|(found, _)| accepts(entry, item.rule, found)),
            })
        })
    }

    /// Whether no rule was asked for.
    pub(super) fn is_empty(&self) -> bool {
        self.count(Verdict::NotChecked) == self.items.len()
    }

    pub(super) fn count(&self, verdict: Verdict) -> usize {
        self.of(verdict).count()
    }

    fn of(&self, verdict: Verdict) -> impl Iterator<Item = &Item> {
        self.items
            .iter()
            .filter(move |item| item.verdict == verdict)
    }

    fn in_area(&self, area: Area) -> impl Iterator<Item = &Item> {
        self.items
            .iter()
            .filter(move |item| item.rule.check.area() == area)
    }
}

fn judge(rule: &Rule, facts: &Facts) -> Outcome {
    match rule.check {
        Check::Environment(check) => check(facts.environment.as_ref().map_err(Clone::clone)?),
        Check::Keys(check) => check(facts.keys.as_ref().map_err(Clone::clone)?),
        Check::Policy(check) => check(facts.policy.as_ref().map_err(Clone::clone)?),
        Check::Repository(check) => check(facts.repository.as_ref().map_err(Clone::clone)?),
        Check::Server(check) => check(facts.server.as_ref().map_err(Clone::clone)?),
    }
}

fn item(rule: &'static Rule, outcome: Outcome, accepted: &[String]) -> Item {
    let is_accepted =
        |evidence: &Evidence| accepted.iter().any(|entry| accepts(entry, rule, evidence));
    let (verdict, evidence, why) = match outcome {
        Ok(found) => {
            let evidence: Vec<_> = found
                .into_iter()
                .map(|evidence| {
                    let borne = is_accepted(&evidence);
                    (evidence, borne)
                })
                .collect();
            let verdict = match evidence.iter().all(|(_, borne)| *borne) {
                false => Verdict::Found,
                true if evidence.is_empty() => Verdict::Passed,
                true => Verdict::Accepted,
            };
            (verdict, evidence, None)
        }
        Err(Unknown::Failed(why)) => (Verdict::Failed, Vec::new(), Some(why)),
        Err(Unknown::NotAsked(why)) => (Verdict::NotChecked, Vec::new(), Some(why)),
    };
    Item {
        rule,
        verdict,
        evidence,
        why,
    }
}

/// Whether `entry`, a rule or `RULE:PLACE`, is about this finding.
fn accepts(entry: &str, rule: &Rule, evidence: &Evidence) -> bool {
    match entry.split_once(':') {
        Some((id, place)) => id == rule.id && evidence.place.to_string().starts_with(place),
        None => entry == rule.id,
    }
}

/// `v5.0.0-3.4.1`, the form in which the ASVS asks to be cited; a dash where it has nothing.
fn cited(asvs: &str) -> String {
    if asvs.is_empty() {
        return "–".to_owned();
    }
    let numbers = asvs.split(", ");
    let cited: Vec<_> = numbers
        .map(|number| format!("v{}-{number}", super::rule::ASVS))
        .collect();
    cited.join(", ")
}

/// Lines that nobody can take for something else: no control characters, whoever sent them.
fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}
