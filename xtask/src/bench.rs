//! How much time things take here: figures to compare within one run.

use std::ffi::OsString;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::{services, tree};

/// Runs the benches of the core, then every store with throwaway servers.
///
/// # Errors
/// If something does not build or start.
pub(crate) fn run() -> Result<()> {
    let cargo = |args: &str| -> Vec<OsString> { args.split(' ').map(Into::into).collect() };
    for bench in ["decide", "ratios", "revocation"] {
        let mut core = Command::new(tree::cargo());
        core.current_dir(tree::root());
        let args = format!("bench --locked --package clerk-gate-core --bench {bench}");
        core.args(cargo(&args));
        let status = core.status().context("cargo: cannot be started")?;
        ensure!(status.success(), "the bench {bench} of the core: {status}");
    }

    let mut claims = vec![tree::cargo().into()];
    let args = "run --quiet --release --locked --package clerk-gate-chaos --bin claims -- 3";
    claims.extend(cargo(args));
    services::run(&claims)
}
