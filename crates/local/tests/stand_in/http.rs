//! A raw HTTP client: it sends what a test says and hides nothing of the answer.

use std::io::{Read, Write};
use std::net::TcpStream;

/// A whole answer, as text.
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

/// Sends a request to `http://127.0.0.1:PORT` with these further header lines.
///
/// `request` is the method and the target: `GET /sign-in`.
pub(crate) fn send(origin: &str, request: &str, lines: &[(&str, &str)], body: &str) -> Answer {
    let authority = origin.strip_prefix("http://").expect("an HTTP origin");
    let lines: String = lines
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let length = body.len();
    let host = if lines.contains("host: ") {
        String::new()
    } else {
        format!("host: {authority}\r\n")
    };
    let mut stream = TcpStream::connect(authority).expect("the stand-in listens");
    write!(
        stream,
        "{request} HTTP/1.1\r\n{host}connection: close\r\ncontent-length: {length}\r\n{lines}\r\n{body}"
    )
    .expect("the request is sent");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("a whole answer");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).expect("a status line");
    Answer {
        status: status.parse().expect("a status"),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

impl Answer {
    /// The values of all lines of this name.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .filter(|(own, _)| own.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .collect()
    }

    /// The value of the only line of this name.
    pub(crate) fn one(&self, name: &str) -> &str {
        let [value] = self.all(name)[..] else {
            panic!("not one line {name}: {}", self.head);
        };
        value
    }

    /// The value of a cookie that the answer sets.
    pub(crate) fn cookie(&self, name: &str) -> &str {
        let lines = self.all("set-cookie").into_iter();
        let mut values = lines.filter_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        let value = values.next().expect("the cookie is set");
        value.split(';').next().expect("a value")
    }
}
