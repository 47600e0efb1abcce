//! All that the core may know of one request: borrowed, filled in one pass, never copied.

use std::fmt;
use std::net::IpAddr;

/// The value of a header field that may stand in a request once.
///
/// `Repeated` exists so that nobody can take the first: every reader says what a repeat means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Value<'r> {
    /// No line with this name, or only lines whose value is not UTF-8.
    ///
    /// The second half is the lowest common floor of the frameworks: some drop such lines
    /// before anybody sees them. It is safe because absence is the refusing case everywhere.
    #[default]
    Absent,
    /// Exactly one line, without the white space around its value.
    One(&'r str),
    /// Two or more lines, equal or not.
    Repeated,
}

impl<'r> Value<'r> {
    fn add(&mut self, text: &'r str) {
        *self = match self {
            Self::Absent => Self::One(text),
            Self::One(_) | Self::Repeated => Self::Repeated,
        };
    }
}

/// The header fields that the core reads. A closed list: adding one is a reviewed change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// `Access-Control-Request-Method`, Fetch §3.2.2: a preflight has it.
    AccessControlRequestMethod,
    /// `Accept`, to tell a navigation where `Sec-Fetch-Dest` is absent.
    Accept,
    /// `Authorization`, RFC 9110 §11.6.2.
    Authorization,
    /// `Content-Type`, RFC 9110 §8.3, for JSON bodies.
    ContentType,
    /// `Origin`, RFC 6454 §7.
    Origin,
    /// `Sec-Fetch-Dest`, Fetch Metadata §2.1.
    SecFetchDest,
    /// `Sec-Fetch-Site`, Fetch Metadata §2.3.
    SecFetchSite,
    /// `Svix-Id`, the older name of `Webhook-Id`.
    SvixId,
    /// `Svix-Signature`, the older name of `Webhook-Signature`.
    SvixSignature,
    /// `Svix-Timestamp`, the older name of `Webhook-Timestamp`.
    SvixTimestamp,
    /// `Upgrade`, RFC 9110 §7.8: a WebSocket handshake is a GET that can act.
    Upgrade,
    /// `Webhook-Id`, Standard Webhooks: the message, the same for every attempt.
    WebhookId,
    /// `Webhook-Signature`, Standard Webhooks.
    WebhookSignature,
    /// `Webhook-Timestamp`, Standard Webhooks: the attempt, in seconds.
    WebhookTimestamp,
    /// `X-Forwarded-Proto`, believed only from a trusted proxy.
    XForwardedProto,
}

impl Field {
    const COUNT: usize = 15;
}

/// What a header line is kept as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    Cookie,
    Field(Field),
}

impl Kept {
    /// Finds a field by name, in any case. Most lines end at the comparison of lengths.
    fn named(name: &str) -> Option<Self> {
        let mut lower = [0; 29];
        let lower = match name.len() {
            6 | 7 | 10 | 12 | 13 | 14 | 17 | 29 => lower.get_mut(..name.len())?,
            _ => return None,
        };
        Self::spelled(name.as_bytes()).or_else(|| {
            lower.copy_from_slice(name.as_bytes());
            lower.make_ascii_lowercase();
            Self::spelled(lower)
        })
    }

    /// The same by its name in lower case, as most servers hand it over.
    fn spelled(name: &[u8]) -> Option<Self> {
        Some(Self::Field(match name {
            b"cookie" => return Some(Self::Cookie),
            b"accept" => Field::Accept,
            b"access-control-request-method" => Field::AccessControlRequestMethod,
            b"authorization" => Field::Authorization,
            b"content-type" => Field::ContentType,
            b"origin" => Field::Origin,
            b"sec-fetch-dest" => Field::SecFetchDest,
            b"sec-fetch-site" => Field::SecFetchSite,
            b"svix-id" => Field::SvixId,
            b"svix-signature" => Field::SvixSignature,
            b"svix-timestamp" => Field::SvixTimestamp,
            b"upgrade" => Field::Upgrade,
            b"webhook-id" => Field::WebhookId,
            b"webhook-signature" => Field::WebhookSignature,
            b"webhook-timestamp" => Field::WebhookTimestamp,
            b"x-forwarded-proto" => Field::XForwardedProto,
            _ => return None,
        }))
    }
}

