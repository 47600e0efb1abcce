//! The built program, as a stranger runs it.

const PROGRAM: &str = env!("CARGO_BIN_EXE_example-rocket");

#[test]
fn the_cases_pass() {
    example_smoke::the_cases_pass(PROGRAM, "rocket");
}

#[test]
fn a_browser_signs_in_and_out() {
    example_smoke::a_browser_signs_in_and_out(PROGRAM);
}

#[test]
fn a_command_line_that_cannot_work_says_why() {
    example_smoke::a_command_line_that_cannot_work_says_why(PROGRAM);
}
