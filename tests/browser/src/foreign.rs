//! A site that is not ours.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;

use anyhow::Result;

/// Answers until the process ends.
///
/// By the name of the loopback device it is another site than the application, which goes by the
/// address. By the address it is the same site, because sites do not tell ports apart, but another
/// origin: what a neighbour on a subdomain is to an application with a name.
pub(crate) struct Foreign {
    address: SocketAddr,
}

impl Foreign {
    pub(crate) fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // Browsers open connections ahead of need; none may keep another waiting.
                thread::spawn(move || answer(stream));
            }
        });
        Ok(Self { address })
    }

    /// A page of another site.
    pub(crate) fn elsewhere(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.address.port())
    }

    /// The same page as one of the same site, but of another origin.
    pub(crate) fn next_door(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let Some(first) = lines.next() else {
        return Ok(());
    };
    let first = first?;
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    let (kind, body) = match first.split(' ').nth(1) {
        Some("/script.js") => ("text/javascript", SCRIPT),
        _ => ("text/html; charset=utf-8", PAGE),
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n{body}"
    )
}

/// The flows bring what these pages do.
const PAGE: &str = "<!doctype html><html lang=en><title>Foreign</title>\
                    <link rel=icon href=data:,><h1>Foreign</h1>";

const SCRIPT: &str = "window.foreignScriptRan = true;";
