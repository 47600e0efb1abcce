//! A server on a core of its own, and how much time it has used.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

use crate::program;

/// A running server; it ends when this goes.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
}

impl Server {
    pub(crate) fn start(framework: &str, kind: &str) -> Result<Self> {
        let mut command = Command::new("taskset");
        command
            .args(["-c", CORE])
            .arg(program("server")?)
            .args([framework, kind]);
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let child = child.context("taskset: cannot be started; install util-linux")?;
        let mut server = Self { child, port: 0 };
        let output = server.child.stdout.take().context("it has an output")?;
        let mut port = String::new();
        BufReader::new(output).read_line(&mut port)?;
        server.port = port
            .trim()
            .parse()
            .with_context(|| format!("{framework} {kind}"))?;
        Ok(server)
    }

    /// The seconds that all its threads have run.
    pub(crate) fn seconds(&self) -> Result<f64> {
        let mut nanoseconds = 0;
        for task in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            // A thread may end while we look.
            let Ok(text) = fs::read_to_string(task?.path().join("schedstat")) else {
                continue;
            };
            let first = text.split(' ').next().context("schedstat is empty")?;
            nanoseconds += first.parse::<u64>()?;
        }
        Ok(nanoseconds as f64 / 1e9)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const CORE: &str = "0";
