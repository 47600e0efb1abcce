//! The `clerk-gate` command. One module a subcommand; each has its `Arguments` and a `run`.

mod doctor;
mod explain;
mod input;
mod keys;
mod local;
mod output;
mod token;
mod trust;
mod webhook;

use std::error::Error;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Secures web applications whose users sign in with Clerk
#[derive(Debug, Parser)]
#[command(name = "clerk-gate", version, after_help = AFTER_HELP)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Doctor(doctor::Arguments),
    Explain(explain::Arguments),
    Keys(keys::Arguments),
    Local(local::Arguments),
    Token(token::Arguments),
    Webhook(webhook::Arguments),
}

/// What a subcommand ends with: its exit code, or what kept it from doing its work.
type Outcome = Result<ExitCode, Box<dyn Error>>;

/// The exit code of work that is done and has found something wrong.
const WRONG: u8 = 1;

fn main() -> ExitCode {
    let outcome = match CommandLine::parse().command {
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Keys(arguments) => keys::run(&arguments),
        Command::Local(arguments) => local::run(arguments),
        Command::Token(arguments) => token::run(&arguments),
        Command::Webhook(arguments) => webhook::run(&arguments),
    };
    outcome.unwrap_or_else(|error| {
        output::complain(&*error);
        ExitCode::from(2)
    })
}

const AFTER_HELP: &str = "\
Examples:
  clerk-gate explain GET /admin --policy policy.toml
  clerk-gate token inspect < token.txt
  clerk-gate webhook send http://127.0.0.1:3000/api/webhooks
  clerk-gate keys check

Exit codes:
  0  done, and nothing is wrong
  1  done, and something is wrong: it is printed
  2  not done: the command line or the surroundings do not allow it";
