//! The audit trail: one event for every decision, and what may never be in it.

use std::fmt;
use std::fmt::Write as _;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use crate::reason::Reason;
use crate::session::Session;
use crate::time::UnixTime;

/// What the gate did with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// A page of a trusted origin was told what it may send.
    Preflight,
    /// The application was called.
    Proceed,
    /// The browser was sent elsewhere.
    Redirect,
    /// The request was refused.
    Refuse,
}

impl Outcome {
    /// The word for it in the trail.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Preflight => "preflight",
            Self::Proceed => "proceed",
            Self::Redirect => "redirect",
            Self::Refuse => "refuse",
        }
    }
}

/// One decision, as it is recorded.
///
/// Never in it: tokens, cookies, header values, queries, bodies. Its text comes from outside;
/// a sink must escape it, as [`to_json`](Self::to_json) does.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Event<'e> {
    /// When the decision was made.
    pub time: UnixTime,
    /// What was done.
    pub outcome: Outcome,
    /// Why the request was refused, or why it passed as anonymous in spite of a credential.
    pub reason: Option<Reason>,
    /// The method, as sent.
    pub method: &'e str,
    /// The path, still percent-encoded, without the query.
    pub path: &'e str,
    /// The pattern of the rule that decided; `None` for the default.
    pub rule: Option<&'e str>,
    /// The session, if there was one.
    pub session: Option<&'e Session>,
    /// The message id of a webhook delivery whose signature is good.
    pub delivery: Option<&'e str>,
    /// Whether the rule is marked as sensitive.
    pub sensitive: bool,
    /// What checks in observe mode would have refused.
    pub observed: &'e [Reason],
}

/// Where events go.
pub trait Sink: fmt::Debug + Send + Sync {
    /// Records one event. Called on the request path, before the application is: be quick.
    ///
    /// # Errors
    /// If the event is not written. On sensitive routes and on routes that require rights the
    /// request is then refused with 503; on others it goes on.
    fn record(&self, event: &Event<'_>) -> io::Result<()>;

    /// Records an event without which the application is not called: on sensitive routes and on
    /// routes that require rights. It must survive the end of the process.
    ///
    /// A sink that has to wait for that answers [`Recorded::Later`]; the request waits, its thread
    /// does not. Such a sink bounds the time itself. The default is [`record`](Self::record),
    /// which is right for sinks that hand the event to somebody else who keeps it.
    fn record_durably(&self, event: &Event<'_>) -> Recorded {
        Recorded::Now(self.record(event))
    }
}

/// What has come of recording an event.
pub enum Recorded {
    /// It is written, or it is not.
    Now(io::Result<()>),
    /// This tells when it is.
    Later(Pin<Box<dyn Future<Output = io::Result<()>> + Send>>),
}

impl fmt::Debug for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Now(result) => f.debug_tuple("Now").field(result).finish(),
            Self::Later(_) => f.debug_struct("Later").finish_non_exhaustive(),
        }
    }
}

impl Event<'_> {
    /// Characters kept of any one text: a log is no place for a path of 8 KB.
    pub const MAX_TEXT: usize = 512;

    /// The event as one line of JSON without its line break, in ASCII: whatever a client sends
    /// can neither start a line of its own nor change the direction of the text.
    ///
    /// Members: `time` (Unix seconds), `outcome`, `reason`, `method`, `path`, `rule`, `user`,
    /// `session`, `organization`, `actor`, `delivery`, `sensitive`, `observed`. Absent ones are left out.
    pub fn to_json(&self) -> String {
        let mut json = String::with_capacity(192);
        // Writing to a String cannot fail.
        let _ = write!(json, "{{\"time\":{}", self.time.as_secs());
        let session = self.session;
        let members = [
            ("outcome", Some(self.outcome.code())),
            ("reason", self.reason.map(Reason::code)),
            ("method", Some(self.method)),
            ("path", Some(self.path)),
            ("rule", self.rule),
            ("user", session.map(Session::user_id)),
            ("session", session.map(Session::session_id)),
            (
                "organization",
                session.and_then(Session::organization).map(|o| o.id()),
            ),
            ("actor", session.and_then(Session::actor_id)),
            ("delivery", self.delivery),
        ];
        for (name, value) in members {
            if let Some(value) = value {
                let _ = write!(json, ",\"{name}\":\"{}\"", Escaped(value));
            }
        }
        if self.sensitive {
            json.push_str(",\"sensitive\":true");
        }
        for (position, reason) in self.observed.iter().enumerate() {
            json.push_str(if position == 0 {
                ",\"observed\":[\""
            } else {
                ",\""
            });
            json.push_str(reason.code());
            json.push('"');
        }
        json.push_str(if self.observed.is_empty() { "}" } else { "]}" });
        json
    }
}

