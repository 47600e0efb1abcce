//! A server process that does not outlive this one.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// A server that runs until this value is dropped, or this process is gone.
#[derive(Debug)]
pub(super) struct Server {
    process: Child,
    /// Interrupts the server when its input ends. The other end of it is held here alone, so even
    /// a kill of this process ends the server.
    watchdog: Child,
}

impl Server {
    /// Starts a server and waits until it is ready. Its output goes to `NAME.log` in `folder`.
    ///
    /// # Errors
    /// If it ends or is not ready in time, with what it said.
    pub(super) fn start(
        name: &str,
        mut command: Command,
        folder: &Path,
        is_ready: impl Fn() -> bool,
    ) -> Result<Self> {
        let log = folder.join(name).with_extension("log");
        let output = File::create(&log).with_context(|| format!("{}", log.display()))?;
        command.stdin(Stdio::null());
        command.stdout(output.try_clone()?).stderr(output);
        // Ctrl-C is for the command that uses the server; the server goes after it.
        let process = command.process_group(0).spawn();
        let process = process.with_context(|| format!("{name}: cannot be started"))?;
        let watchdog = Command::new("sh")
            .args(["-c", "read -r _ || kill -INT \"$1\"", "sh"])
            .arg(process.id().to_string())
            .stdin(Stdio::piped())
            .process_group(0)
            .spawn();
        let mut server = Self {
            process,
            watchdog: watchdog.context("sh: cannot be started")?,
        };
        let started = Instant::now();
        while !is_ready() {
            let ended = server.process.try_wait()?;
            if ended.is_some() || started.elapsed() > PATIENCE {
                let said = fs::read_to_string(&log).unwrap_or_default();
                bail!("{name}: does not start\n{said}");
            }
            thread::sleep(PAUSE);
        }
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The number of a process that has ended may be another's by now.
        if let Ok(Some(_)) = self.process.try_wait() {
            let _ = self.watchdog.kill();
        }
        drop(self.watchdog.stdin.take());
        if !self.watchdog.wait().is_ok_and(|status| status.success()) {
            let _ = self.process.kill();
        }
        let _ = self.process.wait();
    }
}

/// A port that nobody listens on.
///
/// # Errors
/// If there is none.
pub(super) fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
    Ok(listener.local_addr()?.port())
}

/// Whether somebody listens on this port.
pub(super) fn listens(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// How long a server may take to start.
const PATIENCE: Duration = Duration::from_secs(60);

const PAUSE: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_to_start_is_told_in_the_servers_own_words() {
        let folder = std::env::temp_dir();
        let name = format!("xtask-server-{}", std::process::id());
        let mut command = Command::new("sh");
        command.args(["-c", "echo no port left; exit 1"]);
        let error = Server::start(&name, command, &folder, || false).expect_err("it ends");
        assert_eq!(
            error.to_string(),
            format!("{name}: does not start\nno port left\n")
        );
        let log = folder.join(name).with_extension("log");
        fs::remove_file(log).expect("it can be removed");
    }
}
