//! Navigations: how to tell one, and where to send it instead of a JSON refusal.

use crate::request::{Field, RequestView, Value};

/// Whether a browser shows the answer to a person: `GET` or `HEAD` for a document
/// (Fetch Metadata §2.1), or, where the browser does not say, one that prefers HTML.
pub(crate) fn is_navigation(view: &RequestView<'_>) -> bool {
    if !matches!(view.method(), "GET" | "HEAD") {
        return false;
    }
    match view.field(Field::SecFetchDest) {
        Value::One(dest) => dest == "document",
        Value::Repeated => false,
        Value::Absent => {
            matches!(view.field(Field::Accept), Value::One(accept) if prefers_html(accept))
        }
    }
}

/// Whether `text/html` is named and nothing named before it weighs more, JSON above all.
fn prefers_html(accept: &str) -> bool {
    let weight = |wanted: &str| {
        accept
            .split(',')
            .filter_map(|range| {
                let mut parts = range.split(';').map(str::trim);
                let essence = parts.next()?;
                let q = parts
                    .find_map(|part| part.strip_prefix("q="))
                    .unwrap_or("1");
                let q: f32 = q.parse().ok().filter(|q| (0.0..=1.0).contains(q))?;
                essence.eq_ignore_ascii_case(wanted).then_some(q)
            })
            .fold(0.0_f32, f32::max)
    };
    let html = weight("text/html");
    html > 0.0 && html >= weight("application/json")
}

/// `page` with a query that brings the user back to where the request wanted to go.
///
/// The way back is this request's own path and query, every character but the unreserved ones
/// and the slash escaped, so it is always of the same origin and cannot leave its parameter.
/// Clerk's own parameters stay away: some are credentials. One that is too long is cut to the
/// path, or left out.
pub(crate) fn with_way_back(page: &str, origin: &str, view: &RequestView<'_>) -> String {
    let mut back = String::new();
    encode(origin, &mut back);
    encode(view.path(), &mut back);
    let path_end = back.len();
    let kept = view
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|p| !p.is_empty() && !is_clerks(p));
    for (position, parameter) in kept.enumerate() {
        back.push_str(if position == 0 { "%3F" } else { "%26" });
        encode(parameter, &mut back);
    }
    if back.len() > MAX_WAY_BACK {
        back.truncate(path_end);
    }
    if back.len() > MAX_WAY_BACK {
        return page.to_owned();
    }
    let separator = if page.contains('?') { '&' } else { '?' };
    format!("{page}{separator}redirect_url={back}")
}

/// The same target on `origin`, for the redirect from HTTP to HTTPS.
pub(crate) fn on_origin(origin: &str, view: &RequestView<'_>) -> String {
    let mut location = format!("{origin}{}", view.path());
    if let Some(query) = view.query() {
        location.push('?');
        for byte in query.bytes() {
            match byte {
                b'!'..=b'~' => location.push(byte.into()),
                _ => push_escape(byte, &mut location),
            }
        }
    }
    location
}

fn is_clerks(parameter: &str) -> bool {
    ["__clerk", "__session", "__dev_session"]
        .iter()
        .any(|own| parameter.starts_with(own))
}

fn encode(text: &str, out: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                out.push(byte.into());
            }
            _ => push_escape(byte, out),
        }
    }
}

fn push_escape(byte: u8, out: &mut String) {
    out.push('%');
    for nibble in [byte >> 4, byte & 15] {
        out.extend(char::from_digit(nibble.into(), 16).map(|c| c.to_ascii_uppercase()));
    }
}

/// Servers and proxies commonly take 8 KB of request target; half of that is generous.
const MAX_WAY_BACK: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_navigation_is_for_a_person() {
        let chrome = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        for (method, lines, want) in [
            ("GET", &[("sec-fetch-dest", "document")][..], true),
            ("HEAD", &[("sec-fetch-dest", "document")], true),
            ("POST", &[("sec-fetch-dest", "document")], false),
            (
                "GET",
                &[("sec-fetch-dest", "empty"), ("accept", "text/html")],
                false,
            ),
            ("GET", &[("sec-fetch-dest", "iframe")], false),
            (
                "GET",
                &[
                    ("sec-fetch-dest", "document"),
                    ("sec-fetch-dest", "document"),
                ],
                false,
            ),
            ("GET", &[("accept", chrome)], true),
            ("POST", &[("accept", chrome)], false),
            (
                "GET",
                &[("accept", "application/json, text/html;q=0.5")],
                false,
            ),
            (
                "GET",
                &[("accept", "text/html;q=0.9, application/json;q=0.5")],
                true,
            ),
            ("GET", &[("accept", "text/html;q=0")], false),
            ("GET", &[("accept", "text/html;q=x")], false),
            ("GET", &[("accept", "*/*")], false),
            ("GET", &[("accept", "TEXT/HTML")], true),
            (
                "GET",
                &[("accept", "text/html"), ("accept", "text/html")],
                false,
            ),
            ("GET", &[], false),
        ] {
            let mut view = RequestView::new(method, "/", None);
            for (name, value) in lines {
                view.header(name, value.as_bytes());
            }
            assert_eq!(is_navigation(&view), want, "{method} {lines:?}");
        }
    }

    #[test]
    fn the_way_back_is_escaped_and_free_of_credentials() {
        for (path, query, want) in [
            ("/a", None, "/sign-in?redirect_url=/a"),
            (
                "/a/b",
                Some("x=1&y=2"),
                "/sign-in?redirect_url=/a/b%3Fx%3D1%26y%3D2",
            ),
            (
                "/a",
                Some("u=https://evil.test/"),
                "/sign-in?redirect_url=/a%3Fu%3Dhttps%3A//evil.test/",
            ),
            (
                "/a",
                Some("__clerk_db_jwt=s&x=1&__session=t"),
                "/sign-in?redirect_url=/a%3Fx%3D1",
            ),
            (
                "/a",
                Some("\r\nset-cookie: x"),
                "/sign-in?redirect_url=/a%3F%0D%0Aset-cookie%3A%20x",
            ),
            ("/a;v=1", Some(""), "/sign-in?redirect_url=/a%3Bv%3D1"),
        ] {
            let view = RequestView::new("GET", path, query);
            assert_eq!(with_way_back("/sign-in", "", &view), want);
        }
    }

    #[test]
    fn a_way_back_that_is_too_long_is_cut() {
        let long = "x".repeat(5000);
        let view = RequestView::new("GET", "/a", Some(&long));
        assert_eq!(
            with_way_back("/sign-in", "", &view),
            "/sign-in?redirect_url=/a"
        );
        let path = format!("/{long}");
        let view = RequestView::new("GET", &path, None);
        assert_eq!(with_way_back("/sign-in", "", &view), "/sign-in");
    }

    #[test]
    fn the_way_to_https_keeps_the_target() {
        let view = RequestView::new("GET", "/a%20b", Some("x=1 2"));
        assert_eq!(
            on_origin("https://app.test", &view),
            "https://app.test/a%20b?x=1%202"
        );
    }
}
