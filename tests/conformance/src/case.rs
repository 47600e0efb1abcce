//! Case files: what is sent, what must come back, and which audit event must be written.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::{ADAPTERS, Result};

/// One case file: a rule and the exchanges that show it.
#[derive(Clone, Debug)]
pub struct Case {
    /// Folder and file name without the extension: `session/expired`.
    pub name: String,
    /// Where the file lies.
    pub path: PathBuf,
    /// The first comment: what the case shows, in one sentence.
    pub rule: String,
    /// The name of the gate that it is shown on.
    pub profile: String,
    /// Sends all requests before the first answer is read.
    pub pipeline: bool,
    /// Only a real server can show this; the adapter without a socket does not run it.
    pub socket_only: bool,
    /// In order, all over one connection unless an exchange says otherwise.
    pub exchanges: Vec<Exchange>,
}

/// One request and what must follow.
#[derive(Clone, Debug, Default)]
pub struct Exchange {
    /// The line of the file at which the request starts, counted from 1.
    pub line: usize,
    /// Opens a connection of its own.
    pub new_connection: bool,
    /// Closes the sending half of the connection after the request.
    pub half_close: bool,
    /// The request, line by line, templates and escapes as written.
    pub request: Vec<String>,
    /// What every adapter must do.
    pub expected: Expectation,
    /// What some adapters do instead, each with its reason.
    pub differences: Vec<Difference>,
}

/// The answer and the audit events, line by line, as written.
#[derive(Clone, Debug, Default)]
pub struct Expectation {
    /// The lines of the file that hold it, counted from 0; empty where it is to be written.
    pub span: Range<usize>,
    /// Status, header lines, an empty line, body.
    pub answer: Vec<String>,
    /// One line an event; none where the request never reaches the gate.
    pub events: Vec<String>,
}

/// A deviation that a framework forces on its adapter.
#[derive(Clone, Debug)]
pub struct Difference {
    /// The adapters that deviate.
    pub adapters: Vec<String>,
    /// Why they cannot do as the others do.
    pub because: String,
    /// What they do instead.
    pub expected: Expectation,
}

impl Case {
    /// Reads every case below `root`, sorted by name.
    ///
    /// # Errors
    /// The first file that cannot be read or parsed.
    pub fn load_all(root: &Path) -> Result<Vec<Self>> {
        let mut paths = Vec::new();
        find(root, &mut paths)?;
        paths.sort();
        paths
            .into_iter()
            .map(|path| {
                let name = path.strip_prefix(root)?.with_extension("");
                let name = name.to_string_lossy().replace('\\', "/");
                Self::parse(name, path.clone(), &fs::read_to_string(&path)?)
            })
            .collect()
    }

    /// Parses the `text` of the file at `path`.
    ///
    /// # Errors
    /// `path:line: what is wrong; what to write`.
    pub fn parse(name: String, path: PathBuf, text: &str) -> Result<Self> {
        let mut parser = Parser {
            case: Self {
                name,
                path,
                rule: String::new(),
                profile: String::new(),
                pipeline: false,
                socket_only: false,
                exchanges: Vec::new(),
            },
            next: Exchange::default(),
            in_request: false,
        };
        let mut number = 0;
        text.lines()
            .try_for_each(|line| {
                number += 1;
                parser.line(number, line)
            })
            .and_then(|()| parser.finish())
            .map_err(|problem| format!("{}:{number}: {problem}", parser.case.path.display()))?;
        Ok(parser.case)
    }

    /// The part of the suite that the case belongs to: its folder.
    pub fn area(&self) -> &str {
        self.name.split('/').next().unwrap_or_default()
    }

    /// `path:line:` for messages about an exchange.
    pub fn locate(&self, exchange: &Exchange) -> String {
        format!("{}:{}", self.path.display(), exchange.line)
    }
}

impl Exchange {
    /// What `adapter` must do.
    pub fn expected_of(&self, adapter: &str) -> &Expectation {
        self.differences
            .iter()
            .find(|d| d.adapters.iter().any(|a| a == adapter))
            .map_or(&self.expected, |d| &d.expected)
    }
}

struct Parser {
    case: Case,
    /// Gathers the directives for the exchange that has not begun yet.
    next: Exchange,
    /// The line above belongs to a request.
    in_request: bool,
}

