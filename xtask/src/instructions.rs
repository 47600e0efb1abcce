//! How many instructions decisions take, counted by callgrind and compared with what is written
//! down: a busy machine changes times, but no counts.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::services::programs;
use crate::tree;

/// Installs valgrind where it is missing.
///
/// # Errors
/// If it cannot be installed here.
pub(crate) fn provide() -> Result<()> {
    if programs::find("valgrind").is_some() {
        return Ok(());
    }
    programs::install(&["valgrind"], "PATH to where valgrind is")
}

/// Why the table says nothing here, if it does not: other compilers make other instructions.
///
/// # Errors
/// If the table or the compiler's version cannot be read.
pub(crate) fn incomparable() -> Result<Option<String>> {
    let (text, own) = (table()?, compiler()?);
    let mut lines = text.lines();
    let counted = lines.find_map(|line| line.strip_prefix(COMPILER));
    let counted = counted.with_context(|| format!("{TABLE}: no line begins with {COMPILER:?}"))?;
    let reason = || format!("counted with rustc {counted}, and this is {own}");
    Ok((counted != own).then(reason))
}

/// Counts every line of the table, prints it with what was expected, and writes it anew if `bless`.
///
/// # Errors
/// If a count is more than [`MARGIN`] away from the table, or something does not build or run.
pub(crate) fn run(bless: bool) -> Result<()> {
    provide()?;
    let incomparable = incomparable()?.filter(|_| !bless);
    if let Some(reason) = incomparable {
        println!("skipped: {reason}; --bless writes the counts of this one");
        return Ok(());
    }
    let folder = tree::root().join("target/callgrind");
    fs::create_dir_all(&folder).with_context(|| format!("{}: cannot be made", folder.display()))?;
    let program = build()?;
    let text = table()?;
    let (mut counted, mut regressed) = (String::new(), 0);
    for line in text.lines() {
        if line.starts_with(COMPILER) {
            writeln!(counted, "{COMPILER}{}", compiler()?)?;
            continue;
        }
        let Some(row) = Row::parse(line)? else {
            writeln!(counted, "{line}")?;
            continue;
        };
        let beyond = match row.beyond {
            Some(reference) => count(&program, reference)?,
            None => 0,
        };
        let found = count(&program, row.question)?.saturating_sub(beyond);
        let is_near = row.is_near(found);
        regressed += usize::from(!is_near);
        let mark = if is_near { "" } else { "  <- differs" };
        println!("{} {found} (expected {}){mark}", row.name(), row.expected);
        writeln!(counted, "{} {found}", row.name())?;
    }
    if bless {
        let path = tree::root().join(TABLE);
        return fs::write(&path, counted).with_context(|| format!("{TABLE}: cannot be written"));
    }
    ensure!(
        regressed == 0,
        "{regressed} counts are more than {MARGIN} % away from {TABLE}; `cargo xtask instructions \
         --bless` writes them, if that is how it shall be"
    );
    Ok(())
}

fn table() -> Result<String> {
    let path = tree::root().join(TABLE);
    fs::read_to_string(path).with_context(|| format!("{TABLE}: cannot be read"))
}

/// The version of the compiler, such as `1.95.0`.
fn compiler() -> Result<String> {
    let output = Command::new("rustc").arg("--version").output();
    let output = output.context("rustc: cannot be started")?;
    let told = String::from_utf8_lossy(&output.stdout);
    let version = told.split(' ').nth(1);
    Ok(version.context("rustc --version: no version")?.to_owned())
}

/// The program of the questions.
fn build() -> Result<PathBuf> {
    let output = Command::new(tree::cargo())
        .current_dir(tree::root())
        .args(
            "bench --quiet --locked --no-run --message-format=json --package clerk-gate-bench \
             --bench instructions"
                .split_whitespace(),
        )
        .output()
        .context("cargo: cannot be started")?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "bench \"instructions\": {stderr}");
    let told = String::from_utf8_lossy(&output.stdout);
    let mut messages = told
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let program = messages.find_map(|message| {
        let is_it = message["target"]["name"] == "instructions";
        is_it.then(|| message["executable"].as_str().map(PathBuf::from))?
    });
    program.context("bench \"instructions\": cargo names no program")
}

