//! Deliberate faults in the adapters, one kind at a time, which the conformance suite must notice.
//!
//! They are planted in a copy of the repository, so that what breaks is what is published.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::tree::{self, Tree};

/// Plants each fault in every adapter, runs the suite, and prints how many cases turn red.
///
/// # Errors
/// If no case notices a fault in some adapter, or if the copy does not build.
pub(crate) fn run() -> Result<()> {
    let folder = tree::root().join("target/mutants");
    let copy = folder.join("copy");
    let sources = Tree::read()?;
    if copy.exists() {
        fs::remove_dir_all(&copy)?;
    }
    for file in &sources.files {
        write(&copy, &file.path, &file.text)?;
    }
    let red = red_cases(&folder)?;
    ensure!(
        red.iter().all(|(_, red)| *red == 0),
        "cases fail without a fault; run `cargo xtask conformance`"
    );
    println!("Cases that turn red, by fault and adapter:\n");
    let mut unnoticed = 0;
    for fault in &FAULTS {
        let broken = fault.texts(&sources)?;
        for (path, text) in &broken {
            write(&copy, path, text)?;
        }
        let red = red_cases(&folder)?;
        let cells = red
            .iter()
            .map(|(adapter, red)| format!("{red:>6} {adapter}"));
        println!("{:45}{}", fault.name, cells.collect::<String>());
        unnoticed += red.iter().filter(|(_, red)| *red == 0).count();
        for path in broken.keys() {
            write(&copy, path, original(&sources, path)?)?;
        }
    }
    ensure!(
        unnoticed == 0,
        "{unnoticed} faults go unnoticed; write a case that turns red"
    );
    Ok(())
}

/// What one kind of careless adapter does, in all of them. The tower adapter's faults are axum's.
struct Fault {
    name: &'static str,
    /// Path, a text that stands in the file exactly once, and what takes its place.
    edits: &'static [(&'static str, &'static str, &'static str)],
}

impl Fault {
    /// The files that the fault changes, by path.
    fn texts(&self, sources: &Tree) -> Result<BTreeMap<&'static str, String>> {
        let mut texts = BTreeMap::new();
        for (path, from, to) in self.edits {
            let text = match texts.remove(path) {
                Some(text) => text,
                None => original(sources, path)?.to_owned(),
            };
            let count = text.matches(from).count();
            ensure!(
                count == 1,
                "{path}: {from:?} is there {count} times; a fault needs it once"
            );
            texts.insert(*path, text.replace(from, to));
        }
        Ok(texts)
    }
}

fn original<'t>(sources: &'t Tree, path: &str) -> Result<&'t str> {
    let file = sources.file(path);
    let file = file.with_context(|| format!("{path}: is gone; a fault is planted in it"))?;
    Ok(&file.text)
}

fn write(copy: &Path, path: &str, text: &str) -> Result<()> {
    let path = copy.join(path);
    fs::create_dir_all(path.parent().unwrap_or(copy))?;
    fs::write(&path, text).with_context(|| format!("{}", path.display()))
}

/// Runs the suite of the copy and counts the cases that fail, by adapter.
fn red_cases(folder: &Path) -> Result<Vec<(String, usize)>> {
    let report = folder.join("report.json");
    let suite = || {
        let mut command = Command::new(tree::cargo());
        command
            .current_dir(folder.join("copy"))
            .env("CARGO_TARGET_DIR", folder)
            .env("CONFORMANCE_JSON", &report)
            .args("test --quiet --package clerk-gate-conformance --test suite".split(' '));
        command
    };
    let build = suite().arg("--no-run").output()?;
    let complaint = String::from_utf8_lossy(&build.stderr);
    ensure!(
        build.status.success(),
        "the copy does not build:\n{complaint}"
    );
    if report.exists() {
        fs::remove_file(&report)?;
    }
    suite()
        .args(["--", "--quiet", "--skip", "canary::"])
        .output()?;
    let text = fs::read_to_string(&report).context("the suite has written no report")?;
    let report: Value = serde_json::from_str(&text)?;
    let red = |adapter: &str| {
        let cases = report["cases"].as_array().into_iter().flatten();
        cases
            .filter(|case| case["results"][adapter].is_string())
            .count()
    };
    // No fault is in the adapter without a socket.
    let adapters = report["adapters"].as_array().into_iter().flatten();
    let adapters = adapters
        .filter_map(Value::as_str)
        .filter(|adapter| *adapter != "direct");
    Ok(adapters
        .map(|adapter| (adapter.to_owned(), red(adapter)))
        .collect())
}

