//! A way to a server on which announcements can be cut off.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Passes everything on, until [`cut`](Self::cut). Ends when dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    address: String,
    line: Arc<Line>,
    /// Aborted with this.
    _task: JoinSet<()>,
}

#[derive(Debug)]
struct Line {
    server: String,
    is_cut: watch::Sender<bool>,
    listening: AtomicU64,
}

impl Proxy {
    /// To the server of this connection string.
    pub(crate) async fn start(address: &str) -> Result<Self> {
        let mut parts = address.split(['@', '/', '?']);
        let server = parts.find(|part| part.starts_with("127.0.0.1:"));
        let server = server.context("address: has no port of this machine")?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let own = listener.local_addr()?.to_string();
        let line = Arc::new(Line {
            server: server.to_owned(),
            is_cut: watch::Sender::new(false),
            listening: AtomicU64::default(),
        });
        let mut task = JoinSet::new();
        task.spawn(accept(listener, Arc::clone(&line)));
        Ok(Self {
            address: address.replace(server, &own),
            line,
            _task: task,
        })
    }

    /// The connection string with this in the place of the server.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// How many connections listen.
    pub(crate) fn listening(&self) -> u64 {
        self.line.listening.load(Ordering::Relaxed)
    }

    /// Breaks every connection that listens, and each that begins to, from now on.
    pub(crate) fn cut(&self) {
        self.line.is_cut.send_replace(true);
    }
}

async fn accept(listener: TcpListener, line: Arc<Line>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        connections.spawn(forward(client, Arc::clone(&line)));
    }
}

/// Until either side is done, or what listens is cut off.
async fn forward(client: TcpStream, line: Arc<Line>) {
    let Ok(server) = TcpStream::connect(&line.server).await else {
        return;
    };
    let _ = client.set_nodelay(true);
    let _ = server.set_nodelay(true);
    let (requests, mut answers) = client.into_split();
    let (mut from_server, to_server) = server.into_split();
    tokio::select! {
        _ = copy(&mut from_server, &mut answers) => {}
        _ = watch_over(requests, to_server, &line) => {}
    }
}

/// Passes on requests, as long as they may be.
async fn watch_over(
    mut requests: OwnedReadHalf,
    mut server: OwnedWriteHalf,
    line: &Line,
) -> Result<()> {
    let mut is_cut = line.is_cut.subscribe();
    let mut listens = None;
    let mut bytes = vec![0; 16 * 1024];
    loop {
        let length = tokio::select! {
            length = requests.read(&mut bytes) => length?,
            _ = is_cut.wait_for(|cut| *cut), if listens.is_some() => return Ok(()),
        };
        let request = &bytes[..length];
        if length == 0 {
            return Ok(());
        }
        if listens.is_none() && COMMANDS.iter().any(|command| has(request, command)) {
            if *is_cut.borrow() {
                return Ok(());
            }
            listens = Some(Listening::new(&line.listening));
        }
        server.write_all(request).await?;
    }
}

/// Counted for as long as it is there.
struct Listening<'l>(&'l AtomicU64);

impl<'l> Listening<'l> {
    fn new(count: &'l AtomicU64) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Clients write a short command at once.
fn has(request: &[u8], command: &[u8]) -> bool {
    request.windows(command.len()).any(|part| part == command)
}

/// With which PostgreSQL's and Redis' clients begin to listen.
const COMMANDS: [&[u8]; 2] = [b"LISTEN", b"SUBSCRIBE"];
