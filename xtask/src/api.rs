//! The public API of every published library, as a text next to its manifest: what a change adds
//! and what it takes away stands in its diff.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use public_api::Builder;
use serde_json::Value;

use crate::tree::{self, Package, Tree};

/// Compares the API of every library with its snapshot, or writes it anew if `bless`.
///
/// # Errors
/// If a snapshot differs, or something does not build.
pub(crate) fn run(bless: bool) -> Result<()> {
    if let Some(reason) = unreadable()? {
        println!("skipped: {reason}");
        return Ok(());
    }
    document()?;
    let tree = Tree::read()?;
    let mut stale = 0;
    for package in tree.packages.iter().filter(|package| package.is_published) {
        let json = format!("target/doc/{}.json", package.name.replace('-', "_"));
        let json = tree::root().join(json);
        // The command has no library.
        if !has_library(package) {
            continue;
        }
        let api = Builder::from_rustdoc_json(&json)
            .omit_blanket_impls(true)
            .omit_auto_trait_impls(true)
            .build()
            .with_context(|| format!("{}: cannot be read", json.display()))?;
        let found = format!("{api}");
        let path = package.manifest.replace("Cargo.toml", "api.txt");
        let known = tree.file(&path).map_or("", |file| &file.text);
        if found == known {
            continue;
        }
        for line in difference(known, &found) {
            println!("{path}: {line}");
        }
        if bless {
            let full = tree::root().join(&path);
            fs::write(full, found).with_context(|| format!("{path}: cannot be written"))?;
        }
        stale += 1;
    }
    ensure!(
        bless || stale == 0,
        "{stale} public APIs are not what their api.txt says; `cargo xtask api --bless` writes \
         them, if that is how it shall be: each line with `-` breaks users and belongs into \
         CHANGELOG.md"
    );
    Ok(())
}

/// Why the snapshots cannot be compared here, if they cannot.
///
/// # Errors
/// If rustdoc does not run.
pub(crate) fn unreadable() -> Result<Option<String>> {
    let folder = tree::root().join("target/xtask/api");
    let program = tree::root().join(RUSTDOC);
    let mut rustdoc = Command::new(program);
    rustdoc
        .args(JSON.split(' '))
        .args(["--crate-name", "nothing"]);
    rustdoc.arg("--out-dir").arg(&folder).arg("-");
    let status = rustdoc.stdin(Stdio::null()).stderr(Stdio::null()).status();
    let status = status.with_context(|| format!("{RUSTDOC}: cannot be started"))?;
    let found = if status.success() {
        format(&folder.join("nothing.json"))?
    } else {
        None
    };
    Ok((found != Some(FORMAT)).then(|| {
        let found = found.map_or_else(|| "no JSON".to_owned(), |found| format!("format {found}"));
        format!("this rustdoc writes {found}, and what reads it here wants format {FORMAT}")
    }))
}

fn format(path: &Path) -> Result<Option<u64>> {
    let text = fs::read_to_string(path).with_context(|| format!("{}", path.display()))?;
    let json: Value = serde_json::from_str(&text)?;
    Ok(json["format_version"].as_u64())
}

/// As the step `doc` does it, so that no dependency is compiled for this alone.
fn document() -> Result<()> {
    let status = Command::new(tree::cargo())
        .current_dir(tree::root())
        .args("doc --quiet --workspace --all-features --no-deps --locked".split(' '))
        .env("RUSTDOC", tree::root().join(RUSTDOC))
        .env("RUSTDOCFLAGS", JSON)
        .status()
        .context("cargo: cannot be started")?;
    ensure!(status.success(), "cargo doc: {status}");
    Ok(())
}

fn has_library(package: &Package) -> bool {
    let source = package.manifest.replace("Cargo.toml", "src/lib.rs");
    tree::root().join(source).exists()
}

/// The lines that are gone, and those that are new. Both texts are sorted in their own way, and no
/// line is in one twice.
fn difference(known: &str, found: &str) -> Vec<String> {
    let missing = |from: &str, to: &str, mark: char| -> Vec<String> {
        let lines = from
            .lines()
            .filter(|line| !to.lines().any(|own| own == *line));
        lines.map(|line| format!("{mark} {line}")).collect()
    };
    let mut lines = missing(known, found, '-');
    lines.extend(missing(found, known, '+'));
    lines
}

const RUSTDOC: &str = "xtask/rustdoc.sh";

const JSON: &str = "-Zunstable-options --output-format=json";

/// What the crate `public-api` reads in the version that is named in the manifest. It goes with the
/// toolchain: 57 is that of Rust 1.95.
const FORMAT: u64 = 57;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_names_what_is_gone_and_what_is_new() {
        let lines = difference("a\nb\nc\n", "a\nd\nc\n");
        assert_eq!(lines, ["- b", "+ d"]);
        assert_eq!(difference("a\n", "a\n"), Vec::<String>::new());
    }
}
