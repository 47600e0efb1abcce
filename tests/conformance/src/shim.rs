//! A shim: a server process for one adapter and one profile.
//!
//! Its contract: `shim-x --profile NAME --now UNIX` binds a free port of the loopback
//! interface, prints `listening 127.0.0.1:PORT`, then one audit event per line as JSON. Every
//! line on its standard input is repeated on its standard output, after the events that were
//! written before; it ends when its standard input does, and with [`UNKNOWN_PROFILE`] where it
//! does not know the profile.

use std::fmt;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use crate::Result;

/// The exit code of a shim that does not know its profile: missing is never passed.
pub const UNKNOWN_PROFILE: i32 = 89;

/// A running shim, ended when dropped.
pub struct Shim {
    child: Child,
    input: Option<ChildStdin>,
    output: Receiver<String>,
    address: SocketAddr,
}

impl Shim {
    /// Starts `program` with the gate called `profile`, at the time `now` in seconds since the
    /// epoch, and waits until it listens.
    ///
    /// # Errors
    /// The program cannot be started, does not know the profile or does not listen.
    pub fn start(program: &str, profile: &str, now: i64) -> Result<Self> {
        let mut child = Command::new(program)
            .args(["--profile", profile, "--now", &now.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| format!("shim {program:?} does not start: {e}"))?;
        let input = child.stdin.take();
        let stdout = child.stdout.take().ok_or("shim has no standard output")?;
        let (sender, output) = channel();
        thread::spawn(move || {
            let lines = BufReader::new(stdout).lines().map_while(|line| line.ok());
            lines
                .map_while(|line| sender.send(line).ok())
                .for_each(drop);
        });
        let mut shim = Self {
            child,
            input,
            output,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
        };
        let greeting = shim.line().map_err(|error| {
            match shim.child.wait().ok().and_then(|status| status.code()) {
                Some(UNKNOWN_PROFILE) => {
                    format!("profile {profile:?} is not known to {program:?}").into()
                }
                _ => error,
            }
        })?;
        let address = greeting
            .strip_prefix("listening ")
            .and_then(|text| text.parse().ok());
        shim.address = address.ok_or_else(|| {
            format!("shim prints {greeting:?}; its first line must be \"listening ADDRESS\"")
        })?;
        Ok(shim)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The audit events since the last call, as JSON lines.
    ///
    /// # Errors
    /// The shim has stopped.
    pub fn events(&mut self) -> Result<Vec<String>> {
        let input = self.input.as_mut().ok_or("shim has no standard input")?;
        writeln!(input, "{MARK}").map_err(|e| format!("shim has stopped: {e}"))?;
        let mut events = Vec::new();
        loop {
            let line = self.line()?;
            if line == MARK {
                return Ok(events);
            }
            events.push(line);
        }
    }

    fn line(&self) -> Result<String> {
        Ok(self
            .output
            .recv_timeout(GUARD)
            .map_err(|e| format!("shim has stopped: {e}"))?)
    }
}

impl Drop for Shim {
    fn drop(&mut self) {
        drop(self.input.take());
        // It may have ended already; there is nobody to tell.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl fmt::Debug for Shim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shim")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// No event looks like this.
const MARK: &str = "mark";

/// Ends a case whose shim hangs.
const GUARD: Duration = Duration::from_secs(20);
