//! Where the servers of one run keep their files, and what an earlier run has left there.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::Read;
use std::os::unix::fs::{DirBuilderExt, chown};
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::tree;

/// The folder of one run, `target/services/PROCESS`, removed when it is dropped.
#[derive(Debug)]
pub(super) struct Site {
    path: PathBuf,
    account: Option<Account>,
    /// Locked as long as the run lives, however it ends.
    _lock: File,
}

/// Whom the servers run as, because PostgreSQL refuses to run as root.
#[derive(Debug)]
struct Account {
    user: u32,
    group: u32,
}

impl Site {
    /// A new folder. Removes those of runs that have ended without doing so, with their servers.
    ///
    /// # Errors
    /// If it cannot be made.
    pub(super) fn new() -> Result<Self> {
        let all = tree::root().join("target/services");
        fs::create_dir_all(&all).with_context(|| format!("{}", all.display()))?;
        // One run at a time looks for others.
        let turn = File::create(all.join(LOCK))?;
        turn.lock()?;
        for entry in fs::read_dir(&all)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                sweep(&entry.path().canonicalize()?)?;
            }
        }
        let path = all.join(process::id().to_string());
        // The password is in there.
        DirBuilder::new().mode(0o700).create(&path)?;
        let lock = File::create(path.join(LOCK))?;
        lock.lock()?;
        let account = Account::unless_harmless()?;
        if let Some(Account { user, group }) = account {
            chown(&path, Some(user), Some(group))?;
        }
        Ok(Self {
            path,
            account,
            _lock: lock,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A command that runs `program` in this folder, and not as root.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = match self.account {
            None => Command::new(program),
            Some(Account { user, group }) => {
                let mut command = Command::new("setpriv");
                command.args([format!("--reuid={user}"), format!("--regid={group}")]);
                // The repository may lie in a home that nobody but root may enter.
                command.args(["--clear-groups", "--inh-caps=+dac_override"]);
                command
                    .args(["--ambient-caps=+dac_override", "--"])
                    .arg(program);
                command
            }
        };
        command.current_dir(&self.path);
        command
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            eprintln!("{}: {error}", self.path.display());
        }
    }
}

impl Account {
    /// `None` if this process is not root.
    fn unless_harmless() -> Result<Option<Self>> {
        if !is_root()? {
            return Ok(None);
        }
        let account = |name| -> Result<Self> {
            let (user, group) = (id(&["-u", name])?, id(&["-g", name])?);
            Ok(Self { user, group })
        };
        account("postgres").or_else(|_| account("nobody")).map(Some)
    }
}

pub(super) fn is_root() -> Result<bool> {
    Ok(id(&["-u"])? == 0)
}

fn id(args: &[&str]) -> Result<u32> {
    let output = Command::new("id").args(args).output();
    let output = output.context("id: cannot be started")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "id {}: {complaint}",
        args.join(" ")
    );
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}

/// A password that nobody guesses: a port on the loopback device is open to all users.
///
/// # Errors
/// If the system has no randomness.
pub(super) fn password() -> Result<String> {
    let mut bytes = [0; 16];
    let source = File::open("/dev/urandom").context("/dev/urandom")?;
    source.take(16).read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Ends what a run has left in its folder, unless the run is alive.
fn sweep(folder: &Path) -> Result<()> {
    match File::open(folder.join(LOCK)).map(|lock| lock.try_lock()) {
        Ok(Err(TryLockError::WouldBlock)) => return Ok(()),
        Ok(Err(TryLockError::Error(error))) => return Err(error.into()),
        Ok(Ok(())) | Err(_) => {}
    }
    for name in [POSTGRES_PID, REDIS_PID] {
        let text = fs::read_to_string(folder.join(name)).unwrap_or_default();
        if let Some(process) = first_number(&text) {
            end(process, folder)?;
        }
    }
    fs::remove_dir_all(folder).with_context(|| format!("{}", folder.display()))
}

/// The process that a pid file names, which is all of Redis's and the first line of PostgreSQL's.
fn first_number(pid_file: &str) -> Option<u32> {
    pid_file.lines().next()?.trim().parse().ok()
}

/// Ends a process that works below `folder`. Another process may have its number by now.
fn end(process: u32, folder: &Path) -> Result<()> {
    let works_there = || {
        let there = fs::read_link(format!("/proc/{process}/cwd"));
        there.is_ok_and(|there| there.starts_with(folder))
    };
    if !works_there() {
        return Ok(());
    }
    eprintln!("process {process}: left by an earlier run, will be ended");
    let mut kill = Command::new("sh");
    kill.args(["-c", "kill -INT \"$1\"", "sh", &process.to_string()]);
    kill.status().context("sh: cannot be started")?;
    let asked = Instant::now();
    while works_there() {
        if asked.elapsed() > PATIENCE {
            bail!(
                "process {process}: does not end; it works in {}",
                folder.display()
            );
        }
        thread::sleep(PAUSE);
    }
    Ok(())
}

/// In a site's folder.
pub(super) const POSTGRES_PID: &str = "data/postmaster.pid";
pub(super) const REDIS_PID: &str = "redis.pid";

const LOCK: &str = "lock";

/// How long a server may take to end.
const PATIENCE: Duration = Duration::from_secs(30);

const PAUSE: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_file_begins_with_the_process() {
        fn check(pid_file: &str, want: Option<u32>) {
            assert_eq!(first_number(pid_file), want, "{pid_file:?}");
        }
        check("21864\n", Some(21_864));
        check("21864\n/data\n1795450789\n55441\n", Some(21_864));
        check(" 7 ", Some(7));
        check("", None);
        check("-1\n", None);
        check("12 34\n", None);
    }

    #[test]
    fn only_a_process_that_works_in_the_folder_is_ended() {
        // This process works elsewhere; were it taken for a server, the test would not survive.
        let elsewhere = Path::new("/no/such/folder");
        assert!(end(process::id(), elsewhere).is_ok());
    }

    #[test]
    fn passwords_are_long_and_differ() {
        let (one, other) = (
            password().expect("a password"),
            password().expect("a password"),
        );
        assert_eq!(one.len(), 32);
        assert_ne!(one, other);
    }
}
