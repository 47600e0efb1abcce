//! What the command says of itself.

use crate::run;

#[test]
fn the_help_is_what_it_was() {
    let run = run(&["--help"], &[], b"");
    assert_eq!(run.code, Some(0));
    assert_eq!(run.out, include_str!("help.txt"));
}

#[test]
fn every_command_shows_how_it_is_used() {
    for command in [
        "explain",
        "keys check",
        "local",
        "token inspect",
        "token mint",
        "webhook send",
        "webhook verify",
    ] {
        let arguments: Vec<_> = command.split(' ').chain(["--help"]).collect();
        let run = run(&arguments, &[], b"");
        assert_eq!(run.code, Some(0), "{command}");
        let example = format!("clerk-gate {command}");
        let examples = run.out.split_once("Example").map(|(_, examples)| examples);
        assert!(
            examples.is_some_and(|text| text.contains(&example)),
            "{run:?}"
        );
    }
}

#[test]
fn what_is_no_command_ends_with_two() {
    for arguments in [&["explian"][..], &["token"], &["webhook", "send"], &[]] {
        let run = run(arguments, &[], b"");
        assert_eq!((run.code, &*run.out), (Some(2), ""), "{run:?}");
    }
}

#[test]
fn nothing_is_coloured_where_no_terminal_is() {
    let token = crate::mint(&["--age", "3600"]);
    for environment in [&[][..], &[("NO_COLOR", "1")], &[("TERM", "xterm-256color")]] {
        let run = run(&["token", "inspect"], environment, token.as_bytes());
        assert!(!run.out.contains('\x1b'), "{run:?}");
        let run = crate::run(
            &["explain", "GET", "/", "--policy", "none"],
            environment,
            b"",
        );
        assert!(!run.err.contains('\x1b'), "{run:?}");
    }
}
