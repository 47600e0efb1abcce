//! The canonical form of answers and audit events: the whole list of what is not compared.
//!
//! Kept: interim and final status codes, header lines, body. Header names are lower-cased and
//! sorted, repeats keep their order. The names of `IGNORED` are dropped, and so is
//! `content-length`, which the wire has checked against the body. Chunking is undone by the
//! wire. Nothing else is touched.

use std::fmt::Write;

use serde::Deserialize;
use serde_json::Value;

use crate::Result;
use crate::wire::Answer;

/// An answer as lines of text; what is not printable is escaped as in case files.
pub fn answer(answer: &Answer) -> Vec<String> {
    let mut headers: Vec<_> = answer
        .headers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), printable(value)))
        .filter(|(name, _)| !IGNORED.contains(&name.as_str()) && name != "content-length")
        .collect();
    headers.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut lines: Vec<_> = answer.interim.iter().map(u16::to_string).collect();
    lines.push(answer.status.to_string());
    lines.extend(
        headers
            .into_iter()
            .map(|(name, value)| format!("{name}: {value}").trim_end().to_owned()),
    );
    if !answer.body.is_empty() {
        lines.push(String::new());
        lines.extend(answer.body.split(|byte| *byte == b'\n').map(printable));
    }
    lines
}

/// An expected answer as written in a case, in the same form. `{baseline}` stands for those
/// lines of `baseline` whose names the case does not write itself.
pub fn expected(written: &[String], baseline: &[String]) -> Vec<String> {
    let (head, body) = split(written);
    let (mut headers, mut lines): (Vec<_>, Vec<_>) =
        head.iter().cloned().partition(|line| line.contains(':'));
    if let Some(at) = lines.iter().position(|line| line == BASELINE) {
        lines.remove(at);
        let missing = baseline.iter().filter(|line| !has_name(head, name(line)));
        headers.extend(missing.cloned());
    }
    headers.sort_by(|a, b| name(a).cmp(name(b)));
    lines.extend(headers);
    if body.len() > 1 {
        lines.extend(body.iter().cloned());
    }
    lines
}

/// An answer as it is to be written in a case: `{baseline}` instead of its lines where the
/// answer has a header line of each of its names.
pub fn blessed(canonical: &[String], baseline: &[String]) -> Vec<String> {
    let (head, body) = split(canonical);
    let mut lines = head.to_vec();
    if baseline.iter().all(|line| has_name(head, name(line))) {
        let is_alone = |line: &str| {
            head.iter()
                .filter(|other| name(other) == name(line))
                .count()
                == 1
        };
        lines.retain(|line| !(baseline.contains(line) && is_alone(line)));
    }
    if lines.len() < head.len() {
        lines.push(BASELINE.to_owned());
    }
    lines.extend(body.iter().cloned());
    lines
}

/// Status and header lines; the rest, which starts with the empty line.
fn split(lines: &[String]) -> (&[String], &[String]) {
    lines.split_at(
        lines
            .iter()
            .position(String::is_empty)
            .unwrap_or(lines.len()),
    )
}

fn has_name(lines: &[String], wanted: &str) -> bool {
    lines.iter().any(|line| name(line) == wanted)
}

/// An audit event, from the JSON line that the sink has written.
///
/// `<allow|deny|redirect> <reason or -> METHOD PATH rule=…`, then what there is of `user=…`,
/// `session=…`, `organization=…`, `actor=…`, `delivery=…`, `sensitive` and `observed=…`. The
/// time must be the fixed one and is not repeated.
///
/// # Errors
/// A line that is not an event, or is not of the time `now` in seconds since the epoch.
pub fn event(json: &str, now: i64) -> Result<String> {
    let event: Event =
        serde_json::from_str(json).map_err(|e| format!("audit line {json:?} is no event: {e}"))?;
    if event.time != now {
        return Err(format!("audit line {json:?} is not of the time {now}").into());
    }
    let outcome = match event.outcome.as_str() {
        "proceed" => "allow",
        "refuse" => "deny",
        other => other,
    };
    let reason = event.reason.as_deref().unwrap_or("-");
    let mut text = format!(
        "{outcome} {reason} {} {}",
        plain(&event.method),
        plain(&event.path)
    );
    let named = [
        ("rule", &event.rule),
        ("user", &event.user),
        ("session", &event.session),
        ("organization", &event.organization),
        ("actor", &event.actor),
        ("delivery", &event.delivery),
    ];
    for (name, value) in named {
        if let Some(value) = value {
            write!(text, " {name}={}", plain(value))?;
        }
    }
    if event.sensitive {
        text.push_str(" sensitive");
    }
    if !event.observed.is_empty() {
        write!(text, " observed={}", event.observed.join(","))?;
    }
    Ok(text)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Event {
    time: i64,
    outcome: String,
    reason: Option<String>,
    method: String,
    path: String,
    rule: Option<String>,
    user: Option<String>,
    session: Option<String>,
    organization: Option<String>,
    actor: Option<String>,
    delivery: Option<String>,
    #[serde(default)]
    sensitive: bool,
    #[serde(default)]
    observed: Vec<String>,
}

/// A field as it stands, or as a JSON string where it could be taken for more than one.
fn plain(text: &str) -> String {
    if text.is_empty() || text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '"') {
        Value::from(text).to_string()
    } else {
        text.to_owned()
    }
}

