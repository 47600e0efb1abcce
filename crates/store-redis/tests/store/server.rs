//! A Redis that a test can kill.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

/// A server with the password `right`, which writes everything through; killed when dropped.
pub(crate) struct Server {
    process: Child,
    port: u16,
    folder: PathBuf,
}

impl Server {
    /// `name` is the test's own.
    pub(crate) fn start(name: &str) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let process = run(port, &folder);
        Self {
            process,
            port,
            folder,
        }
    }

    pub(crate) fn address(&self, password: &str) -> String {
        format!("redis://:{password}@127.0.0.1:{}", self.port)
    }

    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    pub(crate) fn restart(&mut self) {
        self.process = run(self.port, &self.folder);
    }

    /// The files of its data, as they are.
    pub(crate) fn data(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let files = fs::read_dir(self.folder.join(DATA)).unwrap();
        let files = files.map(|file| file.unwrap().path());
        files
            .map(|path| (path.clone(), fs::read(path).unwrap()))
            .collect()
    }

    /// Starts it on data that it had before, or on none: everything since is lost.
    pub(crate) fn restart_on(&mut self, data: &[(PathBuf, Vec<u8>)]) {
        let folder = self.folder.join(DATA);
        fs::remove_dir_all(&folder).unwrap();
        fs::create_dir(&folder).unwrap();
        for (path, bytes) in data {
            fs::write(path, bytes).unwrap();
        }
        self.restart();
    }

    /// Sends `STOP` or `CONT`.
    pub(crate) fn signal(&self, signal: &str) {
        let mut kill = Command::new("sh");
        kill.args(["-c", "kill -\"$1\" \"$2\"", "sh", signal]);
        assert!(
            kill.arg(self.process.id().to_string())
                .status()
                .unwrap()
                .success()
        );
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Returns when the server has read what it knew. It takes connections before that.
fn run(port: u16, folder: &Path) -> Child {
    let log = folder.join("redis.log");
    let mut command = Command::new("redis-server");
    command
        .args("--bind 127.0.0.1 --requirepass right --save --appendonly yes".split(' '))
        .args(["--appendfsync", "always", "--port", &port.to_string()])
        .current_dir(folder)
        .stdout(File::create(&log).unwrap());
    let mut process = command
        .spawn()
        .expect("`redis-server` is on the path: a test kills it, so it is the test's own");
    while !fs::read_to_string(&log)
        .unwrap()
        .contains("Ready to accept connections")
    {
        assert_eq!(process.try_wait().unwrap(), None, "redis-server has ended");
    }
    process
}

/// Where Redis keeps what it appends.
const DATA: &str = "appendonlydir";
