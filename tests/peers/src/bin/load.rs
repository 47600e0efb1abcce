//! Asks a server for as long as it is told: `load PORT CONNECTIONS MILLISECONDS FILE`.
//!
//! Each line of the file is the `Authorization` of a request, an empty line a request without; they
//! come one after the other. On every connection the next request follows the answer to the last.
//!
//! It never sleeps. A generator that waits for its sockets is woken by the server, the more often
//! the slower the server is; waking another core takes the server longer than a good part of a
//! request, so that what is small would be measured as large.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};
use std::{env, fs, hint};

use anyhow::{Context, Result, bail, ensure};
use clerk_gate_peers::{BODY, PATH};

fn main() -> Result<()> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [port, connections, milliseconds, file] = &arguments[..] else {
        bail!("write: load PORT CONNECTIONS MILLISECONDS FILE");
    };
    let lines = fs::read_to_string(file).context("the file of credentials")?;
    let requests: Vec<_> = lines.lines().map(request).collect();
    ensure!(!requests.is_empty(), "{file} has no line");
    let mut requests = requests.iter().cycle().map(Vec::as_slice);
    let connect = |_| Connection::new(port.parse()?);
    let connections = 0..connections.parse()?;
    let mut connections = connections.map(connect).collect::<Result<Vec<_>>>()?;

    let period = Duration::from_millis(milliseconds.parse()?);
    let (mut times, mut refused) = (Vec::new(), 0);
    let started = Instant::now();
    for connection in &mut connections {
        connection.ask(requests.next().context("it cycles")?)?;
    }
    let mut waiting: VecDeque<_> = connections.into();
    while let Some(mut connection) = waiting.pop_front() {
        let Some(answer) = connection.answer()? else {
            hint::spin_loop();
            waiting.push_back(connection);
            continue;
        };
        times.push(answer.took);
        refused += u64::from(answer.refused);
        if started.elapsed() < period {
            connection.ask(requests.next().context("it cycles")?)?;
            waiting.push_back(connection);
        }
    }
    let took = started.elapsed().as_nanos();
    times.sort_unstable();
    let half = times[times.len() / 2].as_nanos();
    println!("{} {took} {refused} {half}", times.len());
    Ok(())
}

/// What a proxy that ends TLS sends on.
fn request(authorization: &str) -> Vec<u8> {
    let mut text = format!(
        "GET {PATH} HTTP/1.1\r\nHost: app.test\r\nAccept: application/json\r\n\
        Accept-Encoding: gzip, br\r\nUser-Agent: peers\r\nX-Forwarded-For: 203.0.113.7\r\n\
        X-Forwarded-Proto: https\r\n"
    );
    if !authorization.is_empty() {
        text += &format!("Authorization: {authorization}\r\n");
    }
    (text + "\r\n").into_bytes()
}

/// A connection on which a request has been sent.
struct Connection {
    stream: TcpStream,
    sent: Instant,
    /// What has come of the answer.
    come: Vec<u8>,
}

struct Answer {
    took: Duration,
    refused: bool,
}

impl Connection {
    fn new(port: u16) -> Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let (sent, come) = (Instant::now(), Vec::with_capacity(8192));
        Ok(Self { stream, sent, come })
    }

    fn ask(&mut self, request: &[u8]) -> Result<()> {
        self.come.clear();
        self.sent = Instant::now();
        // A request is shorter than the kernel's buffer, which is empty.
        let written = self.stream.write(request)?;
        ensure!(written == request.len(), "a request was not taken whole");
        Ok(())
    }

    /// The answer, if it is there.
    fn answer(&mut self) -> Result<Option<Answer>> {
        let mut part = [0; 8192];
        match self.stream.read(&mut part) {
            Ok(0) => bail!("the server closed a connection"),
            Ok(length) => self.come.extend_from_slice(&part[..length]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        let took = self.sent.elapsed();
        if self.come.starts_with(b"HTTP/1.1 200 ") {
            let whole = self.come.ends_with(BODY.as_bytes());
            return Ok(whole.then_some(Answer {
                took,
                refused: false,
            }));
        }
        ensure!(
            self.come.starts_with(b"HTTP/1.1 401 "),
            "unexpected: {}",
            String::from_utf8_lossy(&self.come)
        );
        // Refusals are JSON.
        let whole = self.come.ends_with(b"}") || self.come.ends_with(b"}\n");
        Ok(whole.then_some(Answer {
            took,
            refused: true,
        }))
    }
}
