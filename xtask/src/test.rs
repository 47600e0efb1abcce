//! The test command of the README: everything a change must pass.

use std::fs;

use anyhow::Result;

use crate::api;
use crate::browser;
use crate::instructions;
use crate::services;
use crate::steps::{self, Step};
use crate::tree;

/// Runs all steps on the workspace as a whole.
///
/// # Errors
/// If a step failed.
pub(crate) fn run() -> Result<()> {
    let clippy = "clippy --workspace --all-targets --all-features --locked -- --deny=warnings";
    let [copy, copied] = example()?;
    steps::run(vec![
        fmt(),
        Step::cargo("clippy", clippy),
        test()?,
        conformance()?,
        canary()?,
        browser()?,
        copy,
        copied,
        doc(),
        api()?,
        instructions()?,
        docs()?,
        tidy()?,
    ])
}

pub(crate) fn fmt() -> Step {
    Step::cargo("fmt", "fmt --all --check")
}

/// Units, stores, the conformance suite, the examples, and the code in the documentation. No store
/// is left out: servers that are missing are installed first, where one can see it.
pub(crate) fn test() -> Result<Step> {
    services::provide()?;
    let args = "services -- cargo test --workspace --locked --no-fail-fast --features \
                clerk-gate-actix/coverage,clerk-gate-store-sql/postgres";
    Step::xtask("test", args)
}

/// The suite itself: every check switched off turns a case red.
pub(crate) fn canary() -> Result<Step> {
    Step::xtask("canary", "conformance --canary")
}

/// Every case on every adapter, with its matrix.
pub(crate) fn conformance() -> Result<Step> {
    Step::xtask("conformance", "conformance")
}

/// The examples in a real browser, which is installed first where it is missing.
pub(crate) fn browser() -> Result<Step> {
    browser::provide()?;
    Step::xtask("browser", "browser")
}

/// An example, copied out of the workspace and tested there.
pub(crate) fn example() -> Result<[Step; 2]> {
    let copy = tree::root().join(COPY);
    if copy.exists() {
        fs::remove_dir_all(copy)?;
    }
    let test = format!("test --offline --all-targets --manifest-path {COPY}/Cargo.toml");
    Ok([
        Step::xtask("example", &format!("example axum {COPY}"))?,
        // What it needs is compiled already.
        Step::cargo("copied example", &test).env("CARGO_TARGET_DIR", "target"),
    ])
}

pub(crate) fn doc() -> Step {
    let args = "doc --workspace --all-features --no-deps --locked";
    Step::cargo("doc", args).env("RUSTDOCFLAGS", "--deny=warnings")
}

/// The public API, as it was last agreed to.
pub(crate) fn api() -> Result<Step> {
    match api::unreadable()? {
        Some(reason) => Ok(Step::skip("api", reason)),
        None => Step::xtask("api", "api"),
    }
}

/// What decisions take, counted in instructions: a regression that no busy machine hides.
pub(crate) fn instructions() -> Result<Step> {
    match instructions::incomparable()? {
        Some(reason) => Ok(Step::skip("instructions", reason)),
        None => {
            instructions::provide()?;
            Step::xtask("instructions", "instructions")
        }
    }
}

pub(crate) fn docs() -> Result<Step> {
    Step::xtask("docs", "docs --check")
}

pub(crate) fn tidy() -> Result<Step> {
    Step::xtask("tidy", "tidy")
}

/// Where the copy of the example goes.
const COPY: &str = "target/xtask/example-axum";
