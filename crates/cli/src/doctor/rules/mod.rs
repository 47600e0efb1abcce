//! The checklist: every rule that a program can check, and what is left for people.

mod cookies;
mod csp;
mod environment;
mod headers;
mod keys;
mod leaks;
mod origins;
mod people;
mod policy;
mod repository;
mod routes;
mod transport;
mod webhooks;

pub(super) use self::people::FOR_PEOPLE;

use super::rule::Rule;

/// Every rule, in the order of reports.
pub(super) fn all() -> impl Iterator<Item = &'static Rule> {
    [
        repository::RULES,
        environment::RULES,
        keys::RULES,
        policy::RULES,
        transport::RULES,
        headers::RULES,
        csp::RULES,
        cookies::RULES,
        routes::RULES,
        origins::RULES,
        webhooks::RULES,
        leaks::RULES,
    ]
    .into_iter()
    .flatten()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::fmt::Write;
    use std::{env, fs};

    use super::*;
    use crate::doctor::rule::{Area, Severity};

    #[test]
    fn every_rule_says_what_to_know_about_it() {
        let mut ids = HashSet::new();
        for rule in all() {
            let id = rule.id;
            assert!(ids.insert(id), "{id} is there twice");
            let is_word = |b: u8| b.is_ascii_lowercase() || b == b'-';
            assert!(id.bytes().all(is_word), "{id}");
            for text in [rule.title, rule.how, rule.remedy, rule.source] {
                assert!(text.len() > 8 && !text.ends_with('.'), "{id}: {text:?}");
                assert!(!text.contains('|'), "{id}: {text:?} would break its table");
            }
            let is_number = |n: &str| n.parse::<u8>().is_ok();
            let is_asvs = rule.asvs.split('.').all(is_number) && rule.asvs.split('.').count() == 3;
            assert!(rule.asvs.is_empty() || is_asvs, "{id}: {:?}", rule.asvs);
            // Without a requirement behind it, a rule is worth no more than a warning.
            let is_mild = rule.severity != Severity::High;
            assert!(
                !rule.asvs.is_empty()
                    || is_mild
                    || id.starts_with("env-")
                    || id.starts_with("keys-"),
                "{id}"
            );
        }
    }

    /// `UPDATE_EXPECT=1` writes the page.
    #[test]
    fn the_manual_lists_every_rule() {
        let page = fs::read_to_string(PAGE).unwrap();
        let (before, rest) = page.split_once(BEGIN).unwrap();
        let (_, after) = rest.split_once(END).unwrap();
        let want = format!("{before}{BEGIN}{}{END}{after}", tables());
        if env::var_os("UPDATE_EXPECT").is_some() {
            fs::write(PAGE, &want).unwrap();
        } else {
            assert!(
                page == want,
                "{PAGE} is out of date; run the test with UPDATE_EXPECT=1"
            );
        }
    }

    fn tables() -> String {
        let mut text = String::new();
        for area in Area::ALL {
            let name = area.name();
            writeln!(text, "\n## {name}\n\n| Rule | What holds | If not | How it is checked | Remedy | ASVS | From |").unwrap();
            writeln!(text, "|---|---|---|---|---|---|---|").unwrap();
            for rule in all().filter(|rule| rule.check.area() == area) {
                let asvs = if rule.asvs.is_empty() {
                    "–"
                } else {
                    rule.asvs
                };
                let severity = rule.severity.name();
                let cells = [
                    rule.title,
                    severity,
                    rule.how,
                    rule.remedy,
                    asvs,
                    rule.source,
                ];
                writeln!(
                    text,
                    "| `{}` | {} |",
                    rule.id,
                    cells.map(literal).join(" | ")
                )
                .unwrap();
            }
        }
        writeln!(
            text,
            "\n## For people\n\n| What holds | Look at | ASVS | From |\n|---|---|---|---|"
        )
        .unwrap();
        for item in FOR_PEOPLE {
            let asvs = if item.asvs.is_empty() {
                "–"
            } else {
                item.asvs
            };
            let cells = [item.title, item.look_at, asvs, item.source];
            writeln!(text, "| {} |", cells.map(literal).join(" | ")).unwrap();
        }
        text.push('\n');
        text
    }

    /// Markdown that shows a text as it stands: names and values as code, stars as stars.
    fn literal(text: &str) -> String {
        let words = text.split(' ').map(|word| {
            let bare = word.trim_end_matches([',', ';', ':', '.', ')']);
            let is_code = bare.contains("://")
                || bare.contains(['_', '*', '{', '$'])
                || bare.starts_with(['.', '-', '!', '/']);
            match word.strip_prefix(bare) {
                Some(tail) if is_code && !bare.is_empty() => {
                    format!("`{bare}`{tail}")
                }
                _ => word.to_owned(),
            }
        });
        words.collect::<Vec<_>>().join(" ")
    }

    const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../core/src/manual/doctor.md");
    const BEGIN: &str = "<!-- rules -->\n";
    const END: &str = "<!-- end -->\n";
}
