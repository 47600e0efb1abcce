//! The generated parts of the documents: code cut from sources, and the list of differences.

use std::fmt::Write;
use std::fs;

use anyhow::{Context, Result, bail, ensure};

use crate::cases;
use crate::tree::{self, File, Tree};

/// Writes every generated part, or only compares where `check` is set.
///
/// # Errors
/// If a part cannot be generated, or `check` finds one out of date.
pub(crate) fn run(check: bool) -> Result<()> {
    let tree = Tree::read()?;
    let stale: Vec<_> = generate(&tree)?
        .into_iter()
        .filter(|new| tree.file(&new.path).is_none_or(|old| old.text != new.text))
        .collect();
    if check && !stale.is_empty() {
        let paths: Vec<_> = stale.into_iter().map(|file| file.path).collect();
        bail!("{}: out of date; run `cargo xtask docs`", paths.join(", "));
    }
    for File { path, text } in stale {
        let full = tree::root().join(&path);
        fs::write(full, text).with_context(|| format!("{path}: cannot be written"))?;
        println!("{path}: written");
    }
    Ok(())
}

/// Every file that has a generated part, as it should be.
fn generate(tree: &Tree) -> Result<Vec<File>> {
    let documents = tree
        .under("", ".md")
        .filter(|file| file.text.contains(FROM));
    let mut files = documents
        .map(|file| refill(tree, file))
        .collect::<Result<Vec<_>>>()?;
    if tree.under(MANUAL, "").next().is_some() {
        files.push(File {
            path: format!("{MANUAL}differences.md"),
            text: differences(tree),
        });
    }
    Ok(files)
}

/// `document` with every marked block cut afresh from its source.
fn refill(tree: &Tree, document: &File) -> Result<File> {
    let mut text = String::new();
    let mut lines = document.lines();
    while let Some((number, line)) = lines.next() {
        text.push_str(line);
        text.push('\n');
        let Some(reference) = line.strip_prefix(FROM) else {
            continue;
        };
        let place = format!("{}:{number}", document.path);
        let (path, anchor) = reference
            .strip_suffix(" -->")
            .and_then(|reference| reference.split_once('#'))
            .with_context(|| {
                format!("{place}: marker is not whole; write `{FROM}PATH#ANCHOR -->`")
            })?;
        let source = tree
            .file(path)
            .with_context(|| format!("{place}: {path:?} is no file"))?;
        let block = cut(source, anchor).with_context(|| {
            format!(
                "{place}: {path:?} has no comments `docs:begin {anchor}` and `docs:end {anchor}`"
            )
        })?;
        let language = match path.rsplit_once('.') {
            Some((_, "rs")) => "rust",
            Some((_, extension)) => extension,
            None => "",
        };
        write!(text, "```{language}\n{block}```\n{END}\n")?;
        let closed = lines.any(|(_, line)| line == END);
        ensure!(closed, "{place}: block has no end; write `{END}` below it");
    }
    Ok(File {
        path: document.path.clone(),
        text,
    })
}

/// The lines between two anchors, without the indentation they share and without other anchors.
fn cut(source: &File, anchor: &str) -> Option<String> {
    let mark = |line: &str| {
        let comment = line.trim().trim_start_matches(['/', '#']).trim_start();
        comment.strip_prefix("docs:").map(str::to_owned)
    };
    let lines: Vec<_> = source.text.lines().collect();
    let find = |wanted: String| {
        lines
            .iter()
            .position(|line| mark(line).as_ref() == Some(&wanted))
    };
    let begin = find(format!("begin {anchor}"))?;
    let end = find(format!("end {anchor}"))?;
    let inner: Vec<_> = lines
        .get(begin + 1..end)?
        .iter()
        .filter(|line| mark(line).is_none())
        .collect();
    let indent = inner
        .iter()
        .filter(|line| !line.trim().is_empty())
        .map(|line| line.len() - line.trim_start().len())
        .min()
        .unwrap_or(0);
    let cut = inner
        .iter()
        .map(|line| line.get(indent..).unwrap_or_default());
    Some(cut.flat_map(|line| [line, "\n"]).collect())
}

