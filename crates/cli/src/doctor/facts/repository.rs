//! What git knows of a working copy: tracked files, ignored names, and keys in the history.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::doctor::rule::Unknown;
use crate::doctor::secrets::{self, Kind};

/// A working copy, as far as the rules ask.
pub(in crate::doctor) struct Repository {
    pub(in crate::doctor) directory: String,
    /// Secrets in files as they are tracked now.
    pub(in crate::doctor) tracked: Vec<Hit>,
    /// Lines of tracked files that name a secret in a way that browsers get it.
    pub(in crate::doctor) public: Vec<Hit>,
    /// Paths of tracked env files, examples apart.
    pub(in crate::doctor) env_files: Vec<String>,
    /// Names of env files that git would not ignore.
    pub(in crate::doctor) not_ignored: Vec<&'static str>,
    /// Secrets in lines that some commit has added, without those that are tracked still.
    pub(in crate::doctor) history: Result<Vec<Hit>, Unknown>,
}

/// A secret of this kind stands here.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::doctor) struct Hit {
    pub(in crate::doctor) path: String,
    pub(in crate::doctor) line: usize,
    pub(in crate::doctor) commit: Option<String>,
    pub(in crate::doctor) kind: Kind,
}

impl Repository {
    /// Whether there is a working copy around `directory`, be it one that git will not read.
    pub(in crate::doctor) fn is_at(directory: &Path) -> bool {
        match Git(directory).text(&["rev-parse", "--is-inside-work-tree"], &[0]) {
            Ok(text) => text.trim() == "true",
            Err(Unknown::Failed(why)) => !why.contains("not a git repository"),
            Err(Unknown::NotAsked(_)) => false,
        }
    }

    /// Gathers from the working copy at `directory`; looks at most at `commits` commits.
    pub(in crate::doctor) fn gather(directory: &Path, commits: usize) -> Result<Self, Unknown> {
        // Below the top, git would speak of that folder alone.
        let top = Git(directory).text(&["rev-parse", "--show-toplevel"], &[0])?;
        let git = Git(Path::new(top.trim_end_matches('\n')));
        let files = git.text(&["ls-files", "-z"], &[0])?;
        let paths = || files.split('\0').filter(|path| !path.is_empty());
        let tracked = git.grep(secrets::PATTERN, secrets::kinds)?;
        let history = git.history(commits, &tracked);
        Ok(Self {
            directory: directory.display().to_string(),
            public: git.grep(PUBLIC, |_| vec![Kind::PublicName])?,
            env_files: paths()
                .filter(|path| is_env_file(path))
                .map(str::to_owned)
                .collect(),
            not_ignored: git.not_ignored()?,
            tracked,
            history,
        })
    }
}

struct Git<'d>(&'d Path);

