//! What is promised in one place is kept in another: reasons by cases, methods by the manual.

use std::collections::{HashMap, HashSet};

use super::Finding;
use crate::cases;
use crate::tree::{File, Tree};

/// Every reason that the gate can give stands in the audit event or in the answer of a
/// conformance case: an extractor's refusal is no decision, and has no event.
pub(super) fn every_reason_has_a_case(tree: &Tree) -> Vec<Finding> {
    let shown: HashSet<_> = cases::all(tree).flat_map(cases::event_words).collect();
    if shown.is_empty() {
        return Vec::new();
    }
    let reasons = tree.file(REPLY).map(reasons).unwrap_or_default();
    reasons
        .into_iter()
        .filter(|(_, code)| !shown.contains(code) && !answered(tree, code))
        .filter(|(_, code)| !WITHOUT_CASE.iter().any(|(known, _)| known == code))
        .map(|(line, code)| {
            let what = format!("no case shows the reason {code:?}");
            let instead = format!("add one with the event `! deny {code} …`");
            Finding::new(REPLY, line, what, instead)
        })
        .collect()
}

/// Every reason is explained to whoever reads its code in a log: the core's own test compares the
/// rows with the replies, and this one finds a reason that nobody has put into the list of all.
pub(super) fn every_reason_is_in_the_manual(tree: &Tree) -> Vec<Finding> {
    let Some(page) = tree.file(REPLIES) else {
        return Vec::new();
    };
    let reasons = tree.file(REPLY).map(reasons).unwrap_or_default();
    reasons
        .into_iter()
        .filter(|(_, code)| !page.text.contains(&format!("\n| `{code}` | ")))
        .map(|(line, code)| {
            let what = format!("{REPLIES} has no row for the reason {code:?}");
            let instead = "say there what happened, what the client sees and what to do";
            Finding::new(REPLY, line, what, instead)
        })
        .collect()
}

fn answered(tree: &Tree, code: &str) -> bool {
    let member = format!("\"code\":\"{code}\"");
    cases::all(tree).any(|case| case.text.contains(&member))
}

/// Every case opens with the rule it shows, and no other case shows the same.
pub(super) fn every_rule_is_stated_once(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut seen: HashMap<&str, &str> = HashMap::new();
    for case in cases::all(tree) {
        let rule = cases::rule(case);
        if rule.is_empty() {
            let instead = "open the file with `# ` and one sentence";
            findings.push(Finding::new(&case.path, 1, "case states no rule", instead));
        } else if let Some(other) = seen.insert(rule, cases::name(case)) {
            let what = format!("case states the rule of {other}");
            findings.push(Finding::new(
                &case.path,
                1,
                what,
                "say what is different, or merge them",
            ));
        }
    }
    findings
}

