//! The path of a request target: one reading for every router, or none.
//!
//! Routers differ in what they decode, collapse and resolve (CVE-2026-41248 and its kin). A path
//! that two of them could read differently is refused before any rule is looked up; nothing is
//! ever normalised into a match.

use std::borrow::Cow;

use crate::reason::Reason;

/// The segments of a path, each decoded once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segments<'r> {
    /// Those to come; without the leading and one final slash. `None` where there are no more.
    rest: Option<&'r str>,
    /// Whether there is an escape in any of them.
    escaped: bool,
}

/// A path that has only one reading.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Path<'r> {
    /// `*`, the target of all resources: no pattern names it.
    asterisk: bool,
    segments: Segments<'r>,
    /// Position of the first segment with an escape that routers read differently.
    opaque_from: Option<usize>,
}

impl<'r> Path<'r> {
    /// Reads a raw path, still percent-encoded, without its query.
    ///
    /// Refused: anything that does not start with `/` (but `*` for `OPTIONS`); empty segments
    /// except a final one; `.` and `..`, raw or encoded; escapes that are broken, are no UTF-8
    /// or stand for an unreserved character or a control; raw backslashes, controls, spaces and
    /// non-ASCII bytes. Escapes of `/ \ % ; ? #` are noted as opaque: a rule may allow them.
    pub(crate) fn parse(raw: &'r str, method: &str) -> Result<Self, Reason> {
        let whole = |asterisk| Self {
            asterisk,
            segments: Segments {
                rest: None,
                escaped: false,
            },
            opaque_from: None,
        };
        if raw == "*" && method == "OPTIONS" {
            return Ok(whole(true));
        }
        let inner = raw.strip_prefix('/').ok_or(Reason::MalformedTarget)?;
        if inner.is_empty() {
            return Ok(whole(false));
        }
        let inner = inner.strip_suffix('/').unwrap_or(inner);
        let escaped = is_escaped(inner)?;
        let segments = Segments {
            rest: Some(inner),
            escaped,
        };
        let mut opaque_from = None;
        let mut raw = segments;
        let raw = std::iter::from_fn(|| raw.next_raw());
        for (position, segment) in raw.enumerate() {
            if segment.is_empty() || is_dots(segment) {
                return Err(Reason::MalformedTarget);
            }
            if escaped && is_opaque(segment)? && opaque_from.is_none() {
                opaque_from = Some(position);
            }
        }
        Ok(Self {
            asterisk: false,
            segments,
            opaque_from,
        })
    }

    /// The segments, each decoded once; none for `/` and for `*`.
    pub(crate) fn segments(&self) -> Segments<'r> {
        self.segments
    }

    /// Whether this is `*`, for which no rule stands.
    pub(crate) fn is_asterisk(&self) -> bool {
        self.asterisk
    }

    /// Position of the first segment that only an opaque rule may match.
    pub(crate) fn opaque_from(&self) -> Option<usize> {
        self.opaque_from
    }
}

impl<'r> Segments<'r> {
    /// The next segment as it stands. Segments are short: a plain loop finds their end soonest.
    fn next_raw(&mut self) -> Option<&'r str> {
        let rest = self.rest?;
        let end = rest.bytes().position(|b| b == b'/');
        self.rest = end.and_then(|end| rest.get(end.saturating_add(1)..));
        rest.get(..end.unwrap_or(rest.len()))
    }
}

impl<'r> Iterator for Segments<'r> {
    type Item = Cow<'r, str>;

    fn next(&mut self) -> Option<Self::Item> {
        let segment = self.next_raw()?;
        Some(if self.escaped {
            decode(segment)
        } else {
            Cow::Borrowed(segment)
        })
    }
}

/// Checks the raw bytes of a whole path, all in one sweep; `true` if there is an escape among them.
fn is_escaped(raw: &str) -> Result<bool, Reason> {
    let readable = |b: u8| b > b' ' && b < 0x7f && b != b'\\' && b != b'#';
    let sweep = |(all, any), b| (all & readable(b), any | (b == b'%'));
    match raw.bytes().fold((true, false), sweep) {
        (true, escaped) => Ok(escaped),
        (false, _) => Err(Reason::MalformedTarget),
    }
}

/// Checks the escapes of a segment; `true` if it has one that routers read differently.
fn is_opaque(segment: &str) -> Result<bool, Reason> {
    if !segment.contains('%') {
        return Ok(false);
    }
    let mut opaque = false;
    for escape in segment.split('%').skip(1) {
        let byte = escaped_byte(escape).ok_or(Reason::MalformedTarget)?;
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            return Err(Reason::MalformedTarget);
        }
        opaque |= matches!(byte, b'/' | b'\\' | b'%' | b';' | b'?' | b'#');
    }
    let decoded = decode_bytes(segment);
    let text = std::str::from_utf8(&decoded).map_err(|_| Reason::MalformedTarget)?;
    let climbs = text.split(['/', '\\']).any(is_dots);
    if climbs || text.chars().any(char::is_control) {
        return Err(Reason::MalformedTarget);
    }
    Ok(opaque)
}

