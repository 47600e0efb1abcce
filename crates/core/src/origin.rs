//! The cross-origin check: whether a request that can act comes from a page that may send it.

use crate::request::{Field, RequestView, Value};

/// Whether a cookie-borne request may act.
///
/// Requests that only read pass: what they answer is protected by the browser's same-origin
/// policy. For the others an `Origin` must be a trusted one, byte for byte (RFC 6454 §7.1;
/// `null` is nobody's), whatever `Sec-Fetch-Site` says. Without `Origin` the browser must say
/// that the page is of this very origin, or that there was no page. A request with neither
/// header does not come from a browser that keeps cookies apart: it is refused.
///
/// `trusted` comes from the configuration. `Host` is never compared: whoever sends the request
/// chooses it (DNS rebinding).
pub(crate) fn may_act(view: &RequestView<'_>, trusted: &[Box<str>]) -> bool {
    if is_safe(view) {
        return true;
    }
    match (view.field(Field::Origin), view.field(Field::SecFetchSite)) {
        (_, Value::Repeated) | (Value::Repeated, _) => false,
        (Value::One(origin), _) => trusted.iter().any(|own| **own == *origin),
        (Value::Absent, Value::One(site)) => matches!(site, "same-origin" | "none"),
        (Value::Absent, Value::Absent) => false,
    }
}

/// Safe methods (RFC 9110 §9.2.1) without `TRACE`, which nobody needs. A WebSocket handshake is
/// a `GET`, but opens a channel that acts with the cookie and knows no same-origin policy.
fn is_safe(view: &RequestView<'_>) -> bool {
    matches!(view.method(), "GET" | "HEAD" | "OPTIONS")
        && view.field(Field::Upgrade) == Value::Absent
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: &str, lines: &[(&str, &str)], want: bool) {
        let mut view = RequestView::new(method, "/", None);
        for (name, value) in lines {
            view.header(name, value.as_bytes());
        }
        let trusted = ["https://app.test".into()];
        assert_eq!(may_act(&view, &trusted), want, "{method} {lines:?}");
    }

    #[test]
    fn reading_is_free_but_a_websocket_is_no_reading() {
        check("GET", &[("sec-fetch-site", "cross-site")], true);
        check("HEAD", &[], true);
        check("GET", &[("upgrade", "websocket")], false);
        check(
            "GET",
            &[("upgrade", "websocket"), ("origin", "https://app.test")],
            true,
        );
        check("TRACE", &[], false);
        check("get", &[], false);
    }

    #[test]
    fn an_origin_must_be_trusted_byte_for_byte() {
        for (origin, want) in [
            ("https://app.test", true),
            ("https://app.test/", false),
            ("https://app.test:443", false),
            ("https://APP.test", false),
            ("http://app.test", false),
            ("https://app.test.evil.test", false),
            ("https://evil.test", false),
            ("null", false),
            ("", false),
        ] {
            check("POST", &[("origin", origin)], want);
            check(
                "POST",
                &[("origin", origin), ("sec-fetch-site", "same-origin")],
                want,
            );
        }
    }

    #[test]
    fn without_an_origin_the_browser_must_vouch() {
        for (site, want) in [
            ("same-origin", true),
            ("none", true),
            ("same-site", false),
            ("cross-site", false),
            ("Same-Origin", false),
            ("", false),
        ] {
            check("POST", &[("sec-fetch-site", site)], want);
        }
        check("POST", &[], false);
        check("PROPFIND", &[], false);
    }

    #[test]
    fn a_repeat_is_refused() {
        let own = ("origin", "https://app.test");
        check("POST", &[own, own], false);
        check(
            "POST",
            &[
                ("sec-fetch-site", "same-origin"),
                ("sec-fetch-site", "same-origin"),
            ],
            false,
        );
        check(
            "POST",
            &[
                own,
                ("sec-fetch-site", "same-origin"),
                ("sec-fetch-site", "none"),
            ],
            false,
        );
    }
}
