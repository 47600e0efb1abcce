//! Runs an example as a stranger does: the built program, started, and asked over sockets.
//!
//! Each example calls these functions from its own test, which has the path of the program. They
//! panic where the program does not do what it should.

mod app;
mod browser;
mod cases;
mod command_line;

pub use self::browser::a_browser_signs_in_and_out;
pub use self::cases::the_cases_pass;
pub use self::command_line::a_command_line_that_cannot_work_says_why;
