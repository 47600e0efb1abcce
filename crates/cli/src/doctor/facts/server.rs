//! What a running server answers to harmless requests.

use std::net::IpAddr;
use std::time::Duration;

use clerk_gate_core::Secret;
use ureq::http::Uri;

use super::client::Answer;
use super::probes::{self, Webhook};
use crate::doctor::rule::{Evidence, Unknown};

/// Where the server is: `scheme://host[:port]`.
#[derive(Clone, Debug)]
pub(in crate::doctor) struct Target {
    pub(in crate::doctor) https: bool,
    pub(in crate::doctor) authority: String,
    host: String,
    port: Option<u16>,
}

/// What to ask, and what is known from elsewhere.
#[derive(Debug)]
pub(in crate::doctor) struct Options {
    pub(in crate::doctor) target: Target,
    pub(in crate::doctor) protected: Vec<String>,
    pub(in crate::doctor) promised: Result<Promised<String>, Unknown>,
    pub(in crate::doctor) webhook: Option<String>,
    pub(in crate::doctor) behind_proxy: bool,
    pub(in crate::doctor) pause: Duration,
    pub(in crate::doctor) webhook_secret: Option<Secret>,
    /// An origin of the application.
    pub(in crate::doctor) origin: Option<String>,
    pub(in crate::doctor) issuer: Option<String>,
    pub(in crate::doctor) frontend_api: Option<String>,
}

/// What a policy file says that the server must refuse without a session.
#[derive(Clone, Debug)]
pub(in crate::doctor) struct Promised<P> {
    /// Paths, or the answers to them.
    pub(in crate::doctor) paths: Vec<P>,
    /// How many paths there is no room for.
    pub(in crate::doctor) left_out: usize,
    /// Whether an unknown path is one of these.
    pub(in crate::doctor) unlisted: bool,
}

/// The answers, by what was asked.
pub(in crate::doctor) struct Server {
    pub(in crate::doctor) target: Target,
    pub(in crate::doctor) behind_proxy: bool,
    /// The origin that pages load Clerk's scripts from, where settings say.
    pub(in crate::doctor) frontend_api: Option<String>,
    pub(in crate::doctor) home: Exchange,
    /// The home page over plain HTTP.
    pub(in crate::doctor) plain: Result<Exchange, Unknown>,
    /// A path that does not exist, with a marker in path and query.
    pub(in crate::doctor) missing: Exchange,
    pub(in crate::doctor) marker: String,
    /// Protected routes, without a credential.
    pub(in crate::doctor) protected: Vec<Exchange>,
    /// Further paths that a policy file protects, without a credential.
    pub(in crate::doctor) promised: Result<Promised<Exchange>, Unknown>,
    /// The first of them, with tokens that nobody has signed.
    pub(in crate::doctor) forged: Vec<Exchange>,
    /// The first of them, spelt in other ways.
    pub(in crate::doctor) forms: Vec<Exchange>,
    /// Asked from pages of foreign origins, each with its origin.
    pub(in crate::doctor) foreign: Vec<(String, Exchange)>,
    pub(in crate::doctor) foreign_post: Exchange,
    /// A navigation with a foreign `X-Forwarded-Host`.
    pub(in crate::doctor) forwarded: Exchange,
    pub(in crate::doctor) trace: Exchange,
    pub(in crate::doctor) files: Vec<Exchange>,
    pub(in crate::doctor) webhook: Option<Webhook>,
}

/// A request, named as people would, and what came of it.
pub(in crate::doctor) struct Exchange {
    pub(in crate::doctor) request: String,
    pub(super) result: Result<Answer, String>,
}

impl Target {
    /// Parses the URL of a server.
    pub(in crate::doctor) fn parse(text: &str) -> Result<Self, String> {
        let form = "write scheme and host, like \"https://app.example.com\"";
        let uri: Uri = text.parse().map_err(|error| format!("{error}; {form}"))?;
        let https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(format!("the scheme is neither https nor http; {form}")),
        };
        let authority = uri
            .authority()
            .ok_or_else(|| format!("there is no host; {form}"))?;
        if authority.as_str().contains('@') {
            return Err(format!("a user name or password is not allowed; {form}"));
        }
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(format!("a path or query is not allowed; {form}"));
        }
        Ok(Self {
            https,
            authority: authority.as_str().to_owned(),
            host: authority.host().to_owned(),
            port: authority.port_u16(),
        })
    }

    /// `scheme://host[:port]`, as browsers send it in `Origin`.
    pub(in crate::doctor) fn origin(&self) -> String {
        let scheme = if self.https { "https" } else { "http" };
        format!("{scheme}://{}", self.authority)
    }

    pub(in crate::doctor) fn is_loopback(&self) -> bool {
        let address = self.host.trim_start_matches('[').trim_end_matches(']');
        self.host == "localhost" || address.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
    }

    /// The same server over plain HTTP, where it is known on which port that would be.
    pub(super) fn plain(&self) -> Option<String> {
        match (self.https, self.port) {
            (true, None | Some(443)) => Some(format!("http://{}", self.host)),
            _ => None,
        }
    }
}

impl Server {
    pub(in crate::doctor) fn gather(options: &Options) -> Result<Self, Unknown> {
        probes::run(options)
    }

    /// Whether browsers reach this server over HTTPS, as far as can be seen from here.
    pub(in crate::doctor) fn require_https(&self) -> Result<(), Unknown> {
        if self.target.https || self.behind_proxy || !self.target.is_loopback() {
            return Ok(());
        }
        let what = "plain HTTP on this machine; name the https URL, or add --behind-proxy";
        Err(Unknown::NotAsked(what.to_owned()))
    }

    /// Every answer of the application to an ordinary request: a page, an error, a refusal.
    pub(in crate::doctor) fn ordinary(&self) -> Result<Vec<(&str, &Answer)>, Unknown> {
        let first = self.protected.first();
        let exchanges = [&self.home, &self.missing].into_iter().chain(first);
        exchanges
            .map(|exchange| Ok((exchange.request.as_str(), exchange.answer()?)))
            .collect()
    }
}

impl Exchange {
    pub(in crate::doctor) fn answer(&self) -> Result<&Answer, Unknown> {
        self.result
            .as_ref()
            .map_err(|error| Unknown::Failed(format!("{}: {error}", self.request)))
    }

    pub(in crate::doctor) fn found(&self, what: impl Into<String>) -> Evidence {
        Evidence::at(&self.request, what)
    }
}
