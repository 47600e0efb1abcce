//! An offline stand-in for Clerk, for development, tests and demonstrations.
//!
//! It signs ready users in at the press of a button, publishes its keys where Clerk does, keeps
//! the page's session token fresh and tells of changes by webhook, so that an application behind
//! clerk-gate runs without network and without an account:
//!
//! ```text
//! browser ── /sign-in ──────────────> stand-in: choose a user, get the session cookie
//!    │  └─── /clerk-local.js ───────> a fresh token every 50 seconds
//!    └────── cookie ──> application ── /v1/jwks ──> stand-in: the keys that tokens verify with
//!                            └──── /api/webhooks/clerk <── stand-in: signed deliveries
//! ```
//!
//! | What | Where |
//! |---|---|
//! | sign in as a user, or in a user's place | `/sign-in` |
//! | see sessions, tokens, webhooks and the audit trail; end, ban, change roles, send again | `/inspector` |
//! | `window.Clerk` for pages, by ClerkJS's names: sign out, sessions, re-verification | `/clerk-local.js` |
//! | a token for the command line | `/v1/local/token?user=member` with `&age=120`, `&impersonated=true`, `&second_factor=true` |
//!
//! | It happens | Webhooks, until the application answers 2xx, six times at most |
//! |---|---|
//! | a user signs in, or out | `session.created`, `session.removed` |
//! | a session is ended from elsewhere | `session.revoked` |
//! | a user is banned, or not any more | `user.updated`, and `session.revoked` for each session |
//! | a role changes | `organizationMembership.updated` |
//!
//! Tokens in use stay good until they expire, as with Clerk: it is for the application's
//! `Revocations` to refuse them. A second factor is never asked for at sign-in; whoever has one
//! shows it when a page asks, with the code 424242.
//!
//! ```
//! use clerk_gate_core::Origin;
//! use clerk_gate_local::{Local, LocalOptions, Persona};
//!
//! let options = LocalOptions::new(Origin::parse("http://127.0.0.1:3000")?);
//! let local = Local::start(options, &|name| std::env::var(name).ok())?;
//! let settings = local.settings();
//! assert_eq!(settings.issuer(), local.origin());
//! assert_eq!(local.token(Persona::Member).split('.').count(), 3);
//! # Ok::<(), clerk_gate_core::ConfigErrors>(())
//! ```
//!
//! # Security
//! Whoever reaches it signs in as anybody. So it listens on the loopback interface alone, makes
//! a new key at every start, and does not start beside settings of production.
//!
//! # What this crate does not do
//! It stores nothing, makes no users, and knows no password and no task: it shows the tokens of
//! users who have gone through those, or not yet. Webhooks come at least once, and in no order.

mod event;
mod instance;
mod key;
mod outbox;
mod page;
mod persona;
mod recent;
mod routes;
mod sessions;
mod trail;
mod users;

use std::fmt;
use std::future::IntoFuture;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::thread;

use clerk_gate_core::{Clock, ConfigError, ConfigErrors, Origin, Settings, Sink, SystemClock};
use tokio::runtime;
use tokio::sync::oneshot;

use self::instance::Instance;
pub use self::persona::Persona;
use self::trail::Watched;

/// For whom the stand-in signs users in.
#[derive(Clone, Debug)]
#[must_use]
pub struct LocalOptions {
    origins: Vec<Origin>,
    webhook_path: String,
    clock: Arc<dyn Clock>,
}

/// A running stand-in, stopped when dropped.
#[must_use = "dropping it stops it"]
pub struct Local {
    instance: Arc<Instance>,
    /// Its end is the signal to stop.
    _running: oneshot::Sender<()>,
}

impl LocalOptions {
    /// Serves the application at `origin`: its pages may get tokens, and users are sent there
    /// once they are signed in.
    ///
    /// It is `http://127.0.0.1`, with any port: the stand-in sets the session cookie for its own
    /// host, and cookies do not tell ports apart (RFC 6265 §8.5).
    pub fn new(origin: Origin) -> Self {
        Self {
            origins: vec![origin],
            webhook_path: "/api/webhooks/clerk".to_owned(),
            clock: Arc::new(SystemClock),
        }
    }

