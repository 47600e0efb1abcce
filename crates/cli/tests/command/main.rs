//! The built command, run as a user runs it: arguments, environment and standard input in; exit
//! code, standard output and standard error out.

mod explain;
mod help;
mod keys;
mod local;
mod token;
mod webhook;

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

/// What a run ends with.
#[derive(Debug)]
struct Run {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Run {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Runs the command with these arguments, this whole environment and this standard input.
fn run(arguments: &[&str], environment: &[(&str, &str)], input: &[u8]) -> Run {
    let mut child = Command::new(env!("CARGO_BIN_EXE_clerk-gate"))
        .args(arguments)
        .env_clear()
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    // A command that wants no input may be gone already.
    let _ = stdin.write_all(input);
    drop(stdin);
    let output = child.wait_with_output().expect("the command ends");
    Run {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).expect("text"),
        err: String::from_utf8(output.stderr).expect("text"),
    }
}

/// A token of the test kit, made by the command itself.
fn mint(arguments: &[&str]) -> String {
    let run = run(&[&["token", "mint"], arguments].concat(), &[], b"");
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.err.contains("for tests"), "{run:?}");
    run.out
}

/// The settings that the test kit's tokens are for.
const TEST_INSTANCE: [(&str, &str); 2] = [
    ("CLERK_PUBLISHABLE_KEY", "pk_live_Y2xlcmsuYXBwLnRlc3Qk"),
    ("CLERK_GATE_ORIGINS", "https://app.test"),
];
