//! What the gate costs on this machine: every program of figures, and one page of them.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::{services, tree};

/// A program whose standard output is figures, one line of JSON each.
struct Program {
    name: &'static str,
    /// What cargo is told before, for a program that starts others.
    first: Option<&'static str>,
    /// What cargo is told.
    arguments: &'static str,
    needs_servers: bool,
}

/// Runs the programs `only` names, or all, and writes the page; into the repository if `bless`.
///
/// # Errors
/// If a name is unknown, or something does not build, run or start.
pub(crate) fn run(only: &[String], bless: bool) -> Result<()> {
    let names = PROGRAMS.map(|program| program.name);
    if let Some(unknown) = only.iter().find(|name| !names.contains(&name.as_str())) {
        let names = names.join(", ");
        bail!("bench {unknown:?} is unknown; write one or more of {names}, or none for all");
    }
    let folder = tree::root().join("target/bench");
    fs::create_dir_all(&folder).with_context(|| format!("{}: cannot be made", folder.display()))?;
    for program in &PROGRAMS {
        if only.is_empty() || only.iter().any(|name| name == program.name) {
            eprintln!("+ {}", program.name);
            measure(program, &folder)?;
        }
    }
    let page = if bless {
        tree::root().join("tests/bench")
    } else {
        folder.clone()
    };
    let mut command = cargo("run --quiet --release --locked --package clerk-gate-bench --bin page");
    command.arg("--").arg(&folder).arg(&page).args(names);
    let status = command.status().context("cargo: cannot be started")?;
    ensure!(status.success(), "the page: {status}");
    println!("{}", page.join("README.md").display());
    Ok(())
}

/// Runs one, and keeps its figures for the page once it has ended well.
fn measure(program: &Program, folder: &Path) -> Result<()> {
    let path = folder.join(format!("{}.jsonl", program.name));
    let unfinished = path.with_extension("unfinished");
    let file = File::create(&unfinished)
        .with_context(|| format!("{}: cannot be written", unfinished.display()))?;
    if let Some(first) = program.first {
        let status = cargo(first).status().context("cargo: cannot be started")?;
        ensure!(status.success(), "cargo {first}: {status}");
    }
    let mut command = cargo(program.arguments);
    command.stdout(file);
    if program.needs_servers {
        services::execute(&mut command)?;
    } else {
        let status = command.status().context("cargo: cannot be started")?;
        ensure!(status.success(), "bench {:?}: {status}", program.name);
    }
    fs::rename(&unfinished, &path).with_context(|| format!("{}: cannot be kept", path.display()))
}

fn cargo(arguments: &str) -> Command {
    let mut command = Command::new(tree::cargo());
    command.current_dir(tree::root());
    command.args(arguments.split_whitespace());
    command
}

/// In the order of the page.
const PROGRAMS: [Program; 5] = [
    Program {
        name: "decisions",
        first: None,
        arguments: "run --quiet --release --locked --package clerk-gate-bench --bin decisions",
        needs_servers: false,
    },
    Program {
        name: "growth",
        first: None,
        arguments: "run --quiet --release --locked --package clerk-gate-bench --bin growth",
        needs_servers: false,
    },
    Program {
        name: "verify",
        first: None,
        arguments: "run --quiet --release --locked --manifest-path tests/peers/Cargo.toml --bin verify",
        needs_servers: false,
    },
    Program {
        name: "http",
        first: Some("build --quiet --release --locked --manifest-path tests/peers/Cargo.toml"),
        arguments: "run --quiet --release --locked --manifest-path tests/peers/Cargo.toml --bin http",
        needs_servers: false,
    },
    Program {
        name: "stores",
        first: None,
        arguments: "run --quiet --release --locked --package clerk-gate-bench \
                    --features stores --bin stores",
        needs_servers: true,
    },
];
