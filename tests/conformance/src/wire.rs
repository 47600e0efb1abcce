//! HTTP/1.1 over a bare socket: sends bytes as they stand, reads answers strictly (RFC 9112).

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use crate::Result;

/// What a server has answered to one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The status codes of interim answers (1xx), in order.
    pub interim: Vec<u16>,
    /// The status code.
    pub status: u16,
    /// The header lines as they came.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body, chunking undone.
    pub body: Vec<u8>,
}

impl Answer {
    /// The values of all header lines called `name`, which is written in lower case.
    pub fn header(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.headers
            .iter()
            .filter(move |(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_slice())
    }
}

/// A connection to a server under test.
#[derive(Debug)]
pub struct Connection(BufReader<TcpStream>);

impl Connection {
    /// Connects to `address`.
    ///
    /// # Errors
    /// The server does not listen.
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(GUARD))?;
        stream.set_write_timeout(Some(GUARD))?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Sends `bytes`. A server that has stopped reading is no fault: its answer tells.
    ///
    /// # Errors
    /// The server neither reads nor closes.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.0.get_mut().write_all(bytes) {
            Err(error) if is_closed(&error) => Ok(()),
            result => result,
        }
    }

    /// Says that no more bytes will be sent.
    ///
    /// # Errors
    /// The connection is gone.
    pub fn half_close(&self) -> io::Result<()> {
        self.0.get_ref().shutdown(Shutdown::Write)
    }

    /// Reads the answer to one request, or `None` where the server closes instead. `head` says
    /// that the request's method was `HEAD`, whose answers have no body (RFC 9110 §9.3.2).
    ///
    /// # Errors
    /// An answer that breaks the rules of framing, or none at all.
    pub fn receive(&mut self, head: bool) -> Result<Option<Answer>> {
        match self.0.fill_buf() {
            Ok([]) => return Ok(None),
            Err(error) if is_closed(&error) => return Ok(None),
            Err(error) if is_late(&error) => return Err("server gives no answer".into()),
            result => drop(result?),
        }
        let mut answer = Answer::default();
        loop {
            answer.status = status(&line(&mut self.0)?)?;
            answer.headers = headers(&mut self.0)?;
            if !matches!(answer.status, 100 | 102 | 103) {
                break;
            }
            answer.interim.push(answer.status);
        }
        if !head && !matches!(answer.status, 101 | 204 | 304) {
            answer.body = self.body(&answer)?;
        }
        Ok(Some(answer))
    }

    /// Closes the sending half and checks that the server has nothing more to say, such as an
    /// answer to a request that was smuggled in.
    ///
    /// # Errors
    /// More bytes, or a server that does not close.
    pub fn finish(mut self) -> Result<()> {
        let mut rest = Vec::new();
        match self
            .half_close()
            .and_then(|()| self.0.read_to_end(&mut rest))
        {
            Err(error) if is_late(&error) => Err("server does not close the connection".into()),
            Err(error) if !is_closed(&error) => Err(error.into()),
            _ if rest.is_empty() => Ok(()),
            _ => {
                let rest = String::from_utf8_lossy(&rest);
                Err(format!("server sends more than its answers: {rest:?}").into())
            }
        }
    }

    fn body(&mut self, answer: &Answer) -> Result<Vec<u8>> {
        let mut lengths = answer.header("content-length");
        let chunked = answer.header("transfer-encoding").next().is_some();
        let mut body = Vec::new();
        match (chunked, lengths.next(), lengths.next()) {
            (true, None, _) => return Ok(dechunk(&mut self.0)?),
            (false, Some(length), None) => {
                let length: usize = std::str::from_utf8(length)?.parse()?;
                body.resize(length, 0);
                self.0.read_exact(&mut body).map_err(|e| {
                    format!("body is shorter than the {length} bytes announced: {e}")
                })?;
            }
            (false, None, _) => drop(self.0.read_to_end(&mut body)?),
            _ => return Err("answer announces its length twice".into()),
        }
        Ok(body)
    }
}

/// Reads a chunked body (RFC 9112 §7.1), trailers thrown away.
///
/// # Errors
/// A chunk or a line that breaks the grammar, or the end before the last chunk.
pub fn dechunk(reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let size = line(reader)?;
        let digits = size.split(';').next().unwrap_or_default();
        let size = usize::from_str_radix(digits, 16)
            .map_err(|_| invalid(format!("chunk size {digits:?} is not hexadecimal")))?;
        if size == 0 {
            while !line(reader)?.is_empty() {}
            return Ok(body);
        }
        let start = body.len();
        body.resize(start + size, 0);
        reader.read_exact(&mut body[start..])?;
        if !line(reader)?.is_empty() {
            return Err(invalid("chunk is longer than its size"));
        }
    }
}

