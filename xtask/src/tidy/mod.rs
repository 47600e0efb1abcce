//! The rules of the house that a machine can check, as a command and as a test.

mod adapters;
mod bans;
mod dependencies;
mod promises;
mod sources;

use std::fmt;

use anyhow::{Result, bail};

use crate::tree::Tree;

/// One place that breaks a rule.
#[derive(Debug)]
struct Finding {
    path: String,
    /// Counted from 1.
    line: usize,
    what: String,
    instead: String,
}

impl Finding {
    fn new(path: &str, line: usize, what: impl Into<String>, instead: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line,
            what: what.into(),
            instead: instead.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            path,
            line,
            what,
            instead,
        } = self;
        write!(f, "{path}:{line}: {what}; {instead}")
    }
}

/// Checks the repository and prints every finding.
///
/// # Errors
/// If there is one.
pub(crate) fn run() -> Result<()> {
    let findings = check(&Tree::read()?);
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => println!("{} rules, no finding", RULES.len()),
        1 => bail!("1 finding"),
        n => bail!("{n} findings"),
    }
    Ok(())
}

fn check(tree: &Tree) -> Vec<Finding> {
    RULES.iter().flat_map(|rule| rule(tree)).collect()
}

const RULES: [fn(&Tree) -> Vec<Finding>; 13] = [
    adapters::stay_within_the_budget,
    bans::forbidden_text,
    bans::stale_exceptions,
    dependencies::libraries_know_only_their_row,
    dependencies::nobody_uses_an_end,
    promises::every_builder_method_is_in_the_manual,
    promises::every_named_place_exists,
    promises::every_reason_has_a_case,
    promises::every_reason_is_in_the_manual,
    promises::every_rule_is_stated_once,
    sources::modules_say_what_they_are,
    sources::modules_stay_short,
    sources::no_trailing_space,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_is_tidy() {
        let tree = Tree::read().expect("the repository is readable");
        let findings: Vec<_> = check(&tree).iter().map(Finding::to_string).collect();
        assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
    }

    /// Asserts that `rule` finds exactly `want` in `tree`, each as `path:line: what`.
    pub(super) fn finds(rule: fn(&Tree) -> Vec<Finding>, tree: &Tree, want: &[&str]) {
        let found = rule(tree).into_iter();
        let found: Vec<_> = found
            .map(|f| format!("{}:{}: {}", f.path, f.line, f.what))
            .collect();
        assert_eq!(found, want);
    }
}
