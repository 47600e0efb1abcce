//! What became of every trial: as a matrix for the terminal, and as files for others.

mod html;
mod junit;

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Map, Value, json};

use crate::case::{Case, Difference, Exchange};
use crate::profiles::CANARIES;

/// The trials that were run, and why some failed.
#[derive(Debug, Default)]
pub struct Results {
    /// By the name of the case and the adapter.
    pub cases: BTreeMap<(String, &'static str), Verdict>,
    /// By the name of the canary.
    pub canaries: BTreeMap<&'static str, Verdict>,
}

/// Passed, or the text of the failure.
pub type Verdict = std::result::Result<(), String>;

/// Everything that a report can tell.
#[derive(Debug)]
pub struct Report<'s> {
    /// All cases in order, run or not.
    pub cases: &'s [Case],
    /// The adapters under test in order.
    pub adapters: Vec<&'static str>,
    /// What became of the trials.
    pub results: &'s Results,
}

impl Report<'_> {
    /// Passed trials of all trials that were run, by area and adapter; empty if there were none.
    pub fn matrix(&self) -> String {
        if self.results.cases.is_empty() {
            return String::new();
        }
        let mut text = format!("{:12}", "");
        for adapter in &self.adapters {
            let _ = write!(text, "{adapter:>10}");
        }
        for area in self.areas() {
            let _ = write!(text, "\n{area:12}");
            for adapter in &self.adapters {
                let cell = self
                    .score(area, adapter)
                    .map_or_else(|| "-".to_owned(), fraction);
                let _ = write!(text, "{cell:>10}");
            }
        }
        text
    }

    /// One page that needs nothing but itself.
    pub fn html(&self) -> String {
        html::page(self)
    }

    /// Cases with their verdicts by adapter, and the canaries; `null` is a pass.
    pub fn json(&self) -> String {
        let cases = self.run().map(|case| {
            let results = self.verdicts(case);
            let results = results.map(|(adapter, verdict)| (adapter.to_owned(), failure(verdict)));
            let differences = differences(case).map(|(_, difference)| {
                json!({ "adapters": difference.adapters, "because": difference.because })
            });
            json!({
                "name": case.name,
                "rule": case.rule,
                "profile": case.profile,
                "differences": differences.collect::<Vec<_>>(),
                "results": results.collect::<Map<_, _>>(),
            })
        });
        let canaries = self.canaries().map(|(name, witness, verdict)| {
            json!({ "name": name, "case": witness, "result": failure(verdict) })
        });
        let (cases, canaries) = (cases.collect(), canaries.collect());
        let report = [
            ("adapters", json!(self.adapters)),
            ("cases", Value::Array(cases)),
            ("canaries", Value::Array(canaries)),
        ];
        format!("{:#}\n", Value::from_iter(report))
    }

    /// A suite for each adapter and one for the canaries, in the words of JUnit's XML.
    pub fn junit(&self) -> String {
        junit::document(self)
    }

    /// The cases that were run on some adapter.
    fn run(&self) -> impl Iterator<Item = &Case> {
        self.cases
            .iter()
            .filter(|case| self.verdicts(case).next().is_some())
    }

    /// The adapters that a case was run on, in order.
    fn verdicts(&self, case: &Case) -> impl Iterator<Item = (&'static str, &Verdict)> {
        self.adapters.iter().filter_map(|adapter| {
            let verdict = self.results.cases.get(&(case.name.clone(), adapter))?;
            Some((*adapter, verdict))
        })
    }

    /// The canaries that were run: name, the case that must notice, and whether it did.
    fn canaries(&self) -> impl Iterator<Item = (&'static str, &'static str, &Verdict)> {
        CANARIES.iter().filter_map(|(name, witness)| {
            let verdict = self.results.canaries.get(name)?;
            Some((*name, *witness, verdict))
        })
    }

    fn areas(&self) -> Vec<&str> {
        let mut areas: Vec<_> = self.run().map(Case::area).collect();
        areas.dedup();
        areas
    }

    /// Passed and all trials of an adapter in an area, if there were any.
    fn score(&self, area: &str, adapter: &str) -> Option<(usize, usize)> {
        let here = self.run().filter(|case| case.area() == area);
        let verdicts = here.flat_map(|case| self.verdicts(case));
        let of_adapter = verdicts.filter(|(name, _)| *name == adapter);
        let score = of_adapter.fold((0, 0), |(passed, all), (_, verdict)| {
            (passed + usize::from(verdict.is_ok()), all + 1)
        });
        (score.1 > 0).then_some(score)
    }
}

