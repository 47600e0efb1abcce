//! What the examples share: everything that knows no framework.

mod pages;
mod setup;
mod users;

pub use self::pages::{Pages, asset};
pub use self::setup::{Options, Setup, exit_code};
pub use self::users::Users;
