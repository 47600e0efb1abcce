//! `clerk-gate doctor`: the guide's checklist, run.
//!
//! Facts are gathered first, area by area; then every rule judges them. No rule opens a file or a
//! socket, and nothing that is a secret gets as far as a report.

mod facts;
mod report;
mod rule;
mod rules;
mod secrets;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};
use clerk_gate_core::Settings;

use self::facts::{
    Environment, Facts, Keys, Options, Policy, Promised, Repository, Server, Target,
};
use self::report::{Report, Verdict};
use self::rule::Unknown;
use crate::Outcome;

/// Checks a project and its server against the security checklist, and says how to mend what it
/// finds.
///
/// What is not named is found where it usually is: the variables of this process, and the working
/// copy in the current directory. A server is asked only if --url names it: at most 60 requests,
/// one after the other, that change nothing.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The application's variables, as NAME=value lines; without it, those of this process
    #[arg(long, value_name = "FILE")]
    env_file: Option<PathBuf>,

    /// The git working copy to search for secrets; without it, the one around the current directory
    #[arg(long, value_name = "DIR")]
    repo: Option<PathBuf>,

    /// How many commits to search for secrets that were removed since; 0 for none
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    commits: usize,

    /// The application's policy, in TOML, as `explain` reads it
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,

    /// The running server, as scheme and host
    #[arg(long, value_name = "URL", value_parser = Target::parse)]
    url: Option<Target>,

    /// A path that needs a session; give it again for each further one. Without it, the strictest
    /// of --policy, or /api/protected
    #[arg(long, value_name = "PATH", value_parser = path)]
    protected: Vec<String>,

    /// The path that receives Clerk's webhooks
    #[arg(long, value_name = "PATH", value_parser = path)]
    webhook: Option<String>,

    /// Speak as the proxy that ends TLS does: X-Forwarded-Proto says https
    #[arg(long)]
    behind_proxy: bool,

    /// Milliseconds between two requests to the server
    #[arg(long, value_name = "MS", default_value_t = 100)]
    pause: u64,

    /// A rule whose findings are known and borne, or RULE:PLACE for those in places that begin so
    #[arg(long, value_name = "RULE[:PLACE]", value_parser = accepted)]
    accept: Vec<String>,

    /// Form of the report
    #[arg(long, value_enum, default_value_t)]
    format: Format,

    /// Where the report goes; without it, to standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Format {
    /// For people at a terminal
    #[default]
    Table,
    /// For programs
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// One page, without anything from elsewhere
    Html,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    if arguments.protected.len() > MAX_PROTECTED {
        return Err(format!(
            "--protected: more than {MAX_PROTECTED} paths; name the most sensitive"
        )
        .into());
    }
    let facts = gather(arguments);
    let report = Report::new(&facts, &arguments.accept);
    if report.is_empty() {
        let what = "nothing to check: name --repo, --env-file, --policy or --url";
        return Err(what.into());
    }
    for entry in report.stale(&arguments.accept) {
        progress(&format!(
            "--accept {entry}: fits nothing any more; remove it"
        ));
    }
    let text = match arguments.format {
        Format::Table => {
            let colours = arguments.output.is_none()
                && anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never;
            report::table(&report, colours)
        }
        Format::Json => report::json(&report),
        Format::Sarif => report::sarif(&report),
        Format::Html => report::html(&report),
    };
    match &arguments.output {
        Some(path) => {
            fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))?;
        }
        None => io::stdout().write_all(text.as_bytes())?,
    }
    Ok(if report.count(Verdict::Failed) > 0 {
        ExitCode::from(2)
    } else if report.count(Verdict::Found) > 0 {
        ExitCode::from(1)
    } else {
        ExitCode::SUCCESS
    })
}

/// Gathers every area that is there, slowest last.
fn gather(arguments: &Arguments) -> Facts {
    let environment = match &arguments.env_file {
        Some(path) => Environment::read(path),
        None => Environment::of_process(),
    };
    let repository = repository(arguments);
    let settings = match &environment {
        Ok(environment) => environment
            .settings
            .as_ref()
            .map_err(|_| not_asked("the variables have mistakes that must be mended first")),
        Err(_) => Err(not_asked("there are no variables that name an instance")),
    };
    let keys = settings.clone().map(|settings| {
        progress("keys: asking Clerk for the key set");
        Keys::gather(settings)
    });
    let policy = match &arguments.policy {
        Some(path) => Policy::read(path),
        None => Err(not_asked("no --policy was given")),
    };
    let server = server(arguments, settings.ok(), &policy);
    Facts {
        keys,
        policy,
        repository,
        server,
        environment,
    }
}

