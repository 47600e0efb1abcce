//! Runs commands one after the other, with progress, and counts what passed.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::tree;

/// One command with the name it is shown under, or the reason why it cannot run here.
#[derive(Debug)]
pub(crate) struct Step {
    name: String,
    /// What to type to run it alone.
    shown: String,
    action: Action,
}

#[derive(Debug)]
enum Action {
    Run(Command),
    Skip(String),
}

impl Step {
    /// `cargo` with `args`, which are split at white space.
    pub(crate) fn cargo(name: impl Into<String>, args: &str) -> Self {
        Self::new(name, format!("cargo {args}"), tree::cargo(), args)
    }

    /// Another command of this program. A process of its own, so that its output is kept apart.
    pub(crate) fn xtask(name: impl Into<String>, args: &str) -> Result<Self> {
        let program = std::env::current_exe().context("own executable: cannot be found")?;
        Ok(Self::new(
            name,
            format!("cargo xtask {args}"),
            program,
            args,
        ))
    }

    /// `cargo` of the toolchain `version` with `args`, which are split at white space.
    pub(crate) fn old_cargo(name: impl Into<String>, version: &str, args: &str) -> Self {
        let args = format!("run {version} cargo {args}");
        Self::new(name, format!("rustup {args}"), "rustup".into(), &args)
    }

    /// A step that is left out, visibly.
    pub(crate) fn skip(name: impl Into<String>, because: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            shown: String::new(),
            action: Action::Skip(because.into()),
        }
    }

    /// The same step with an environment variable.
    pub(crate) fn env(mut self, key: &str, value: &str) -> Self {
        if let Action::Run(command) = &mut self.action {
            command.env(key, value);
            self.shown = format!("{key}={value} {}", self.shown);
        }
        self
    }

    fn new(name: impl Into<String>, shown: String, program: PathBuf, args: &str) -> Self {
        let mut command = Command::new(program);
        command
            .args(args.split_whitespace())
            .current_dir(tree::root())
            .env("CARGO_TERM_QUIET", "true")
            .stdin(Stdio::null());
        Self {
            name: name.into(),
            shown,
            action: Action::Run(command),
        }
    }
}

/// Runs all steps, also those after a failure, and prints how many passed.
///
/// The output of each goes to a file below `target/xtask`, standard output and standard error in
/// their true order, and is printed if the step fails.
///
/// # Errors
/// If a step failed or could not be started.
pub(crate) fn run(steps: Vec<Step>) -> Result<()> {
    let logs = tree::root().join("target/xtask");
    fs::create_dir_all(&logs).with_context(|| format!("{}: cannot be made", logs.display()))?;
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    let count = steps.len();
    for (number, step) in (1..).zip(steps) {
        print!("[{number}/{count}] {} … ", step.name);
        std::io::stdout().flush()?;
        let started = Instant::now();
        let mut command = match step.action {
            Action::Run(command) => command,
            Action::Skip(because) => {
                skipped += 1;
                println!("skipped: {because}");
                continue;
            }
        };
        let log = logs.join(step.name.replace(' ', "-")).with_extension("log");
        let output = File::create(&log).with_context(|| format!("{}", log.display()))?;
        let status = command
            .stdout(output.try_clone()?)
            .stderr(output)
            .status()
            .with_context(|| format!("{}: cannot be started", command.get_program().display()))?;
        let seconds = started.elapsed().as_secs();
        if status.success() {
            passed += 1;
            println!("ok {seconds}s");
        } else {
            failed += 1;
            println!("FAILED {seconds}s ({status}): {}", step.shown);
            println!("{}", String::from_utf8_lossy(&fs::read(&log)?));
        }
    }
    let left_out = match skipped {
        0 => String::new(),
        n => format!(", {n} skipped"),
    };
    println!("{passed} passed, {failed} failed{left_out}");
    match failed {
        0 => Ok(()),
        1 => bail!("1 step failed"),
        n => bail!("{n} steps failed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(steps: Vec<Step>, passes: bool) {
        assert_eq!(run(steps).is_ok(), passes);
    }

    #[test]
    fn one_failure_fails_the_run_and_a_skip_does_not() {
        let good = || Step::cargo("steps-test-good", "--version");
        let bad = || Step::cargo("steps-test-bad", "--no-such-flag");
        check(vec![good()], true);
        check(
            vec![good(), Step::skip("steps-test-skip", "not here")],
            true,
        );
        check(vec![bad(), good()], false);
    }
}
