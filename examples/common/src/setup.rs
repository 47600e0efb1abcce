//! What comes before the first request: command line, keys, and what to tell the user.

use std::env;
use std::error::Error;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::ExitCode;
use std::sync::Arc;

use clerk_gate_core::webhook::{MemoryStore, Store};
use clerk_gate_core::{ConfigErrors, JsonLines, Origin, Settings, Sink, StoreAddress};
use clerk_gate_jwks::Keys;
use clerk_gate_local::{Local, LocalOptions};

use crate::users::Users;

/// The command line.
#[derive(Debug)]
pub struct Options {
    local: bool,
    port: u16,
}

/// The settings and keys that a gate is made of.
#[derive(Debug)]
pub struct Setup {
    /// What the gate is configured with.
    pub settings: Settings,
    /// What session tokens are verified with.
    pub keys: Keys,
    /// What webhooks have told of users.
    pub users: Users,
    /// Takes the place of Clerk, with `--local`.
    pub(crate) local: Option<Local>,
    address: SocketAddr,
}

impl Options {
    /// Reads the command line of this process; `None` if it asks for help, which it gets.
    ///
    /// # Errors
    /// An argument that is not known, or a port that is none.
    pub fn parse() -> Result<Option<Self>, Box<dyn Error>> {
        let mut options = Self {
            local: false,
            port: 3000,
        };
        let mut arguments = env::args();
        let program = arguments.next().unwrap_or_default();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--help" | "-h" => {
                    print!("Usage: {program} [--local] [--port PORT]\n\n{HELP}");
                    return Ok(None);
                }
                "--local" => options.local = true,
                "--port" => {
                    let port = arguments.next().unwrap_or_default();
                    options.port = port.parse().map_err(|_| {
                        format!("--port {port:?}: is not a port; write it like \"--port 3000\"")
                    })?;
                }
                _ => return Err(format!("argument {argument:?}: is not known; see --help").into()),
            }
        }
        Ok(Some(options))
    }
}

impl Setup {
    /// Binds the port, and gets settings and keys from the stand-in or from the environment.
    ///
    /// # Errors
    /// A port that is taken, or an environment in which the application cannot run.
    pub fn new(options: &Options) -> Result<(TcpListener, Self), Box<dyn Error>> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).map_err(|error| {
            format!("port {}: {error}; choose another with --port", options.port)
        })?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let local = if options.local {
            Some(stand_in(address)?)
        } else {
            None
        };
        let settings = match &local {
            Some(local) => local.settings(),
            None => clerk_gate_jwks::settings_from_env()
                .map_err(|mistakes| format!("{mistakes}\n\nTo run without Clerk: --local"))?,
        };
        let setup = Self {
            keys: clerk_gate_jwks::keys_for(&settings)?,
            settings,
            users: Users::default(),
            local,
            address,
        };
        Ok((listener, setup))
    }

    /// Where deliveries are remembered: in memory, which a restart forgets.
    ///
    /// # Errors
    /// `CLERK_GATE_STORE` names a database; opening it is for the application.
    pub fn store(&self) -> Result<Arc<dyn Store>, Box<dyn Error>> {
        match self.settings.store() {
            None | Some(StoreAddress::Memory) => Ok(Arc::new(MemoryStore::default())),
            Some(_) => Err(
                "CLERK_GATE_STORE: names a database, and this example brings none; \
                unset it, or open it with clerk-gate-store-sql or clerk-gate-store-redis"
                    .into(),
            ),
        }
    }

    /// Where decisions are recorded: on standard error, and shown by the stand-in's inspector.
    pub fn audit(&self) -> Arc<dyn Sink> {
        let lines = Arc::new(JsonLines::new(io::stderr()));
        match &self.local {
            Some(local) => local.watch(lines),
            None => lines,
        }
    }
}

/// The address in the form that scripts wait for, then what to do next.
impl fmt::Display for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let app = format!("http://{}", self.address);
        write!(f, "listening {}\n\nOpen {app} in a browser", self.address)?;
        let Some(local) = &self.local else {
            return Ok(());
        };
        let member = format!("{}/v1/local/token?user=member", local.origin());
        let authorization = format!(r#"-H "authorization: Bearer $(curl -s '{member}')""#);
        write!(
            f,
            ", or try:\n\
             \n  curl -i {app}/\
             \n  curl -i {authorization} {app}/api/billing/plan\
             \n  curl -i {authorization} {app}/admin\
             \n\nWhat happens meanwhile is shown on {}/inspector\n",
            local.origin()
        )
    }
}

/// Tells why the program could not run, if it could not.
pub fn exit_code(result: Result<(), Box<dyn Error>>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn stand_in(address: SocketAddr) -> Result<Local, ConfigErrors> {
    let options = LocalOptions::new(Origin::parse(&format!("http://{address}"))?);
    Local::start(options, &|name| env::var(name).ok())
}

const HELP: &str = "\
The guide's app, secured by clerk-gate.

  --local      run without Clerk: the program brings a stand-in, for development only
  --port PORT  listen on this port of 127.0.0.1; 3000 unless given, 0 for any that is free
  --help       show this text

Without --local the environment says which Clerk instance to use:

  CLERK_PUBLISHABLE_KEY  from the API keys page of the Clerk dashboard
  CLERK_SECRET_KEY       from the same page; without it the public key set is used
  CLERK_GATE_ORIGINS     where browsers find the app, like http://127.0.0.1:3000
  CLERK_WEBHOOK_SIGNING_SECRET
                         of an endpoint that leads to /api/webhooks/clerk; without it webhooks
                         are answered with 500

Audit events go to standard error, one line of JSON each.
";
