//! What the program says when it cannot work.

use crate::app::command;

/// Starts `program` with arguments and an environment that cannot work.
///
/// # Panics
/// If it does not say why, or if it does not end with exit code 2.
pub fn a_command_line_that_cannot_work_says_why(program: &str) {
    let check = |arguments: &[&str], text: &str| {
        let output = command(program)
            .args(arguments)
            .env("CLERK_GATE_ENVIRONMENT", "production")
            .output()
            .expect("the program runs");
        let error = String::from_utf8(output.stderr).expect("a text");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert!(error.contains(text), "{arguments:?}: {error}");
    };

    check(&["--port", "0"], "CLERK_PUBLISHABLE_KEY: is missing; ");
    check(&["--port", "0"], "CLERK_GATE_ORIGINS: is missing; ");
    check(
        &["--port", "0", "--local"],
        "CLERK_GATE_ENVIRONMENT: says production; ",
    );
    check(&["--port", "tea"], "--port \"tea\": is not a port; ");
    check(&["--tea"], "argument \"--tea\": is not known; ");
}
