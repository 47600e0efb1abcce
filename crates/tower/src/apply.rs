//! From core's bytes to `http` responses.

use bytes::Bytes;
use clerk_gate_core::{Gate, Grant, Line, Mode, Reply};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

/// The header lines of every response, converted once.
#[derive(Debug)]
pub(crate) struct Stamp(Box<[Ready]>);

type Ready = (HeaderName, HeaderValue, Mode);

impl Stamp {
    pub(crate) fn new(gate: &Gate) -> Self {
        Self(gate.headers().iter().filter_map(convert).collect())
    }

    /// Adds the lines that belong to this response alone, then those of every response.
    pub(crate) fn apply(&self, headers: &mut HeaderMap, grant: Option<&Grant>) {
        // One step instead of several: to grow takes as long as to add.
        headers.reserve(self.0.len().saturating_add(1));
        for line in grant.into_iter().flat_map(Grant::lines).filter_map(convert) {
            add(headers, line);
        }
        for line in &self.0 {
            add(headers, line.clone());
        }
    }
}

/// The response that carries a reply, without the lines of every response.
pub fn respond<B: From<Bytes>>(reply: &Reply) -> Response<B> {
    let mut response = Response::new(B::from(reply.body().clone()));
    response.headers_mut().reserve(ROOM);
    // Core's statuses and lines convert: a test feeds every one of them through here.
    *response.status_mut() =
        StatusCode::from_u16(reply.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value, _) in reply.lines().filter_map(convert) {
        response.headers_mut().append(name, value);
    }
    response
}

/// For the lines of a reply and, in the adapters, those of every response.
const ROOM: usize = 12;

fn convert(line: &Line) -> Option<Ready> {
    let (name, value) = match line.as_static() {
        // These take what core has checked, or panic.
        Some((name, value)) => (
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        ),
        None => (line.name().parse().ok()?, line.value().parse().ok()?),
    };
    Some((name, value, line.mode()))
}

fn add(headers: &mut HeaderMap, (name, value, mode): Ready) {
    match mode {
        Mode::Overriding => {
            headers.insert(name, value);
        }
        Mode::IfNotPresent => {
            headers.entry(name).or_insert(value);
        }
        Mode::Appending => {
            headers.append(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use clerk_gate_core::Reason;

    use super::*;

    #[test]
    fn every_refusal_of_core_converts_whole() {
        for reason in Reason::ALL {
            let reply = Reply::refusal(*reason);
            let response: Response<Bytes> = respond(&reply);
            assert_eq!(response.status().as_u16(), reply.status(), "{reason:?}");
            assert_eq!(
                response.headers().len(),
                reply.lines().count(),
                "{reason:?}"
            );
            assert_eq!(response.body(), reply.body(), "{reason:?}");
        }
    }

    #[test]
    fn the_modes_override_stay_away_and_append() {
        let text = |value: &'static str| HeaderValue::from_static(value);
        for (mode, want) in [
            (Mode::Overriding, &["ours"][..]),
            (Mode::IfNotPresent, &["theirs", "theirs too"]),
            (Mode::Appending, &["theirs", "theirs too", "ours"]),
        ] {
            let name = HeaderName::from_static("x");
            let mut headers = HeaderMap::new();
            headers.append(&name, text("theirs"));
            headers.append(&name, text("theirs too"));
            add(&mut headers, (name.clone(), text("ours"), mode));
            let left: Vec<_> = headers.get_all(&name).iter().collect();
            assert_eq!(left, want, "{mode:?}");
        }
    }
}
