//! The checklist: every rule that a program can check, and what is left for people.

mod cookies;
mod csp;
mod environment;
mod headers;
mod keys;
mod leaks;
mod origins;
mod people;
mod repository;
mod routes;
mod transport;
mod webhooks;

pub(super) use self::people::FOR_PEOPLE;

use super::rule::Rule;

/// Every rule, in the order of reports.
pub(super) fn all() -> impl Iterator<Item = &'static Rule> {
    [
        repository::RULES,
        environment::RULES,
        keys::RULES,
        transport::RULES,
        headers::RULES,
        csp::RULES,
        cookies::RULES,
        routes::RULES,
        origins::RULES,
        webhooks::RULES,
        leaks::RULES,
    ]
    .into_iter()
    .flatten()
}
