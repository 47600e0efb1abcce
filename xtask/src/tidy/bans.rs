//! Text that does not belong somewhere, as one table of patterns.

use regex_lite::Regex;

use super::Finding;
use super::adapters::ADAPTERS;
use crate::tree::{File, Tree};

/// Checks every ban, each in its scope.
pub(super) fn forbidden_text(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for ban in &BANS {
        for (file, line, found) in ban.hits(tree) {
            let pardoned = |e: &Exception| file.path == e.path && ban.name == e.ban;
            if !EXCEPTIONS.iter().any(pardoned) {
                let what = format!("{} ({found:?})", ban.name);
                findings.push(Finding::new(&file.path, line, what, ban.instead));
            }
        }
    }
    findings
}

/// An exception that nothing needs any more would hide the next mistake.
pub(super) fn stale_exceptions(tree: &Tree) -> Vec<Finding> {
    let needed = |exception: &&Exception| {
        let mut bans = BANS.iter().filter(|ban| ban.name == exception.ban);
        bans.any(|ban| {
            ban.hits(tree)
                .iter()
                .any(|(file, ..)| file.path == exception.path)
        })
    };
    EXCEPTIONS
        .iter()
        .filter(|exception| !needed(exception))
        .map(|exception| {
            let what = format!("exception for {:?} is not needed", exception.path);
            let instead = format!("delete it; it was there because {}", exception.because);
            Finding::new(HERE, 1, what, instead)
        })
        .collect()
}

/// A pattern, where it must not occur, and what to do instead.
struct Ban {
    name: &'static str,
    scope: Scope,
    pattern: &'static str,
    instead: &'static str,
}

/// Where a pattern is searched.
#[derive(Clone, Copy)]
enum Scope {
    /// The code of adapters: no comments, no tests.
    Adapters,
    /// Every line of every file.
    Everything,
    /// Code and test code.
    Rust,
    /// Test code.
    Tests,
}

/// A file in which a ban does not hold.
struct Exception {
    path: &'static str,
    ban: &'static str,
    because: &'static str,
}

impl Ban {
    /// The places where the pattern occurs, with what was found.
    fn hits<'t>(&self, tree: &'t Tree) -> Vec<(&'t File, usize, &'t str)> {
        let Ok(pattern) = Regex::new(self.pattern) else {
            unreachable!("{:?} is no pattern", self.pattern);
        };
        let files = tree.files.iter().filter(|file| file.path != HERE);
        files
            .flat_map(|file| {
                self.scope
                    .lines(file)
                    .map(move |(number, line)| (file, number, line))
            })
            .filter_map(|(file, number, line)| {
                let found = pattern.find(line)?;
                Some((file, number, found.as_str()))
            })
            .collect()
    }
}

impl Scope {
    fn lines(self, file: &File) -> Box<dyn Iterator<Item = (usize, &str)> + '_> {
        match self {
            Self::Adapters if ADAPTERS.iter().any(|folder| file.path.starts_with(folder)) => {
                Box::new(file.code())
            }
            Self::Adapters => Box::new(std::iter::empty()),
            Self::Everything => Box::new(file.lines()),
            Self::Rust => Box::new(file.rust()),
            Self::Tests => Box::new(file.tests()),
        }
    }
}

/// The one file that quotes what it forbids.
const HERE: &str = "xtask/src/tidy/bans.rs";

const BANS: [Ban; 12] = [
    Ban {
        name: "adapter knows a status",
        scope: Scope::Adapters,
        pattern: r"StatusCode::[A-Z]|\b[1-5][0-9][0-9]\b",
        instead: "copy it from a `Reply`",
    },
    Ban {
        name: "adapter reads a security header",
        scope: Scope::Adapters,
        pattern: r"(?i)authorization|bearer|cookie|origin",
        instead: "hand the line to `RequestView`",
    },
    Ban {
        name: "adapter reads the clock",
        scope: Scope::Adapters,
        pattern: r"SystemTime|Instant",
        instead: "leave time to the gate",
    },
    Ban {
        name: "adapter opens by default",
        scope: Scope::Adapters,
        pattern: r"unwrap_or\(true\)",
        instead: "ask the gate",
    },
    Ban {
        name: "adapter knows cryptography",
        scope: Scope::Adapters,
        pattern: r"aws_lc|jsonwebtoken|subtle|zeroize",
        instead: "leave it to crates/core",
    },
    Ban {
        name: "ignored test",
        scope: Scope::Rust,
        pattern: r"#\[ignore",
        instead: "make it pass or delete it",
    },
    Ban {
        name: "test that wants a panic",
        scope: Scope::Rust,
        pattern: r"#\[should_panic",
        instead: "return an error and assert on it",
    },
    Ban {
        name: "unfinished code",
        scope: Scope::Rust,
        pattern: r"\b(todo|unimplemented)!",
        instead: "write it or leave it out",
    },
    Ban {
        name: "test that sleeps",
        scope: Scope::Tests,
        pattern: r"\b(thread|time)::sleep\b",
        instead: "wait for the event, or inject the clock",
    },
    Ban {
        name: "task without an issue",
        scope: Scope::Everything,
        pattern: r"\b(TODO|FIXME)([^(]|$|\([^#])",
        instead: "do it, or write the issue's number: (#7)",
    },
    Ban {
        name: "path of one machine",
        scope: Scope::Everything,
        pattern: r#"(^|[\s"'`(=:])/(home|root|work|Users)/[\w.]"#,
        instead: "write it relative to the repository",
    },
    Ban {
        name: "live secret key",
        scope: Scope::Everything,
        pattern: r"sk_live_[A-Za-z0-9]{20}",
        instead: "revoke it at Clerk and write a shorter stand-in",
    },
];

