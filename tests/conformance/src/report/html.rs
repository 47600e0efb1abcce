//! The report for people: one page that loads nothing.

use std::fmt::Write;

use super::{Report, Verdict, differences, escaped, fraction};
use crate::case::{Case, Exchange, Expectation};

/// The whole page.
pub(super) fn page(report: &Report<'_>) -> String {
    let areas: String = report
        .areas()
        .iter()
        .map(|area| section(report, area))
        .collect();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>clerk-gate: conformance</title>\n<style>\n{STYLE}</style>\n\
         <header><h1>Every adapter, the same bytes</h1>{summary}</header>\n<main>\n\
         <div class=\"wide\">{matrix}</div>\n{differences}{canaries}\
         <h2>Cases</h2>\n{LEGEND}\
         <input id=\"search\" type=\"search\" placeholder=\"Search in {count} cases\" \
         aria-label=\"Search in the cases\">\n{areas}</main>\n<script>\n{SCRIPT}</script>\n</html>\n",
        summary = summary(report),
        matrix = matrix(report),
        differences = differences_list(report),
        canaries = canaries(report),
        count = report.run().count(),
    )
}

fn summary(report: &Report<'_>) -> String {
    let results = report.results;
    let verdicts = || results.cases.values().chain(results.canaries.values());
    let (all, failed) = (
        verdicts().count(),
        verdicts().filter(|v| v.is_err()).count(),
    );
    let cases = report.run().count();
    let adapters = report.adapters.len();
    let verdict = match failed {
        0 => format!("<strong class=\"pass\">All {all} trials have passed</strong>"),
        _ => format!("<strong class=\"fail\">{failed} of {all} trials have failed</strong>"),
    };
    format!(
        "<p>{verdict}: {cases} cases on {adapters} adapters. Each case sends raw bytes over a \
         socket and compares status, header lines, body and audit events with one expectation.</p>"
    )
}

/// Areas and adapters, with a link to each area.
fn matrix(report: &Report<'_>) -> String {
    let mut html = "<table><tr><th>area</th>".to_owned();
    for adapter in &report.adapters {
        let _ = write!(html, "<th>{}</th>", escaped(adapter));
    }
    for area in report.areas() {
        let name = escaped(area);
        let _ = write!(html, "</tr>\n<tr><th><a href=\"#{name}\">{name}</a></th>");
        for adapter in &report.adapters {
            let cell = match report.score(area, adapter) {
                Some(score) if score.0 == score.1 => format!("<td class=\"pass\">{}</td>", score.1),
                Some(score) => format!("<td class=\"fail\">{}</td>", fraction(score)),
                None => "<td>–</td>".to_owned(),
            };
            html.push_str(&cell);
        }
    }
    html + "</tr></table>"
}

fn differences_list(report: &Report<'_>) -> String {
    let mut html = String::new();
    for case in report.run() {
        for (_, difference) in differences(case) {
            let _ = writeln!(
                html,
                "<li>{link}: <b>{adapters}</b>. {because}</li>",
                link = link(&case.name),
                adapters = escaped(&difference.adapters.join(", ")),
                because = escaped(&difference.because),
            );
        }
    }
    if html.is_empty() {
        return html;
    }
    format!(
        "<h2>Differences</h2>\n<p>Where a framework answers in another way by itself, a case \
         says so and why. Everywhere else the bytes are the same.</p>\n<ul>{html}</ul>\n"
    )
}

fn canaries(report: &Report<'_>) -> String {
    let mut html = String::new();
    for (name, witness, verdict) in report.canaries() {
        let _ = writeln!(
            html,
            "<li>{mark} {name}, by {link}{failure}</li>",
            mark = mark("noticed", verdict, false),
            name = escaped(name),
            link = link(witness),
            failure = failure(name, verdict),
        );
    }
    if html.is_empty() {
        return html;
    }
    format!(
        "<h2>Canaries</h2>\n<p>A suite that cannot fail proves nothing. Each canary is a gate \
         with one check switched off, and the case that must turn red on it.</p>\n\
         <details><summary>{count} canaries</summary><ul>{html}</ul></details>\n",
        count = report.canaries().count(),
    )
}

