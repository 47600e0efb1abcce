//! Webhook stores whose processes race, die and lose their database, at length.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::{services, tree};

/// What goes wrong, and how much of it.
#[derive(Debug, PartialEq)]
pub(crate) struct Options {
    pub(crate) deliveries: u64,
    pub(crate) kills: u64,
    pub(crate) run: String,
    pub(crate) seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            deliveries: 10_000,
            kills: 200,
            run: "all".to_owned(),
            seed: 1,
        }
    }
}

/// Builds the programs and runs them with throwaway servers.
///
/// # Errors
/// If a message was lost or handled twice, or something does not build or start.
pub(crate) fn run(options: &Options) -> Result<()> {
    let mut build = Command::new(tree::cargo());
    build.current_dir(tree::root());
    build.args("build --quiet --locked --package clerk-gate-chaos --bins".split(' '));
    let status = build.status().context("cargo: cannot be started")?;
    ensure!(status.success(), "clerk-gate-chaos: does not build");
    let Options {
        deliveries,
        kills,
        run,
        seed,
    } = options;
    let mut cargo = vec![tree::cargo().into()];
    let args = format!(
        "run --quiet --locked --package clerk-gate-chaos --bin chaos -- \
        {run} {deliveries} {kills} {seed}"
    );
    cargo.extend(args.split(' ').map(Into::into));
    services::run(&cargo)
}