/// A request as the core sees it. Borrows everything; lives on the stack.
///
/// An adapter fills it in one pass over all header lines:
///
/// ```
/// use clerk_gate_core::{Field, RequestView, Value};
///
/// let mut view = RequestView::new("GET", "/me", None);
/// for (name, value) in [("Accept", "*/*"), ("Origin", "https://a.test")] {
///     view.header(name, value.as_bytes());
/// }
/// assert_eq!(view.field(Field::Origin), Value::One("https://a.test"));
/// ```
#[derive(Clone)]
pub struct RequestView<'r> {
    method: &'r str,
    path: &'r str,
    query: Option<&'r str>,
    peer: Option<IpAddr>,
    tls: bool,
    fields: [Value<'r>; Field::COUNT],
    cookies: [&'r str; COOKIE_LINES],
    cookie_lines: usize,
    /// Only requests with more `Cookie` lines than browsers send pay for this.
    more_cookies: Vec<&'r str>,
}

impl<'r> RequestView<'r> {
    /// Starts a view from the request line.
    ///
    /// `method` is case-sensitive (RFC 9110 §9.1). `path` is the path of the request target as
    /// it came over the wire, still percent-encoded; `query` is what follows the first `?`,
    /// without it.
    pub fn new(method: &'r str, path: &'r str, query: Option<&'r str>) -> Self {
        Self {
            method,
            path,
            query,
            peer: None,
            tls: false,
            fields: [Value::Absent; Field::COUNT],
            cookies: [""; COOKIE_LINES],
            cookie_lines: 0,
            more_cookies: Vec::new(),
        }
    }

    /// Says who is at the other end of the connection.
    ///
    /// Without it no forwarded header is ever believed.
    #[must_use]
    pub fn with_peer(mut self, peer: Option<IpAddr>) -> Self {
        self.peer = peer;
        self
    }

    /// Says whether this server itself ended TLS on the connection.
    #[must_use]
    pub fn with_tls(mut self, tls: bool) -> Self {
        self.tls = tls;
        self
    }

    /// Takes one header line. Call it for *every* line, in order.
    ///
    /// `name` may be in any case. Lines whose value is not UTF-8 count as absent.
    pub fn header(&mut self, name: &str, value: &'r [u8]) {
        let Some(kept) = Kept::named(name) else {
            return;
        };
        let Ok(text) = std::str::from_utf8(trimmed(value)) else {
            return;
        };
        match kept {
            Kept::Field(field) => {
                if let Some(slot) = self.fields.get_mut(field as usize) {
                    slot.add(text);
                }
            }
            Kept::Cookie => match self.cookies.get_mut(self.cookie_lines) {
                Some(slot) => {
                    *slot = text;
                    self.cookie_lines = self.cookie_lines.saturating_add(1);
                }
                None => self.more_cookies.push(text),
            },
        }
    }

    /// The method, exactly as sent.
    pub fn method(&self) -> &'r str {
        self.method
    }

    /// The path, still percent-encoded.
    pub fn path(&self) -> &'r str {
        self.path
    }

    /// The query without its `?`.
    pub fn query(&self) -> Option<&'r str> {
        self.query
    }

    /// The address at the other end of the connection, if the adapter knows it.
    pub fn peer(&self) -> Option<IpAddr> {
        self.peer
    }

    /// Whether this server itself ended TLS.
    pub fn tls(&self) -> bool {
        self.tls
    }

    /// The value of a header field.
    pub fn field(&self, field: Field) -> Value<'r> {
        self.fields
            .get(field as usize)
            .copied()
            .unwrap_or(Value::Repeated)
    }

    /// The `Cookie` lines, in order.
    pub fn cookie_lines(&self) -> impl Iterator<Item = &'r str> + '_ {
        self.cookies
            .iter()
            .take(self.cookie_lines)
            .chain(&self.more_cookies)
            .copied()
    }
}

/// Shows no header line and no query: credentials travel in them.
impl fmt::Debug for RequestView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestView")
            .field("method", &self.method)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// Without the white space at both ends (RFC 9110 §5.5).
fn trimmed(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// HTTP/1.1 clients send one line, HTTP/2 clients may split it (RFC 9113 §8.2.3).
const COOKIE_LINES: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn view<'r>(lines: &[(&str, &'r [u8])]) -> RequestView<'r> {
        let mut view = RequestView::new("GET", "/", None);
        for (name, value) in lines {
            view.header(name, value);
        }
        view
    }

    #[test]
    fn every_field_is_found_in_any_case_and_in_its_own_slot() {
        let names = [
            (Field::Accept, "ACCEPT"),
            (
                Field::AccessControlRequestMethod,
                "Access-Control-Request-Method",
            ),
            (Field::Authorization, "Authorization"),
            (Field::ContentType, "content-TYPE"),
            (Field::Origin, "origin"),
            (Field::SecFetchDest, "Sec-Fetch-Dest"),
            (Field::SecFetchSite, "SEC-FETCH-SITE"),
            (Field::SvixId, "Svix-Id"),
            (Field::SvixSignature, "svix-Signature"),
            (Field::SvixTimestamp, "SVIX-TIMESTAMP"),
            (Field::Upgrade, "upgrade"),
            (Field::WebhookId, "Webhook-Id"),
            (Field::WebhookSignature, "webhook-signature"),
            (Field::WebhookTimestamp, "webhook-Timestamp"),
            (Field::XForwardedProto, "X-Forwarded-Proto"),
        ];
        assert_eq!(names.len(), Field::COUNT);
        for (field, name) in names {
            let view = view(&[(name, b" v\t")]);
            assert_eq!(view.field(field), Value::One("v"), "{name}");
            for (other, _) in names.into_iter().filter(|(other, _)| *other != field) {
                assert_eq!(view.field(other), Value::Absent, "{name}");
            }
        }
    }

    #[test]
    fn a_repeat_is_never_the_first_or_the_last() {
        let view = view(&[("origin", b"a"), ("Origin", b"a")]);
        assert_eq!(view.field(Field::Origin), Value::Repeated);
    }

    #[test]
    fn a_value_that_is_not_utf8_is_absent() {
        let view = view(&[("origin", b"\xff"), ("cookie", b"a=\xff")]);
        assert_eq!(view.field(Field::Origin), Value::Absent);
        assert_eq!(view.cookie_lines().count(), 0);
    }

    #[test]
    fn no_cookie_line_is_lost_however_many_there_are() {
        let lines: Vec<String> = (0..20).map(|n| format!("c{n}=1")).collect();
        let mut view = RequestView::new("GET", "/", None);
        for line in &lines {
            view.header("cookie", line.as_bytes());
        }
        assert!(view.cookie_lines().eq(lines.iter().map(String::as_str)));
    }

    #[test]
    fn similar_names_are_not_taken() {
        for name in [
            "accepu",
            "originx",
            "cookie2",
            "authorizatiom",
            "x-forwarded-prote",
            "upgrad3",
        ] {
            let view = view(&[(name, b"v")]);
            assert_eq!(view.cookie_lines().count(), 0, "{name}");
            assert!(view.fields.iter().all(|v| *v == Value::Absent), "{name}");
        }
    }
}
