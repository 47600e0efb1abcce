//! CORS (Fetch §3.2): lets pages of trusted origins read what the application answers.
//!
//! Off until a gate is told otherwise. Nothing here lets a request pass: a preflight is answered
//! before anybody is asked for a session, and the request that follows it is judged like any.

use std::borrow::Cow;
use std::sync::Arc;

use crate::error::ConfigError;
use crate::reply::{Line, Mode, Reply};
use crate::request::{Field, RequestView, Value};

/// What pages of the settings' origins may do from afar, with the user's cookies.
///
/// As it stands: `GET`, `HEAD`, `POST`, `PUT`, `PATCH`, `DELETE`; the request headers
/// `authorization` and `content-type`; preflights good for ten minutes.
///
/// # Security
/// Every origin of the settings can then read what its users can read. There is no wildcard.
#[derive(Clone, Debug)]
#[must_use = "CORS does nothing until a gate has it"]
pub struct Cors {
    methods: Vec<String>,
    headers: Vec<String>,
    max_age: u32,
}

impl Default for Cors {
    fn default() -> Self {
        let owned = |list: &[&str]| list.iter().map(|item| (*item).to_owned()).collect();
        Self {
            methods: owned(&["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]),
            headers: owned(&["authorization", "content-type"]),
            max_age: 600,
        }
    }
}

impl Cors {
    /// Allows these methods, in upper case, instead of the usual ones.
    pub fn methods<M: Into<String>>(mut self, methods: impl IntoIterator<Item = M>) -> Self {
        self.methods = methods.into_iter().map(Into::into).collect();
        self
    }

    /// Allows these request headers as well.
    pub fn headers<H: Into<String>>(mut self, headers: impl IntoIterator<Item = H>) -> Self {
        self.headers.extend(headers.into_iter().map(Into::into));
        self
    }

    /// Sets how long a browser may remember a preflight, in seconds. Browsers have limits of
    /// their own: two hours in Chromium, a day in Firefox.
    pub fn max_age(mut self, seconds: u32) -> Self {
        self.max_age = seconds;
        self
    }

    /// The header lines for each origin, made once.
    pub(crate) fn compile(
        &self,
        origins: &[Box<str>],
        errors: &mut Vec<ConfigError>,
    ) -> CompiledCors {
        let names = self.methods.iter().map(|name| ("method", name));
        for (kind, name) in names.chain(self.headers.iter().map(|name| ("header", name))) {
            let is_token = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
            if name.is_empty() || !name.bytes().all(is_token) {
                errors.push(ConfigError::new(
                    format!("CORS {kind} {name:?}"),
                    "is not a name, and credentials allow no wildcard",
                    format!("write one {kind} such as \"POST\" or \"x-requested-with\""),
                ));
            }
        }
        let line = |name, value: String| Line {
            name: Cow::Borrowed(name),
            value: Cow::Owned(value),
            mode: Mode::Overriding,
        };
        CompiledCors {
            readers: origins
                .iter()
                .map(|origin| {
                    let allow = line("access-control-allow-origin", origin.to_string());
                    Arc::from([allow, ALLOW_CREDENTIALS])
                })
                .collect(),
            preflight: vec![
                line("access-control-allow-headers", self.headers.join(", ")),
                line("access-control-allow-methods", self.methods.join(", ")),
                line("access-control-max-age", self.max_age.to_string()),
            ],
        }
    }
}

/// Ready-made header lines.
#[derive(Debug)]
pub(crate) struct CompiledCors {
    /// What lets the page of an origin read a response: origin first.
    readers: Vec<Arc<[Line]>>,
    preflight: Vec<Line>,
}

impl CompiledCors {
    /// What every response carries, so that no cache mixes up the answers to two origins.
    pub(crate) const VARY: Line = Line::fixed("vary", "origin", Mode::Appending);

    /// The lines that let the requesting page read the answer; `None` for all but pages of
    /// trusted origins.
    pub(crate) fn reader(&self, request: &RequestView<'_>) -> Option<&Arc<[Line]>> {
        let Value::One(origin) = request.field(Field::Origin) else {
            return None;
        };
        let is_own = |lines: &&Arc<[Line]>| lines.first().is_some_and(|l| l.value() == origin);
        self.readers.iter().find(is_own)
    }

    /// The answer to a preflight of a trusted origin. A preflight of another origin is a request
    /// like any.
    pub(crate) fn answer(&self, request: &RequestView<'_>) -> Option<Reply> {
        let asks = matches!(
            request.field(Field::AccessControlRequestMethod),
            Value::One(_)
        );
        let reader = self.reader(request)?;
        if request.method() != "OPTIONS" || !asks {
            return None;
        }
        let lines = reader.iter().chain(&self.preflight).cloned();
        Some(lines.fold(Reply::no_content(), Reply::with_line))
    }
}

const ALLOW_CREDENTIALS: Line =
    Line::fixed("access-control-allow-credentials", "true", Mode::Overriding);