impl Parser {
    fn line(&mut self, number: usize, line: &str) -> Result<()> {
        let continues = std::mem::replace(&mut self.in_request, line.starts_with('>'));
        if let Some(text) = line.strip_prefix('#') {
            if self.case.rule.is_empty() {
                self.case.rule = text.trim().to_owned();
            }
        } else if let Some(text) = line.strip_prefix('>') {
            if !continues {
                self.next.line = number;
                self.case.exchanges.push(std::mem::take(&mut self.next));
            }
            let exchange = self.exchange()?;
            exchange.request.push(content(text)?);
            exchange.expected.span = number..number;
        } else if let Some(names) = line.strip_prefix('<').filter(|text| is_word(text)) {
            let adapters = names.split_whitespace().map(known_adapter);
            let difference = Difference {
                adapters: adapters.collect::<Result<_>>()?,
                because: String::new(),
                expected: Expectation::default(),
            };
            self.exchange()?.differences.push(difference);
        } else if let Some(text) = line.strip_prefix('<') {
            self.expectation(number)?.answer.push(content(text)?);
        } else if let Some(text) = line.strip_prefix('!') {
            self.expectation(number)?.events.push(content(text)?);
        } else if !line.trim().is_empty() {
            self.directive(line)?;
        }
        Ok(())
    }

    fn exchange(&mut self) -> Result<&mut Exchange> {
        self.case
            .exchanges
            .last_mut()
            .ok_or_else(|| NO_REQUEST.into())
    }

    /// The expectation that a line belongs to: that of the last difference, or the common one.
    fn expectation(&mut self, number: usize) -> Result<&mut Expectation> {
        let exchange = self.exchange()?;
        let expected = match exchange.differences.last_mut() {
            Some(difference) => &mut difference.expected,
            None => &mut exchange.expected,
        };
        if expected.answer.is_empty() && expected.events.is_empty() {
            expected.span.start = number - 1;
        }
        expected.span.end = number;
        Ok(expected)
    }

    fn directive(&mut self, line: &str) -> Result<()> {
        let (name, value) = line.split_once(": ").unwrap_or((line, ""));
        match (name, value) {
            ("profile", profile) if self.case.profile.is_empty() => {
                self.case.profile = profile.to_owned();
            }
            ("pipeline", "") => self.case.pipeline = true,
            ("socket-only", "") => self.case.socket_only = true,
            ("connection", "new") => self.next.new_connection = true,
            ("half-close", "") => self.next.half_close = true,
            ("because", reason) if !reason.is_empty() => {
                let difference = self.exchange()?.differences.last_mut();
                difference
                    .ok_or("a reason stands alone; write \"<adapter\" above it")?
                    .because = reason.to_owned();
            }
            _ => return Err(format!("line {line:?} is not understood; write {DIRECTIVES}").into()),
        }
        Ok(())
    }

    /// Checks what no single line can tell.
    fn finish(&self) -> Result<()> {
        if self.case.rule.is_empty() {
            return Err(
                "the rule is missing; write it as the first line: \"# A sentence.\"".into(),
            );
        }
        if self.case.profile.is_empty() {
            return Err("the profile is missing; write \"profile: session\"".into());
        }
        if self.case.exchanges.is_empty() {
            return Err(NO_REQUEST.into());
        }
        if self.next.new_connection || self.next.half_close {
            return Err("the last directive has no request; write one below it".into());
        }
        for exchange in &self.case.exchanges {
            for difference in &exchange.differences {
                let names = difference.adapters.join(" ");
                let head = format!(
                    "difference \"<{names}\" of the request in line {}",
                    exchange.line
                );
                if difference.because.is_empty() {
                    return Err(format!("{head} has no reason; write \"because: …\"").into());
                }
                if difference.expected.answer == exchange.expected.answer
                    && difference.expected.events == exchange.expected.events
                {
                    return Err(format!("{head} equals the common expectation; delete it").into());
                }
            }
        }
        Ok(())
    }
}

fn find(folder: &Path, paths: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            find(&path, paths)?;
        } else if path.extension().is_some_and(|e| e == "case") {
            paths.push(path);
        }
    }
    Ok(())
}

/// The text after a marker and its one space.
fn content(text: &str) -> Result<String> {
    match text.strip_prefix(' ') {
        Some(text) => Ok(text.to_owned()),
        None if text.is_empty() => Ok(String::new()),
        None => {
            Err(format!("text {text:?} touches its marker; write one space between them").into())
        }
    }
}

fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
}

fn known_adapter(name: &str) -> Result<String> {
    if ADAPTERS.contains(&name) {
        return Ok(name.to_owned());
    }
    let known = ADAPTERS.join(", ");
    Err(format!("adapter {name:?} is not known; write one of {known}").into())
}

const NO_REQUEST: &str = "a request is missing; write \"> GET / HTTP/1.1\" first";

const DIRECTIVES: &str = "one of \"profile: NAME\" (once), \"pipeline\", \"socket-only\", \"connection: new\", \"half-close\", \"because: …\" (below \"<adapter\")";

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> std::result::Result<Case, String> {
        Case::parse("a/b".to_owned(), PathBuf::from("b.case"), text).map_err(|e| e.to_string())
    }

    #[test]
    fn a_file_is_a_rule_a_profile_and_exchanges() {
        let case = parse(
            "# The rule.\n# More.\nprofile: p\npipeline\n\n> GET / HTTP/1.1\n>\n< 200\n<\n< a\n! allow\n\
             \nconnection: new\n> POST / HTTP/1.1\n>\n> body\n< 403\n<axum tower\nbecause: it must.\n< 500\n",
        )
        .unwrap();
        assert_eq!(case.rule, "The rule.");
        assert_eq!(
            (case.area(), case.profile.as_str(), case.pipeline),
            ("a", "p", true)
        );
        let [first, second] = &case.exchanges[..] else {
            panic!("{case:?}")
        };
        assert_eq!(first.request, ["GET / HTTP/1.1", ""]);
        assert_eq!(first.expected.answer, ["200", "", "a"]);
        assert_eq!(first.expected.events, ["allow"]);
        assert_eq!(first.expected.span, 7..11);
        assert!(!first.new_connection && second.new_connection);
        assert_eq!(second.request, ["POST / HTTP/1.1", "", "body"]);
        assert_eq!(second.expected_of("direct").answer, ["403"]);
        assert_eq!(second.expected_of("axum").answer, ["500"]);
        assert_eq!(second.differences[0].because, "it must.");
    }

    #[test]
    fn every_mistake_says_where_it_is_and_what_to_write() {
        fn check(text: &str, message: &str) {
            assert_eq!(parse(text).unwrap_err(), message, "{text}");
        }
        let start = "# R.\nprofile: p\n";
        let adapters = ADAPTERS.join(", ");
        check(
            "profile: p\n> GET\n",
            "b.case:2: the rule is missing; write it as the first line: \"# A sentence.\"",
        );
        check(
            "# R.\n> GET\n",
            "b.case:2: the profile is missing; write \"profile: session\"",
        );
        check(start, &format!("b.case:2: {NO_REQUEST}"));
        check(
            &format!("{start}< 200\n"),
            &format!("b.case:3: {NO_REQUEST}"),
        );
        check(
            &format!("{start}>GET\n"),
            "b.case:3: text \"GET\" touches its marker; write one space between them",
        );
        check(
            &format!("{start}> GET\n<roket\n"),
            &format!("b.case:4: adapter \"roket\" is not known; write one of {adapters}"),
        );
        check(
            &format!("{start}> GET\n< 200\n<axum\n< 201\n"),
            "b.case:6: difference \"<axum\" of the request in line 3 has no reason; write \"because: …\"",
        );
        check(
            &format!("{start}> GET\n< 200\n<axum\nbecause: x\n< 200\n"),
            "b.case:7: difference \"<axum\" of the request in line 3 equals the common expectation; delete it",
        );
        check(
            &format!("{start}> GET\n< 200\nbecause: x\n"),
            "b.case:5: a reason stands alone; write \"<adapter\" above it",
        );
        check(
            &format!("{start}> GET\n< 200\nhalf-close\n"),
            "b.case:5: the last directive has no request; write one below it",
        );
        check(
            &format!("{start}profile: q\n"),
            &format!("b.case:3: line \"profile: q\" is not understood; write {DIRECTIVES}"),
        );
    }

    #[test]
    fn a_request_may_wait_for_its_expectation() {
        let case = parse("# R.\nprofile: p\n> GET\n>\n\n> PUT\n>\n< 200\n").unwrap();
        let spans: Vec<_> = case
            .exchanges
            .iter()
            .map(|e| e.expected.span.clone())
            .collect();
        assert_eq!(spans, [4..4, 7..8]);
    }
}