/// Every `with_…` and `dangerous_…` method of the core is explained to those who configure it.
pub(super) fn every_builder_method_is_in_the_manual(tree: &Tree) -> Vec<Finding> {
    let manual: Vec<_> = tree
        .under(MANUAL, "")
        .chain(tree.file("README.md"))
        .collect();
    if manual.is_empty() {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for file in tree
        .under("crates/core/src/", ".rs")
        .filter(|file| !file.path.starts_with(MANUAL))
    {
        for (line, name) in builder_methods(file) {
            if !manual.iter().any(|page| has_word(&page.text, name)) {
                let what = format!("method {name:?} is in neither the manual nor README.md");
                let instead = "say there when to use it";
                findings.push(Finding::new(&file.path, line, what, instead));
            }
        }
    }
    findings
}

/// What a document points at is there: the place that proves a claim, the file to open first.
pub(super) fn every_named_place_exists(tree: &Tree) -> Vec<Finding> {
    let documents = tree
        .under("", ".md")
        .filter(|file| !file.path.contains('/'));
    let named = documents.flat_map(|file| {
        file.lines()
            .flat_map(move |(number, line)| quoted(line).map(move |text| (file, number, text)))
    });
    named
        .filter(|(_, _, text)| PLACES.iter().any(|folder| text.starts_with(folder)))
        .filter(|(_, _, place)| tree.file(place).is_none() && !is_folder(tree, place))
        .map(|(file, line, place)| {
            let what = format!("{place:?} is no file or folder");
            Finding::new(&file.path, line, what, "point at where it is now")
        })
        .collect()
}

/// The codes in `Reason::code`, with their lines.
fn reasons(file: &File) -> Vec<(usize, &str)> {
    let arms = file
        .code()
        .filter(|(_, line)| line.trim_start().starts_with("Self::"));
    arms.filter_map(|(number, line)| {
        let code = line.split_once("=> \"")?.1;
        Some((number, code.strip_suffix("\",")?))
    })
    .collect()
}

fn builder_methods(file: &File) -> impl Iterator<Item = (usize, &str)> {
    file.code().filter_map(|(number, line)| {
        let signature = line.trim_start().strip_prefix("pub ")?;
        let name = signature
            .strip_prefix("const ")
            .unwrap_or(signature)
            .strip_prefix("fn ")?;
        let name = name.split(|c| !is_word(c)).next()?;
        let builds = name.starts_with("with_") || name.starts_with("dangerous_");
        builds.then_some((number, name))
    })
}

/// The parts of a line of Markdown between backticks.
fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

fn is_folder(tree: &Tree, path: &str) -> bool {
    let folder = format!("{}/", path.trim_end_matches('/'));
    tree.under(&folder, "").next().is_some()
}

fn has_word(text: &str, word: &str) -> bool {
    text.split(|c| !is_word(c)).any(|found| found == word)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

const MANUAL: &str = "crates/core/src/manual/";

/// The folders that documents point into.
const PLACES: [&str; 4] = ["crates/", "examples/", "tests/", "xtask/"];

const REPLY: &str = "crates/core/src/reason.rs";

const REPLIES: &str = "crates/core/src/manual/replies.md";

/// Reasons that no request over the wire can cause, and what shows them instead.
const WITHOUT_CASE: [(&str, &str); 3] = [
    (
        "gate-missing",
        "every shim has a gate; the adapters' own tests run without one",
    ),
    (
        "target-changed",
        "only a layer of the application brings it about; the adapters' own tests have one",
    ),
    (
        "webhook-unknown",
        "only a replay by an operator asks for a delivery by its id; the core's own tests do",
    ),
];

#[cfg(test)]
mod tests {
    use super::super::tests::finds;
    use super::*;

    #[test]
    fn a_reason_without_a_case_is_found() {
        let reply = "match self {\n    Self::A => \"token-a\",\n    Self::B => \"token-b\",\n\
                     \x20   Self::G => \"gate-missing\",\n    Self::C => &template!(401, \"x\", \"y\"),\n}\n";
        let case = "# R.\n> GET / HTTP/1.1\n< 401\n! deny token-a GET /token-b rule=/\n";
        let path = "tests/conformance/cases/a/b.case";
        let tree = Tree::of(&[(REPLY, reply), (path, case)]);
        let want = ["crates/core/src/reason.rs:3: no case shows the reason \"token-b\""];
        finds(every_reason_has_a_case, &tree, &want);
        finds(every_reason_has_a_case, &Tree::of(&[(REPLY, reply)]), &[]);
    }

    #[test]
    fn a_reason_that_the_manual_does_not_explain_is_found() {
        let reply = "match self {\n    Self::A => \"token-a\",\n    Self::B => \"token-b\",\n}\n";
        let page = "A `token-b` is not | `token-b` | here.\n| `token-a` | 401 | a | b |\n";
        let tree = Tree::of(&[(REPLY, reply), (REPLIES, page)]);
        let want = [
            "crates/core/src/reason.rs:3: crates/core/src/manual/replies.md has no row for the reason \"token-b\"",
        ];
        finds(every_reason_is_in_the_manual, &tree, &want);
        finds(
            every_reason_is_in_the_manual,
            &Tree::of(&[(REPLY, reply)]),
            &[],
        );
    }

    #[test]
    fn a_place_that_is_not_there_is_found() {
        let text =
            "`tests/a/`, `tests/a`, `tests/a/b.rs` and `no/place`\n`tests/ab` or `xtask/c.rs`\n";
        let tree = Tree::of(&[("ARCHITECTURE.md", text), ("tests/a/b.rs", "//! B.\n")]);
        let want = [
            "ARCHITECTURE.md:2: \"tests/ab\" is no file or folder",
            "ARCHITECTURE.md:2: \"xtask/c.rs\" is no file or folder",
        ];
        finds(every_named_place_exists, &tree, &want);
    }

    #[test]
    fn a_rule_stated_twice_or_never_is_found() {
        let tree = Tree::of(&[
            ("tests/conformance/cases/a/one.case", "# R.\n> GET\n"),
            (
                "tests/conformance/cases/a/two.case",
                "# R.\n# More.\n> GET\n",
            ),
            ("tests/conformance/cases/b/mute.case", "> GET\n"),
        ]);
        finds(
            every_rule_is_stated_once,
            &tree,
            &[
                "tests/conformance/cases/a/two.case:1: case states the rule of a/one",
                "tests/conformance/cases/b/mute.case:1: case states no rule",
            ],
        );
    }

    #[test]
    fn a_builder_method_that_nobody_explains_is_found() {
        let code = "pub fn with_clock(self) {\npub const fn with_sink(self) {\npub fn dangerous_open() {\n\
                    pub(crate) fn with_line() {\npub fn new() {\n";
        let tree = Tree::of(&[
            ("README.md", "Call `with_clock(…)`, not with_sinks."),
            ("crates/core/src/gate.rs", code),
            (
                "crates/core/src/manual/how_to.md",
                "Never call dangerous_open().",
            ),
        ]);
        let want = [
            "crates/core/src/gate.rs:2: method \"with_sink\" is in neither the manual nor README.md",
        ];
        finds(every_builder_method_is_in_the_manual, &tree, &want);
        finds(
            every_builder_method_is_in_the_manual,
            &Tree::of(&[("crates/core/src/gate.rs", code)]),
            &[],
        );
    }
}
