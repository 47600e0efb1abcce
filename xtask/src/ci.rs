//! The stages of continuous integration, each runnable alone.

use std::process::Command;

use anyhow::{Result, bail};

use crate::steps::{self, Step};
use crate::{test, tree};

/// Runs the stage of that name, or all of them.
///
/// # Errors
/// If there is no such stage, or a step failed.
pub(crate) fn run(stage: Option<&str>) -> Result<()> {
    if let Some(wanted) = stage
        && !STAGES.iter().any(|(name, _)| *name == wanted)
    {
        let names = STAGES.map(|(name, _)| name).join(", ");
        bail!("stage {wanted:?} is unknown; write one of {names}");
    }
    let mut all = Vec::new();
    for (name, steps) in STAGES {
        if stage.is_none_or(|wanted| wanted == name) {
            all.extend(steps()?);
        }
    }
    steps::run(all)
}

/// One lint run for each package, so that no feature comes in by a neighbour.
fn clippy() -> Result<Vec<Step>> {
    let step = |package: tree::Package| {
        let name = package.name;
        let args = format!("clippy --package {name} --all-targets --locked -- --deny=warnings");
        Step::cargo(format!("clippy {name}"), &args)
    };
    Ok(tree::packages()?.into_iter().map(step).collect())
}

/// Each package that has features with none of them, and with each one alone.
fn features() -> Result<Vec<Step>> {
    let mut all = Vec::new();
    for package in tree::packages()? {
        let name = &package.name;
        let check = format!("check --package {name} --locked --no-default-features");
        if !package.features.is_empty() {
            all.push(Step::cargo(format!("features {name}"), &check));
        }
        for feature in &package.features {
            let args = format!("{check} --features {feature}");
            all.push(Step::cargo(format!("features {name} {feature}"), &args));
        }
    }
    Ok(all)
}

/// What the registry would get, built from that and from nothing else of the repository.
fn package() -> Result<Vec<Step>> {
    let published = tree::packages()?.into_iter().filter(|p| p.is_published);
    let names: String = published
        .map(|p| format!(" --package {}", p.name))
        .collect();
    let step = Step::cargo("package", &format!("package --locked{names}"));
    Ok(vec![step])
}

/// The workspace of what the benches compare with, which nothing else compiles.
fn peers() -> Result<Vec<Step>> {
    let manifest = "--manifest-path tests/peers/Cargo.toml";
    let clippy = format!("clippy {manifest} --all-targets --locked -- --deny=warnings");
    Ok(vec![
        Step::cargo("peers fmt", &format!("fmt {manifest} --check")),
        Step::cargo("peers clippy", &clippy),
    ])
}

/// Advisories are left out: their database is no package and cannot be fetched everywhere.
fn deny() -> Result<Vec<Step>> {
    let found = succeeds(Command::new(tree::cargo()).args(["deny", "--version"]));
    Ok(vec![match found {
        true => Step::cargo("deny", "deny --locked check bans licenses sources"),
        false => Step::skip(
            "deny",
            "cargo-deny is missing; run `cargo install --locked cargo-deny`",
        ),
    }])
}

/// Nearly all packages promise the same oldest toolchain; those that need a newer one say so in
/// their manifests, and are left out.
fn msrv() -> Result<Vec<Step>> {
    let packages = tree::packages()?;
    let core = packages.iter().find(|p| p.name == "clerk-gate-core");
    let version = core.map_or("", |package| &package.rust_version);
    let newer = packages.iter().filter(|p| p.rust_version != version);
    let excluded: String = newer.map(|p| format!(" --exclude {}", p.name)).collect();
    let found = succeeds(Command::new("rustup").args(["run", version, "cargo", "--version"]));
    Ok(vec![match found {
        true => Step::old_cargo(
            "msrv",
            version,
            &format!("check --workspace --locked{excluded}"),
        ),
        false => {
            let remedy = format!("rustup toolchain install {version} --profile minimal");
            Step::skip(
                "msrv",
                format!("toolchain {version} is missing; run `{remedy}`"),
            )
        }
    }])
}

fn succeeds(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

type Stage = (&'static str, fn() -> Result<Vec<Step>>);

/// In the order of `cargo xtask ci --help`.
const STAGES: [Stage; 16] = [
    ("fmt", || Ok(vec![test::fmt()])),
    ("clippy", clippy),
    ("features", features),
    ("test", || Ok(vec![test::test()?])),
    ("conformance", || {
        Ok(vec![test::conformance()?, test::canary()?])
    }),
    ("browser", || Ok(vec![test::browser()?])),
    ("example", || Ok(test::example()?.into())),
    ("doc", || Ok(vec![test::doc()])),
    ("api", || Ok(vec![test::api()?])),
    ("instructions", || Ok(vec![test::instructions()?])),
    ("docs", || Ok(vec![test::docs()?])),
    ("tidy", || Ok(vec![test::tidy()?])),
    ("package", package),
    ("peers", peers),
    ("deny", deny),
    ("msrv", msrv),
];
