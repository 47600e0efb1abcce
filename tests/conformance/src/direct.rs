//! The reference adapter: the gate and the demo application in this process, no socket.
//!
//! Requests are read with the parser of hyper and the types of `http`, so that this adapter
//! agrees with servers built on them about what never reaches the gate.

use std::collections::HashSet;
use std::future::Future;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use clerk_gate_core::webhook::BodyWait;
use clerk_gate_core::{
    Decision, Gate, Grant, JsonLimits, JsonLines, Line, Mode, Reply, RequestView, Right, Sink,
};
use http::{HeaderName, HeaderValue, Method, Uri};
use serde_json::Value;

use crate::routes::{self, Page, Refund};
use crate::wire::{self, Answer};
use crate::{Result, profiles};

/// A gate without a server around it.
#[derive(Debug)]
pub struct Direct {
    gate: Gate,
    events: Buffer,
    fault: Option<Fault>,
}

/// What a careless adapter does to a request before the gate sees it.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// Decodes and tidies the path.
    DecodedPath,
    /// Takes the first of repeated header lines.
    FirstValue,
    /// Parses a JSON body and writes it anew.
    ParsedBody,
}

impl Direct {
    /// The gate called `profile`, at the time `now` in seconds since the epoch.
    ///
    /// # Errors
    /// There is no such profile.
    pub fn start(profile: &str, now: i64) -> Result<Self> {
        let events = Buffer::default();
        let sink: Arc<dyn Sink> = Arc::new(JsonLines::new(events.clone()));
        let gate = profiles::gate(profile, now, &sink)
            .ok_or_else(|| format!("profile {profile:?} is not known; see src/profiles.rs"))?;
        let fault = match profile {
            "canary-decoded-path" => Some(Fault::DecodedPath),
            "canary-first-value" => Some(Fault::FirstValue),
            "canary-webhook-body" => Some(Fault::ParsedBody),
            _ => None,
        };
        Ok(Self {
            gate,
            events,
            fault,
        })
    }

    /// What the application behind the gate answers to `request`, or what hyper answers in its
    /// place; `None` where it would wait for more bytes until the client closes.
    ///
    /// # Errors
    /// Bytes that only a connection can tell apart, such as a second request.
    pub fn answer(&self, request: &[u8]) -> Result<Option<Answer>> {
        let mut request = match Request::parse(request)? {
            Parsed::Request(request) => request,
            Parsed::Partial => return Ok(None),
            Parsed::Refused(status) => {
                return Ok(Some(Answer {
                    status,
                    ..Answer::default()
                }));
            }
        };
        if let Some(fault) = self.fault {
            request.suffer(fault)?;
        }
        let view = request.view();
        let mut decision = self.gate.decide(&view);
        while let Decision::Await(wait) = decision {
            decision = self.gate.resume(&view, block_on(wait));
        }
        let mut answer = match decision {
            Decision::Proceed(grant) => {
                let mut answer = request.handle(&grant);
                stamp(&mut answer, grant.lines());
                answer
            }
            Decision::Respond(reply) => replied(&reply),
            Decision::CollectBody(wait) => replied(&request.deliver(wait)),
            Decision::Await(_) => return Err("gate waits without end".into()),
        };
        stamp(&mut answer, self.gate.headers());
        if request.method == Method::HEAD {
            answer.body.clear();
        }
        Ok(Some(answer))
    }

    /// The audit events since the last call, as JSON lines.
    pub fn events(&self) -> Vec<String> {
        let bytes = std::mem::take(&mut *self.events.lock());
        String::from_utf8_lossy(&bytes)
            .lines()
            .map(str::to_owned)
            .collect()
    }
}

/// A request as hyper hands it over.
struct Request {
    method: Method,
    target: Uri,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// `None` where it ends before its announced end.
    body: Option<Vec<u8>>,
}

enum Parsed {
    Request(Request),
    /// More bytes are wanted.
    Partial,
    /// Answered by the server itself, with this status.
    Refused(u16),
}

