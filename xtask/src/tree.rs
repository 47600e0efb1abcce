//! The repository as xtask sees it: its text files, read once, and its packages.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// Every text file of the repository and every package of the workspace.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    /// Sorted by path.
    pub(crate) files: Vec<File>,
    pub(crate) packages: Vec<Package>,
}

/// A text file. `path` is relative to the root, with `/`.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// A member of the workspace.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    /// The path of its manifest, like that of a [`File`].
    pub(crate) manifest: String,
    /// The oldest toolchain it promises to build with.
    pub(crate) rust_version: String,
    /// Whether it is for the registry.
    pub(crate) is_published: bool,
    pub(crate) features: Vec<String>,
    pub(crate) dependencies: Vec<Dependency>,
}

/// One line of a manifest's dependency tables.
#[derive(Debug)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// Whether it stands under `[dev-dependencies]`.
    pub(crate) dev: bool,
}

impl Tree {
    /// Reads the repository that this program was built from.
    pub(crate) fn read() -> Result<Self> {
        let mut files = Vec::new();
        collect(root(), &mut files)?;
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Self {
            files,
            packages: packages()?,
        })
    }

    /// The file at `path`.
    pub(crate) fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    /// The files whose path starts with `folder`, which ends with `/`, and ends with `suffix`.
    pub(crate) fn under(&self, folder: &str, suffix: &str) -> impl Iterator<Item = &File> {
        self.files
            .iter()
            .filter(move |file| file.path.starts_with(folder) && file.path.ends_with(suffix))
    }
}

impl File {
    /// Every line with its number, which starts at 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.lines())
    }

    /// The lines of Rust code: no blank lines, no comments, nothing from `mod tests` on.
    pub(crate) fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.rust()
            .take_while(|(number, _)| *number < self.tests_start())
    }

    /// The lines of Rust test code: a test file as a whole, otherwise the module `tests`. What a
    /// package below `tests` has in `src` is a program like any other.
    pub(crate) fn tests(&self) -> impl Iterator<Item = (usize, &str)> {
        let below = self.path.rsplit_once("tests/");
        let start = match below.is_some_and(|(_, below)| !below.contains("src/")) {
            true => 0,
            false => self.tests_start(),
        };
        self.rust().skip_while(move |(number, _)| *number < start)
    }

    /// The lines of Rust code and Rust test code.
    pub(crate) fn rust(&self) -> impl Iterator<Item = (usize, &str)> {
        self.lines().filter(|(_, line)| {
            let line = line.trim_start();
            self.path.ends_with(".rs") && !line.is_empty() && !line.starts_with("//")
        })
    }

    /// The number of the line that opens the module of unit tests.
    fn tests_start(&self) -> usize {
        let before = self.text.split(TESTS).next().unwrap_or_default();
        match before.len() == self.text.len() {
            true => usize::MAX,
            false => before.lines().count() + 1,
        }
    }
}

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest)
}

/// The cargo that runs us, so that every step uses one toolchain.
pub(crate) fn cargo() -> PathBuf {
    env::var_os("CARGO")
        .unwrap_or_else(|| "cargo".into())
        .into()
}

/// The members of the workspace, as `cargo metadata` tells them.
pub(crate) fn packages() -> Result<Vec<Package>> {
    let output = Command::new(cargo())
        .args(["metadata", "--no-deps", "--format-version=1"])
        .current_dir(root())
        .output()
        .context("cargo metadata: cannot be started")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "cargo metadata: {complaint}");
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    Ok(list(&metadata["packages"]).map(package).collect())
}

fn package(json: &Value) -> Package {
    let manifest = Path::new(text(&json["manifest_path"]));
    let features = json["features"].as_object();
    Package {
        name: text(&json["name"]).to_owned(),
        manifest: relative(manifest),
        rust_version: text(&json["rust_version"]).to_owned(),
        is_published: json["publish"].as_array().is_none_or(|to| !to.is_empty()),
        features: features
            .into_iter()
            .flat_map(|f| f.keys().cloned())
            .collect(),
        dependencies: list(&json["dependencies"])
            .map(|json| Dependency {
                name: text(&json["name"]).to_owned(),
                dev: json["kind"] == "dev",
            })
            .collect(),
    }
}

fn list(json: &Value) -> impl Iterator<Item = &Value> {
    json.as_array().into_iter().flatten()
}

fn text(json: &Value) -> &str {
    json.as_str().unwrap_or_default()
}

fn relative(path: &Path) -> String {
    let path = path.strip_prefix(root()).unwrap_or(path);
    path.to_string_lossy().replace('\\', "/")
}

/// Adds every text file below `folder`. What is not UTF-8 is nobody's prose.
fn collect(folder: &Path, files: &mut Vec<File>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("{}", folder.display()))? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(".env") || NOT_OURS.contains(&&*name) {
            continue;
        }
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            collect(&path, files)?;
        } else if let Ok(text) = fs::read_to_string(&path) {
            let path = relative(&path);
            files.push(File { path, text });
        }
    }
    Ok(())
}

/// Names of files and folders that do not belong to the sources.
const NOT_OURS: [&str; 2] = [".git", "target"];

/// What opens the module of unit tests.
const TESTS: &str = "#[cfg(test)]\nmod tests {";

#[cfg(test)]
impl Tree {
    /// A tree in memory, made of paths and texts.
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let file = |(path, text): &(&str, &str)| File {
            path: (*path).to_owned(),
            text: (*text).to_owned(),
        };
        Self {
            files: files.iter().map(file).collect(),
            packages: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, text: &str, code: &[usize], tests: &[usize]) {
        let tree = Tree::of(&[(path, text)]);
        let numbers = |(number, _)| number;
        let file = &tree.files[0];
        assert_eq!(file.code().map(numbers).collect::<Vec<_>>(), code, "{path}");
        assert_eq!(
            file.tests().map(numbers).collect::<Vec<_>>(),
            tests,
            "{path}"
        );
    }

    #[test]
    fn code_ends_where_the_unit_tests_begin() {
        let text = "//! Front.\n\nuse a;\n#[cfg(test)]\nuse b;\n\n#[cfg(test)]\nmod tests {\n}\n";
        check("crates/a/src/lib.rs", text, &[3, 4, 5], &[7, 8, 9]);
        check("crates/a/src/lib.rs", "fn a() {}\n", &[1], &[]);
    }

    #[test]
    fn a_file_of_a_tests_folder_is_test_code() {
        check("crates/a/tests/api.rs", "//! Api.\nuse a;\n", &[2], &[2]);
        check("tests/a/tests/api.rs", "use a;\n", &[1], &[1]);
        check("tests/a/src/lib.rs", "use a;\n", &[1], &[]);
        check("README.md", "text\n", &[], &[]);
    }

    #[test]
    fn the_repository_has_files_and_packages() {
        let tree = Tree::read().expect("the repository is readable");
        assert!(tree.file("Cargo.toml").is_some());
        let xtask = tree.packages.iter().find(|package| package.name == "xtask");
        let xtask = xtask.expect("this package is a member");
        assert_eq!(xtask.manifest, "xtask/Cargo.toml");
        assert!(
            xtask
                .dependencies
                .iter()
                .any(|d| d.name == "anyhow" && !d.dev)
        );
        assert!(!xtask.rust_version.is_empty());
        assert!(!xtask.is_published);
    }
}
