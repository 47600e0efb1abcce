//! A database server that a run may stop.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::place::{self, Kind};

/// A server with a folder of its own. Ends when dropped, and when this process is killed.
#[derive(Debug)]
pub struct Server {
    program: PathBuf,
    args: Vec<String>,
    folder: PathBuf,
    address: String,
    process: Option<Child>,
}

impl Server {
    /// Starts a server that keeps what it has acknowledged.
    ///
    /// # Errors
    /// If its program is missing, or does not start.
    pub fn start(store: Kind) -> Result<Self> {
        let (_, folder) = place::folder()?;
        give_away(&folder)?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
            .local_addr()?
            .port();
        // A port on the loopback device is open to everybody on the machine.
        let password = place::unguessable()?;
        let mut server = match store {
            Kind::Postgres => postgres(folder, port, &password)?,
            Kind::Redis => redis(folder, port, &password)?,
            Kind::Sqlite => bail!("SQLite has no server"),
        };
        server.resume()?;
        Ok(server)
    }

    /// With the password.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Stops it and waits for its end.
    ///
    /// # Errors
    /// If it cannot be interrupted.
    pub fn stop(&mut self) -> Result<()> {
        let Some(mut process) = self.process.take() else {
            return Ok(());
        };
        let mut kill = Command::new("sh");
        kill.args(["-c", "kill -INT \"$1\"", "sh", &process.id().to_string()]);
        ensure!(kill.status()?.success(), "server: cannot be interrupted");
        process.wait()?;
        Ok(())
    }

    /// Starts it on the files that it had, and waits until it is ready.
    ///
    /// # Errors
    /// If it does not start.
    pub fn resume(&mut self) -> Result<()> {
        let log = self.folder.join("log");
        let output = File::create(&log)?;
        let mut command = command(&self.program, &self.folder)?;
        command.args(&self.args).stdin(Stdio::null());
        command.stdout(output.try_clone()?).stderr(output);
        let mut process = command.spawn().context("setpriv: cannot be started")?;
        let started = Instant::now();
        loop {
            let said = fs::read_to_string(&log)?;
            if said.to_lowercase().contains("ready to accept connections") {
                self.process = Some(process);
                return Ok(());
            }
            if process.try_wait()?.is_some() || started.elapsed() > PATIENCE {
                let _ = process.kill();
                bail!("{}: does not start\n{said}", self.program.display());
            }
            thread::sleep(PAUSE);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let removed = self
            .stop()
            .and_then(|()| Ok(fs::remove_dir_all(&self.folder)?));
        if let Err(error) = removed {
            eprintln!("{}: {error}", self.folder.display());
        }
    }
}

fn postgres(folder: PathBuf, port: u16, password: &str) -> Result<Server> {
    let initdb = find("initdb")?;
    fs::write(folder.join("password"), password)?;
    let mut init = command(&initdb, &folder)?;
    init.args("--pgdata=data --username=postgres --pwfile=password".split(' '));
    init.args("--auth=scram-sha-256 --encoding=UTF8 --no-locale --no-sync".split(' '));
    let output = init.output().context("setpriv: cannot be started")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "initdb: {complaint}");
    let args =
        format!("-D data -p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=");
    Ok(Server {
        program: initdb.with_file_name("postgres"),
        args: args.split(' ').map(str::to_owned).collect(),
        folder,
        address: format!("postgres://postgres:{password}@127.0.0.1:{port}/postgres"),
        process: None,
    })
}

fn redis(folder: PathBuf, port: u16, password: &str) -> Result<Server> {
    let settings = format!(
        "bind 127.0.0.1\nport {port}\nrequirepass {password}\nsave \"\"\n\
        appendonly yes\nappendfsync always\n"
    );
    fs::write(folder.join("redis.conf"), settings)?;
    Ok(Server {
        program: find("redis-server")?,
        args: vec!["redis.conf".to_owned()],
        folder,
        address: format!("redis://default:{password}@127.0.0.1:{port}"),
        process: None,
    })
}

/// Runs `program` in `folder` as its owner. It does not outlive this process.
fn command(program: &Path, folder: &Path) -> Result<Command> {
    let mut command = Command::new("setpriv");
    command.arg("--pdeathsig=INT").current_dir(folder);
    if is_root()? {
        let [user, group] = account()?;
        command.args([format!("--reuid={user}"), format!("--regid={group}")]);
        command.arg("--clear-groups");
    }
    command.arg("--").arg(program);
    Ok(command)
}

/// PostgreSQL refuses to run as root.
fn give_away(folder: &Path) -> Result<()> {
    if is_root()? {
        let [user, group] = account()?;
        chown(folder, Some(user), Some(group))?;
    }
    Ok(())
}

fn is_root() -> Result<bool> {
    Ok(id(&["-u"])? == 0)
}

fn account() -> Result<[u32; 2]> {
    Ok([id(&["-u", "postgres"])?, id(&["-g", "postgres"])?])
}

fn id(args: &[&str]) -> Result<u32> {
    let output = Command::new("id").args(args).output()?;
    let number = String::from_utf8(output.stdout)?;
    number
        .trim()
        .parse()
        .with_context(|| format!("id {}", args.join(" ")))
}

/// The program of that name: on the path, or where Debian keeps PostgreSQL's.
fn find(name: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let debian = debian.flatten().map(|version| version.path().join("bin"));
    let mut files = std::env::split_paths(&path)
        .chain(debian)
        .map(|folder| folder.join(name));
    let file = files.find(|file| file.is_file());
    file.with_context(|| format!("{name}: not found; `cargo xtask services` installs it"))
}

/// How long a server may take to start.
const PATIENCE: Duration = Duration::from_secs(60);

const PAUSE: Duration = Duration::from_millis(20);
