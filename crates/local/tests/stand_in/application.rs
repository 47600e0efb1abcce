//! An application that listens for webhooks and nothing else.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use serde_json::Value;

/// The application. It answers with one status after the other, the last one from then on.
pub(crate) struct Application {
    pub(crate) origin: String,
    received: Receiver<Received>,
}

/// One request.
pub(crate) struct Received {
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Application {
    pub(crate) fn start(statuses: &'static [u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (sender, received) = channel();
        thread::spawn(move || {
            let last = statuses.last().expect("a status");
            let mut statuses = statuses.iter();
            for stream in listener.incoming() {
                let status = statuses.next().unwrap_or(last);
                let request = read(stream.expect("a connection"), *status);
                if sender.send(request).is_err() {
                    return;
                }
            }
        });
        Self {
            origin: format!("http://{address}"),
            received,
        }
    }

    /// The next request.
    pub(crate) fn next(&self) -> Received {
        self.received.recv_timeout(GUARD).expect("a delivery")
    }

    /// The types of the next `count` events and whose they are, in no particular order.
    pub(crate) fn next_events(&self, count: usize) -> Vec<(String, Value)> {
        let mut events: Vec<_> = (0..count)
            .map(|_| {
                let body: Value = serde_json::from_slice(&self.next().body).expect("JSON");
                let kind = body["type"].as_str().expect("a type").to_owned();
                (kind, body["data"].clone())
            })
            .collect();
        events.sort_by(|a, b| a.0.cmp(&b.0));
        events
    }
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> &str {
        let line = self.headers.iter().find(|(own, _)| own == name);
        &line.expect("the header line").1
    }
}

fn read(stream: TcpStream, status: u16) -> Received {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).expect("a request line");
    let target = line.trim_end().to_owned();
    let mut headers = Vec::new();
    loop {
        line.clear();
        reader.read_line(&mut line).expect("a header line");
        match line.trim_end().split_once(": ") {
            Some((name, value)) => headers.push((name.to_ascii_lowercase(), value.to_owned())),
            None => break,
        }
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.and_then(|(_, value)| value.parse().ok());
    let mut body = vec![0; length.expect("a length")];
    reader.read_exact(&mut body).expect("a whole body");
    let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    let mut stream = reader.into_inner();
    stream.write_all(answer.as_bytes()).expect("an answer");
    Received {
        target,
        headers,
        body,
    }
}

/// Nothing waits this long unless it is broken.
const GUARD: Duration = Duration::from_secs(30);
