//! The built program, as a stranger runs it.

const PROGRAM: &str = env!("CARGO_BIN_EXE_example-axum");

#[test]
fn the_cases_pass() {
    example_smoke::the_cases_pass(PROGRAM, "axum");
}

#[test]
fn a_browser_signs_in_and_out() {
    example_smoke::a_browser_signs_in_and_out(PROGRAM);
}

#[test]
fn a_command_line_that_cannot_work_says_why() {
    example_smoke::a_command_line_that_cannot_work_says_why(PROGRAM);
}

#[test]
fn signing_out_everywhere_reaches_every_browser() {
    example_smoke::signing_out_everywhere_reaches_every_browser(PROGRAM);
}

#[test]
fn a_ban_at_clerk_reaches_the_application() {
    example_smoke::a_ban_at_clerk_reaches_the_application(PROGRAM);
}

#[test]
fn a_factor_is_asked_for_and_shown() {
    example_smoke::a_factor_is_asked_for_and_shown(PROGRAM);
}

#[test]
fn whoever_acts_in_a_users_place_may_look_only() {
    example_smoke::whoever_acts_in_a_users_place_may_look_only(PROGRAM);
}
