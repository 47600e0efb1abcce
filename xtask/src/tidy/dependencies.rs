//! Who may depend on whom. Development dependencies are free, except that nobody uses an end.

use super::Finding;
use crate::tree::{Dependency, Package, Tree};

/// Checks the dependencies of every library against its row of [`LIBRARIES`].
pub(super) fn libraries_know_only_their_row(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in tree
        .packages
        .iter()
        .filter(|package| !is_end(&package.name))
    {
        let row = LIBRARIES.iter().find(|(name, _)| *name == package.name);
        let Some((_, allowed)) = row else {
            let what = format!("package {:?} has no row in tidy's table", package.name);
            let instead = "add one that says what it may know";
            findings.push(Finding::new(&package.manifest, 1, what, instead));
            continue;
        };
        for dependency in package
            .dependencies
            .iter()
            .filter(|dependency| !dependency.dev)
        {
            if !allowed.contains(&dependency.name.as_str()) {
                let instead = "do without, or change its row in tidy's table with a reason";
                findings.push(finding(tree, package, dependency, instead));
            }
        }
    }
    findings
}

/// Checks that the packages which may use anything are used by nobody.
pub(super) fn nobody_uses_an_end(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in &tree.packages {
        for dependency in package.dependencies.iter().filter(|d| is_end(&d.name)) {
            let kind = if dependency.dev {
                Kind::Dev
            } else {
                Kind::Normal
            };
            let allowed = ENDS_IN_USE.iter().any(|(user, end, allowed, _)| {
                package.name.starts_with(user) && dependency.name == *end && *allowed == kind
            });
            if !allowed {
                let instead = "move what both need into a library";
                findings.push(finding(tree, package, dependency, instead));
            }
        }
    }
    findings
}

/// Points at the line of the manifest that names the dependency.
fn finding(tree: &Tree, package: &Package, dependency: &Dependency, instead: &str) -> Finding {
    let names_it = |line: &str| line.starts_with(&dependency.name);
    let manifest = tree.file(&package.manifest);
    let line = manifest.and_then(|file| file.lines().find(|(_, line)| names_it(line)));
    let what = format!("{} may not depend on {}", package.name, dependency.name);
    Finding::new(
        &package.manifest,
        line.map_or(1, |(number, _)| number),
        what,
        instead,
    )
}

fn is_end(package: &str) -> bool {
    package.starts_with("example-") || ENDS.contains(&package)
}

#[derive(PartialEq)]
enum Kind {
    Dev,
    Normal,
}

/// What each library may depend on. ARCHITECTURE.md says what it must not know, and why.
const LIBRARIES: [(&str, &[&str]); 11] = [
    ("clerk-gate-audit-file", &["clerk-gate-core"]),
    (
        "clerk-gate-core",
        &[
            "async-trait",
            "aws-lc-rs",
            "base64",
            "bytes",
            "foldhash",
            "jsonwebtoken",
            "memchr",
            "serde",
            "serde_json",
            "strsim",
            "subtle",
            "toml",
            "tracing",
            "zeroize",
        ],
    ),
    (
        "clerk-gate-jwks",
        &[
            "clerk-gate-core",
            "rustls",
            "serde_json",
            "ureq",
            "webpki-roots",
        ],
    ),
    (
        "clerk-gate-tower",
        &[
            "bytes",
            "clerk-gate-core",
            "http",
            "http-body",
            "http-body-util",
            "pin-project-lite",
            "tower-layer",
            "tower-service",
        ],
    ),
    (
        "clerk-gate-axum",
        &[
            "axum",
            "clerk-gate-core",
            "clerk-gate-tower",
            "http-body-util",
            "serde",
            "tower-layer",
            "tower-service",
        ],
    ),
    (
        "clerk-gate-actix",
        &["actix-web", "clerk-gate-core", "serde"],
    ),
    ("clerk-gate-rocket", &["clerk-gate-core", "rocket", "serde"]),
    (
        "clerk-gate-store-redis",
        &["async-trait", "clerk-gate-core", "redis", "rustls", "tokio"],
    ),
    ("clerk-gate-store-contract", &["bytes", "clerk-gate-core"]),
    (
        "clerk-gate-store-sql",
        &["async-trait", "bytes", "clerk-gate-core", "sqlx", "tokio"],
    ),
    (
        "clerk-gate-testkit",
        &[
            "base64",
            "clerk-gate-core",
            "jsonwebtoken",
            "serde_json",
            "svix",
        ],
    ),
];