fn status(line: &str) -> io::Result<u16> {
    line.strip_prefix("HTTP/1.1 ")
        .or_else(|| line.strip_prefix("HTTP/1.0 "))
        .and_then(|rest| rest.get(..3)?.parse().ok())
        .ok_or_else(|| invalid(format!("status line {line:?} is not HTTP/1.1")))
}

fn headers(reader: &mut impl BufRead) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut headers = Vec::new();
    loop {
        let line = bytes_line(reader)?;
        if line.is_empty() {
            return Ok(headers);
        }
        let colon = line.iter().position(|byte| *byte == b':');
        let colon = colon.ok_or_else(|| invalid("header line has no colon"))?;
        let name = String::from_utf8_lossy(&line[..colon]).into_owned();
        headers.push((name, line[colon + 1..].trim_ascii().to_vec()));
    }
}

fn line(reader: &mut impl BufRead) -> io::Result<String> {
    String::from_utf8(bytes_line(reader)?).map_err(|_| invalid("line is not UTF-8"))
}

fn bytes_line(reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line)?;
    match line.strip_suffix(b"\r\n") {
        Some(line) => Ok(line.to_vec()),
        None => Err(invalid(format!(
            "line {:?} does not end with CRLF",
            String::from_utf8_lossy(&line)
        ))),
    }
}

fn invalid(message: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message.into())
}

fn is_closed(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected};
    matches!(
        error.kind(),
        BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected
    )
}

fn is_late(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock
    )
}

/// Ends a case whose server has stopped. No case is about how long an answer takes.
const GUARD: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// A connection to a server that reads `expected` bytes, sends `bytes` and closes.
    fn served(expected: usize, bytes: &'static [u8]) -> Connection {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.read_exact(&mut vec![0; expected]).unwrap();
            stream.write_all(bytes).unwrap();
        });
        let mut connection = Connection::open(address).unwrap();
        connection.send(&vec![b'x'; expected]).unwrap();
        connection
    }

    #[test]
    fn the_framing_of_an_answer_decides_where_its_body_ends() {
        fn check(bytes: &'static [u8], head: bool, status: u16, body: &[u8]) {
            let mut connection = served(3, bytes);
            let answer = connection.receive(head).unwrap().unwrap();
            assert_eq!(
                (answer.status, &answer.body[..]),
                (status, body),
                "{answer:?}"
            );
            connection.finish().unwrap();
        }
        check(
            b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
            false,
            200,
            b"ok",
        );
        check(
            b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n",
            true,
            200,
            b"",
        );
        check(
            b"HTTP/1.1 200 OK\r\n\r\nuntil the end",
            false,
            200,
            b"until the end",
        );
        check(b"HTTP/1.1 204 No Content\r\n\r\n", false, 204, b"");
        check(
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2;x=y\r\nok\r\nA\r\n0123456789\r\n0\r\nt: 1\r\n\r\n",
            false,
            200,
            b"ok0123456789",
        );
    }

    #[test]
    fn an_answer_that_breaks_the_rules_is_a_fault() {
        fn check(bytes: &'static [u8], message: &str) {
            let error = served(0, bytes).receive(false).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
        check(b"HTTP/2 200\r\n\r\n", "is not HTTP/1.1");
        check(b"HTTP/1.1 200 OK\n\n", "does not end with CRLF");
        check(b"HTTP/1.1 200 OK\r\nname\r\n\r\n", "has no colon");
        check(
            b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok",
            "shorter than the 3 bytes",
        );
        check(
            b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\na",
            "twice",
        );
        check(
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nx\r\n",
            "not hexadecimal",
        );
        check(
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nabc\r\n",
            "longer than its size",
        );
    }

    #[test]
    fn interim_answers_come_before_the_one_that_counts() {
        let mut connection = served(
            0,
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        );
        let answer = connection.receive(false).unwrap().unwrap();
        assert_eq!((answer.interim, answer.status), (vec![100], 200));
    }

    #[test]
    fn a_server_may_close_instead() {
        assert_eq!(served(0, b"").receive(false).unwrap(), None);
    }

    #[test]
    fn nothing_may_follow_the_last_answer() {
        let mut connection = served(
            0,
            b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nHTTP/1.1 200 OK\r\n",
        );
        connection.receive(false).unwrap();
        assert!(
            connection
                .finish()
                .unwrap_err()
                .to_string()
                .contains("more than its answers")
        );
    }
}