fn section(report: &Report<'_>, area: &str) -> String {
    let mut html = format!("<section><h3 id=\"{0}\">{0}</h3>\n", escaped(area));
    for case in report.run().filter(|case| case.area() == area) {
        html.push_str(&entry(report, case));
    }
    html + "</section>\n"
}

/// One case: folded it is its rule and a mark for each adapter.
fn entry(report: &Report<'_>, case: &Case) -> String {
    let (mut marks, mut failures) = (String::new(), String::new());
    for (adapter, verdict) in report.verdicts(case) {
        let deviates = differences(case).any(|(_, d)| d.adapters.iter().any(|a| a == adapter));
        marks.push_str(&mark(adapter, verdict, deviates));
        failures.push_str(&failure(adapter, verdict));
    }
    let exchanges: String = case.exchanges.iter().map(exchange).collect();
    let open = if failures.is_empty() { "" } else { " open" };
    format!(
        "<details class=\"case\" id=\"{name}\"{open}><summary><span class=\"rule\">{rule}</span>\
         <code>{name}</code><span class=\"marks\">{marks}</span></summary>\n\
         <p class=\"profile\">Profile <code>{profile}</code>{modes}</p>{failures}{exchanges}</details>\n",
        name = escaped(&case.name),
        rule = escaped(&case.rule),
        profile = escaped(&case.profile),
        modes = modes(case),
    )
}

fn modes(case: &Case) -> String {
    let pipeline = case
        .pipeline
        .then_some(", all requests are sent before an answer is read");
    let socket = case.socket_only.then_some(", over a socket alone");
    pipeline.into_iter().chain(socket).collect()
}

fn exchange(exchange: &Exchange) -> String {
    let mut html = format!(
        "<div class=\"exchange\"><pre>{}</pre><pre>{}</pre></div>\n",
        request(&exchange.request),
        expectation(&exchange.expected)
    );
    for difference in &exchange.differences {
        let _ = writeln!(
            html,
            "<div class=\"difference\"><p><b>{adapters}</b>: {because}</p><pre>{expected}</pre></div>",
            adapters = escaped(&difference.adapters.join(", ")),
            because = escaped(&difference.because),
            expected = expectation(&difference.expected),
        );
    }
    html
}

fn request(lines: &[String]) -> String {
    let lines = lines.iter().enumerate().map(|(index, line)| match index {
        0 => format!("<b>{}</b>\n", escaped(line)),
        _ => escaped(line) + "\n",
    });
    lines.collect()
}

/// The answer, its status in bold, and the audit events behind their mark.
fn expectation(expected: &Expectation) -> String {
    let answer = request(&expected.answer);
    let events = expected.events.iter();
    let events = events.map(|event| format!("<i>! {}</i>\n", escaped(event)));
    answer + &events.collect::<String>()
}

fn mark(text: &str, verdict: &Verdict, deviates: bool) -> String {
    let (class, words) = match (verdict, deviates) {
        (Err(_), _) => ("fail", "failed"),
        (Ok(()), true) => ("differs", "passed with a difference"),
        (Ok(()), false) => ("pass", "passed"),
    };
    let text = escaped(text);
    format!("<span class=\"mark {class}\" title=\"{text}: {words}\">{text}</span>")
}

fn failure(name: &str, verdict: &Verdict) -> String {
    let Err(text) = verdict else {
        return String::new();
    };
    let (name, text) = (escaped(name), escaped(text));
    format!("<pre class=\"failure\"><b>{name}</b>\n{text}</pre>\n")
}

fn link(case: &str) -> String {
    format!("<a href=\"#{0}\"><code>{0}</code></a>", escaped(case))
}

const LEGEND: &str = "<p>Left what is sent, each line with CRLF; right the expected answer and, \
                      behind <i>!</i>, the audit event. <code>{token …}</code> stands for a token \
                      minted for the case, <code>{baseline}</code> for the security headers of \
                      the profile.</p>\n";

const STYLE: &str = include_str!("page.css");

const SCRIPT: &str = include_str!("page.js");
