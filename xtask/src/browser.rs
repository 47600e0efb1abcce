//! The examples in a real browser.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::{services, tree};

/// Builds the examples and plays every flow with each, or those whose name contains `filter`.
///
/// # Errors
/// If a flow failed, something does not build, or there is no browser.
pub(crate) fn run(filter: Option<&str>) -> Result<()> {
    provide()?;
    let mut build = cargo("build --quiet --locked --package clerk-gate-browser");
    build.args(EXAMPLES.iter().flat_map(|name| ["--package", name]));
    let status = build.status().context("cargo: cannot be started")?;
    ensure!(status.success(), "the examples do not build");
    let mut flows = cargo("run --quiet --locked --package clerk-gate-browser --");
    let status = flows.args(filter).status();
    let status = status.context("cargo: cannot be started")?;
    ensure!(status.success(), "a flow has failed");
    Ok(())
}

/// Installs a browser where there is none, so that a later run need not.
///
/// # Errors
/// If it cannot be installed here.
pub(crate) fn provide() -> Result<()> {
    let own = std::env::var_os(OWN).filter(|program| !program.is_empty());
    if own.is_some() || services::programs::find("chromium").is_some() {
        return Ok(());
    }
    // Without a font there is nothing to see on the screenshots.
    let packages = ["chromium", "fonts-liberation"];
    services::programs::install(&packages, &format!("{OWN} to a browser of your own"))
}

fn cargo(args: &str) -> Command {
    let mut command = Command::new(tree::cargo());
    command.current_dir(tree::root()).args(args.split(' '));
    command
}

/// The same variable as in `tests/browser`.
const OWN: &str = "CLERK_GATE_TEST_BROWSER";

const EXAMPLES: [&str; 3] = ["example-actix", "example-axum", "example-rocket"];
