//! A key-set server played by the test itself: nothing happens until the test lets it.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection};

/// A loopback server that answers when the test says so.
pub(super) struct Server(TcpListener);

/// A request that waits for its answer.
pub(super) struct Exchange {
    stream: TcpStream,
    /// Request line and header lines.
    pub(super) head: String,
}

impl Server {
    pub(super) fn start() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").expect("a free port"))
    }

    /// `scheme://host:port` of this server.
    pub(super) fn origin(&self, scheme: &str) -> String {
        format!("{scheme}://{}", self.0.local_addr().expect("an address"))
    }

    /// Waits for the next connection and offers it TLS with a certificate signed by itself.
    pub(super) fn offer_tls(&self) {
        let certificate = CertificateDer::from(CERTIFICATE).into_owned();
        let key = PrivatePkcs8KeyDer::from(KEY).clone_key().into();
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .expect("known versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .expect("a certificate and its key");
        let mut connection = ServerConnection::new(Arc::new(config)).expect("a good configuration");
        let refused = connection.complete_io(&mut self.connection());
        assert!(refused.is_err(), "the client trusts everybody");
    }

    /// Waits for the next connection.
    fn connection(&self) -> TcpStream {
        self.0.set_nonblocking(false).expect("a blocking listener");
        self.0.accept().expect("a connection").0
    }

    /// Waits for the next request.
    pub(super) fn request(&self) -> Exchange {
        let mut stream = self.connection();
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).expect("a whole request head");
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).expect("a text");
        Exchange { stream, head }
    }

    /// Whether nobody has connected that was not answered.
    pub(super) fn is_idle(&self) -> bool {
        self.0
            .set_nonblocking(true)
            .expect("a non-blocking listener");
        matches!(self.0.accept(), Err(error) if error.kind() == ErrorKind::WouldBlock)
    }
}

impl Exchange {
    /// Sends raw bytes and closes the connection.
    pub(super) fn answer(self, bytes: &[u8]) {
        drop(self.begin(bytes));
    }

    /// Sends raw bytes and holds the connection open.
    ///
    /// The client may hang up early, so a failure to write is none.
    pub(super) fn begin(mut self, bytes: &[u8]) -> Self {
        let _ = self.stream.write_all(bytes);
        self
    }
}

/// An answer with this status, these further header lines and this body.
pub(super) fn response(status: u16, lines: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status} -\r\ncontent-length: {length}\r\n{lines}\r\n{body}").into_bytes()
}

/// For `localhost` and `127.0.0.1`, until the year 2126.
const CERTIFICATE: &[u8] = include_bytes!("tls/test-only-localhost.cert.der");

const KEY: &[u8] = include_bytes!("tls/test-only-localhost.key.der");
