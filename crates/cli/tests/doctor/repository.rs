//! Secrets in git, one by one.

use super::project::{Project, RANDOM};
use super::run::Run;

struct Case {
    rule: &'static str,
    seed: fn(&Project),
    /// Follows the remedy.
    mend: fn(&Project),
}

#[test]
fn every_way_of_keeping_secrets_in_git_is_found_and_can_be_mended() {
    for Case { rule, seed, mend } in cases() {
        let project = Project::repository();
        seed(&project);
        doctor(&project).finds(&[rule], rule);
        mend(&project);
        doctor(&project).finds(&[], rule);
    }
}

#[test]
fn the_report_says_file_line_and_commit_and_never_the_secret() {
    let project = Project::repository();
    leak(&project, &format!("\n\nkey = 'sk_live_{RANDOM}'"));
    let commit = project.git(&["rev-parse", "--short", "HEAD"]);
    let run = doctor(&project);
    let evidence = evidence(&run, "git-live-key");
    assert_eq!(evidence["file"], "src/config.js");
    assert_eq!(evidence["line"], 3);
    project.write("src/config.js", "\n");
    project.commit("removed");
    for format in ["table", "json", "sarif", "html"] {
        let run = Run::new(project.path(), &["--format", format]);
        assert!(!run.stdout.contains(RANDOM), "{format}");
        let place = format!("{}:src/config.js:3", commit.trim());
        assert!(
            run.stdout.contains(&place),
            "{format}: {place}\n{}",
            run.stdout
        );
    }
}

#[test]
fn what_was_accepted_is_shown_and_not_counted() {
    let project = Project::repository();
    leak(&project, &format!("sk_live_{RANDOM}"));
    let commit = project.git(&["rev-parse", "--short", "HEAD"]);
    project.write("src/config.js", "\n");
    project.commit("removed");
    let accepted = format!("git-history:{}", commit.trim());
    for (accept, verdict, code) in [
        (accepted.as_str(), "accepted", 0),
        ("git-history", "accepted", 0),
        ("git-history:0000000", "found", 1),
        ("git-live-key", "found", 1),
    ] {
        let run = Run::new(project.path(), &["--format", "json", "--accept", accept]);
        assert!(run.rules(verdict).contains("git-history"), "{accept}");
        assert_eq!(run.code, code, "{accept}");
        let is_stale = run.stderr.contains("fits nothing any more");
        assert_eq!(is_stale, verdict == "found", "{accept}");
    }
}

#[test]
fn a_history_that_is_too_long_is_not_called_clean() {
    let project = Project::repository();
    project.commit("two");
    project.commit("three");
    let run = Run::new(project.path(), &["--format", "json", "--commits", "2"]);
    assert_eq!(run.code, 2);
    assert!(run.rules("failed").contains("git-history"));
    let run = Run::new(project.path(), &["--format", "json", "--commits", "3"]);
    assert_eq!(run.code, 0);
}

#[test]
fn the_variables_of_a_hook_lead_to_no_other_repository() {
    let (project, other) = (Project::repository(), Project::repository());
    leak(&project, &format!("sk_live_{RANDOM}"));
    let elsewhere = other.path().join(".git").display().to_string();
    let run = Run::with(
        project.path(),
        &["--format", "json"],
        &[("GIT_DIR", &elsewhere)],
    );
    run.finds(&["git-live-key"], "GIT_DIR");
}

#[test]
fn a_repository_without_a_commit_is_searched_as_well() {
    let project = Project::new();
    project.git(&["init", "--quiet"]);
    project.write(".gitignore", ".env\n.env.*\n");
    doctor(&project).finds(&[], "empty");
    project.write("src/config.js", &format!("sk_live_{RANDOM}\n"));
    doctor(&project).finds(&[], "not tracked");
    project.git(&["add", "--all"]);
    doctor(&project).finds(&["git-live-key"], "staged");
}

#[test]
fn a_shallow_clone_is_not_called_clean() {
    let project = Project::repository();
    leak(&project, &format!("sk_live_{RANDOM}"));
    project.write("src/config.js", "\n");
    project.commit("removed");
    let clone = Project::new();
    let from = format!("file://{}", project.path().display());
    clone.git(&["clone", "--quiet", "--depth", "1", &from, "."]);
    let run = doctor(&clone);
    assert_eq!(run.code, 2);
    assert!(run.rules("failed").contains("git-history"));
    let run = Run::new(clone.path(), &["--commits", "0", "--format", "json"]);
    assert_eq!(run.code, 0);
    assert!(run.rules("not_checked").contains("git-history"));
    clone.git(&["fetch", "--quiet", "--unshallow"]);
    doctor(&clone).finds(&["git-history"], "unshallowed");
}

#[test]
fn from_a_folder_inside_the_whole_working_copy_is_searched() {
    let project = Project::repository();
    leak(&project, &format!("sk_live_{RANDOM}"));
    project.write("docs/a.md", "\n");
    let run = Run::new(&project.path().join("docs"), &["--format", "json"]);
    run.finds(&["git-live-key"], "from inside");
    assert_eq!(evidence(&run, "git-live-key")["file"], "src/config.js");
}

#[test]
fn secrets_on_other_branches_and_in_merges_are_found() {
    let project = Project::repository();
    project.git(&["checkout", "--quiet", "-b", "side"]);
    leak(&project, &format!("sk_test_{RANDOM}"));
    project.git(&["checkout", "--quiet", "main"]);
    doctor(&project).finds(&["git-history"], "another branch");
}

