//! The running program.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};

use clerk_gate_conformance::wire::Connection;

/// The running program, ended when dropped.
#[derive(Debug)]
pub struct App {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// Where its stand-in for Clerk listens.
    pub stand_in: SocketAddr,
    /// Held open: a program whose output nobody takes may end.
    _output: BufReader<ChildStdout>,
}

impl App {
    /// Starts `program` without Clerk, and waits until it says where it listens.
    ///
    /// # Panics
    /// If it does not say so.
    pub fn start(program: &str) -> Self {
        let mut child = command(program)
            .args(["--local", "--port", "0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let mut output = BufReader::new(child.stdout.take().expect("an output"));
        let mut lines = output.by_ref().lines().map_while(|line| line.ok());
        let first = lines.next().expect("a first line");
        let address = first.strip_prefix("listening ").expect("an address");
        let stand_in = lines
            .find_map(|line| {
                let (_, url) = line.split_once("curl -s 'http://")?;
                Some(url.split_once('/')?.0.to_owned())
            })
            .expect("a line to paste");
        Self {
            child,
            address: address.parse().expect("an address"),
            stand_in: stand_in.parse().expect("an address"),
            _output: output,
        }
    }

    /// A token of the stand-in; `query` says whose.
    ///
    /// # Panics
    /// If there is none like that.
    pub fn token(&self, query: &str) -> String {
        let mut connection = Connection::open(self.stand_in).expect("the stand-in listens");
        let request = format!(
            "GET /v1/local/token?{query} HTTP/1.1\r\nhost: {}\r\n\r\n",
            self.stand_in
        );
        connection.send(request.as_bytes()).expect("it reads");
        let answer = connection.receive(false).expect("it answers");
        String::from_utf8(answer.unwrap_or_default().body).expect("a token")
    }
}

impl Drop for App {
    fn drop(&mut self) {
        // It may have ended already; there is nobody to tell.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program with nothing of Clerk in its environment.
pub(crate) fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env_clear();
    command
}
