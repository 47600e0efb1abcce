//! What the demo application answers behind the gate: the same bytes in every framework.
//!
//! Every text names the method and the page, so that a case shows which handler ran and as
//! what.

use clerk_gate_core::{Requirement, Reverification, Right, Session};
use serde_json::{Value, json};

use crate::wire::Answer;

/// A page of the demo application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// For administrators.
    Admin,
    /// One thing below the administrators' page.
    AdminItem,
    /// A JSON API.
    Api,
    /// A file.
    Asset,
    /// A public route whose handler demands a session by itself.
    Extract,
    /// A handler that fails.
    Fail,
    /// Sets security headers of its own, to meet those of the gate.
    Headers,
    /// Takes a JSON body through the adapter's extractor and sends it back.
    Json,
    /// A public page that greets whoever is signed in.
    Maybe,
    /// Says who is signed in.
    Me,
    /// For everybody.
    Public,
    /// A public route whose handler demands the right [`Refund`] by itself.
    Right,
}

/// What the handler of [`Page::Right`] demands.
#[derive(Debug)]
pub struct Refund;

impl Right for Refund {
    fn requirement() -> Requirement {
        Requirement::permission("org:invoices:manage")
            .and_no_impersonation()
            .and_reverified(Reverification::STRICT)
    }
}

/// The routes: methods, pattern in the grammar of the policy and of axum, page.
pub const ROUTES: &[(&[&str], &str, Page)] = &[
    (&["GET"], "/", Page::Public),
    (&["GET", "POST"], "/admin", Page::Admin),
    (&["GET", "DELETE"], "/admin/{item}", Page::AdminItem),
    (&["GET", "POST", "PUT", "DELETE"], "/api/items", Page::Api),
    (&["POST"], "/api/billing", Page::Api),
    (&["GET"], "/assets/{file}", Page::Asset),
    (&["GET"], "/extract", Page::Extract),
    (&["GET"], "/fail", Page::Fail),
    (&["GET"], "/files/{file}", Page::Asset),
    (&["GET"], "/headers", Page::Headers),
    (&["POST"], "/json", Page::Json),
    (&["GET", "POST"], "/maybe", Page::Maybe),
    (&["GET", "POST"], "/me", Page::Me),
    (&["GET", "POST"], "/right", Page::Right),
];

/// The page at `path` for `method`, or what a router answers where there is none: segment by
/// segment, nothing decoded, `HEAD` where there is `GET` (RFC 9110 §9.3.2).
///
/// # Errors
/// The router's 404 or 405.
pub fn find(method: &str, path: &str) -> Result<Page, Answer> {
    let (methods, _, page) = ROUTES
        .iter()
        .find(|(_, pattern, _)| is_at(path, pattern))
        .ok_or_else(|| status_only(404))?;
    let routed = if method == "HEAD" { "GET" } else { method };
    if methods.contains(&routed) {
        return Ok(*page);
    }
    let allow = methods.join(",").replace("GET", "GET,HEAD");
    Err(Answer {
        headers: vec![("allow".to_owned(), allow.into())],
        ..status_only(405)
    })
}

/// What `page` answers. `body` is the JSON that [`Page::Json`] has taken, `null` elsewhere.
pub fn answer(page: Page, method: &str, session: Option<&Session>, body: &Value) -> Answer {
    match page {
        Page::Admin => text(200, &format!("{method} admin")),
        Page::AdminItem => text(200, &format!("{method} admin item")),
        Page::Api => json_answer(&json!({ "method": method })),
        Page::Asset => text(200, &format!("{method} asset")),
        Page::Extract | Page::Me | Page::Right => json_answer(&me(session)),
        Page::Fail => text(500, &format!("{method} fail")),
        Page::Headers => {
            let mut answer = text(200, &format!("{method} headers"));
            answer.headers.extend(OWN_HEADERS.map(owned));
            answer
        }
        Page::Json => json_answer(body),
        Page::Maybe => text(200, session.map_or("anonymous", Session::user_id)),
        Page::Public => text(200, &format!("{method} public")),
    }
}

/// `{name}` stands for any one segment.
fn is_at(path: &str, pattern: &str) -> bool {
    let (segments, wanted) = (path.split('/'), pattern.split('/'));
    segments.clone().count() == wanted.clone().count()
        && segments.zip(wanted).all(|(segment, wanted)| {
            segment == wanted || (wanted.starts_with('{') && !segment.is_empty())
        })
}

fn status_only(status: u16) -> Answer {
    Answer {
        status,
        ..Answer::default()
    }
}

fn me(session: Option<&Session>) -> Value {
    let Some(session) = session else {
        return Value::Null;
    };
    let organization = session.organization();
    json!({
        "organization": organization.map(|o| json!({ "id": o.id(), "role": o.role() })),
        "session": session.session_id(),
        "user": session.user_id(),
    })
}

fn text(status: u16, text: &str) -> Answer {
    Answer {
        status,
        headers: vec![owned(("content-type", "text/plain; charset=utf-8"))],
        body: text.as_bytes().to_vec(),
        ..Answer::default()
    }
}

fn json_answer(value: &Value) -> Answer {
    Answer {
        status: 200,
        headers: vec![owned(("content-type", "application/json"))],
        body: value.to_string().into_bytes(),
        ..Answer::default()
    }
}

fn owned((name, value): (&str, &str)) -> (String, Vec<u8>) {
    (name.to_owned(), value.as_bytes().to_vec())
}

/// Weaker than the gate's, beside them, and unknown to it.
const OWN_HEADERS: [(&str, &str); 5] = [
    ("cache-control", "public, max-age=60"),
    ("content-security-policy", "default-src *"),
    ("vary", "accept"),
    ("x-frame-options", "SAMEORIGIN"),
    ("x-own", "1"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_is_found_as_routers_find_it() {
        fn check(method: &str, path: &str, found: Result<Page, u16>) {
            assert_eq!(
                find(method, path).map_err(|answer| answer.status),
                found,
                "{method} {path}"
            );
        }
        check("GET", "/", Ok(Page::Public));
        check("HEAD", "/me", Ok(Page::Me));
        check("DELETE", "/admin/x", Ok(Page::AdminItem));
        check("GET", "/admin/%78", Ok(Page::AdminItem));
        check("GET", "/admin/", Err(404));
        check("GET", "/admin/x/y", Err(404));
        check("GET", "//", Err(404));
        check("GET", "", Err(404));
        check("PUT", "/", Err(405));
        check("HEAD", "/json", Err(405));
    }
}
