//! The report as one page: no script, nothing from elsewhere, light and dark.

use std::fmt::Write;

use super::{Item, Report, Verdict, cited, plain};
use crate::doctor::rule::Area;
use crate::doctor::rules::FOR_PEOPLE;

pub(in crate::doctor) fn html(report: &Report) -> String {
    let mut page = HEAD.replace("/*style*/", STYLE);
    summary(&mut page, report);
    open(&mut page, report);
    for area in Area::ALL {
        section(&mut page, report, area);
    }
    people(&mut page);
    page.push_str(FOOT);
    page
}

fn summary(page: &mut String, report: &Report) {
    let (found, failed) = (report.count(Verdict::Found), report.count(Verdict::Failed));
    let (class, words) = match (found, failed) {
        (0, 0) => ("passed", "Nothing was found.".to_owned()),
        (0, n) => ("failed", format!("{} could not be checked.", rules(n))),
        (n, 0) => ("found", format!("{} broken.", are(n))),
        (n, m) => (
            "found",
            format!("{} broken, {m} could not be checked.", are(n)),
        ),
    };
    put(
        page,
        format_args!("<p class=\"headline {class}\">{words}</p>\n<dl>\n"),
    );
    for (area, name) in &report.subjects {
        let (area, name) = (upper(area.name()), escape(name));
        put(
            page,
            format_args!("<div><dt>{area}</dt><dd><code>{name}</code></dd></div>\n"),
        );
    }
    let at = httpdate::fmt_http_date(report.at);
    put(
        page,
        format_args!("<div><dt>Checked</dt><dd>{at}</dd></div>\n</dl>\n<ul class=\"counts\">\n"),
    );
    for verdict in Verdict::ALL {
        let (name, words, count) = (verdict.name(), verdict.words(), report.count(verdict));
        put(
            page,
            format_args!("<li class=\"{name}\"><b>{count}</b> {words}</li>\n"),
        );
    }
    let count = FOR_PEOPLE.len();
    put(
        page,
        format_args!(
            "<li class=\"people\"><b>{count}</b> for people</li>\n</ul>\n</header>\n<main>\n"
        ),
    );
}

fn are(n: usize) -> String {
    format!("{} {}", rules(n), if n == 1 { "is" } else { "are" })
}

fn rules(n: usize) -> String {
    match n {
        1 => "1 rule".to_owned(),
        n => format!("{n} rules"),
    }
}

/// What to do, worst first.
fn open(page: &mut String, report: &Report) {
    let mut items: Vec<_> = report
        .of(Verdict::Found)
        .chain(report.of(Verdict::Failed))
        .collect();
    items.sort_by_key(|item| item.rule.severity);
    if items.is_empty() {
        return;
    }
    page.push_str("<section aria-labelledby=\"do\">\n<h2 id=\"do\">To do</h2>\n");
    for item in items {
        card(page, item);
    }
    page.push_str("</section>\n");
}

fn card(page: &mut String, item: &Item) {
    let rule = item.rule;
    let severity = rule.severity.name();
    put(
        page,
        format_args!(
            "<article class=\"{severity}\" id=\"{id}\">\n<h3><span class=\"severity {severity}\">{severity}</span> {title}</h3>\n<p class=\"id\"><code>{id}</code></p>\n",
            id = rule.id,
            title = escape(rule.title),
        ),
    );
    if let Some(why) = &item.why {
        put(
            page,
            format_args!("<p>Could not be checked: {}</p>\n", escape(why)),
        );
    }
    evidence(page, item);
    put(
        page,
        format_args!(
            "<p class=\"remedy\"><strong>Remedy</strong> {}.</p>\n<p class=\"from\">{}. OWASP ASVS {}. From: {}.</p>\n</article>\n",
            escape(rule.remedy),
            escape(&upper(rule.how)),
            escape(&cited(rule.asvs)),
            escape(rule.source),
        ),
    );
}

fn evidence(page: &mut String, item: &Item) {
    if item.evidence.is_empty() {
        return;
    }
    page.push_str("<ul class=\"evidence\">\n");
    for (evidence, accepted) in &item.evidence {
        let (place, what) = (escape(&evidence.place.to_string()), escape(&evidence.what));
        let borne = if *accepted { " <i>(accepted)</i>" } else { "" };
        put(
            page,
            format_args!("<li><code>{place}</code> {what}{borne}</li>\n"),
        );
    }
    page.push_str("</ul>\n");
}

/// Every rule of an area, with what became of it.
fn section(page: &mut String, report: &Report, area: Area) {
    let name = area.name();
    let items: Vec<_> = report.in_area(area).collect();
    let count = |verdict| items.iter().filter(|item| item.verdict == verdict).count();
    put(
        page,
        format_args!(
            "<section aria-labelledby=\"{name}\">\n<h2 id=\"{name}\">{} <small>{} of {} hold</small></h2>\n",
            upper(name),
            count(Verdict::Passed),
            items.len(),
        ),
    );
    page.push_str("<div class=\"scroll\" tabindex=\"0\"><table>\n<thead><tr><th scope=\"col\">Result</th><th scope=\"col\">Rule</th><th scope=\"col\">How it is checked</th><th scope=\"col\">ASVS</th></tr></thead>\n<tbody>\n");
    for item in items {
        let rule = item.rule;
        let (verdict, words) = (item.verdict.name(), item.verdict.words());
        let title = match item.verdict {
            Verdict::Found | Verdict::Failed => {
                format!("<a href=\"#{}\">{}</a>", rule.id, escape(rule.title))
            }
            _ => escape(rule.title),
        };
        put(
            page,
            format_args!(
                "<tr class=\"{verdict}\"><td><span class=\"verdict\">{words}</span></td><td>{title}<br><code>{}</code>",
                rule.id,
            ),
        );
        if item.verdict == Verdict::Accepted {
            evidence(page, item);
        }
        let why = item
            .why
            .as_deref()
            .filter(|_| item.verdict == Verdict::NotChecked);
        if let Some(why) = why {
            put(
                page,
                format_args!("<br><span class=\"why\">{}</span>", escape(why)),
            );
        }
        put(
            page,
            format_args!(
                "</td><td>{}</td><td class=\"asvs\">{}</td></tr>\n",
                escape(rule.how),
                escape(&cited(rule.asvs)),
            ),
        );
    }
    page.push_str("</tbody>\n</table></div>\n</section>\n");
}

fn people(page: &mut String) {
    page.push_str("<section aria-labelledby=\"people\">\n<h2 id=\"people\">For people</h2>\n<p>What no program sees from here. None of it counts as passed.</p>\n<ul class=\"people\">\n");
    for item in FOR_PEOPLE {
        put(
            page,
            format_args!(
                "<li><b>{}.</b> Look at {}. <span class=\"from\">OWASP ASVS {}. From: {}.</span></li>\n",
                escape(item.title),
                escape(item.look_at),
                escape(&cited(item.asvs)),
                escape(item.source),
            ),
        );
    }
    page.push_str("</ul>\n</section>\n");
}

fn put(page: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = page.write_fmt(text);
}

fn upper(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(chars).collect()
}

/// Text of servers and files is text here, whatever it says.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for c in plain(text).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

const HEAD: &str = include_str!("head.html");
const STYLE: &str = include_str!("style.css");
const FOOT: &str = concat!(
    "</main>\n<footer><p>clerk-gate doctor ",
    env!("CARGO_PKG_VERSION"),
    "</p></footer>\n</body>\n</html>\n"
);
