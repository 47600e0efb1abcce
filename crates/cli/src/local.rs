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
/// with. What users do there, it tells the application by signed webhooks.
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
    /// Where each of these applications listens for webhooks
    #[arg(long, value_name = "PATH", default_value = "/api/webhooks/clerk")]
    webhook_path: String,
}

pub(crate) fn run(arguments: Arguments) -> Outcome {
    let mut apps = arguments.app.into_iter();
    let first = apps.next().ok_or("--app: at least one is needed")?;
    let options = LocalOptions::new(first).with_webhook_path(arguments.webhook_path);
    let options = apps.fold(options, LocalOptions::with_origin);
    let local = Local::start(options, &|name| env::var(name).ok())?;
    for (name, value) in local.environment() {
        println!("export {name}='{value}'");
    }
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(ExitCode::SUCCESS)
}

const EXAMPLES: &str = "\
Examples:
  clerk-gate local --app http://127.0.0.1:8000
      its webhooks go to http://127.0.0.1:8000/api/webhooks/clerk
  clerk-gate local --app http://127.0.0.1:8000 --webhook-path /hooks/clerk
      they go to http://127.0.0.1:8000/hooks/clerk, signed with the printed secret";
