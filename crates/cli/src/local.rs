//! `clerk-gate local`: the stand-in for Clerk as a process of its own.

use std::env;
use std::io::{self, Read};
use std::process::ExitCode;

use clap::Args;
use clerk_gate_core::Origin;
use clerk_gate_local::{Local, LocalOptions};

use crate::Outcome;

/// Runs the offline stand-in for Clerk
///
/// It runs until standard input ends, and prints the environment that an application finds it
/// with.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Where browsers find the application; give it again for each further one
    #[arg(
        long,
        value_name = "ORIGIN",
        default_value = "http://127.0.0.1:3000",
        value_parser = |text: &str| Origin::parse(text).map_err(|error| error.to_string())
    )]
    app: Vec<Origin>,
}

pub(crate) fn run(arguments: Arguments) -> Outcome {
    let mut apps = arguments.app.into_iter();
    let first = apps.next().ok_or("--app: at least one is needed")?;
    let options = apps.fold(LocalOptions::new(first), LocalOptions::with_origin);
    let local = Local::start(options, &|name| env::var(name).ok())?;
    for (name, value) in local.environment() {
        println!("export {name}='{value}'");
    }
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(ExitCode::SUCCESS)
}

const EXAMPLES: &str = "\
Example:
  clerk-gate local --app http://127.0.0.1:8000";
