//! The command line.

use std::ffi::OsString;

use anyhow::{Result, bail};
use lexopt::prelude::*;

use crate::conformance::Options;
use crate::{chaos, example};

/// What the command line asks for.
#[derive(Debug, PartialEq)]
pub(crate) enum Command {
    Api {
        bless: bool,
    },
    Bench {
        only: Vec<String>,
        bless: bool,
    },
    Browser {
        filter: Option<String>,
    },
    Chaos(chaos::Options),
    Ci {
        stage: Option<String>,
    },
    Conformance(Options),
    Docs {
        check: bool,
    },
    Example(example::Options),
    Help(&'static str),
    Instructions {
        bless: bool,
    },
    /// Runs this with throwaway servers.
    Services(Vec<OsString>),
    Test,
    Tidy,
}

/// Reads the process's command line.
pub(crate) fn parse() -> Result<Command> {
    from(lexopt::Parser::from_env())
}

fn from(mut args: lexopt::Parser) -> Result<Command> {
    let name = match args.next()? {
        None | Some(Long("help") | Short('h')) => return Ok(Command::Help(HELP)),
        Some(Value(name)) => name.string()?,
        Some(other) => return Err(other.unexpected().into()),
    };
    match name.as_str() {
        "api" => api(args),
        "bench" => bench(args),
        "browser" => browser(args),
        "chaos" => chaos(args),
        "ci" => ci(args),
        "conformance" => conformance(args),
        "docs" => docs(args),
        "example" => example(args),
        "help" => Ok(Command::Help(HELP)),
        "instructions" => instructions(args),
        "services" => services(args),
        "test" => plain(args, Command::Test, TEST_HELP),
        "tidy" => plain(args, Command::Tidy, TIDY_HELP),
        _ => bail!("command {name:?} is unknown; `cargo xtask help` lists the commands"),
    }
}

fn api(mut args: lexopt::Parser) -> Result<Command> {
    let mut bless = false;
    while let Some(arg) = args.next()? {
        match arg {
            Long("help") | Short('h') => return Ok(Command::Help(API_HELP)),
            Long("bless") => bless = true,
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Command::Api { bless })
}

fn bench(mut args: lexopt::Parser) -> Result<Command> {
    let (mut only, mut bless) = (Vec::new(), false);
    while let Some(arg) = args.next()? {
        match arg {
            Long("help") | Short('h') => return Ok(Command::Help(BENCH_HELP)),
            Long("bless") => bless = true,
            Value(name) => only.push(name.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Command::Bench { only, bless })
}

fn browser(mut args: lexopt::Parser) -> Result<Command> {
    let mut filter = None;
    while let Some(arg) = args.next()? {
        match arg {
            Long("help") | Short('h') => return Ok(Command::Help(BROWSER_HELP)),
            Long("filter") => filter = Some(args.value()?.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Command::Browser { filter })
}

fn chaos(mut args: lexopt::Parser) -> Result<Command> {
    let mut options = chaos::Options::default();
    let all = options.run.clone();
    while let Some(arg) = args.next()? {
        match arg {
            Long("help") | Short('h') => return Ok(Command::Help(CHAOS_HELP)),
            Long("deliveries") => options.deliveries = args.value()?.parse()?,
            Long("kills") => options.kills = args.value()?.parse()?,
            Long("seed") => options.seed = args.value()?.parse()?,
            Value(name) if options.run == all => options.run = name.string()?,
            other => return Err(other.unexpected().into()),
        }
    }
    let runs = [&*all, "two-processes", "kill", "outage", "revocation"];
    if !runs.contains(&&*options.run) {
        let (run, runs) = (options.run, runs.join(", "));
        bail!("run {run:?} is unknown; write one of {runs}");
    }
    Ok(Command::Chaos(options))
}

fn ci(mut args: lexopt::Parser) -> Result<Command> {
    let mut stage = None;
    while let Some(arg) = args.next()? {
        match arg {
            Long("help") | Short('h') => return Ok(Command::Help(CI_HELP)),
            Value(name) if stage.is_none() => stage = Some(name.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Command::Ci { stage })
}

fn conformance(mut args: lexopt::Parser) -> Result<Command> {
    let mut options = Options::default();
    while let Some(arg) = args.next()? {
        match arg {
            Long("help") | Short('h') => return Ok(Command::Help(CONFORMANCE_HELP)),
            Long("adapter") => options.adapter = Some(args.value()?.string()?),
            Long("bless") => options.bless = true,
            Long("canary") => options.canary = true,
            Long("filter") => options.filter = Some(args.value()?.string()?),
            Long("html") => options.html = Some(args.value()?.string()?),
            Long("json") => options.json = Some(args.value()?.string()?),
            Long("junit") => options.junit = Some(args.value()?.string()?),
            Long("list") => options.list = true,
            Long("mutants") => options.mutants = true,
            Long("profile") => options.profile = Some(args.value()?.string()?),
            Long("program") => options.program = Some(args.value()?.string()?),
            Long("url") => options.url = Some(args.value()?.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    if options.canary && options.filter.is_some() {
        bail!("--canary runs all canaries; leave --filter out");
    }
    if options.profile.is_some() && options.url.is_none() {
        bail!("--profile says what the server at --url has; write both");
    }
    let alone = Options {
        mutants: true,
        ..Options::default()
    };
    if options.mutants && options != alone {
        bail!("--mutants builds and runs everything; leave the other flags out");
    }
    Ok(Command::Conformance(options))
}

fn docs(mut args: lexopt::Parser) -> Result<Command> {
    let mut check = false;
    while let Some(arg) = args.next()? {
        match arg {
            Long("help") | Short('h') => return Ok(Command::Help(DOCS_HELP)),
            Long("check") => check = true,
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Command::Docs { check })
}

fn example(mut args: lexopt::Parser) -> Result<Command> {
    let (mut name, mut to) = (None, None);
    while let Some(arg) = args.next()? {
        match arg {
            Long("help") | Short('h') => return Ok(Command::Help(EXAMPLE_HELP)),
            Value(value) if name.is_none() => name = Some(value.string()?),
            Value(value) if to.is_none() => to = Some(value.into()),
            other => return Err(other.unexpected().into()),
        }
    }
    let (Some(name), Some(to)) = (name, to) else {
        bail!("an example and a folder are needed, such as `cargo xtask example axum ../my-app`");
    };
    Ok(Command::Example(example::Options { name, to }))
}

fn instructions(mut args: lexopt::Parser) -> Result<Command> {
    let mut bless = false;
    while let Some(arg) = args.next()? {
        match arg {
            Long("help") | Short('h') => return Ok(Command::Help(INSTRUCTIONS_HELP)),
            Long("bless") => bless = true,
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Command::Instructions { bless })
}

fn services(mut args: lexopt::Parser) -> Result<Command> {
    let mut command = Vec::new();
    while let Some(arg) = args.next()? {
        match arg {
            Long("help") | Short('h') => return Ok(Command::Help(SERVICES_HELP)),
            Value(word) => command.push(word),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Command::Services(command))
}

/// A command that knows no flag but `--help`.
fn plain(mut args: lexopt::Parser, command: Command, help: &'static str) -> Result<Command> {
    match args.next()? {
        None => Ok(command),
        Some(Long("help") | Short('h')) => Ok(Command::Help(help)),
        Some(other) => Err(other.unexpected().into()),
    }
}

const HELP: &str = "\
The project's own commands. `cargo xtask COMMAND --help` says more about each.

  test         everything a change must pass
  ci           what continuous integration runs, or one stage of it
  conformance  every adapter, the same bytes: all cases, or some
  browser      the examples in a real browser: what people and attackers do there
  api          the public API, compared with what it was last agreed to be
  bench        what the gate costs on this machine, as a page of tables and plots
  instructions the same decisions, counted in instructions and compared
  chaos        webhook stores whose processes race, die and lose their database
  services     run a command with throwaway PostgreSQL and Redis
  tidy         the rules of the house that a machine can check
  docs         regenerate the generated parts of the documents
  example      copy an example out of the workspace, ready to build on its own
";

const TEST_HELP: &str = "\
cargo xtask test

Runs everything a change must pass: formatting, lints, tests (units, stores, conformance, examples
and the code in the documentation), conformance with its canaries, the examples in a browser, one of
them copied out of the workspace, the reference, the public API, instruction counts, the generated
documents, and the rules of the house.

Goes on after a failure. A step that fails prints its whole output; the output of every step stays
in target/xtask. `cargo xtask ci STAGE` runs one of them alone. The stores are tested against real
servers: `cargo xtask services --help` says where they come from.
";

const CI_HELP: &str = "\
cargo xtask ci [STAGE]

Runs every stage, or only the one named:

  fmt          formatting, compared only
  clippy       lints, package by package: no feature comes in by a neighbour
  features     each feature of each package alone
  test         units, conformance and documentation examples, in debug
  conformance  every case on every adapter, and every canary
  browser      every flow with every example, in Chromium
  example      an example on its own, outside of the workspace
  doc          the reference, warnings denied
  api          the public API, compared only
  instructions what decisions take, counted and compared
  docs         the generated parts of the documents, compared only
  tidy         the rules of the house
  package      what would be published, built from its archives alone; wants all committed
  peers        what the benches compare with, a workspace of its own
  deny         licences, duplicates and sources of dependencies; needs cargo-deny
  msrv         the oldest supported toolchain, where it is installed
";

const CONFORMANCE_HELP: &str = "\
cargo xtask conformance [FLAGS]

Sends every case to every adapter and compares the answers. Prints each failure as a difference,
then how many cases passed, by area and adapter. tests/conformance/README.md says how to write
one.

  --filter TEXT   only cases whose name contains TEXT, such as session/ or path/dots
  --adapter NAME  only this adapter: direct, tower, axum, actix, rocket or hyper
  --bless         first rewrite the expectations, where all adapters agree
  --canary        only the gates with one check switched off, which some case must notice
  --mutants       plant faults in a copy of the adapters, which some case must notice on each;
                  builds in target/mutants, some minutes at first
  --list          name the cases, run none

Instead of the adapters:

  --url URL       a server that runs already: http://127.0.0.1:8080
  --profile NAME  the profile that this server has; session by default
  --program FILE  a shim of your own, started for every profile

Reports:

  --html FILE     a page for people: the matrix, each case with its exchange, the differences
  --json FILE     the same for programs
  --junit FILE    the same for programs that read JUnit's XML
";

const API_HELP: &str = "\
cargo xtask api [--bless]

Compares the public API of every published library with the file api.txt next to its manifest, and
prints the lines that are gone (-) and new (+). It is a step of `cargo xtask test`, left out where
rustdoc writes another format than the one that is read here.

  --bless    write the files anew; review their diff
";

const BENCH_HELP: &str = "\
cargo xtask bench [NAME…] [--bless]

Measures on this machine, in release, and makes one page of tables and plots of it,
target/bench/README.md. Each figure is the median, with its quartiles, of many ratios of neighbours
in time: what else the machine does changes both.

  decisions  verifications and decisions beside one raw RSA verification; a webhook's signature
             beside the raw keyed hash over the same bytes
  growth     10 to 10,000 rules, up to 1,000,000 sessions and revocations, memory
  verify     tokens and deliveries beside other crates
  http       servers on axum, actix-web and Rocket under load: bare, gated, and beside another crate
  stores     deliveries begun and finished in memory, SQLite, PostgreSQL and Redis, one by one and
             together; the servers are started for it

Names run these alone; the others stay on the page as they were measured before.

  --bless    write the page into the repository: tests/bench/README.md

Takes half an hour on two cores, half of it to compile: what is compared with is in a workspace of
its own, tests/peers.
";

const BROWSER_HELP: &str = "\
cargo xtask browser [--filter TEXT]

Plays flows in headless Chromium with each example: signing in and out, forms of other sites,
injected scripts, the keyboard alone. Everything stays on the loopback device. tests/browser/README.md
says how to add one.

  --filter TEXT  only flows whose name contains TEXT, such as axum/ or sign-out

Screenshots of every page, light, dark and narrow, go to target/screenshots. Where Chromium is missing,
installs it with apt-get, which needs root; CLERK_GATE_TEST_BROWSER names a program to use instead.
";

const CHAOS_HELP: &str = "\
cargo xtask chaos [two-processes|kill|outage|revocation] [FLAGS]

Sends signed deliveries to real processes, repeats each until it is acknowledged, and then looks:
every message must have had its effect, once, and be known as handled. Prints the figures. All
runs take some minutes; `cargo xtask test` takes a short turn of each.

  two-processes  two processes share PostgreSQL, then Redis, and get each message three times at
                 the same time
  kill           the process is killed at random moments, with SQLite and with PostgreSQL
  outage         PostgreSQL, then Redis, stops under load and comes back: meanwhile every answer is
                 503. On Redis an effect may double, because no transaction holds it
  revocation     a session ends at one process, by webhook, and the time is taken until another
                 refuses it: with announcements, without them, and when the store has stopped

  --deliveries N  messages of two-processes; 10000 by default
  --kills N       kills on each store, a stop of the server for every 40, and two sessions of
                  revocation for each; 200 by default
  --seed N        which process gets what, and when it is killed; 1 by default
";

const INSTRUCTIONS_HELP: &str = "\
cargo xtask instructions [--bless]

Counts with callgrind how many instructions each question of tests/bench/benches/instructions.rs
takes, and compares with instructions.txt beside it: a count that is more than 3 % away fails, and
so does one that has become smaller without being written down. A busy machine changes nothing. The
profiles stay in target/callgrind, for callgrind_annotate. It is a step of `cargo xtask test`, left
out with another compiler than the one that the counts are of.

  --bless  write the counts into the file
";

const SERVICES_HELP: &str = "\
cargo xtask services [-- COMMAND…]

Starts PostgreSQL and Redis on free ports of the loopback device, with their files in
target/services, and runs COMMAND with their addresses in its environment:

  CLERK_GATE_TEST_POSTGRES  used as it is where it is set; otherwise DATABASE_URL is, if it is an
                            address of PostgreSQL; otherwise a server is started
  CLERK_GATE_TEST_REDIS     the same with REDIS_URL

However COMMAND ends, the servers end after it, and their files are removed. Without COMMAND prints
what to export and runs until the end of the input, or Ctrl-C.

Where the servers' programs are missing, installs them with apt-get, which needs root; what Debian
would start then is not started. Servers that this command has not started are left alone. As root
runs them as postgres, or as nobody.
";

const TIDY_HELP: &str = "\
cargo xtask tidy

Checks the rules of the house: who may depend on whom, the size of adapters and modules, words
that do not belong somewhere, and that each promise has its case or its page. Prints one line
for each finding: PATH:LINE: WHAT; WHAT TO WRITE INSTEAD. `cargo test -p xtask` does the same.
";

const DOCS_HELP: &str = "\
cargo xtask docs [--check]

Regenerates the generated parts of the documents:

  *.md     blocks between `<!-- from: PATH#ANCHOR -->` and `<!-- end -->`, cut from PATH
           between the comments `docs:begin ANCHOR` and `docs:end ANCHOR`
  crates/core/src/manual/differences.md
           every difference between adapters that a conformance case allows

  --check  write nothing; fail if something is out of date
";

const EXAMPLE_HELP: &str = "\
cargo xtask example axum|actix|rocket DIR

Copies an example into DIR, which must be empty or not there: its sources without their tests, what
it shares with the other examples as DIR/common, and Cargo.lock. Nothing in DIR is inherited from
the workspace any more, but the crates of clerk-gate still come from this checkout.
";

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, want: Option<&Command>) {
        let args = lexopt::Parser::from_args(line.split_whitespace());
        assert_eq!(from(args).ok().as_ref(), want, "{line}");
    }

    #[test]
    fn each_command_takes_its_own_flags_and_no_others() {
        let one = |stage: &str| Command::Ci {
            stage: Some(stage.to_owned()),
        };
        check("", Some(&Command::Help(HELP)));
        check("--help", Some(&Command::Help(HELP)));
        check("test", Some(&Command::Test));
        check("test --help", Some(&Command::Help(TEST_HELP)));
        check("test --check", None);
        check("ci", Some(&Command::Ci { stage: None }));
        check("ci clippy", Some(&one("clippy")));
        check("ci fmt clippy", None);
        let options = Options {
            adapter: Some("axum".to_owned()),
            bless: true,
            filter: Some("path/".to_owned()),
            ..Options::default()
        };
        let line = "conformance --adapter axum --filter path/ --bless";
        check(line, Some(&Command::Conformance(options)));
        check("conformance --canary --filter path/", None);
        check("conformance --adapter", None);
        check("conformance --profile api", None);
        check("conformance --mutants --filter path/", None);
        check("tidy", Some(&Command::Tidy));
        check("docs", Some(&Command::Docs { check: false }));
        check("docs --check", Some(&Command::Docs { check: true }));
        check("docs --chekc", None);
        let kill = chaos::Options {
            kills: 8,
            run: "kill".to_owned(),
            ..chaos::Options::default()
        };
        check("chaos", Some(&Command::Chaos(chaos::Options::default())));
        check("chaos kill --kills 8", Some(&Command::Chaos(kill)));
        check("chaos --help", Some(&Command::Help(CHAOS_HELP)));
        check("api --bless", Some(&Command::Api { bless: true }));
        check(
            "bench",
            Some(&Command::Bench {
                only: Vec::new(),
                bless: false,
            }),
        );
        check(
            "bench growth --bless",
            Some(&Command::Bench {
                only: vec!["growth".to_owned()],
                bless: true,
            }),
        );
        let instructions = |bless| Command::Instructions { bless };
        check("instructions", Some(&instructions(false)));
        check("instructions --bless", Some(&instructions(true)));
        check("instructions bless", None);
        let browser = |filter: Option<&str>| Command::Browser {
            filter: filter.map(str::to_owned),
        };
        check("browser", Some(&browser(None)));
        check("browser --filter axum/", Some(&browser(Some("axum/"))));
        check("browser axum/", None);
        check("chaos kill outage", None);
        check("chaos flood", None);
        check("chaos --kills many", None);
        let options = example::Options {
            name: "axum".to_owned(),
            to: "target/app".into(),
        };
        let copy = Command::Example(options);
        check("example axum target/app", Some(&copy));
        check("example axum", None);
        check("example axum target/app more", None);
        check("example --help", Some(&Command::Help(EXAMPLE_HELP)));
        let run = |words: &[&str]| Command::Services(words.iter().map(OsString::from).collect());
        check("services", Some(&run(&[])));
        check("services --help", Some(&Command::Help(SERVICES_HELP)));
        check(
            "services -- cargo test --help",
            Some(&run(&["cargo", "test", "--help"])),
        );
        check("services cargo --help", Some(&Command::Help(SERVICES_HELP)));
        check("services --quiet", None);
        check("tset", None);
    }
}
