//! Facts: what the rules judge. Each source is gathered once; no rule looks elsewhere.

mod client;
mod environment;
mod keys;
mod probes;
mod repository;
mod server;

pub(super) use self::client::Answer;
pub(super) use self::environment::Environment;
pub(super) use self::keys::{Document, Keys};
pub(super) use self::probes::{Signed, Webhook};
pub(super) use self::repository::{Hit, Repository};
pub(super) use self::server::{Exchange, Options, Server, Target};

use super::rule::Unknown;

/// What was gathered, area by area.
pub(super) struct Facts {
    pub(super) environment: Result<Environment, Unknown>,
    pub(super) keys: Result<Keys, Unknown>,
    pub(super) repository: Result<Repository, Unknown>,
    pub(super) server: Result<Server, Unknown>,
}