/// Packages that may use anything, and every `example-*`.
const ENDS: [&str; 7] = [
    "clerk-gate-bench",
    "clerk-gate-browser",
    "clerk-gate-chaos",
    "clerk-gate-cli",
    "clerk-gate-conformance",
    "clerk-gate-local",
    "xtask",
];

/// Who may use an end all the same: the start of the user's name, the end, how, and why.
const ENDS_IN_USE: [(&str, &str, Kind, &str); 6] = [
    (
        "clerk-gate-browser",
        "example-smoke",
        Kind::Normal,
        "it runs the built program, too",
    ),
    (
        "clerk-gate-cli",
        "clerk-gate-local",
        Kind::Normal,
        "`clerk-gate local` is the stand-in as a process",
    ),
    (
        "example-",
        "clerk-gate-local",
        Kind::Normal,
        "`--local` starts the stand-in",
    ),
    (
        "example-",
        "example-common",
        Kind::Normal,
        "what knows no framework is written once",
    ),
    (
        "example-",
        "example-smoke",
        Kind::Dev,
        "its test runs the built program",
    ),
    (
        "example-smoke",
        "clerk-gate-conformance",
        Kind::Normal,
        "the built program plays cases",
    ),
];

#[cfg(test)]
mod tests {
    use super::super::tests::finds;
    use super::*;

    fn tree(packages: &[(&str, &[(&str, bool)])]) -> Tree {
        let package = |(name, dependencies): &(&str, &[(&str, bool)])| Package {
            name: (*name).to_owned(),
            manifest: format!("{name}/Cargo.toml"),
            rust_version: String::new(),
            is_published: true,
            features: Vec::new(),
            dependencies: dependencies
                .iter()
                .map(|(name, dev)| Dependency {
                    name: (*name).to_owned(),
                    dev: *dev,
                })
                .collect(),
        };
        Tree {
            packages: packages.iter().map(package).collect(),
            ..Tree::of(&[(
                "clerk-gate-core/Cargo.toml",
                "[dependencies]\nbytes = \"1\"\nhttp = \"1\"\n",
            )])
        }
    }

    #[test]
    fn a_library_may_know_what_its_row_says_and_test_with_anything() {
        let tree = tree(&[
            (
                "clerk-gate-core",
                &[("bytes", false), ("http", false), ("tokio", true)],
            ),
            (
                "clerk-gate-axum",
                &[("clerk-gate-tower", false), ("clerk-gate-jwks", false)],
            ),
            ("clerk-gate-new", &[]),
            ("clerk-gate-local", &[("axum", false)]),
        ]);
        finds(
            libraries_know_only_their_row,
            &tree,
            &[
                "clerk-gate-core/Cargo.toml:3: clerk-gate-core may not depend on http",
                "clerk-gate-axum/Cargo.toml:1: clerk-gate-axum may not depend on clerk-gate-jwks",
                "clerk-gate-new/Cargo.toml:1: package \"clerk-gate-new\" has no row in tidy's table",
            ],
        );
    }

    #[test]
    fn only_examples_use_the_stand_in_and_only_their_tests_run_them() {
        let tree = tree(&[
            (
                "example-axum",
                &[
                    ("clerk-gate-local", false),
                    ("example-common", false),
                    ("example-smoke", true),
                ],
            ),
            ("example-smoke", &[("clerk-gate-conformance", false)]),
            (
                "example-tower",
                &[("example-smoke", false), ("example-axum", true)],
            ),
            ("clerk-gate-core", &[("clerk-gate-local", true)]),
        ]);
        finds(
            nobody_uses_an_end,
            &tree,
            &[
                "example-tower/Cargo.toml:1: example-tower may not depend on example-smoke",
                "example-tower/Cargo.toml:1: example-tower may not depend on example-axum",
                "clerk-gate-core/Cargo.toml:1: clerk-gate-core may not depend on clerk-gate-local",
            ],
        );
    }
}