/// The page of the manual that lists every difference, case by case.
fn differences(tree: &Tree) -> String {
    let mut page = DIFFERENCES_HEAD.to_owned();
    for case in cases::all(tree) {
        let found = cases::differences(case);
        if found.is_empty() {
            continue;
        }
        page += &format!(
            "\n## {}\n\n{}\n\n{TABLE_HEAD}",
            cases::name(case),
            cases::rule(case)
        );
        for difference in found {
            let cells = [
                &format!("`{}`", difference.request.replace('`', "'")),
                difference.common,
                difference.adapters,
                difference.theirs,
                difference.because,
            ];
            page += &format!(
                "| {} |\n",
                cells.map(|cell| cell.replace('|', "\\|")).join(" | ")
            );
        }
    }
    if page == DIFFERENCES_HEAD {
        page += "\nAt present there is no difference.\n";
    }
    page
}

const FROM: &str = "<!-- from: ";

const END: &str = "<!-- end -->";

const MANUAL: &str = "crates/core/src/manual/";

const DIFFERENCES_HEAD: &str = "\
<!-- Generated by `cargo xtask docs` from tests/conformance/cases. -->

# Where adapters differ

Every adapter answers every conformance case with the same bytes, except for what is listed
here. Each difference is forced by the framework, stands in the case with its reason, and lets
no request through that another adapter refuses.
";

const TABLE_HEAD: &str = "\
| Request | Common answer | Adapters | Their answer | Because |
|---|---|---|---|---|
";

#[cfg(test)]
mod tests {
    use super::*;

    fn check(document: &str, source: &str, want: &str) {
        let tree = Tree::of(&[("README.md", document), ("a.rs", source)]);
        let got = match generate(&tree) {
            Ok(files) => files.into_iter().map(|file| file.text).collect(),
            Err(error) => error.to_string(),
        };
        assert_eq!(got, want, "{document}");
    }

    #[test]
    fn a_block_is_cut_from_its_source_without_the_shared_indentation() {
        let source = "//! A.\n    // docs:begin x\n    if a {\n        // docs:begin y\n        b();\n\n        \
                      // docs:end y\n    }\n    // docs:end x\n";
        check(
            "# A\n<!-- from: a.rs#x -->\nold\n<!-- end -->\nrest\n",
            source,
            "# A\n<!-- from: a.rs#x -->\n```rust\nif a {\n    b();\n\n}\n```\n<!-- end -->\nrest\n",
        );
        check("no block\n", source, "");
    }

    #[test]
    fn a_broken_marker_says_where_it_is() {
        let source = "// docs:begin x\na\n// docs:end x\n";
        for (document, want) in [
            (
                "<!-- from: a.rs -->\n",
                "README.md:1: marker is not whole; write `<!-- from: PATH#ANCHOR -->`",
            ),
            (
                "\n<!-- from: b.rs#x -->\n",
                "README.md:2: \"b.rs\" is no file",
            ),
            (
                "<!-- from: a.rs#y -->\n",
                "README.md:1: \"a.rs\" has no comments `docs:begin y` and `docs:end y`",
            ),
            (
                "<!-- from: a.rs#x -->\n",
                "README.md:1: block has no end; write `<!-- end -->` below it",
            ),
        ] {
            check(document, source, want);
        }
    }

    #[test]
    fn differences_are_listed_below_their_case() {
        let case = "# The rule.\n> GET /|a HTTP/1.1\n< 200\n<axum\nbecause: it must.\n< 404\n";
        let tree = Tree::of(&[("tests/conformance/cases/path/a.case", case)]);
        let page = differences(&tree);
        assert_eq!(
            page.strip_prefix(DIFFERENCES_HEAD),
            Some(&*format!(
                "\n## path/a\n\nThe rule.\n\n{TABLE_HEAD}\
                 | `GET /\\|a HTTP/1.1` | 200 | axum | 404 | it must. |\n"
            ))
        );
        assert!(differences(&Tree::default()).ends_with("\nAt present there is no difference.\n"));
    }
}
