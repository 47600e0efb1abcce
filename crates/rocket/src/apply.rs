//! From core's bytes to Rocket responses.

use std::io::Cursor;

use clerk_gate_core::{Gate, Grant, Line, Mode, Reply};
use rocket::Response;
use rocket::http::{Header, Status};

/// Adds the lines that belong to this response alone, then those of every response. They live as
/// long as the request does, so nothing is copied.
pub(crate) fn stamp<'r>(gate: &'r Gate, response: &mut Response<'r>, grant: Option<&'r Grant>) {
    for line in grant
        .into_iter()
        .flat_map(Grant::lines)
        .chain(gate.headers())
    {
        add(response, line);
    }
}

/// The response that carries a reply, without the lines of every response.
pub(crate) fn respond<'r>(reply: &Reply) -> Response<'r> {
    let mut response = Response::new();
    response.set_status(Status::new(reply.status()));
    for line in reply.lines() {
        response.adjoin_header(match line.as_static() {
            Some((name, value)) => Header::new(name, value),
            None => Header::new(line.name().to_owned(), line.value().to_owned()),
        });
    }
    response.set_sized_body(reply.body().len(), Cursor::new(reply.body().clone()));
    response
}

fn add<'r>(response: &mut Response<'r>, line: &'r Line) {
    let header = Header::new(line.name(), line.value());
    match line.mode() {
        Mode::Overriding => {
            response.set_header(header);
        }
        Mode::IfNotPresent if response.headers().contains(line.name()) => {}
        Mode::IfNotPresent | Mode::Appending => {
            response.adjoin_header(header);
        }
    }
}

#[cfg(test)]
mod tests {
    use clerk_gate_core::Reason;

    use super::*;

    #[rocket::async_test]
    async fn every_refusal_of_core_converts_whole() {
        for reason in Reason::ALL {
            let reply = Reply::refusal(*reason);
            let mut response = respond(&reply);
            assert_eq!(response.status().code, reply.status(), "{reason:?}");
            assert_eq!(
                response.headers().len(),
                reply.lines().count(),
                "{reason:?}"
            );
            let body = response.body_mut().to_bytes().await.ok();
            assert_eq!(body.as_deref(), Some(&**reply.body()), "{reason:?}");
        }
    }
}
