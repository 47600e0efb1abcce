//! What the documents and tidy need of the conformance cases. The suite itself parses them fully.

use crate::tree::{File, Tree};

/// One `<adapter` block of a case file: a deviation with its reason.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Difference<'t> {
    /// The adapters that deviate, separated by spaces.
    pub(crate) adapters: &'t str,
    /// The request line of the exchange.
    pub(crate) request: &'t str,
    /// The status that all others answer with.
    pub(crate) common: &'t str,
    /// The status that these adapters answer with.
    pub(crate) theirs: &'t str,
    pub(crate) because: &'t str,
}

/// All case files, sorted by path.
pub(crate) fn all(tree: &Tree) -> impl Iterator<Item = &File> {
    tree.under(FOLDER, ".case")
}

/// The folder and file name of a case, as the suite calls it: `session/expired`.
pub(crate) fn name(case: &File) -> &str {
    let path = case.path.strip_prefix(FOLDER).unwrap_or(&case.path);
    path.strip_suffix(".case").unwrap_or(path)
}

/// The rule that a case shows: its first comment line.
pub(crate) fn rule(case: &File) -> &str {
    let first = case.text.lines().find_map(|line| line.strip_prefix('#'));
    first.unwrap_or_default().trim()
}

/// The words of the audit events that a case expects.
pub(crate) fn event_words(case: &File) -> impl Iterator<Item = &str> {
    let events = case.text.lines().filter_map(|line| line.strip_prefix('!'));
    events.flat_map(|event| event.split([' ', ',', '=', '[', ']']))
}

/// The differences that a case allows, in the order of the file.
pub(crate) fn differences(case: &File) -> Vec<Difference<'_>> {
    let mut found: Vec<Difference<'_>> = Vec::new();
    let (mut request, mut common) = ("", "");
    let mut status_of = StatusOf::Nobody;
    let mut in_request = false;
    for line in case.text.lines() {
        let Some((marker, text)) = line.split_at_checked(1) else {
            continue;
        };
        match marker {
            ">" if !in_request => {
                (request, common) = (text.trim(), "");
                status_of = StatusOf::Others;
            }
            "<" if text.starts_with(|c: char| c.is_ascii_lowercase()) => {
                found.push(Difference {
                    adapters: text,
                    request,
                    common,
                    ..Difference::default()
                });
                status_of = StatusOf::Adapters;
            }
            "<" => match (status_of, found.last_mut()) {
                (StatusOf::Others, _) => {
                    common = text.trim();
                    status_of = StatusOf::Nobody;
                }
                (StatusOf::Adapters, Some(last)) => {
                    last.theirs = text.trim();
                    status_of = StatusOf::Nobody;
                }
                _ => {}
            },
            _ => {
                let because = line.strip_prefix("because: ");
                if let (Some(because), Some(last)) = (because, found.last_mut()) {
                    last.because = because;
                }
            }
        }
        in_request = marker == ">";
    }
    found
}

/// Whose status the next line of an answer is.
#[derive(Clone, Copy)]
enum StatusOf {
    Adapters,
    Nobody,
    Others,
}

const FOLDER: &str = "tests/conformance/cases/";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_carries_its_request_both_answers_and_the_reason() {
        let text = "# The rule.\n# More.\nprofile: p\n\n\
            > GET /a HTTP/1.1\n> host: a\n>\n< 200\n< x: y\n! allow - GET /a\n\
            <tower axum\nbecause: no router.\n< 404\n< x: y\n\
            \n> GET /b HTTP/1.1\n>\n< 403\n! deny cross-origin GET /b\n<axum\nbecause: it may.\n< 405\n";
        let tree = Tree::of(&[("tests/conformance/cases/path/a.case", text)]);
        let case = all(&tree).next().expect("one case");
        assert_eq!((name(case), rule(case)), ("path/a", "The rule."));
        assert!(event_words(case).any(|word| word == "cross-origin"));
        let first = Difference {
            adapters: "tower axum",
            request: "GET /a HTTP/1.1",
            common: "200",
            theirs: "404",
            because: "no router.",
        };
        let second = Difference {
            adapters: "axum",
            request: "GET /b HTTP/1.1",
            common: "403",
            theirs: "405",
            because: "it may.",
        };
        assert_eq!(differences(case), [first, second]);
    }
}
