//! The conditions of a route, as a file writes them.

use toml::de::DeValue;

use super::reader::{Entry, Reader};
use crate::policy::{Level, Requirement, Reverification};

impl Reader<'_> {
    /// All of these conditions; `None` where there is none.
    pub(super) fn conditions(&mut self, entries: &[Entry]) -> Option<Requirement> {
        let parts = entries.iter().filter_map(|entry| self.condition(entry));
        parts.reduce(Requirement::and_all)
    }

    /// The conditions of a table that has nothing else.
    pub(super) fn condition_table(&mut self, entry: &Entry) -> Option<Requirement> {
        let entries = self.table(entry, "{ no_impersonation = true }")?;
        let (known, unknown): (Vec<_>, Vec<_>) = entries
            .into_iter()
            .partition(|part| CONDITIONS.contains(&&*part.name));
        for part in &unknown {
            self.unknown(part, "a condition", &[&CONDITIONS]);
        }
        if known.is_empty() && unknown.is_empty() {
            let remedy = "write a condition, such as no_impersonation = true";
            self.mistake(entry, "demands nothing", remedy);
        }
        self.conditions(&known)
    }

    fn condition(&mut self, entry: &Entry) -> Option<Requirement> {
        match &*entry.name {
            "all" => self.all(entry),
            "feature" => Some(Requirement::feature(self.text(entry, "audit_log")?)),
            "no_impersonation" => self.flag(entry)?.then(Requirement::no_impersonation),
            "permission" => Some(Requirement::permission(self.text(entry, "org:posts:edit")?)),
            "plan" => Some(Requirement::plan(self.text(entry, "org:pro")?)),
            "reverification" => Some(Requirement::reverified(self.reverification(entry)?)),
            "role" => Some(Requirement::role(self.text(entry, "org:admin")?)),
            "token_age" => Some(Requirement::token_age(self.integer(entry, "300")?)),
            _ => None,
        }
    }

    fn all(&mut self, entry: &Entry) -> Option<Requirement> {
        let DeValue::Array(_) = &entry.value else {
            let problem = format!("is of type {}", entry.value.type_str());
            self.mistake(entry, problem, ALL_REMEDY);
            return None;
        };
        let items = Self::items(entry);
        if items.is_empty() {
            self.mistake(entry, "demands nothing", ALL_REMEDY);
        }
        let mut found = None;
        for item in &items {
            let more = self.condition_table(item);
            found = match (found, more) {
                (Some(one), Some(more)) => Some(Requirement::and_all(one, more)),
                (one, more) => one.or(more),
            };
        }
        found
    }

    fn reverification(&mut self, entry: &Entry) -> Option<Reverification> {
        if let DeValue::String(name) = &entry.value {
            return self.preset(entry, name);
        }
        let (mut preset, mut level, mut minutes, mut demanding) = (None, None, None, false);
        for part in self.table(entry, r#""strict""#)? {
            match &*part.name {
                "preset" => preset = Some(part),
                "level" => level = Some(part),
                "after_minutes" => minutes = Some(part),
                "demanding_second_factor" => demanding = self.flag(&part) == Some(true),
                _ => self.unknown(&part, "a reverification", &[&REVERIFICATION]),
            }
        }
        let demand = match (preset, level, minutes) {
            (Some(part), None, None) => {
                let name = self.text(&part, "strict")?;
                self.preset(&part, &name)
            }
            (None, Some(level), Some(minutes)) => {
                let (level, minutes) = (self.level(&level), self.minutes(&minutes));
                Some(Reverification::within(level?, minutes?))
            }
            _ => {
                let problem = "is neither a preset nor a level with its minutes";
                let remedy = r#"write "strict" or { level = "second_factor", after_minutes = 10 }"#;
                self.mistake(entry, problem, remedy);
                None
            }
        }?;
        Some(if demanding {
            demand.demanding_second_factor()
        } else {
            demand
        })
    }

    fn preset(&mut self, entry: &Entry, name: &str) -> Option<Reverification> {
        match name {
            "strict_mfa" => Some(Reverification::STRICT_MFA),
            "strict" => Some(Reverification::STRICT),
            "moderate" => Some(Reverification::MODERATE),
            "lax" => Some(Reverification::LAX),
            _ => {
                let problem = format!("is {name:?}, which is no preset");
                let remedy = r#"write "strict_mfa", "strict", "moderate" or "lax""#;
                self.mistake_near(entry, problem, name, &[&PRESETS], remedy);
                None
            }
        }
    }

    fn level(&mut self, entry: &Entry) -> Option<Level> {
        let name = self.text(entry, "second_factor")?;
        match &*name {
            "first_factor" => Some(Level::FirstFactor),
            "multi_factor" => Some(Level::MultiFactor),
            "second_factor" => Some(Level::SecondFactor),
            _ => {
                let problem = format!("is {name:?}, which is no level");
                let remedy = r#"write "first_factor", "second_factor" or "multi_factor""#;
                self.mistake_near(entry, problem, &name, &[&LEVELS], remedy);
                None
            }
        }
    }

    fn minutes(&mut self, entry: &Entry) -> Option<u32> {
        let minutes = self.integer(entry, "10")?;
        let found = u32::try_from(minutes).ok();
        if found.is_none() {
            let problem = format!("is {minutes}, which is no time");
            self.mistake(entry, problem, "write after_minutes = 10");
        }
        found
    }
}

/// The keys of conditions.
pub(super) const CONDITIONS: [&str; 8] = [
    "all",
    "feature",
    "no_impersonation",
    "permission",
    "plan",
    "reverification",
    "role",
    "token_age",
];

const REVERIFICATION: [&str; 4] = [
    "after_minutes",
    "demanding_second_factor",
    "level",
    "preset",
];

const PRESETS: [&str; 4] = ["lax", "moderate", "strict", "strict_mfa"];

const LEVELS: [&str; 3] = ["first_factor", "multi_factor", "second_factor"];

const ALL_REMEDY: &str = r#"write all = [{ permission = "a" }, { permission = "b" }]"#;
