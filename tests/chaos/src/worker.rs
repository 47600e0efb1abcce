//! A worker process, seen from outside.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use anyhow::{Context, Result, ensure};

use crate::STORE;
use crate::place::Place;

/// The port of a worker. It changes when the worker is started anew.
#[derive(Clone, Debug, Default)]
pub(crate) struct Port(Arc<AtomicU16>);

impl Port {
    pub(crate) fn load(&self) -> u16 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A running `chaos-worker`. Killed when dropped; should this process be killed, its input ends,
/// and it ends with that.
#[derive(Debug)]
pub(crate) struct Worker(Child);

impl Worker {
    /// Starts `program` on `place` with leases of so many seconds, and returns when it listens.
    pub(crate) fn start(program: &Path, place: &Place, lease: u32, port: &Port) -> Result<Self> {
        let (lease, file) = (lease.to_string(), place.file());
        let args = [lease.as_str(), file.to_str().context("path: is no text")?];
        Self::run(program, place.address(), &args, port)
    }

    /// Starts `program` on the store at `address`, and returns when it listens.
    pub(crate) fn run(program: &Path, address: &str, args: &[&str], port: &Port) -> Result<Self> {
        let process = Command::new(program)
            .args(args)
            .env(STORE, address)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let shown = program.display();
        let mut worker = Self(process.with_context(|| format!("{shown}: cannot be started"))?);
        let stdout = worker.0.stdout.take().context("worker: has no output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let number = line.trim().strip_prefix("listening 127.0.0.1:");
        let number = number.with_context(|| format!("worker: does not start, printed {line:?}"))?;
        port.0.store(number.parse()?, Ordering::Relaxed);
        Ok(worker)
    }

    /// Kills it with `SIGKILL`.
    pub(crate) fn kill(mut self) -> Result<()> {
        self.check()?;
        self.0.kill()?;
        self.0.wait()?;
        Ok(())
    }

    /// Whether it still runs.
    pub(crate) fn check(&mut self) -> Result<()> {
        let ended = self.0.try_wait()?;
        ensure!(ended.is_none(), "worker: ended by itself, {ended:?}");
        Ok(())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may be dead already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