const EXCEPTIONS: [Exception; 6] = [
    Exception {
        path: "crates/actix/src/apply.rs",
        ban: "adapter knows a status",
        because: "a status that actix-web could not carry must not become its default, which is success",
    },
    Exception {
        path: "crates/axum/src/extract.rs",
        ban: "adapter reads a security header",
        because: "axum calls the target as it came `OriginalUri`",
    },
    Exception {
        path: "crates/core/src/settings/publishable_key.rs",
        ban: "live secret key",
        because: "a test gives a publishable key the prefix of a secret one",
    },
    Exception {
        path: "crates/rocket/src/fairing.rs",
        ban: "adapter knows a status",
        because: "Rocket's catchers cannot carry a reply: a status nobody sends marks its place",
    },
    Exception {
        path: "crates/rocket/src/fairing.rs",
        ban: "adapter reads a security header",
        because: "Rocket calls the target of a request `Origin`",
    },
    Exception {
        path: "crates/tower/src/apply.rs",
        ban: "adapter knows a status",
        because: "a status that `http` could not carry must not become its default, which is success",
    },
];

#[cfg(test)]
mod tests {
    use super::super::tests::finds;
    use super::*;

    fn check(path: &str, line: &str, ban: Option<&str>) {
        let tree = Tree::of(&[(path, line)]);
        let found: Vec<_> = forbidden_text(&tree);
        let names: Vec<_> = found
            .iter()
            .filter_map(|f| f.what.split(" (").next())
            .collect();
        assert_eq!(names, Vec::from_iter(ban), "{line}");
    }

    #[test]
    fn adapters_use_no_word_of_the_core() {
        let path = "crates/axum/src/apply.rs";
        for (line, ban) in [
            ("StatusCode::from_u16(reply.status())", None),
            ("StatusCode::UNAUTHORIZED", Some("adapter knows a status")),
            ("if code == 401 {", Some("adapter knows a status")),
            (
                "headers.get(\"Cookie\")",
                Some("adapter reads a security header"),
            ),
            (
                "header::AUTHORIZATION",
                Some("adapter reads a security header"),
            ),
            ("// A cookie is none of our business.", None),
            ("SystemTime::now()", Some("adapter reads the clock")),
            ("public.unwrap_or(true)", Some("adapter opens by default")),
            ("use subtle::Choice;", Some("adapter knows cryptography")),
        ] {
            check(path, line, ban);
            check("crates/core/src/gate.rs", line, None);
        }
    }

    #[test]
    fn tests_run_and_wait_for_events() {
        let test = |line: &str| format!("#[cfg(test)]\nmod tests {{\n{line}\n}}\n");
        let path = "crates/jwks/src/lib.rs";
        check(path, &test("#[ignore]"), Some("ignored test"));
        check(path, &test("#[ignore = \"slow\"]"), Some("ignored test"));
        check(
            path,
            &test("#[should_panic]"),
            Some("test that wants a panic"),
        );
        check(
            path,
            &test("thread::sleep(second);"),
            Some("test that sleeps"),
        );
        check(path, &test("// #[ignore] hides rot."), None);
        check(path, "thread::sleep(second);", None);
        check(path, "todo!()", Some("unfinished code"));
        check("README.md", "todo!()", None);
    }

    #[test]
    fn no_file_names_a_machine_a_secret_or_a_task_without_an_issue() {
        let machine = Some("path of one machine");
        for (line, ban) in [
            ("see /home/me/notes", machine),
            ("\"/root/.cargo\"", machine),
            ("GET /work/ HTTP/1.1", None),
            ("https://a.test/home/x", None),
            ("sk_live_abcdefghijklmnopqrst", Some("live secret key")),
            ("sk_live_short", None),
            ("// TODO: later", Some("task without an issue")),
            ("// TODO(#7): later", None),
        ] {
            check("notes.md", line, ban);
        }
    }

    #[test]
    fn an_exception_that_nothing_needs_is_found() {
        let want: Vec<_> = EXCEPTIONS
            .iter()
            .map(|e| format!("{HERE}:1: exception for {:?} is not needed", e.path))
            .collect();
        let want: Vec<_> = want.iter().map(String::as_str).collect();
        finds(stale_exceptions, &Tree::default(), &want);
    }
}
