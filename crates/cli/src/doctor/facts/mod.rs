//! Facts: what the rules judge. Each source is gathered once; no rule looks elsewhere.

mod client;
mod environment;
mod keys;
mod policy;
mod probes;
mod repository;
mod server;

pub(super) use self::client::Answer;
pub(super) use self::environment::Environment;
pub(super) use self::keys::{Document, Keys};
pub(super) use self::policy::{Policy, Route, Who};
pub(super) use self::probes::{Signed, Webhook};
pub(super) use self::repository::{Hit, Repository};
pub(super) use self::server::{Exchange, Options, Promised, Server, Target};

use super::rule::{Area, Unknown};

/// What was gathered, area by area.
pub(super) struct Facts {
    pub(super) environment: Result<Environment, Unknown>,
    pub(super) keys: Result<Keys, Unknown>,
    pub(super) policy: Result<Policy, Unknown>,
    pub(super) repository: Result<Repository, Unknown>,
    pub(super) server: Result<Server, Unknown>,
}

impl Facts {
    /// Where the facts of each area came from, for the areas that are there.
    pub(super) fn subjects(&self) -> Vec<(Area, String)> {
        let repository = self.repository.as_ref().map(|r| r.directory.clone());
        let environment = self.environment.as_ref().map(|env| {
            let file = env.file.clone();
            file.unwrap_or_else(|| "the variables of the process".to_owned())
        });
        let keys = self.keys.as_ref().map(|keys| keys.public.url.clone());
        let policy = self.policy.as_ref().map(|policy| policy.file.clone());
        let server = self.server.as_ref().map(|server| server.target.origin());
        let named = Area::ALL
            .into_iter()
            .zip([repository, environment, keys, policy, server]);
        named
            .filter_map(|(area, name)| Some((area, name.ok()?)))
            .collect()
    }
}
