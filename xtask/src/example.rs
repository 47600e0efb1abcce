//! Copies an example out of the workspace, so that it builds and runs on its own.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, Value};

use crate::tree::{self, Tree};

/// Which example to copy, and where to.
#[derive(Debug, PartialEq)]
pub(crate) struct Options {
    pub(crate) name: String,
    pub(crate) to: PathBuf,
}

/// Copies the example, what it shares with the others, and the versions of its dependencies.
///
/// # Errors
/// If there is no such example, or if something is there already.
pub(crate) fn run(options: &Options) -> Result<()> {
    let Options { name, to } = options;
    if !EXAMPLES.contains(&name.as_str()) {
        let names = EXAMPLES.join(", ");
        bail!("example {name:?} is unknown; write one of {names}");
    }
    let is_free = !to.exists() || to.read_dir().is_ok_and(|mut files| files.next().is_none());
    ensure!(
        is_free,
        "{}: is not an empty folder; choose another",
        to.display()
    );
    for (path, text) in files(&Tree::read()?, name, tree::root())? {
        write(&to.join(path), &text)?;
    }
    println!("cd {} && cargo run -- --local", to.display());
    Ok(())
}

/// The files of the copy, by their path in it. `checkout` is where the crates stay.
fn files(tree: &Tree, name: &str, checkout: &Path) -> Result<Vec<(String, String)>> {
    let workspace = tree.file("Cargo.toml").context("Cargo.toml: is missing")?;
    let workspace: DocumentMut = workspace.text.parse()?;
    let example = format!("examples/{name}/");
    // The tests of an example compare it with the others, which stay here.
    let tests = format!("{example}tests/");
    let own = tree
        .under(&example, "")
        .filter(|file| !file.path.starts_with(&tests))
        .map(|file| (file.path.replacen(&example, "", 1), file));
    let common = tree
        .under("examples/common/", "")
        .map(|file| (file.path.replacen("examples/", "", 1), file));
    let lock = tree.file("Cargo.lock");
    let lock = lock.map(|file| (file.path.clone(), file));
    own.chain(common)
        .chain(lock)
        .map(|(path, file)| {
            let resolved = || resolve(&file.text, &workspace, checkout);
            let text = match path.as_str() {
                "Cargo.toml" => format!("{HEAD}{}", stand_alone(resolved()?, &workspace)),
                "common/Cargo.toml" => resolved()?.to_string(),
                _ => file.text.clone(),
            };
            Ok((path, text))
        })
        .collect()
}

/// Writes out what a manifest inherits from the workspace.
fn resolve(text: &str, workspace: &DocumentMut, checkout: &Path) -> Result<DocumentMut> {
    let mut manifest: DocumentMut = text.parse()?;
    let shared = &workspace["workspace"];
    if let Some(package) = manifest["package"].as_table_mut() {
        for (key, item) in package.iter_mut().filter(|(_, item)| is_inherited(item)) {
            *item = shared["package"][key.get()].clone();
        }
    }
    if is_inherited(&manifest["lints"]) {
        manifest["lints"] = shared["lints"].clone();
    }
    for table in ["dependencies", "dev-dependencies"] {
        let Some(dependencies) = manifest.get_mut(table).and_then(Item::as_table_mut) else {
            continue;
        };
        dependencies.remove(SMOKE);
        let inherited = dependencies.iter().filter(|(_, item)| is_inherited(item));
        let names: Vec<_> = inherited.map(|(name, _)| name.to_owned()).collect();
        for name in names {
            let whole = shared["dependencies"]
                .get(&name)
                .and_then(|shared| dependency(&dependencies[&name], shared, checkout))
                .with_context(|| format!("dependency {name:?}: is not in the workspace"))?;
            dependencies.insert(&name, Item::Value(whole));
        }
        if dependencies.is_empty() {
            manifest.remove(table);
        }
    }
    Ok(manifest)
}