/// `question 123`, or `question - reference 123` for what it takes beyond another one.
#[derive(Debug, PartialEq)]
struct Row<'t> {
    question: &'t str,
    beyond: Option<&'t str>,
    expected: u64,
}

impl<'t> Row<'t> {
    fn parse(line: &'t str) -> Result<Option<Self>> {
        if line.is_empty() || line.starts_with('#') {
            return Ok(None);
        }
        let words: Vec<_> = line.split_whitespace().collect();
        let (question, beyond, expected) = match words[..] {
            [question, expected] => (question, None, expected),
            [question, "-", beyond, expected] => (question, Some(beyond), expected),
            _ => bail!("{TABLE}: line {line:?} is not understood; write NAME [- NAME] COUNT"),
        };
        let expected = expected.parse();
        let expected = expected.with_context(|| format!("{TABLE}: line {line:?} has no count"))?;
        Ok(Some(Self {
            question,
            beyond,
            expected,
        }))
    }

    fn name(&self) -> String {
        match self.beyond {
            Some(beyond) => format!("{} - {beyond}", self.question),
            None => self.question.to_owned(),
        }
    }

    /// Fewer is no regression, but the table must be told, or the next one hides in it.
    fn is_near(&self, found: u64) -> bool {
        found.abs_diff(self.expected) * 100 <= self.expected * MARGIN
    }
}

/// The instructions of one question; callgrind's profile stays in `target/callgrind`.
fn count(program: &Path, question: &str) -> Result<u64> {
    let profile = tree::root().join(format!("target/callgrind/{question}.out"));
    let output = Command::new("valgrind")
        .args([
            "--tool=callgrind",
            "--toggle-collect=*instructions*measured*",
        ])
        .arg(format!("--callgrind-out-file={}", profile.display()))
        .arg(program)
        .arg(question)
        .output()
        .context("valgrind: cannot be started")?;
    let Output { status, stderr, .. } = &output;
    let stderr = String::from_utf8_lossy(stderr);
    ensure!(status.success(), "question {question:?}: {stderr}");
    let found = collected(&stderr).filter(|found| *found > 0);
    let found = found.with_context(|| format!("question {question:?}: no count in {stderr}"))?;
    Ok(found / REPEATS)
}

/// The number in callgrind's line `==1== Collected : 123`.
fn collected(stderr: &str) -> Option<u64> {
    let mut lines = stderr.lines();
    let line = lines.find_map(|line| line.split_once("Collected : "))?;
    line.1.trim().parse().ok()
}

/// What was counted last.
const TABLE: &str = "tests/bench/benches/instructions.txt";

/// What its line about the compiler begins with.
const COMPILER: &str = "# Counted with rustc ";

/// How often `benches/instructions.rs` asks each question.
const REPEATS: u64 = 100;

/// In percent. The same program differs by less than one from run to run.
const MARGIN: u64 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_a_question_or_the_difference_of_two() {
        let row = |question, beyond, expected| Row {
            question,
            beyond,
            expected,
        };
        for (line, want) in [
            ("", Some(None)),
            ("# a 1", Some(None)),
            ("a 1", Some(Some(row("a", None, 1)))),
            ("a - b 20", Some(Some(row("a", Some("b"), 20)))),
            ("a", None),
            ("a b", None),
            ("a - 1", None),
        ] {
            assert_eq!(Row::parse(line).ok(), want, "{line}");
        }
    }

    #[test]
    fn a_count_may_differ_by_three_percent_either_way() {
        let row = Row::parse("a 1000").unwrap().unwrap();
        let near = [969, 970, 1030, 1031].map(|found| row.is_near(found));
        assert_eq!(near, [false, true, true, false]);
    }

    #[test]
    fn the_count_is_read_from_callgrinds_summary() {
        let summary = "==7== Events    : Ir\n==7== Collected : 94900\n==7==\n";
        assert_eq!(collected(summary), Some(94_900));
        assert_eq!(collected("==7== Events : Ir"), None);
    }
}