    /// Serves one more application. Only the first is the authorized party of
    /// [`Local::token`].
    pub fn with_origin(mut self, origin: Origin) -> Self {
        self.origins.push(origin);
        self
    }

    /// Sets where each application listens for webhooks: `/api/webhooks/clerk` by default.
    pub fn with_webhook_path(mut self, path: impl Into<String>) -> Self {
        self.webhook_path = path.into();
        self
    }

    /// Reads the time from this clock.
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }
}

impl Local {
    /// Starts a stand-in on a free port of `127.0.0.1`, in a thread of its own, and says so on
    /// standard error.
    ///
    /// `source` gives the value of a variable of the environment that the application starts
    /// in, or `None` if it is not set.
    ///
    /// # Errors
    /// [`ConfigErrors`] if `source` says that this is production, if an origin has another host,
    /// if the webhook path is none, or if there is no free port.
    ///
    /// # Panics
    /// If the operating system has no randomness to give or cannot start a thread.
    pub fn start(
        options: LocalOptions,
        source: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigErrors> {
        refuse_production(source)?;
        refuse_other_hosts(&options.origins)?;
        refuse_other_paths(&options.webhook_path)?;
        let listener = listen().map_err(|error| {
            let problem = format!("cannot listen on 127.0.0.1: {error}");
            ConfigError::new("stand-in for Clerk", problem, "free a port")
        })?;
        let (origins, path) = (options.origins, &options.webhook_path);
        let instance = Arc::new(Instance::new(&listener, origins, path, options.clock));
        let (running, stopped) = oneshot::channel();
        let router = routes::router(Arc::clone(&instance));
        let serve = async {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            tokio::spawn(axum::serve(listener, router).into_future());
            // An error is the signal, too: the sender is gone.
            let _ = stopped.await;
            io::Result::Ok(())
        };
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("the operating system gives a runtime what it needs");
        thread::Builder::new()
            .name("clerk-gate-local".to_owned())
            .spawn(move || runtime.block_on(serve))
            .expect("the operating system starts a thread");
        eprintln!(
            "stand-in for Clerk on {0}, inspector on {0}/inspector: FOR DEVELOPMENT ONLY, anybody \
             signs in as anybody",
            instance.origin(),
        );
        Ok(Self {
            instance,
            _running: running,
        })
    }

    /// Where it listens, `http://127.0.0.1:PORT`. This is also the issuer of its tokens.
    pub fn origin(&self) -> &str {
        self.instance.origin()
    }

    /// The variables of an application that takes the stand-in for Clerk, with their values:
    /// what [`Settings::parse`] needs. The secret key among them is worth nothing elsewhere.
    pub fn environment(&self) -> Vec<(String, String)> {
        self.instance.environment()
    }

    /// The settings of an application that takes the stand-in for Clerk: its
    /// [`environment`](Self::environment), parsed.
    pub fn settings(&self) -> Settings {
        let environment = self.environment();
        Settings::parse(&|name| {
            let found = environment.iter().find(|(own, _)| own == name);
            found.map(|(_, value)| value.clone())
        })
        .expect("the stand-in's own variables are good")
    }

    /// A sink that records to `sink` and shows each event in the inspector: the last 60.
    #[must_use = "give it to the gate in place of the other"]
    pub fn watch(&self, sink: Arc<dyn Sink>) -> Arc<dyn Sink> {
        let instance = Arc::clone(&self.instance);
        Arc::new(Watched { instance, sink })
    }

    /// A session token of `persona`, good for 60 seconds, as a page of the first origin gets it.
    pub fn token(&self, persona: Persona) -> String {
        self.instance
            .first_token(&self.instance.detached(persona, 0))
    }
}

impl fmt::Debug for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Local")
            .field("origin", &self.origin())
            .finish_non_exhaustive()
    }
}