/// The differences that a case admits, each with its exchange.
fn differences(case: &Case) -> impl Iterator<Item = (&Exchange, &Difference)> {
    case.exchanges
        .iter()
        .flat_map(|exchange| exchange.differences.iter().map(move |d| (exchange, d)))
}

fn fraction((passed, all): (usize, usize)) -> String {
    format!("{passed}/{all}")
}

fn failure(verdict: &Verdict) -> Value {
    verdict
        .as_ref()
        .err()
        .map_or(Value::Null, |text| json!(text))
}

/// Text for HTML and XML, inside elements and inside quoted attributes.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // XML has no way to write the other controls.
            _ if char.is_control() && !matches!(char, '\n' | '\t') => escaped.push('\u{fffd}'),
            _ => escaped.push(char),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    const TEXT: &str = "# A <rule> & more.\nprofile: p\n> GET /<b> HTTP/1.1\n>\n< 200\n\
                        <axum\nbecause: it \"must\".\n< 400\n! deny x GET /\n";

    /// One case that axum passes and tower fails, one that was not run.
    fn check(render: fn(&Report<'_>) -> String, wanted: &[&str]) {
        let case = |name: &str| {
            Case::parse(name.to_owned(), PathBuf::from("b.case"), TEXT).expect("a case")
        };
        let cases = [case("a/b"), case("c/d")];
        let mut results = Results::default();
        let key = |adapter| ("a/b".to_owned(), adapter);
        results.cases.insert(key("axum"), Ok(()));
        results
            .cases
            .insert(key("tower"), Err("-<1>\n+2".to_owned()));
        results.canaries.insert(CANARIES[0].0, Ok(()));
        let report = Report {
            cases: &cases,
            adapters: vec!["axum", "tower", "rocket"],
            results: &results,
        };
        let text = render(&report);
        for wanted in wanted {
            assert!(text.contains(wanted), "{wanted} is missing in {text}");
        }
        for raw in ["c/d", "<rule>", "<b>/", "-<1>"] {
            assert!(
                !text.contains(raw) || text.starts_with('{'),
                "{raw} is in {text}"
            );
        }
    }

    #[test]
    fn every_report_tells_what_was_run_and_nothing_else() {
        check(
            |report| report.matrix(),
            &["axum", "\na                  1/1       0/1         -"],
        );
        check(
            |report| report.json(),
            &[
                r#""axum": null"#,
                r#""tower": "-<1>\n+2""#,
                r#""because": "it \"must\".""#,
            ],
        );
        check(
            |report| report.junit(),
            &[
                r#"<testsuite name="axum" tests="1" failures="0">"#,
                r#"<testsuite name="tower" tests="1" failures="1">"#,
                r#"<testcase classname="a" name="a/b">"#,
                "-&lt;1&gt;",
            ],
        );
        check(
            |report| report.html(),
            &[
                "A &lt;rule&gt; &amp; more.",
                "it &quot;must&quot;.",
                "-&lt;1&gt;",
                "GET /&lt;b&gt; HTTP/1.1",
            ],
        );
    }

    #[test]
    fn text_is_escaped_for_elements_and_attributes() {
        assert_eq!(
            escaped("<a href='x' id=\"y\">&\n\u{1}"),
            "&lt;a href=&#39;x&#39; id=&quot;y&quot;&gt;&amp;\n\u{fffd}"
        );
    }
}
