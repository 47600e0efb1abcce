//! `clerk-gate webhook`: send deliveries as Clerk does, and verify some.

mod samples;
mod send;
mod verify;

use std::error::Error;

use clap::{Args, Subcommand};
use clerk_gate_core::{ConfigErrors, Secret, Settings};

use crate::Outcome;

/// Sends webhook deliveries to an endpoint under development, and verifies others
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Send(send::Arguments),
    Verify(verify::Arguments),
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    match &arguments.command {
        Command::Send(arguments) => send::run(arguments),
        Command::Verify(arguments) => verify::run(arguments),
    }
}

/// The secrets of the environment, read as applications read them.
fn secrets() -> Result<Vec<Secret>, Box<dyn Error>> {
    let settings: Result<Settings, ConfigErrors> = Settings::parse(&|name| match name {
        // An application needs these, this command does not.
        "CLERK_PUBLISHABLE_KEY" => Some("pk_test_Y2xlcmsuYXBwLnRlc3Qk".to_owned()),
        "CLERK_GATE_ORIGINS" => Some("http://localhost:3000".to_owned()),
        name if name.starts_with("CLERK_WEBHOOK_") => {
            Some(std::env::var_os(name)?.to_string_lossy().into_owned())
        }
        _ => None,
    });
    let secrets = settings?.webhook_secrets().to_vec();
    if secrets.is_empty() {
        let error = "CLERK_WEBHOOK_SIGNING_SECRET: is missing; copy it from the endpoint's page \
                     in the Clerk dashboard: whsec_…";
        return Err(error.into());
    }
    Ok(secrets)
}
