//! From core's bytes to actix-web responses.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use clerk_gate_core::{Gate, Grant, Line, Mode, Reply};

/// The header lines of every response, converted once.
#[derive(Clone, Debug)]
pub(crate) struct Stamp(Arc<[Ready]>);

type Ready = (HeaderName, HeaderValue, Mode);

impl Stamp {
    pub(crate) fn new(gate: &Gate) -> Self {
        Self(gate.headers().iter().filter_map(convert).collect())
    }

    /// Adds the lines that belong to this response alone, then those of every response.
    pub(crate) fn apply(&self, headers: &mut HeaderMap, grant: Option<&Grant>) {
        for line in grant.into_iter().flat_map(Grant::lines).filter_map(convert) {
            add(headers, line);
        }
        for line in &*self.0 {
            add(headers, line.clone());
        }
    }
}

/// The response that carries a reply, without the lines of every response.
pub(crate) fn respond(reply: &Reply) -> HttpResponse {
    // Core's statuses and lines convert: a test feeds every one of them through here.
    let status = StatusCode::from_u16(reply.status());
    let mut response = HttpResponse::build(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    for (name, value, _) in reply.lines().filter_map(convert) {
        response.append_header((name, value));
    }
    response.body(reply.body().clone())
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
        Mode::IfNotPresent if headers.contains_key(&name) => {}
        Mode::IfNotPresent | Mode::Appending => headers.append(name, value),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::body::MessageBody;
    use clerk_gate_core::Reason;

    use super::*;

    #[test]
    fn every_refusal_of_core_converts_whole() {
        for reason in Reason::ALL {
            let reply = Reply::refusal(*reason);
            let response = respond(&reply);
            assert_eq!(response.status().as_u16(), reply.status(), "{reason:?}");
            assert_eq!(
                response.headers().len(),
                reply.lines().count(),
                "{reason:?}"
            );
            let body = response.into_body().try_into_bytes().ok();
            assert_eq!(body.as_ref(), Some(reply.body()), "{reason:?}");
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
            headers.append(name.clone(), text("theirs"));
            headers.append(name.clone(), text("theirs too"));
            add(&mut headers, (name.clone(), text("ours"), mode));
            let left: Vec<_> = headers.get_all(&name).collect();
            assert_eq!(left, want, "{mode:?}");
        }
    }
}