const FAULTS: [Fault; 5] = [
    Fault {
        name: "a header line is missing",
        edits: &[
            (
                TOWER_APPLY,
                "gate.headers().iter()",
                "gate.headers().iter().skip(1)",
            ),
            (
                ACTIX_APPLY,
                "gate.headers().iter()",
                "gate.headers().iter().skip(1)",
            ),
            (
                ROCKET_APPLY,
                "gate.headers()",
                "gate.headers().iter().skip(1)",
            ),
            (HYPER, "gate.headers()", "gate.headers().iter().skip(1)"),
        ],
    },
    Fault {
        name: "the first of repeated header lines wins",
        edits: &[
            (
                "crates/tower/src/view.rs",
                "in headers {",
                "in headers.keys().filter_map(|name| Some((name, headers.get(name)?))) {",
            ),
            (
                "crates/actix/src/view.rs",
                "in request.headers() {",
                "in request.headers().keys()
                    .filter_map(|name| Some((name, request.headers().get(name)?))) {",
            ),
            (
                "crates/rocket/src/view.rs",
                "= header.value {",
                "= header.value
                    && request.headers().get_one(header.name.as_str()) == Some(value) {",
            ),
            (
                HYPER,
                "in request.headers() {",
                "in request.headers().keys()
                    .filter_map(|name| Some((name, request.headers().get(name)?))) {",
            ),
        ],
    },
    Fault {
        name: "errors go without the security headers",
        edits: &[
            (
                TOWER_FUTURE,
                "this.front.stamp.apply(response.headers_mut(), Some(grant));",
                "if response.status().is_success() {
                    this.front.stamp.apply(response.headers_mut(), Some(grant));
                }",
            ),
            (
                ACTIX_MIDDLEWARE,
                "stamp.apply(response.headers_mut(), Some(&grant));
                response",
                "let _ = (&stamp, &grant, &mut response);
                response",
            ),
            (
                ROCKET_FAIRING,
                "stamp(gate, response, decided.grant());",
                "if response.status().class().is_success() {
                    stamp(gate, response, decided.grant());
                }",
            ),
            (
                HYPER,
                "stamp(&mut response, gate.headers())?;",
                "if response.status().is_success() {
                    stamp(&mut response, gate.headers())?;
                }",
            ),
        ],
    },
    Fault {
        name: "401 and 403 are swapped",
        edits: &[
            (
                TOWER_APPLY,
                "from_u16(reply.status())",
                "from_u16(match reply.status() { 401 => 403, 403 => 401, other => other })",
            ),
            (
                ACTIX_APPLY,
                "from_u16(reply.status())",
                "from_u16(match reply.status() { 401 => 403, 403 => 401, other => other })",
            ),
            (
                ROCKET_APPLY,
                "Status::new(reply.status())",
                "Status::new(match reply.status() { 401 => 403, 403 => 401, other => other })",
            ),
            (
                HYPER,
                ".status(reply.status())",
                ".status(match reply.status() { 401 => 403, 403 => 401, other => other })",
            ),
        ],
    },
    Fault {
        name: "a refused request is passed on all the same",
        edits: &[
            (
                TOWER_FUTURE,
                "Call { grant: Grant,",
                "Call { grant: Option<Grant>,",
            ),
            (
                TOWER_FUTURE,
                "Self::Call { grant, future }",
                "Self::Call { grant: Some(grant), future }",
            ),
            (TOWER_FUTURE, "Some(grant));", "grant.as_ref());"),
            (
                TOWER_FUTURE,
                "Decision::Respond(reply) => Self::Answer { reply },",
                "Decision::Respond(_) => Self::Call { grant: None, future: inner.call(request) },",
            ),
            (
                ACTIX_MIDDLEWARE,
                "Decision::Respond(reply) => {
                        let mut response = request.into_response(respond(&reply));",
                "Decision::Respond(_) => {
                        let mut response = inner.call(request).await?;",
            ),
            (
                ACTIX_MIDDLEWARE,
                "map_into_right_body",
                "map_into_left_body",
            ),
            (
                ROCKET_FAIRING,
                "if !matches!(decision, Decision::Proceed(_))",
                "if matches!(decision, Decision::CollectBody(_))",
            ),
            (
                HYPER,
                "Decision::Respond(reply) => respond(&reply)?,",
                "Decision::Respond(reply) => {
                    let method = request.method().as_str();
                    match routes::find(method, request.uri().path()) {
                        Ok(page) => response(routes::answer(page, method, None, &Value::Null)),
                        Err(_) => respond(&reply)?,
                    }
                }",
            ),
        ],
    },
];

const TOWER_APPLY: &str = "crates/tower/src/apply.rs";
const TOWER_FUTURE: &str = "crates/tower/src/future.rs";
const ACTIX_APPLY: &str = "crates/actix/src/apply.rs";
const ACTIX_MIDDLEWARE: &str = "crates/actix/src/middleware.rs";
const ROCKET_APPLY: &str = "crates/rocket/src/apply.rs";
const ROCKET_FAIRING: &str = "crates/rocket/src/fairing.rs";
const HYPER: &str = "tests/conformance/src/bin/shim-hyper.rs";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_can_be_planted_in_every_adapter() {
        let sources = Tree::read().expect("the repository is readable");
        for fault in &FAULTS {
            let texts = fault.texts(&sources).expect(fault.name);
            for name in ["tower/", "actix/", "rocket/", "conformance/"] {
                let planted = texts.keys().any(|path| path.contains(name));
                assert!(planted, "{}: {name}", fault.name);
            }
        }
    }
}