#[test]
fn a_working_copy_that_git_will_not_read_is_not_passed_over() {
    let project = Project::repository();
    let variables = [("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")];
    let run = Run::with(project.path(), &["--format", "json"], &variables);
    assert_eq!(run.code, 2);
    assert!(run.rules("failed").contains("git-live-key"));
    assert!(run.stdout.contains("dubious ownership"), "{}", run.stdout);
}

#[test]
fn a_folder_that_is_no_working_copy_cannot_be_checked() {
    let project = Project::new();
    let run = Run::new(project.path(), &["--repo", ".", "--format", "json"]);
    assert_eq!(run.code, 2);
    assert!(run.rules("failed").contains("git-live-key"));
    let run = Run::new(project.path(), &[]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("nothing to check"), "{}", run.stderr);
}

/// What a file is called is text, in a terminal and in a page.
#[test]
#[cfg(unix)]
fn names_of_files_are_shown_and_never_obeyed() {
    let project = Project::repository();
    for folder in ["\x1b]0;title\x07", "<img src=x onerror=alert(1)>"] {
        project.write(&format!("{folder}/.env"), "A=1\n");
    }
    project.git(&["add", "--all", "--force"]);
    project.commit("odd names");
    doctor(&project).finds(&["git-env-file"], "odd names");
    for format in ["table", "json", "sarif", "html"] {
        let run = Run::new(project.path(), &["--format", format]);
        assert!(!run.stdout.contains(['\x1b', '\x07']), "{format}");
        assert!(format != "html" || !run.stdout.contains("<img"), "{format}");
    }
}

/// A configuration of git that names programs does not get them run.
#[test]
fn no_program_of_the_repository_is_run() {
    let project = Project::repository();
    let ran = project.path().join("ran");
    let program = project.write("spy.sh", &format!("#!/bin/sh\ntouch '{}'\n", ran.display()));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&program, mode).expect("set");
    }
    let spy = program.display().to_string();
    project.write(".gitattributes", "*.js diff=spy\n");
    leak(&project, &format!("sk_live_{RANDOM}"));
    for name in [
        "core.fsmonitor",
        "diff.external",
        "diff.spy.textconv",
        "diff.spy.command",
        "core.pager",
    ] {
        project.git(&["config", name, &spy]);
    }
    let _ = std::fs::remove_file(&ran);
    doctor(&project).finds(&["git-live-key"], "spy");
    assert!(!ran.exists());
}

/// The rules that a seed here breaks.
pub(crate) fn seeded() -> Vec<&'static str> {
    cases().iter().map(|case| case.rule).collect()
}

fn cases() -> Vec<Case> {
    let case = |rule, seed, mend| Case { rule, seed, mend };
    vec![
        case(
            "git-live-key",
            |p| leak(p, &format!("key = 'sk_live_{RANDOM}'")),
            mend,
        ),
        case(
            "git-live-key",
            |p| leak(p, &format!("machine = ak_{RANDOM}")),
            mend,
        ),
        case(
            "git-test-key",
            |p| leak(p, &format!("sk_test_{RANDOM}")),
            mend,
        ),
        case(
            "git-webhook-secret",
            |p| leak(p, &format!("whsec_{RANDOM}")),
            mend,
        ),
        case(
            "git-private-key",
            |p| leak(p, "-----BEGIN RSA PRIVATE KEY-----"),
            mend,
        ),
        case(
            "git-private-key",
            |p| leak(p, "-----BEGIN PRIVATE KEY-----"),
            mend,
        ),
        case(
            "git-store-password",
            |p| leak(p, "postgres://app:hunter2@db/app"),
            mend,
        ),
        case(
            "git-store-password",
            |p| leak(p, "rediss://:hunter2@cache"),
            mend,
        ),
        case(
            "git-public-secret",
            |p| leak(p, "process.env.NEXT_PUBLIC_CLERK_SECRET_KEY"),
            mend,
        ),
        case(
            "git-env-file",
            |p| {
                p.write("app/.env.production", "PORT=3000\n");
                p.git(&["add", "--force", "app/.env.production"]);
                p.commit("forced");
            },
            |p| {
                p.git(&["rm", "--quiet", "--cached", "app/.env.production"]);
                p.commit("untracked");
            },
        ),
        case(
            "git-history",
            |p| {
                leak(p, &format!("sk_live_{RANDOM}"));
                p.write("src/config.js", "\n");
                p.commit("removed, but everybody has it");
            },
            |p| {
                // What rewriting the history comes to.
                p.git(&["reset", "--quiet", "--hard", "HEAD~2"]);
            },
        ),
        case(
            "gitignore-env",
            |p| {
                p.write(".gitignore", "target/\n.env.local\n");
                p.commit("ignores too little");
            },
            |p| {
                p.write(".gitignore", "target/\n.env\n.env.*\n!.env.example\n");
                p.commit("ignores env files");
            },
        ),
    ]
}

fn doctor(project: &Project) -> Run {
    Run::new(project.path(), &["--format", "json"])
}

fn evidence(run: &Run, rule: &str) -> serde_json::Value {
    let report = run.json();
    let rules = report["rules"].as_array().into_iter().flatten();
    let mut own = rules.filter(|item| item["id"] == rule);
    own.next()
        .map(|item| item["evidence"][0].clone())
        .unwrap_or_default()
}

fn leak(project: &Project, line: &str) {
    project.write("src/config.js", &format!("{line}\n"));
    project.commit("leak");
}

/// Takes the line out, and out of the history.
fn mend(project: &Project) {
    project.write("src/config.js", "\n");
    project.git(&["add", "--all"]);
    project.git(&["commit", "--quiet", "--amend", "--message", "mended"]);
}