/// Writes each event as one line of JSON, in a single write followed by a flush.
#[derive(Debug)]
pub struct JsonLines<W>(Mutex<W>);

impl<W: io::Write> JsonLines<W> {
    /// A sink that writes to `writer`: a file opened for appending, standard output.
    pub fn new(writer: W) -> Self {
        Self(Mutex::new(writer))
    }
}

impl<W: io::Write + Send + fmt::Debug> Sink for JsonLines<W> {
    fn record(&self, event: &Event<'_>) -> io::Result<()> {
        let mut line = event.to_json();
        line.push('\n');
        let mut writer = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        writer.write_all(line.as_bytes())?;
        writer.flush()
    }
}

/// Hands each event to `tracing`, target `clerk_gate::audit`: refusals as warnings, the rest as
/// information.
#[cfg(feature = "tracing")]
#[derive(Clone, Copy, Debug, Default)]
pub struct TracingSink;

#[cfg(feature = "tracing")]
impl Sink for TracingSink {
    fn record(&self, event: &Event<'_>) -> io::Result<()> {
        match event.outcome {
            Outcome::Refuse => {
                tracing::warn!(target: "clerk_gate::audit", event = %event.to_json());
            }
            Outcome::Preflight | Outcome::Proceed | Outcome::Redirect => {
                tracing::info!(target: "clerk_gate::audit", event = %event.to_json());
            }
        }
        Ok(())
    }
}

/// Text inside a JSON string: bounded, printable ASCII as it is, all else as `\uXXXX`.
struct Escaped<'t>(&'t str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars().take(Event::MAX_TEXT) {
            match c {
                '"' | '\\' => write!(f, "\\{c}")?,
                ' '..='~' => f.write_char(c)?,
                _ => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        write!(f, "\\u{unit:04x}")?;
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event<'e>(path: &'e str, observed: &'e [Reason]) -> Event<'e> {
        Event {
            time: UnixTime::from_secs(7),
            outcome: Outcome::Refuse,
            reason: Some(Reason::TokenExpired),
            method: "GET",
            path,
            rule: None,
            session: None,
            delivery: None,
            sensitive: !observed.is_empty(),
            observed,
        }
    }

    #[test]
    fn an_event_is_one_line_of_json() {
        assert_eq!(
            event("/a", &[]).to_json(),
            r#"{"time":7,"outcome":"refuse","reason":"token-expired","method":"GET","path":"/a"}"#
        );
        assert_eq!(
            event("/a", &[Reason::CrossOrigin, Reason::HttpsRequired]).to_json(),
            r#"{"time":7,"outcome":"refuse","reason":"token-expired","method":"GET","path":"/a","sensitive":true,"observed":["cross-origin","https-required"]}"#
        );
    }

    #[test]
    fn nothing_a_client_sends_can_break_out() {
        let hostile = "/\"\\\n\r\0\u{7f}\u{85}\u{2028}\u{202e}😀";
        let line = event(hostile, &[]).to_json();
        assert!(line.bytes().all(|b| (b' '..=b'~').contains(&b)), "{line}");
        let back: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(back.get("path").and_then(|p| p.as_str()), Some(hostile));
    }

    #[test]
    fn long_text_is_cut() {
        let line = event(&"a".repeat(10_000), &[]).to_json();
        assert!(line.len() < 700, "{}", line.len());
    }

    #[test]
    fn a_sink_that_cannot_write_says_so() {
        let full: &mut [u8] = &mut [0; 3];
        assert!(JsonLines::new(full).record(&event("/", &[])).is_err());
    }
}
