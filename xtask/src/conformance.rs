//! The conformance suite: a part of it, its canaries, or a server that is not ours.

use std::path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{mutants, tree};

/// Which part of the suite to run, and against what.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Options {
    /// Only this adapter.
    pub(crate) adapter: Option<String>,
    /// Rewrite expectations where all adapters agree.
    pub(crate) bless: bool,
    /// Only the gates with one check switched off.
    pub(crate) canary: bool,
    /// Only cases whose name contains this.
    pub(crate) filter: Option<String>,
    /// Write a report for people to this file.
    pub(crate) html: Option<String>,
    /// Write a report for programs to this file.
    pub(crate) json: Option<String>,
    /// Write a report for programs that read JUnit's XML to this file.
    pub(crate) junit: Option<String>,
    /// Name the cases instead of running them.
    pub(crate) list: bool,
    /// Only adapters with a deliberate fault.
    pub(crate) mutants: bool,
    /// The gate that the server at `url` has.
    pub(crate) profile: Option<String>,
    /// A program that is a shim, instead of the adapters.
    pub(crate) program: Option<String>,
    /// A server that runs already, instead of the adapters.
    pub(crate) url: Option<String>,
}

/// Runs the suite; it prints each failure as a difference, and the matrix of areas and adapters.
///
/// # Errors
/// If a case failed.
pub(crate) fn run(options: &Options) -> Result<()> {
    if options.mutants {
        return mutants::run();
    }
    let mut command = Command::new(tree::cargo());
    command
        .current_dir(tree::root())
        .args("test --quiet --package clerk-gate-conformance --test suite --".split(' '));
    for (name, value) in variables(options) {
        command.env(name, value);
    }
    // The suite runs in another folder.
    for (name, file) in files(options) {
        command.env(name, path::absolute(file)?);
    }
    let status = command.args(arguments(options)).status();
    if !status.context("cargo: cannot be started")?.success() {
        bail!("the suite has failed");
    }
    Ok(())
}

fn variables(options: &Options) -> Vec<(&'static str, &str)> {
    let mut variables = Vec::new();
    if options.bless {
        variables.push(("UPDATE_EXPECT", "1"));
    }
    if let Some(adapter) = &options.adapter {
        variables.push(("CONFORMANCE_ADAPTER", adapter));
    }
    if let Some(profile) = &options.profile {
        variables.push(("CONFORMANCE_PROFILE", profile));
    }
    if let Some(url) = &options.url {
        let server = url.strip_prefix("http://").unwrap_or(url);
        variables.push(("CONFORMANCE_SERVER", server.trim_end_matches('/')));
    }
    variables
}

fn files(options: &Options) -> impl Iterator<Item = (&'static str, &str)> {
    let files = [
        ("CONFORMANCE_HTML", &options.html),
        ("CONFORMANCE_JSON", &options.json),
        ("CONFORMANCE_JUNIT", &options.junit),
        ("CONFORMANCE_PROGRAM", &options.program),
    ];
    files
        .into_iter()
        .filter_map(|(name, file)| Some((name, file.as_deref()?)))
}

fn arguments(options: &Options) -> Vec<&str> {
    let mut arguments = Vec::new();
    arguments.push(if options.list { "--list" } else { "--quiet" });
    let instead = [&options.adapter, &options.program, &options.url];
    if options.canary {
        arguments.push(CANARIES);
    } else if instead.iter().any(|option| option.is_some()) {
        // They play in this process: no adapter has a part in them.
        arguments.extend(["--skip", CANARIES]);
    }
    arguments.extend(options.filter.as_deref());
    arguments
}

/// What the names of canaries begin with.
const CANARIES: &str = "canary::";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_become_what_the_suite_understands() {
        fn check(options: &Options, wanted_variables: &[(&str, &str)], wanted_arguments: &[&str]) {
            assert_eq!(variables(options), wanted_variables);
            assert_eq!(arguments(options), wanted_arguments);
        }
        check(&Options::default(), &[], &["--quiet"]);
        check(
            &Options {
                bless: true,
                filter: Some("path/".to_owned()),
                ..Options::default()
            },
            &[("UPDATE_EXPECT", "1")],
            &["--quiet", "path/"],
        );
        check(
            &Options {
                adapter: Some("axum".to_owned()),
                list: true,
                ..Options::default()
            },
            &[("CONFORMANCE_ADAPTER", "axum")],
            &["--list", "--skip", "canary::"],
        );
        check(
            &Options {
                profile: Some("api".to_owned()),
                url: Some("http://127.0.0.1:8080/".to_owned()),
                ..Options::default()
            },
            &[
                ("CONFORMANCE_PROFILE", "api"),
                ("CONFORMANCE_SERVER", "127.0.0.1:8080"),
            ],
            &["--quiet", "--skip", "canary::"],
        );
        check(
            &Options {
                canary: true,
                ..Options::default()
            },
            &[],
            &["--quiet", "canary::"],
        );
    }
}
