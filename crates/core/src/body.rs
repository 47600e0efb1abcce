//! JSON bodies: content type, size, depth, syntax (the guide's step 3).

use serde::de::DeserializeOwned;

use crate::reason::Reason;
use crate::reply::Reply;
use crate::request::{Field, RequestView, Value};

/// What a JSON body may be. The adapter reads the bytes; everything else is decided here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonLimits {
    max_bytes: usize,
    max_depth: usize,
}

impl JsonLimits {
    /// Bodies of at most `max_bytes` bytes, whose arrays and objects nest at most `max_depth`
    /// deep; more than 128 levels are never read.
    pub const fn new(max_bytes: usize, max_depth: usize) -> Self {
        Self {
            max_bytes,
            max_depth,
        }
    }

    /// The most bytes that an adapter may read.
    pub const fn max_bytes(&self) -> usize {
        self.max_bytes
    }

    /// Whether the request announces a JSON body: `application/json`, in any case, alone or
    /// with well-formed parameters (RFC 9110 §8.3.1). A `charset` other than UTF-8 is refused.
    ///
    /// # Errors
    /// The reply to send; the body need not be read.
    pub fn admit(&self, request: &RequestView<'_>) -> Result<(), Reply> {
        match request.field(Field::ContentType) {
            Value::One(value) if is_json(value) => Ok(()),
            _ => Err(Reply::refusal(Reason::InvalidContentType)),
        }
    }

    /// Reads a value from the whole body.
    ///
    /// # Errors
    /// The reply to send: the same for bad syntax, too much depth and a wrong shape.
    pub fn parse<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, Reply> {
        if body.len() > self.max_bytes {
            return Err(Self::too_large());
        }
        if depth(body) > self.max_depth {
            return Err(Reply::refusal(Reason::InvalidJson));
        }
        serde_json::from_slice(body).map_err(|_| Reply::refusal(Reason::InvalidJson))
    }

    /// The reply to a body of more than [`max_bytes`](Self::max_bytes).
    pub fn too_large() -> Reply {
        Reply::refusal(Reason::BodyTooLarge)
    }

    /// The reply to a body that broke off.
    pub fn incomplete() -> Reply {
        Reply::refusal(Reason::BodyIncomplete)
    }
}

impl Default for JsonLimits {
    /// 256 KiB and 32 levels: ample for forms and commands, little for an attacker.
    fn default() -> Self {
        Self::new(256 * 1024, 32)
    }
}

fn is_json(content_type: &str) -> bool {
    let (essence, parameters) = match content_type.split_once(';') {
        Some((essence, parameters)) => (essence, Some(parameters)),
        None => (content_type, None),
    };
    essence
        .trim_matches(BLANK)
        .eq_ignore_ascii_case("application/json")
        && parameters.is_none_or(|list| list.split(';').all(is_parameter))
}

/// `name=value`, the value a token or a quoted token. Nothing in a JSON content type needs a
/// quoted `;`, so a list that has one is refused with the malformed ones.
fn is_parameter(text: &str) -> bool {
    let Some((name, value)) = text.trim_matches(BLANK).split_once('=') else {
        return false;
    };
    let bare = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(value);
    let is_utf8 = !name.eq_ignore_ascii_case("charset") || bare.eq_ignore_ascii_case("utf-8");
    is_token(name) && is_token(bare) && is_utf8
}

/// RFC 9110 §5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

/// How deep arrays and objects nest, without reading any value.
fn depth(json: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut in_string, mut escaped) = (false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' => {
                depth = depth.saturating_add(1);
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

const BLANK: [char; 2] = [' ', '\t'];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_type_is_parsed_not_searched() {
        for (value, want) in [
            ("application/json", true),
            ("Application/JSON", true),
            ("application/json; charset=utf-8", true),
            ("application/json;charset=\"UTF-8\"", true),
            ("application/json ; v=1; charset=utf-8", true),
            ("application/json; charset=iso-8859-1", false),
            ("application/json;", false),
            ("application/json; charset", false),
            ("application/json; =x", false),
            ("application/json garbage", false),
            ("application/json, text/plain", false),
            ("application/jsonx", false),
            ("application/ld+json", false),
            ("text/plain; application/json", false),
            ("text/plain", false),
            ("", false),
        ] {
            assert_eq!(is_json(value), want, "{value}");
        }
    }

    #[test]
    fn depth_counts_brackets_outside_strings() {
        for (json, want) in [
            ("1", 0),
            ("{}", 1),
            (r#"{"a":[{"b":1}]}"#, 3),
            (r#""[[[\"[[""#, 0),
            ("[[]", 2),
            ("]]]", 0),
        ] {
            assert_eq!(depth(json.as_bytes()), want, "{json}");
        }
    }

    #[test]
    fn what_cannot_be_read_gets_the_guides_words() {
        let limits = JsonLimits::new(16, 2);
        let read = |body: &str| {
            limits
                .parse::<Vec<u8>>(body.as_bytes())
                .map_err(|r| r.status())
        };
        assert_eq!(read("[1,2]"), Ok(vec![1, 2]));
        assert_eq!(read("[[[1]]]"), Err(400));
        assert_eq!(read("[1,2"), Err(400));
        assert_eq!(read("{\"a\":1}"), Err(400));
        assert_eq!(read(""), Err(400));
        assert_eq!(read("[1,1,1,1,1,1,1,1,1]"), Err(413));
    }
}
