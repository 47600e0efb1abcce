//! The load generator: a process on a core of its own, for a bounded time.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::{env, fs, process};

use anyhow::{Context, Result, bail, ensure};
use clerk_gate_peers::tokens;

use crate::program;

/// What to ask with; a folder of files that goes when this does.
pub(crate) struct Load {
    folder: PathBuf,
    milliseconds: u32,
}

/// With which credentials the requests come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Credentials {
    /// One good token after the other.
    Tokens,
    None,
}

/// What came of one visit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answered {
    pub(crate) requests: f64,
    pub(crate) per_second: f64,
    pub(crate) p50: f64,
}

impl Load {
    /// Mints the tokens.
    pub(crate) fn new(milliseconds: u32) -> Result<Self> {
        let folder = env::temp_dir().join(format!("clerk-gate-peers-{}", process::id()));
        fs::create_dir(&folder).with_context(|| format!("{}", folder.display()))?;
        let load = Self {
            folder,
            milliseconds,
        };
        let lines = tokens::crowd(TOKENS).into_iter();
        let lines: String = lines.map(|token| format!("Bearer {token}\n")).collect();
        fs::write(load.file(Credentials::Tokens), lines)?;
        fs::write(load.file(Credentials::None), "\n")?;
        Ok(load)
    }

    /// Asks the server at `port` over `connections`, each waiting for its answer.
    ///
    /// # Errors
    /// If any connection broke, or an answer was not what these credentials must get.
    pub(crate) fn ask(
        &self,
        port: u16,
        connections: u32,
        credentials: Credentials,
    ) -> Result<Answered> {
        let mut load = Command::new("taskset");
        load.args(["-c", CORE]).arg(program("load")?);
        load.args(
            [port.into(), connections, self.milliseconds].map(|number: u32| number.to_string()),
        );
        let output = load
            .arg(self.file(credentials))
            .stderr(Stdio::inherit())
            .output();
        let output = output.context("taskset: cannot be started; install util-linux")?;
        ensure!(output.status.success(), "load: {}", output.status);
        let text = String::from_utf8(output.stdout)?;
        let figures = text.trim().split(' ').map(str::parse);
        let figures: Vec<f64> = figures.collect::<Result<_, _>>()?;
        let [requests, took, refused, p50] = figures[..] else {
            bail!("load told other figures: {figures:?}");
        };
        let expected = if credentials == Credentials::None {
            requests
        } else {
            0.0
        };
        ensure!(
            refused == expected,
            "{requests} requests with {credentials:?}: {refused} were refused"
        );
        Ok(Answered {
            requests,
            per_second: requests / took * 1e9,
            p50: p50 / 1e3,
        })
    }

    fn file(&self, credentials: Credentials) -> PathBuf {
        self.folder.join(format!("{credentials:?}"))
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            eprintln!("{}: {error}; delete it", self.folder.display());
        }
    }
}

/// Many more than a server that forgets keeps, many fewer than one that remembers.
const TOKENS: usize = 512;

const CORE: &str = "1";
