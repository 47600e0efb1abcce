//! Runs an example as a stranger does: the built program, started, and asked over sockets.
//!
//! Each example calls these functions from its own test, which has the path of the program. They
//! panic where the program does not do what it should.

mod app;
mod browser;
mod cases;
mod command_line;
mod sessions;

pub use self::app::App;
pub use self::browser::a_browser_signs_in_and_out;
pub use self::cases::the_cases_pass;
pub use self::command_line::a_command_line_that_cannot_work_says_why;
pub use self::sessions::{
    a_ban_at_clerk_reaches_the_application, a_factor_is_asked_for_and_shown,
    signing_out_everywhere_reaches_every_browser, whoever_acts_in_a_users_place_may_look_only,
};