/// One dependency: what the workspace says, and what the example adds to it.
fn dependency(own: &Item, shared: &Item, checkout: &Path) -> Option<Value> {
    let mut whole = InlineTable::new();
    match shared.as_value()? {
        Value::InlineTable(table) => whole.extend(table.iter().map(|(k, v)| (k, v.clone()))),
        version => drop(whole.insert("version", version.clone())),
    }
    if let Some(path) = whole.get_mut("path") {
        *path = match path.as_str()? {
            "examples/common" => "common".into(),
            from => checkout.join(from).to_str()?.into(),
        };
    }
    let lists = [shared, own].map(|item| item.get("features").and_then(Item::as_array));
    let mut features: Array = lists.into_iter().flatten().flatten().cloned().collect();
    if !features.is_empty() {
        features.fmt();
        whole.insert("features", features.into());
    }
    whole.fmt();
    let mut written = match whole.get("version") {
        Some(version) if whole.len() == 1 => version.clone(),
        _ => whole.into(),
    };
    // The comment at the end of the line.
    let last = own.get("workspace").and_then(Item::as_value)?;
    if let Some(comment) = last.decor().suffix() {
        written.decor_mut().set_suffix(comment.clone());
    }
    Some(written)
}

/// Makes a manifest the root of a workspace, built as this one is.
fn stand_alone(mut manifest: DocumentMut, workspace: &DocumentMut) -> DocumentMut {
    manifest["workspace"] = Item::Table(Table::new());
    manifest["profile"] = workspace["profile"].clone();
    manifest
}

fn is_inherited(item: &Item) -> bool {
    item.get("workspace").and_then(Item::as_bool) == Some(true)
}

fn write(path: &Path, text: &str) -> Result<()> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).with_context(|| format!("{}: cannot be made", folder.display()))?;
    fs::write(path, text).with_context(|| format!("{}: cannot be written", path.display()))
}

const EXAMPLES: [&str; 3] = ["axum", "actix", "rocket"];

/// Drives the tests that stay here.
const SMOKE: &str = "example-smoke";

const HEAD: &str = "\
# A copy of an example of clerk-gate. The crates come from the checkout that it was copied from:
# to take the published ones, delete each `path`.

";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_inherits_nothing() {
        let tree = Tree::of(&[
            ("Cargo.lock", "lock"),
            ("Cargo.toml", WORKSPACE),
            ("examples/common/src/lib.rs", "lib"),
            ("examples/x/Cargo.toml", OWN),
            ("examples/x/src/main.rs", "main"),
            ("examples/x/tests/smoke.rs", "smoke"),
            ("examples/y/src/main.rs", "other"),
        ]);
        let files = files(&tree, "x", Path::new("/there")).unwrap();
        let files: Vec<_> = files
            .iter()
            .map(|(path, text)| (&**path, &**text))
            .collect();
        let want = [
            ("Cargo.toml", &*format!("{HEAD}{RESOLVED}")),
            ("src/main.rs", "main"),
            ("common/src/lib.rs", "lib"),
            ("Cargo.lock", "lock"),
        ];
        assert_eq!(files, want);
    }

    #[test]
    fn a_folder_with_files_and_an_unknown_example_are_refused() {
        let check = |name: &str, to: &str, message: &str| {
            let options = Options {
                name: name.to_owned(),
                to: tree::root().join(to),
            };
            let error = run(&options).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        };
        check("axum", "xtask", "xtask: is not an empty folder; ");
        check("axum", "Cargo.toml", "Cargo.toml: is not an empty folder; ");
        check("poem", "target/xtask/poem", "example \"poem\" is unknown; ");
    }

    const WORKSPACE: &str = r#"[workspace.package]
version = "0.1.0"

[workspace.dependencies]
a = { version = "1", default-features = false, features = ["x"] }
b = "2"
c = { path = "crates/c", version = "0.1.0" }
example-common = { path = "examples/common", version = "0.1.0" }

[workspace.lints.rust]
unsafe_code = "forbid"

[profile.dev]
debug = 1
"#;

    const OWN: &str = r#"[package]
name = "example-x"
version.workspace = true

[dependencies]
a = { workspace = true, features = ["y"] }
b.workspace = true # for b
c.workspace = true
d = "4"
example-common.workspace = true

[dev-dependencies]
example-smoke.workspace = true

[lints]
workspace = true
"#;

    const RESOLVED: &str = r#"[package]
name = "example-x"
version = "0.1.0"

[dependencies]
a = { version = "1", default-features = false, features = ["x", "y"] }
b = "2" # for b
c = { path = "/there/crates/c", version = "0.1.0" }
d = "4"
example-common = { path = "common", version = "0.1.0" }

[lints.rust]
unsafe_code = "forbid"

[workspace]

[profile.dev]
debug = 1
"#;
}