impl Request {
    fn parse(bytes: &[u8]) -> Result<Parsed> {
        let mut lines = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut head = httparse::Request::new(&mut lines);
        let length = match head.parse(bytes) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Ok(Parsed::Partial),
            Err(httparse::Error::TooManyHeaders) => return Ok(Parsed::Refused(431)),
            Err(_) => return Ok(Parsed::Refused(400)),
        };
        let method = Method::from_bytes(head.method.unwrap_or_default().as_bytes());
        let target = Uri::try_from(head.path.unwrap_or_default());
        let headers = head.headers.iter().map(|line| {
            let name = HeaderName::from_bytes(line.name.as_bytes()).ok()?;
            Some((name, HeaderValue::from_bytes(line.value).ok()?))
        });
        let headers: Option<Vec<_>> = headers.collect();
        let (Ok(method), Ok(target), Some(headers)) = (method, target, headers) else {
            return Ok(Parsed::Refused(400));
        };
        let body = body(&headers, &bytes[length..])?;
        Ok(Parsed::Request(Self {
            method,
            target,
            headers,
            body,
        }))
    }

    fn view(&self) -> RequestView<'_> {
        let path = self.target.path();
        let mut view = RequestView::new(self.method.as_str(), path, self.target.query())
            .with_peer(Some(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        for (name, value) in &self.headers {
            view.header(name.as_str(), value.as_bytes());
        }
        view
    }

    fn suffer(&mut self, fault: Fault) -> Result<()> {
        match fault {
            Fault::DecodedPath => {
                let query = self.target.query().map(|query| format!("?{query}"));
                let target = tidied(self.target.path()) + &query.unwrap_or_default();
                self.target = target.parse()?;
            }
            Fault::FirstValue => {
                let mut seen = HashSet::new();
                self.headers.retain(|(name, _)| seen.insert(name.clone()));
            }
            Fault::ParsedBody => {
                let body = self.body.as_deref().unwrap_or_default();
                if let Ok(value) = serde_json::from_slice::<Value>(body) {
                    self.body = Some(value.to_string().into_bytes());
                }
            }
        }
        Ok(())
    }

    /// What the demo application answers, its router first.
    fn handle(&self, grant: &Grant) -> Answer {
        let method = self.method.as_str();
        let page = match routes::find(method, self.target.path()) {
            Ok(page) => page,
            Err(answer) => return answer,
        };
        let body = match page {
            Page::Extract => grant.require_session().map(|_| Value::Null),
            Page::Right => grant.require(&Refund::requirement()).map(|_| Value::Null),
            Page::Json => self.json(grant.json()),
            _ => Ok(Value::Null),
        };
        match body {
            Ok(body) => routes::answer(page, method, grant.session(), &body),
            Err(reply) => replied(&reply),
        }
    }

    fn json(&self, limits: JsonLimits) -> std::result::Result<Value, Reply> {
        limits.admit(&self.view())?;
        limits.parse(self.body.as_deref().ok_or_else(JsonLimits::incomplete)?)
    }

    fn deliver(&self, wait: BodyWait) -> Reply {
        match &self.body {
            None => wait.incomplete(),
            Some(body) if body.len() > wait.limit() => wait.too_large(),
            Some(body) => block_on(wait.deliver(body.clone().into())),
        }
    }
}

/// The body by the rules of RFC 9112 §6.3, as far as one request alone can show them.
fn body(headers: &[(HeaderName, HeaderValue)], mut rest: &[u8]) -> Result<Option<Vec<u8>>> {
    let values = |name| {
        headers
            .iter()
            .filter(move |(own, _)| *own == name)
            .map(|(_, value)| value)
    };
    let mut lengths = values(http::header::CONTENT_LENGTH);
    let body = match (
        values(http::header::TRANSFER_ENCODING).next(),
        lengths.next(),
        lengths.next(),
    ) {
        (Some(coding), None, _) if coding.as_bytes().eq_ignore_ascii_case(b"chunked") => {
            wire::dechunk(&mut rest).ok()
        }
        (None, None, _) => Some(Vec::new()),
        (None, Some(length), None) => {
            let length: usize = length.to_str()?.parse()?;
            rest.split_off(..length).map(<[u8]>::to_vec)
        }
        _ => return Err(AMBIGUOUS.into()),
    };
    if body.is_some() && !rest.is_empty() {
        return Err(AMBIGUOUS.into());
    }
    Ok(body)
}

/// The path with its escapes decoded and its empty and dot segments resolved.
fn tidied(path: &str) -> String {
    let mut decoded = String::new();
    let mut parts = path.split('%');
    decoded.extend(parts.next());
    for part in parts {
        let byte = part
            .get(..2)
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match byte.filter(u8::is_ascii_graphic) {
            Some(byte) => decoded.extend([char::from(byte).to_string().as_str(), &part[2..]]),
            None => decoded.extend(["%", part]),
        }
    }
    let mut segments = Vec::new();
    for segment in decoded.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            _ => segments.push(segment),
        }
    }
    format!("/{}", segments.join("/"))
}

fn replied(reply: &Reply) -> Answer {
    let headers = reply
        .lines()
        .map(|line| (line.name().to_owned(), line.value().into()));
    Answer {
        interim: Vec::new(),
        status: reply.status(),
        headers: headers.collect(),
        body: reply.body().to_vec(),
    }
}

fn stamp<'l>(answer: &mut Answer, lines: impl IntoIterator<Item = &'l Line>) {
    for line in lines {
        let is_there = answer.header(line.name()).next().is_some();
        match line.mode() {
            Mode::Overriding => answer.headers.retain(|(name, _)| name != line.name()),
            Mode::IfNotPresent if is_there => continue,
            Mode::IfNotPresent | Mode::Appending => {}
        }
        answer
            .headers
            .push((line.name().to_owned(), line.value().into()));
    }
}

/// Waits on this thread alone; whoever is waited for has a thread of its own.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

/// Events of a gate in this process, as its sink writes them.
#[derive(Clone, Debug, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lock().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Hyper's own.
const MAX_HEADERS: usize = 100;

const AMBIGUOUS: &str = "where the body ends only a connection can tell; write \"socket-only\"";
