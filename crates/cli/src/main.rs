//! The `clerk-gate` command. One module a subcommand; each has its `Arguments` and a `run`.

mod doctor;
mod local;

use std::error::Error;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Secures web applications whose users sign in with Clerk.
#[derive(Debug, Parser)]
#[command(name = "clerk-gate", version, after_help = EXIT_CODES)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Doctor(doctor::Arguments),
    Local(local::Arguments),
}

/// What a subcommand ends with: its exit code, or what kept it from doing its work.
type Outcome = Result<ExitCode, Box<dyn Error>>;

fn main() -> ExitCode {
    let outcome = match CommandLine::parse().command {
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::Local(arguments) => local::run(arguments),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("{error}");
        ExitCode::from(2)
    })
}

const EXIT_CODES: &str = "\
Exit codes:
  0  done, and nothing is wrong
  1  done, and something is wrong: it is printed
  2  not done: the command line or the surroundings do not allow it";
