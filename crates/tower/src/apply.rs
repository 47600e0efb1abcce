//! From core's bytes to `http` responses.

use std::mem;

use bytes::Bytes;
use clerk_gate_core::{Gate, Grant, Line, Mode, Reply};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

/// The header lines of every response, converted once.
#[derive(Debug)]
pub(crate) struct Stamp {
    each: Box<[Ready]>,
    /// The same, as a response has them that has none of its own.
    all: HeaderMap,
}

type Ready = (HeaderName, HeaderValue, Mode);

impl Stamp {
    pub(crate) fn new(gate: &Gate) -> Self {
        Self::of(gate.headers().iter().filter_map(convert).collect())
    }

    fn of(each: Box<[Ready]>) -> Self {
        let mut all = HeaderMap::new();
        for line in &each {
            add(&mut all, line.clone());
        }
        Self { each, all }
    }

    /// Adds the lines that belong to this response alone, then those of every response.
    pub(crate) fn apply(&self, headers: &mut HeaderMap, grant: Option<&Grant>) {
        for line in grant.into_iter().flat_map(Grant::lines).filter_map(convert) {
            add(headers, line);
        }
        let Self { each, all } = self;
        if headers.keys().any(|name| all.contains_key(name)) {
            for line in each {
                add(headers, line.clone());
            }
        } else {
            // To copy a map takes half as long as to find the place of each line.
            let own = mem::replace(headers, all.clone());
            headers.extend(own);
        }
    }
}

/// The response that carries a reply, without the lines of every response.
pub fn respond<B: From<Bytes>>(reply: &Reply) -> Response<B> {
    let mut response = Response::new(B::from(reply.body().clone()));
    // Core's statuses and lines convert: a test feeds every one of them through here.
    *response.status_mut() =
        StatusCode::from_u16(reply.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value, _) in reply.lines().filter_map(convert) {
        response.headers_mut().append(name, value);
    }
    response
}

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

    #[test]
    fn a_response_gets_the_same_lines_whatever_it_has() {
        let line = |name, value, mode| {
            let name = HeaderName::from_static(name);
            (name, HeaderValue::from_static(value), mode)
        };
        let each = [
            line("a", "1", Mode::Overriding),
            line("b", "1", Mode::IfNotPresent),
            line("c", "1", Mode::Appending),
            line("c", "2", Mode::Appending),
        ];
        let stamp = Stamp::of(each.clone().into());
        for own in [
            &[][..],
            &["x", "x", "y"],
            &["a"],
            &["x", "b", "b"],
            &["c", "x"],
        ] {
            let mut headers = HeaderMap::new();
            for name in own {
                headers.append(HeaderName::from_static(name), HeaderValue::from_static("0"));
            }
            let mut wanted = headers.clone();
            for line in each.clone() {
                add(&mut wanted, line);
            }
            stamp.apply(&mut headers, None);
            assert_eq!(headers, wanted, "{own:?}");
        }
    }
}