impl Git<'_> {
    /// A git that runs no program that the working copy names, asks nobody and fetches nothing.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("git");
        // Hooks are run with these, and they would lead to another repository.
        for name in ["GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"] {
            command.env_remove(name);
        }
        command
            .current_dir(self.0)
            .args([
                "--no-pager",
                "-c",
                "core.fsmonitor=false",
                "-c",
                "color.ui=never",
            ])
            .args(arguments)
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// What a quick command prints. It must end with one of `codes`.
    fn text(&self, arguments: &[&str], codes: &[i32]) -> Result<String, Unknown> {
        let output = self.command(arguments).output().map_err(not_run)?;
        if output
            .status
            .code()
            .is_none_or(|code| !codes.contains(&code))
        {
            let said = String::from_utf8_lossy(&output.stderr);
            let said = said.lines().next().unwrap_or("it said nothing").to_owned();
            let name = arguments.first().unwrap_or(&"");
            return Err(Unknown::Failed(format!("git {name}: {said}")));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Lines of tracked files, as the index has them.
    fn grep(&self, pattern: &str, kinds: impl Fn(&str) -> Vec<Kind>) -> Result<Vec<Hit>, Unknown> {
        // 1 says that no line matches. Text conversion runs programs of the configuration.
        let arguments = [
            "grep",
            "--cached",
            "--no-textconv",
            "-I",
            "-n",
            "-z",
            "-E",
            "-e",
            pattern,
        ];
        let text = self.text(&arguments, &[0, 1])?;
        let mut hits = Vec::new();
        for entry in text.lines() {
            let mut parts = entry.splitn(3, '\0');
            let (Some(path), Some(Ok(line)), Some(content)) =
                (parts.next(), parts.next().map(str::parse), parts.next())
            else {
                continue;
            };
            hits.extend(kinds(content).into_iter().map(|kind| Hit {
                path: path.to_owned(),
                line,
                commit: None,
                kind,
            }));
        }
        Ok(hits)
    }

    fn not_ignored(&self) -> Result<Vec<&'static str>, Unknown> {
        let mut open = Vec::new();
        for name in MUST_BE_IGNORED {
            // 0: it is ignored; 1: it is not. Without the index, tracked files answer as well.
            let arguments = ["check-ignore", "--no-index", "--", name];
            if self.text(&arguments, &[0, 1])?.is_empty() {
                open.push(name);
            }
        }
        Ok(open)
    }

    /// Reads what commits have added, all branches, newest first, and stops at either bound.
    fn history(&self, commits: usize, tracked: &[Hit]) -> Result<Vec<Hit>, Unknown> {
        if commits == 0 {
            return Err(Unknown::NotAsked("--commits is 0".to_owned()));
        }
        let shallow = self.text(&["rev-parse", "--is-shallow-repository"], &[0])?;
        if shallow.trim() == "true" {
            let what = "the clone is shallow: git fetch --unshallow brings its history, --commits 0 does without";
            return Err(Unknown::Failed(what.to_owned()));
        }
        let bound = (commits + 1).to_string();
        let counted = self.text(&["rev-list", "--all", "--max-count", &bound], &[0])?;
        let too_many = counted.lines().count() > commits;
        let limit = commits.to_string();
        let arguments = [
            "log",
            "--all",
            "--max-count",
            &limit,
            "--format=%x00%h",
            "-p",
            "-m",
            "--unified=0",
            "--no-ext-diff",
            "--no-show-signature",
            "--no-textconv",
            "--no-renames",
            "--src-prefix=a/",
            "--dst-prefix=b/",
            "--diff-filter=AM",
            "-G",
            secrets::PATTERN,
        ];
        let mut child = self
            .command(&arguments)
            .stderr(Stdio::null())
            .spawn()
            .map_err(not_run)?;
        let mut reader = Patch::default();
        let mut seen = 0_u64;
        if let Some(output) = child.stdout.take() {
            let mut lines = BufReader::new(output.take(MAX_PATCH));
            let mut line = Vec::new();
            while lines.read_until(b'\n', &mut line).map_err(not_run)? > 0 {
                seen += line.len() as u64;
                reader.read(&String::from_utf8_lossy(&line));
                line.clear();
            }
        }
        // Where the bound was reached git still writes; nobody reads any more.
        let too_long = seen >= MAX_PATCH;
        if too_long {
            let _ = child.kill();
        }
        let status = child.wait().map_err(not_run)?;
        if !too_long && !status.success() {
            return Err(Unknown::Failed("git log: it did not end well".to_owned()));
        }
        let mut hits = reader.hits;
        hits.retain(|hit| {
            !tracked
                .iter()
                .any(|now| now.path == hit.path && now.kind == hit.kind)
        });
        // A merge is shown against each of its parents.
        let mut told = HashSet::new();
        hits.retain(|hit| told.insert(hit.clone()));
        if hits.is_empty() && (too_many || too_long) {
            let what = if too_many {
                format!("there are more than {commits} commits; raise --commits")
            } else {
                "the history has more text with such lines than is read at a time".to_owned()
            };
            return Err(Unknown::Failed(what));
        }
        Ok(hits)
    }
}

/// Reads `git log -p` line by line.
#[derive(Default)]
struct Patch {
    commit: String,
    path: String,
    line: usize,
    in_hunk: bool,
    hits: Vec<Hit>,
}

