//! The project's own commands: `cargo xtask help` lists them.

mod api;
mod bench;
mod browser;
mod cases;
mod chaos;
mod ci;
mod conformance;
mod docs;
mod example;
mod flags;
mod instructions;
mod mutants;
mod services;
mod steps;
mod test;
mod tidy;
mod tree;

use std::process::ExitCode;

use flags::Command;

fn main() -> ExitCode {
    let done = flags::parse().and_then(|command| match command {
        Command::Help(text) => {
            print!("{text}");
            Ok(())
        }
        Command::Api { bless } => api::run(bless),
        Command::Bench { only, bless } => bench::run(&only, bless),
        Command::Browser { filter } => browser::run(filter.as_deref()),
        Command::Chaos(options) => chaos::run(&options),
        Command::Test => test::run(),
        Command::Ci { stage } => ci::run(stage.as_deref()),
        Command::Conformance(options) => conformance::run(&options),
        Command::Instructions { bless } => instructions::run(bless),
        Command::Services(command) => services::run(&command),
        Command::Tidy => tidy::run(),
        Command::Docs { check } => docs::run(check),
        Command::Example(options) => example::run(&options),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