fn listen() -> io::Result<TcpListener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Refuses to start where real users sign in. In doubt, it is such a place.
fn refuse_production(source: &dyn Fn(&str) -> Option<String>) -> Result<(), ConfigErrors> {
    let has = |name: &str, word: &str| {
        source(name).is_some_and(|value| value.to_ascii_lowercase().contains(word))
    };
    let mut mistakes = Vec::new();
    if has(ENVIRONMENT, "production") {
        mistakes.push(ConfigError::new(ENVIRONMENT, "says production", REMEDY));
    }
    for name in KEYS.into_iter().filter(|name| has(name, "live_")) {
        mistakes.push(ConfigError::new(name, "is a live key", REMEDY));
    }
    ConfigErrors::check(mistakes, ())
}

/// Refuses applications that would never see the session cookie.
fn refuse_other_hosts(origins: &[Origin]) -> Result<(), ConfigErrors> {
    let is_own = |origin: &&Origin| {
        let rest = origin.as_str().strip_prefix("http://127.0.0.1");
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
    };
    let mistakes = origins.iter().filter(|origin| !is_own(origin));
    let mistakes = mistakes.map(|origin| {
        ConfigError::new(
            format!("origin {:?}", origin.as_str()),
            "is not on the host of the stand-in for Clerk",
            "write it like \"http://127.0.0.1:3000\"",
        )
    });
    ConfigErrors::check(mistakes.collect(), ())
}

/// Refuses what would lead deliveries to another host.
fn refuse_other_paths(path: &str) -> Result<(), ConfigErrors> {
    let is_path = path.starts_with('/') && path.bytes().all(|b| b.is_ascii_graphic());
    let mistake = (!is_path).then(|| {
        ConfigError::new(
            format!("webhook path {path:?}"),
            "is not a path",
            "write it like \"/api/webhooks/clerk\"",
        )
    });
    ConfigErrors::check(mistake.into_iter().collect(), ())
}

const ENVIRONMENT: &str = "CLERK_GATE_ENVIRONMENT";

const KEYS: [&str; 3] = [
    "CLERK_PUBLISHABLE_KEY",
    "NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY",
    "CLERK_SECRET_KEY",
];

const REMEDY: &str =
    "start without the stand-in for Clerk, which would let anybody in, or unset the variable";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_production_may_be_in_the_environment() {
        #[track_caller]
        fn check(variables: &[(&str, &str)], refused: &[&str]) {
            let result = refuse_production(&|name| {
                let found = variables.iter().find(|(own, _)| *own == name);
                found.map(|(_, value)| (*value).to_owned())
            });
            let mistakes = result.err().into_iter().flatten();
            let subjects: Vec<_> = mistakes.map(|m| m.subject().to_owned()).collect();
            assert_eq!(subjects, refused);
        }

        check(&[], &[]);
        check(&[("CLERK_GATE_ENVIRONMENT", "development")], &[]);
        check(&[("CLERK_PUBLISHABLE_KEY", "pk_test_YS5iJA")], &[]);
        check(
            &[("CLERK_GATE_ENVIRONMENT", "production")],
            &["CLERK_GATE_ENVIRONMENT"],
        );
        check(
            &[("CLERK_GATE_ENVIRONMENT", " \"Production\"")],
            &["CLERK_GATE_ENVIRONMENT"],
        );
        check(
            &[
                ("CLERK_PUBLISHABLE_KEY", "pk_live_YS5iJA"),
                ("NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY", "pk_live_YS5iJA"),
                ("CLERK_SECRET_KEY", "sk_live_a"),
            ],
            &[
                "CLERK_PUBLISHABLE_KEY",
                "NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY",
                "CLERK_SECRET_KEY",
            ],
        );
        check(&[("CLERK_SECRET_KEY", "live_a")], &["CLERK_SECRET_KEY"]);
    }

    #[test]
    fn an_application_on_another_host_is_refused() {
        #[track_caller]
        fn check(origin: &str, accepted: bool) {
            let origin = Origin::parse(origin).unwrap();
            let result = refuse_other_hosts(&[origin]);
            assert_eq!(result.is_ok(), accepted, "{result:?}");
        }

        check("http://127.0.0.1", true);
        check("http://127.0.0.1:3000", true);
        check("http://localhost:3000", false);
        check("https://127.0.0.1:3000", false);
        check("http://[::1]:3000", false);
        check("https://app.test", false);
    }
}
