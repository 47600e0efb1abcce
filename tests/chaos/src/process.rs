//! A running `chaos-revoker`, as its users and Clerk see it, and its audit trail.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use clerk_gate_core::{Clock, SystemClock};
use clerk_gate_testkit::{Signer, Token, WEBHOOK_SECRET, sign_delivery};
use http::Request;
use http::request::Builder;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::SendRequest;

use crate::WEBHOOK;
use crate::sender::connect;
use crate::worker::{Port, Worker};

/// One process, asked over one connection.
pub(crate) struct Process {
    worker: Worker,
    connection: SendRequest<Full<Bytes>>,
    body: String,
    audit: BufReader<File>,
}

impl Process {
    /// Starts `program` on the store at `address`, with an audit trail in `file`.
    pub(crate) async fn start(
        program: &Path,
        address: &str,
        check: &str,
        seconds: &str,
        file: &Path,
    ) -> Result<Self> {
        let port = Port::default();
        let text = file.to_str().context("path: is no text")?;
        let worker = Worker::run(program, address, &[check, seconds, text], &port)?;
        Ok(Self {
            worker,
            connection: connect(port.load()).await?,
            body: String::new(),
            audit: BufReader::new(File::open(file)?),
        })
    }

    /// Asks with a fresh token of this session, and returns the status.
    pub(crate) async fn ask(&mut self, session: &str) -> Result<u16> {
        self.ask_with(&token(session)).await
    }

    pub(crate) async fn ask_with(&mut self, token: &str) -> Result<u16> {
        let request = Request::get("/me").header("authorization", format!("Bearer {token}"));
        self.send(request, Bytes::new()).await
    }

    /// Tells it by a signed delivery that this session is revoked, and returns the status.
    pub(crate) async fn tell(&mut self, session: &str) -> Result<u16> {
        let now = SystemClock.now();
        let event = format!(
            r#"{{"type":"session.revoked","data":{{"id":"{session}"}},"timestamp":{}000}}"#,
            now.as_secs()
        );
        let id = format!("msg_{session}");
        let mut request = Request::post(WEBHOOK);
        for (name, value) in sign_delivery(WEBHOOK_SECRET, &id, now, event.as_bytes()) {
            request = request.header(name, value);
        }
        self.send(request, event.into()).await
    }

    /// Checks what the last answer says.
    pub(crate) fn expect(&self, code: &str) -> Result<()> {
        let body = &self.body;
        ensure!(body.contains(code), "body {body:?}: want {code}");
        Ok(())
    }

    /// The last event in the audit trail, which is there before the answer is.
    pub(crate) fn last_event(&mut self) -> Result<String> {
        let mut last = String::new();
        let mut line = String::new();
        while self.audit.read_line(&mut line)? > 0 {
            last = std::mem::take(&mut line);
        }
        Ok(last)
    }

    /// Whether it still runs.
    pub(crate) fn check(&mut self) -> Result<()> {
        self.worker.check()
    }

    async fn send(&mut self, request: Builder, body: Bytes) -> Result<u16> {
        let request = request.header("host", "127.0.0.1").body(Full::from(body))?;
        self.connection.ready().await?;
        let response = self.connection.send_request(request).await?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await?.to_bytes();
        self.body = String::from_utf8(body.to_vec()).context("body")?;
        Ok(status)
    }
}

/// A session token as Clerk would issue it now.
pub(crate) fn token(session: &str) -> String {
    let now = SystemClock.now().as_secs();
    let token = Token::session()
        .claim("sid", session)
        .claim("nbf", now - 10)
        .claim("iat", now)
        .claim("exp", now + 60);
    token.sign(Signer::primary())
}
