//! The runs from the command line: `chaos RUN DELIVERIES KILLS SEED`, where RUN can be `all`.

use std::env;
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use clerk_gate_chaos::{Run, Size};

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("chaos: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<()> {
    let args: Vec<String> = env::args().skip(1).collect();
    let [name, deliveries, kills, seed] = &args[..] else {
        bail!("want four arguments: RUN DELIVERIES KILLS SEED");
    };
    let size = Size {
        deliveries: deliveries.parse().context("DELIVERIES")?,
        kills: kills.parse().context("KILLS")?,
        seed: seed.parse().context("SEED")?,
        worker: env::current_exe()?.with_file_name("chaos-worker"),
    };
    let runs = Run::ALL
        .iter()
        .filter(|run| name == "all" || run.name() == name);
    let runs: Vec<_> = runs.collect();
    ensure!(!runs.is_empty(), "run {name:?} is unknown");
    for run in runs {
        run.run(&size).await?;
    }
    Ok(())
}