fn printable(bytes: impl AsRef<[u8]>) -> String {
    let mut text = String::new();
    for chunk in bytes.as_ref().utf8_chunks() {
        for char in chunk.valid().chars() {
            match char {
                '\r' => text.push_str("\\r"),
                '\n' => text.push_str("\\n"),
                '\t' => text.push_str("\\t"),
                '\\' => text.push_str("\\\\"),
                _ if char.is_ascii_control() => {
                    text.push_str(&format!("\\x{:02x}", u32::from(char)))
                }
                _ => text.push(char),
            }
        }
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

fn name(line: &str) -> &str {
    line.split(':').next().unwrap_or(line)
}

/// What says how bytes travel, not what they say, or differs from run to run.
const IGNORED: [&str; 5] = [
    "connection",
    "date",
    "keep-alive",
    "server",
    "transfer-encoding",
];

/// Stands for the security headers that every response of a profile carries.
const BASELINE: &str = "{baseline}";

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|&line| line.to_owned()).collect()
    }

    #[test]
    fn an_answer_is_its_status_sorted_headers_and_body() {
        let given = Answer {
            interim: vec![100],
            status: 200,
            headers: [
                ("X-B", "2"),
                ("Date", "today"),
                ("x-b", "1"),
                ("Content-Length", "9"),
                ("A", "\u{e9}\t"),
            ]
            .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
            .into(),
            body: b"{\"a\\\"\n\xff\n".to_vec(),
        };
        let lines = [
            "100",
            "200",
            "a: é\\t",
            "x-b: 2",
            "x-b: 1",
            "",
            "{\"a\\\\\"",
            "\\xff",
            "",
        ];
        assert_eq!(answer(&given), lines);
    }

    #[test]
    fn an_expectation_may_be_in_any_order_and_name_the_baseline() {
        fn check(written: &[&str], lines: &[&str]) {
            let baseline = strings(&["b: 1", "d: 1"]);
            assert_eq!(expected(&strings(written), &baseline), lines, "{written:?}");
        }
        check(
            &["401", "{baseline}", "c: 1", "a: 1", "", "x"],
            &["401", "a: 1", "b: 1", "c: 1", "d: 1", "", "x"],
        );
        check(&["200", "x-b: 1", "x: 1", ""], &["200", "x: 1", "x-b: 1"]);
        check(&["200", "{baseline}", "b: 2"], &["200", "b: 2", "d: 1"]);
        check(&["100", "200", "", "a: b"], &["100", "200", "", "a: b"]);
        check(&["closed"], &["closed"]);
    }

    #[test]
    fn blessing_and_reading_are_inverse() {
        fn check(lines: &[&str], written: &[&str]) {
            let baseline = strings(&["b: 1", "d: 1"]);
            let text = blessed(&strings(lines), &baseline);
            assert_eq!(text, written);
            assert_eq!(expected(&text, &baseline), lines);
        }
        check(
            &["200", "a: 1", "b: 1", "c: 1", "d: 1", "", "x"],
            &["200", "a: 1", "c: 1", "{baseline}", "", "x"],
        );
        check(&["200", "b: 1", "d: 2"], &["200", "d: 2", "{baseline}"]);
        check(
            &["200", "b: 0", "b: 1", "d: 1"],
            &["200", "b: 0", "b: 1", "{baseline}"],
        );
        check(&["200", "b: 2", "d: 2"], &["200", "b: 2", "d: 2"]);
        check(&["200", "b: 1", "c: 1"], &["200", "b: 1", "c: 1"]);
    }

    #[test]
    fn an_event_is_one_line_that_cannot_be_forged() {
        fn check(fields: &str, text: &str) {
            let json = format!(r#"{{"time":5,"outcome":"refuse","method":"GET",{fields}}}"#);
            assert_eq!(event(&json, 5).unwrap(), text);
        }
        check(
            r#""path":"/me","reason":"x","rule":"/me""#,
            "deny x GET /me rule=/me",
        );
        check(
            r#""path":"/","user":"u","session":"s","organization":"o","actor":"a","sensitive":true,"observed":["x","y"]"#,
            "deny - GET / user=u session=s organization=o actor=a sensitive observed=x,y",
        );
        check(
            r#""path":"/a\n! allow","rule":null"#,
            r#"deny - GET "/a\n! allow""#,
        );
    }

    #[test]
    fn what_is_no_event_of_this_time_is_a_fault() {
        fn check(json: &str) {
            assert!(event(json, 5).is_err(), "{json}");
        }
        check("hello");
        check(r#"{"time":6,"outcome":"proceed","method":"GET","path":"/"}"#);
        check(r#"{"time":5,"outcome":"proceed","method":"GET","path":"/","token":"ey"}"#);
    }
}