impl Patch {
    fn read(&mut self, line: &str) {
        let line = line.trim_end_matches('\n');
        if let Some(commit) = line.strip_prefix('\0') {
            commit.clone_into(&mut self.commit);
            self.in_hunk = false;
        } else if line.starts_with("diff --git ") {
            self.in_hunk = false;
            self.path.clear();
        } else if let Some(path) = line.strip_prefix("+++ ").filter(|_| !self.in_hunk) {
            // git quotes names with characters that a line cannot show.
            let path = path.trim_end_matches('\t').trim_matches('"');
            path.strip_prefix("b/")
                .unwrap_or(path)
                .clone_into(&mut self.path);
        } else if let Some(hunk) = line.strip_prefix("@@ ") {
            self.in_hunk = true;
            let added = hunk.split('+').nth(1).unwrap_or_default();
            let number = added.split([',', ' ']).next().and_then(|n| n.parse().ok());
            self.line = number.unwrap_or(0);
        } else if let Some(added) = line.strip_prefix('+').filter(|_| self.in_hunk) {
            for kind in secrets::kinds(added) {
                self.hits.push(Hit {
                    path: self.path.clone(),
                    line: self.line,
                    commit: Some(self.commit.clone()),
                    kind,
                });
            }
            self.line += 1;
        }
    }
}

/// `.env`, `.env.production`, `app/.env.local`; examples and templates are meant to be tracked.
fn is_env_file(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let is_env = name == ".env" || name.starts_with(".env.") || name == ".envrc";
    is_env && !EXAMPLES.iter().any(|end| name.ends_with(end))
}

fn not_run(error: impl std::fmt::Display) -> Unknown {
    Unknown::Failed(format!("git does not run: {error}"))
}

const EXAMPLES: [&str; 5] = [".example", ".sample", ".template", ".dist", ".defaults"];

/// The guide's three lines, and what they stand for.
const MUST_BE_IGNORED: [&str; 5] = [
    ".env",
    ".env.local",
    ".env.production",
    ".env.production.local",
    ".env.development.local",
];

/// Names that bundlers copy into what browsers load, for what must stay on the server.
const PUBLIC: &str = "(NEXT_PUBLIC|VITE|PUBLIC|NUXT_PUBLIC|EXPO_PUBLIC)_CLERK_(SECRET_KEY|MACHINE_SECRET_KEY|WEBHOOK_SECRET|WEBHOOK_SIGNING_SECRET)";

/// In bytes, of patches with lines that may hold a secret.
const MAX_PATCH: u64 = 64 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn env_files_are_told_from_their_examples() {
        for (path, want) in [
            (".env", true),
            ("app/.env.production", true),
            (".env.local", true),
            (".envrc", true),
            (".env.example", false),
            (".env.production.example", false),
            ("environment.rs", false),
            ("src/env", false),
        ] {
            assert_eq!(is_env_file(path), want, "{path}");
        }
    }

    #[test]
    fn a_name_that_git_quotes_is_no_other_file() {
        let mut patch = Patch::default();
        let key = format!("+sk_live_{}", "Zk3vQ9hT7mB2xW8cR4nL6pD1");
        for name in ["b/b/a.js", "\"b/\\033.js\"", "b/with space.js\t"] {
            patch.read("diff --git a/x b/x");
            patch.read(&format!("+++ {name}"));
            patch.read("@@ -0,0 +1 @@");
            patch.read(&key);
        }
        let paths: Vec<_> = patch.hits.iter().map(|hit| &*hit.path).collect();
        assert_eq!(paths, ["b/a.js", "\\033.js", "with space.js"]);
    }

    #[test]
    fn a_patch_tells_commit_file_and_line() {
        let mut patch = Patch::default();
        let key = format!("sk_live_{}", "Zk3vQ9hT7mB2xW8cR4nL6pD1");
        for line in [
            "\x003f2a91c",
            "",
            "diff --git a/src/a.js b/src/a.js",
            "--- /dev/null",
            "+++ b/src/a.js",
            "@@ -0,0 +7,2 @@ context",
            "+harmless",
            &format!("+key = '{key}'"),
            "-removed",
        ] {
            patch.read(line);
        }
        let want = Hit {
            path: "src/a.js".to_owned(),
            line: 8,
            commit: Some("3f2a91c".to_owned()),
            kind: Kind::LiveKey,
        };
        assert_eq!(patch.hits, [want]);
    }
}