fn repository(arguments: &Arguments) -> Result<Repository, Unknown> {
    let here = Path::new(".");
    let directory = arguments.repo.as_deref();
    if directory.is_none() && !Repository::is_at(here) {
        return Err(not_asked(
            "no --repo, and the current directory is in no working copy",
        ));
    }
    progress("repository: searching tracked files and commits");
    Repository::gather(directory.unwrap_or(here), arguments.commits)
}

fn server(
    arguments: &Arguments,
    settings: Option<&Settings>,
    policy: &Result<Policy, Unknown>,
) -> Result<Server, Unknown> {
    let Some(target) = &arguments.url else {
        return Err(not_asked("no --url was given"));
    };
    progress(&format!("server: asking {}", target.origin()));
    let (protected, promised) = asked(arguments, policy);
    let origin = |settings: &Settings| settings.origins().first().map(|o| o.as_str().to_owned());
    Server::gather(&Options {
        target: target.clone(),
        protected,
        promised,
        webhook: arguments.webhook.clone(),
        behind_proxy: arguments.behind_proxy,
        pause: Duration::from_millis(arguments.pause),
        webhook_secret: settings.and_then(|s| s.webhook_secrets().first().cloned()),
        origin: settings.and_then(origin),
        issuer: settings.map(|s| s.issuer().to_owned()),
        frontend_api: settings.map(|s| s.frontend_api_origin().to_owned()),
    })
}

/// The protected paths, and what else the policy file says must be refused.
fn asked(
    arguments: &Arguments,
    policy: &Result<Policy, Unknown>,
) -> (Vec<String>, Result<Promised<String>, Unknown>) {
    let mut protected = arguments.protected.clone();
    let judged = match policy {
        Ok(policy) => policy.judged(),
        Err(why) => Err(why.clone()),
    };
    let mut paths = judged.as_ref().map_or(Vec::new(), |j| j.protected());
    if protected.is_empty() {
        // What the other rules ask has a name: other spellings of the home page are none of it.
        let first = paths.iter().find(|path| *path != "/").cloned();
        protected.push(first.unwrap_or_else(|| "/api/protected".to_owned()));
    }
    // The gate answers for its webhook path before it asks the policy.
    paths.retain(|path| !protected.contains(path) && arguments.webhook.as_ref() != Some(path));
    let room = MAX_PROTECTED + MAX_FURTHER - protected.len();
    let left_out = paths.len().saturating_sub(room);
    paths.truncate(room);
    let promised = judged.map(|judged| Promised {
        paths,
        left_out,
        unlisted: judged.protects("/an-unknown-path"),
    });
    (protected, promised)
}

fn not_asked(why: &str) -> Unknown {
    Unknown::NotAsked(why.to_owned())
}

/// For people who wait. Reports go elsewhere.
fn progress(what: &str) {
    eprintln!("{what}");
}

fn path(text: &str) -> Result<String, String> {
    let is_plain = text
        .bytes()
        .all(|b| b.is_ascii_graphic() && !b"?#\\".contains(&b));
    if !text.starts_with('/') || text == "/" || text.ends_with('/') || !is_plain {
        return Err("write a path such as \"/api/protected\", without query or final slash".into());
    }
    Ok(text.to_owned())
}

fn accepted(text: &str) -> Result<String, String> {
    let id = text.split(':').next().unwrap_or_default();
    if rules::all().any(|rule| rule.id == id) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "there is no rule \"{id}\"; the manual lists them, and every report names its own"
    ))
}

/// Keeps the number of requests to a server below the sixty that are promised.
const MAX_PROTECTED: usize = 16;

/// How many paths of the policy there is room for beside those.
const MAX_FURTHER: usize = 8;

const EXAMPLES: &str = "\
Examples:
  clerk-gate doctor
      the variables of this process, and the working copy around the current directory
  clerk-gate doctor --env-file .env.production --repo .
      before a deployment
  clerk-gate doctor --url https://app.example.com --protected /api/orders --webhook /api/webhooks/clerk
      a running server, from outside
  clerk-gate doctor --policy policy.toml --url https://app.example.com
      the policy, and whether the server keeps to it
  clerk-gate doctor --url http://127.0.0.1:3000 --behind-proxy --env-file .env.production
      the same server without its proxy, for instance in CI
  clerk-gate doctor --format sarif --output doctor.sarif
      for code scanning
  clerk-gate doctor --accept git-history:3f2a91c
      once what that commit had added is revoked

Exit codes:
  0  nothing was found
  1  something was found
  2  something could not be checked, or there was nothing to check";
