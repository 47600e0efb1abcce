//! `clerk-gate token`: look at session tokens, and make some for tests.

mod inspect;
mod judge;
mod mint;

use clap::{Args, Subcommand};

use crate::Outcome;

/// Shows what is in a session token, and makes some for tests
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Inspect(inspect::Arguments),
    Mint(mint::Arguments),
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    match &arguments.command {
        Command::Inspect(arguments) => inspect::run(arguments),
        Command::Mint(arguments) => mint::run(arguments),
    }
}
