//! Where the servers' programs are, and how to get them.

use std::env;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{self, Command};

use anyhow::{Context, Result, ensure};

use super::sites;

/// The program of that name: on the path, or where Debian keeps PostgreSQL's.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(versions(Path::new(POSTGRES)));
    folders
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

/// The folder `bin` of every version below `folder`, the newest first.
fn versions(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let number = |name: &str| name.split('.').next()?.parse::<u32>().ok();
    let mut versions: Vec<_> = entries
        .filter_map(|entry| {
            Some((
                number(entry.file_name().to_str()?)?,
                entry.path().join("bin"),
            ))
        })
        .collect();
    versions.sort();
    versions.into_iter().rev().map(|(_, bin)| bin).collect()
}

/// Installs Debian packages, without starting what is in them. Whoever cannot may set `instead`.
///
/// # Errors
/// If this is not Debian, or not root, or the packages cannot be had.
pub(crate) fn install(packages: &[&str], instead: &str) -> Result<()> {
    let names = packages.join(" ");
    let apt = find("apt-get");
    ensure!(
        apt.is_some() && sites::is_root()?,
        "{names}: not found; run `sudo apt-get install {names}` or what installs it here, or set \
        {instead}"
    );
    eprintln!("{names}: not found, will be installed");
    let _policy = NoStart::new()?;
    apt_get(&["update"])?;
    apt_get(&[&["install", "-y", "--no-install-recommends"], packages].concat())
}

fn apt_get(args: &[&str]) -> Result<()> {
    let mut command = Command::new("apt-get");
    command.args(args).env("DEBIAN_FRONTEND", "noninteractive");
    // The standard output belongs to the command that needs the programs.
    let status = command.stdout(io::stderr()).status();
    let status = status.context("apt-get: cannot be started")?;
    ensure!(status.success(), "apt-get {}: {status}", args.join(" "));
    Ok(())
}

/// While it lives, Debian does not start a server whose package is installed.
struct NoStart {
    /// Whether the file is ours: a machine that has one already has a policy of its own.
    ours: bool,
}

impl NoStart {
    fn new() -> Result<Self> {
        let mut options = OpenOptions::new();
        let file = options
            .write(true)
            .create_new(true)
            .mode(0o755)
            .open(POLICY);
        let mut file = match file {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Ok(Self { ours: false });
            }
            file => file.with_context(|| format!("{POLICY}: cannot be made"))?,
        };
        // Should this process be killed, the file forbids nothing any more.
        let process = process::id();
        write!(file, "#!/bin/sh\nkill -0 {process} && exit 101\nexit 0\n")?;
        Ok(Self { ours: true })
    }
}

impl Drop for NoStart {
    fn drop(&mut self) {
        if self.ours
            && let Err(error) = fs::remove_file(POLICY)
        {
            eprintln!("{POLICY}: {error}; delete it");
        }
    }
}

const POSTGRES: &str = "/usr/lib/postgresql";

/// What Debian asks before it starts a server; 101 says no.
const POLICY: &str = "/usr/sbin/policy-rc.d";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_comes_first() {
        let folder = env::temp_dir().join(format!("xtask-versions-{}", process::id()));
        for name in ["9.6", "15", "common", "16"] {
            fs::create_dir_all(folder.join(name)).expect("a folder can be made");
        }
        let found = versions(&folder);
        fs::remove_dir_all(&folder).expect("it can be removed");
        let want = ["16", "15", "9.6"].map(|name| folder.join(name).join("bin"));
        assert_eq!(found, want);
        assert_eq!(versions(&folder), [""; 0].map(PathBuf::from));
    }

    #[test]
    fn a_program_is_found_by_its_name() {
        assert!(find("sh").is_some_and(|file| file.ends_with("sh")));
        assert_eq!(find("no-such-program"), None);
    }
}
