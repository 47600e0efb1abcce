//! The report for machines that read JUnit's XML.

use std::fmt::Write;

use super::{Report, Verdict, escaped};

/// The whole document.
pub(super) fn document(report: &Report<'_>) -> String {
    let mut xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n".to_owned();
    for adapter in &report.adapters {
        let trials = report.run().filter_map(|case| {
            let (_, verdict) = report.verdicts(case).find(|(name, _)| name == adapter)?;
            Some((case.area(), case.name.as_str(), verdict))
        });
        suite(&mut xml, adapter, &trials.collect::<Vec<_>>());
    }
    let canaries = report.canaries();
    let canaries = canaries.map(|(name, _, verdict)| ("canary", name, verdict));
    suite(&mut xml, "canaries", &canaries.collect::<Vec<_>>());
    xml + "</testsuites>\n"
}

/// Area, name and verdict of each trial. What was not run has no suite.
fn suite(xml: &mut String, name: &str, trials: &[(&str, &str, &Verdict)]) {
    if trials.is_empty() {
        return;
    }
    let failures = trials
        .iter()
        .filter(|(.., verdict)| verdict.is_err())
        .count();
    let (name, tests) = (escaped(name), trials.len());
    // Writing to a String cannot fail.
    let _ = writeln!(
        xml,
        "<testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\">"
    );
    for (area, name, verdict) in trials {
        let (area, name) = (escaped(area), escaped(name));
        let failure = verdict.as_ref().err().map(|text| {
            let text = escaped(text);
            format!("<failure>{text}</failure>")
        });
        let failure = failure.unwrap_or_default();
        let _ = writeln!(
            xml,
            "<testcase classname=\"{area}\" name=\"{name}\">{failure}</testcase>"
        );
    }
    xml.push_str("</testsuite>\n");
}
