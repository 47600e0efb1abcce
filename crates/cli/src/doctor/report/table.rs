//! The report for people at a terminal.

use std::fmt::Write;

use super::{Item, Report, Verdict, cited, plain};
use crate::doctor::rule::{Area, Severity};
use crate::doctor::rules::FOR_PEOPLE;

pub(in crate::doctor) fn table(report: &Report, colours: bool) -> String {
    let mut page = Page {
        text: String::new(),
        colours,
    };
    for area in Area::ALL {
        page.area(area, report);
    }
    let heading = page.paint(BOLD, "for people");
    page.line(&format!("{heading}  what no program sees from here\n"));
    for item in FOR_PEOPLE {
        let source = page.paint(DIM, &format!("({})", item.source));
        page.line(&format!("  [ ] {} {source}", item.title));
        page.line(&format!("      {}", item.look_at));
    }
    page.line("");
    let counts = Verdict::ALL.map(|v| format!("{} {}", report.count(v), v.words()));
    page.line(&format!(
        "{}, {} for people",
        counts.join(", "),
        FOR_PEOPLE.len()
    ));
    page.text
}

struct Page {
    text: String,
    colours: bool,
}

impl Page {
    fn area(&mut self, area: Area, report: &Report) {
        let items: Vec<_> = report.in_area(area).collect();
        let heading = self.paint(BOLD, area.name());
        let first = items.first().map(|item| (item.verdict, &item.why));
        // An area that is not there is one line.
        if let Some((verdict @ (Verdict::NotChecked | Verdict::Failed), Some(why))) = first
            && items.iter().all(|item| item.why.as_ref() == Some(why))
        {
            let words = self.paint(colour(verdict), verdict.words());
            self.line(&format!("{heading}  {words}: {}\n", plain(why)));
            return;
        }
        let held = items
            .iter()
            .filter(|item| item.verdict == Verdict::Passed)
            .count();
        self.line(&format!("{heading}  {held} of {} hold\n", items.len()));
        for item in items {
            self.item(item);
        }
        self.line("");
    }

    fn item(&mut self, item: &Item) {
        let rule = item.rule;
        let (sign, verdict) = (sign(item.verdict), item.verdict);
        let sign = self.paint(colour(verdict), sign);
        let severity = match verdict {
            Verdict::Found => self.paint(
                severity(rule.severity),
                &format!("{:<6}", rule.severity.name()),
            ),
            _ => " ".repeat(6),
        };
        self.line(&format!(
            "  {sign} {severity} {:<22} {}",
            rule.id, rule.title
        ));
        let indent = " ".repeat(11);
        if let Some(why) = &item.why {
            let why = self.paint(DIM, &plain(why));
            self.line(&format!("{indent}{}: {why}", verdict.words()));
        }
        for (evidence, accepted) in &item.evidence {
            let (place, what) = (plain(&evidence.place.to_string()), plain(&evidence.what));
            let borne = if *accepted { " (accepted)" } else { "" };
            self.line(&format!("{indent}{place}  {what}{borne}"));
        }
        if verdict == Verdict::Found {
            self.line(&format!("{indent}→ {}", rule.remedy));
            let from = format!("ASVS {}; {}", cited(rule.asvs), rule.source);
            let from = self.paint(DIM, &from);
            self.line(&format!("{indent}{from}"));
        }
    }

    fn line(&mut self, text: &str) {
        let _ = writeln!(self.text, "{text}");
    }

    fn paint(&self, colour: &str, text: &str) -> String {
        if self.colours {
            format!("\x1b[{colour}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

const fn sign(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Found => "✗",
        Verdict::Failed => "!",
        Verdict::Accepted => "~",
        Verdict::Passed => "✓",
        Verdict::NotChecked => "–",
    }
}

const fn colour(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Found => RED,
        Verdict::Failed => MAGENTA,
        Verdict::Accepted => YELLOW,
        Verdict::Passed => GREEN,
        Verdict::NotChecked => DIM,
    }
}

const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::High => RED,
        Severity::Medium => YELLOW,
        Severity::Low => CYAN,
    }
}

const BOLD: &str = "1";
const DIM: &str = "2";
const RED: &str = "31";
const GREEN: &str = "32";
const YELLOW: &str = "33";
const MAGENTA: &str = "35";
const CYAN: &str = "36";
