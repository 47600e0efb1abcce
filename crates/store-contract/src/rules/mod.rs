//! The rules, by the store that keeps them.

mod announcement;
mod revocation;
mod webhook;

pub use self::announcement::check_announcements;
pub use self::revocation::REVOCATION_RULES;
pub use self::webhook::RULES;

macro_rules! rules {
    ($(#[$doc:meta])* $table:ident of $store:ty: $($name:ident)*) => {
        $(#[$doc])*
        pub const $table: &[crate::Rule<$store>] = &[$(crate::Rule {
            name: stringify!($name),
            check: |store| Box::pin($name(store)),
        }),*];
    };
}
use rules;