fn is_dots(text: &str) -> bool {
    matches!(text, "." | "..")
}

/// The byte of an escape, from the text after its `%`.
fn escaped_byte(after: &str) -> Option<u8> {
    let digits = after.get(..2)?;
    if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    u8::from_str_radix(digits, 16).ok()
}

/// Decodes every escape once. Broken ones cannot occur: [`is_opaque`] has refused them.
fn decode_bytes(segment: &str) -> Vec<u8> {
    let mut parts = segment.split('%');
    let mut bytes: Vec<u8> = parts.next().unwrap_or_default().into();
    for part in parts {
        if let (Some(byte), Some(rest)) = (escaped_byte(part), part.get(2..)) {
            bytes.push(byte);
            bytes.extend_from_slice(rest.as_bytes());
        }
    }
    bytes
}

fn decode(segment: &str) -> Cow<'_, str> {
    if !segment.contains('%') {
        return Cow::Borrowed(segment);
    }
    String::from_utf8(decode_bytes(segment)).map_or(Cow::Borrowed(segment), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments(raw: &str) -> Option<Vec<String>> {
        let path = Path::parse(raw, "GET").ok()?;
        Some(path.segments().map(Cow::into_owned).collect())
    }

    #[test]
    fn a_path_with_one_reading_is_split_and_decoded_once() {
        for (raw, want) in [
            ("/", &[][..]),
            ("/admin", &["admin"]),
            ("/admin/", &["admin"]),
            ("/admin/x", &["admin", "x"]),
            ("/a%20b", &["a b"]),
            ("/%C3%A1dmin", &["ádmin"]),
            ("/%c3%a1dmin", &["ádmin"]),
            ("/admin;v=1", &["admin;v=1"]),
            ("/admin*", &["admin*"]),
            ("/...", &["..."]),
            ("/.hidden", &[".hidden"]),
            ("/a%27b", &["a'b"]),
            ("/a:b@c", &["a:b@c"]),
            ("/x%2fy", &["x/y"]),
            ("/100%25", &["100%"]),
        ] {
            assert_eq!(
                segments(raw).as_deref(),
                Some(
                    want.iter()
                        .map(|s| (*s).to_owned())
                        .collect::<Vec<_>>()
                        .as_slice()
                ),
                "{raw}"
            );
        }
    }

    #[test]
    fn a_path_with_two_readings_is_refused() {
        for raw in [
            "",
            "admin",
            "h:80",
            "*",
            "//",
            "///",
            "//admin",
            "/admin//",
            "/admin//x",
            "/.",
            "/..",
            "/./admin",
            "/admin/.",
            "/admin/..",
            "/x/../admin",
            "/%2e/admin",
            "/x/%2e%2e/admin",
            "/x/.%2e/admin",
            "/x/..%2fadmin",
            "/x/%2e%2e%2fadmin",
            "/%61dmin",
            "/%41DMIN",
            "/admin/%78",
            "/a%7eb",
            "/a%2db",
            "/a%5fb",
            "/%2e",
            "/admin%00",
            "/%00admin",
            "/admin%0a",
            "/admin%0d%0aX:y",
            "/admin%7f",
            "/admin%09",
            "/a%c2%85b",
            "/admin\\",
            "/\\admin",
            "/x%5c..%5cadmin",
            "/admin%ff",
            "/%c0%afadmin",
            "/admin%",
            "/admin%2",
            "/admin%zz",
            "/admin%+1",
            "/%u0061dmin",
            "/ádmin",
            "/a b",
            "/a\tb",
            "/a#b",
            "/public/%252e%252e/%2e",
        ] {
            assert_eq!(segments(raw), None, "{raw}");
        }
    }

    #[test]
    fn escapes_of_delimiters_are_noted_where_they_first_stand() {
        for (raw, want) in [
            ("/files/a/b", None),
            ("/files/a%2Fb", Some(1)),
            ("/files/a%5cb", Some(1)),
            ("/files/x/a%25b%3b", Some(2)),
            ("/a%3fb/c%23d", Some(0)),
            ("/a%20b", None),
        ] {
            let path = Path::parse(raw, "GET");
            assert_eq!(path.map(|p| p.opaque_from()), Ok(want), "{raw}");
        }
    }

    #[test]
    fn the_asterisk_is_for_options_alone() {
        assert!(Path::parse("*", "OPTIONS").is_ok());
        assert!(Path::parse("*", "GET").is_err());
        assert!(Path::parse("/*", "GET").is_ok());
    }
}
