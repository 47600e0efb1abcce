//! Origins as browsers send them (RFC 6454 §6.2).

use super::url::{Authority, Url, default_url};
use crate::error::ConfigError;

/// An origin of the application: `scheme://host[:port]` exactly as browsers send it in `Origin`.
///
/// Lower case, punycode, no default port, no final slash. Compared byte for byte.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin(String);

impl Origin {
    /// Parses the one spelling of an origin that browsers send.
    ///
    /// ```
    /// use clerk_gate_core::Origin;
    ///
    /// let mistake = Origin::parse("https://A.test:443/").map_err(|mistake| mistake.to_string());
    /// assert_eq!(
    ///     mistake,
    ///     Err(r#"trusted origin "https://A.test:443/": a path is not allowed; write "https://a.test""#.into())
    /// );
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] if no browser can send this text, or every site can; the remedy shows the
    /// right form.
    ///
    /// # Security
    /// Pages of a trusted origin may act with the user's cookies. Do not list origins that you
    /// do not control. Plain `http` parses for every host, because development needs it.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let Some(problem) = problem(text) else {
            return Ok(Self(text.to_owned()));
        };
        if !may_be_shown(text) {
            return Err(ConfigError::new("trusted origin", problem, EXAMPLE));
        }
        let remedy =
            suggestion(text).map_or_else(|| EXAMPLE.to_owned(), |s| format!("write {s:?}"));
        Err(ConfigError::new(subject(text), problem, remedy))
    }

    /// The origin as browsers send it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nobody on the network can speak for this origin: `https`, or a loopback host
    /// (Secure Contexts §3.1).
    pub fn is_potentially_trustworthy(&self) -> bool {
        Url::parse(&self.0).is_ok_and(|url| url.is_potentially_trustworthy())
    }

    /// Refuses an origin that others on the network can speak for.
    pub(super) fn secured(self) -> Result<Self, ConfigError> {
        if self.is_potentially_trustworthy() {
            return Ok(self);
        }
        let secure = self.0.replacen("http:", "https:", 1);
        let remedy = format!("write {secure:?}");
        Err(ConfigError::new(
            subject(&self.0),
            "plain http in production",
            remedy,
        ))
    }
}

fn subject(text: &str) -> String {
    format!("trusted origin {text:?}")
}

fn problem(text: &str) -> Option<&'static str> {
    if text == "null" {
        return Some("\"null\" is what every sandboxed page sends");
    }
    if text.contains('*') {
        return Some("a wildcard trusts hosts that others control");
    }
    let url = match Url::parse(text) {
        Ok(url) => url,
        Err(problem) => return Some(problem),
    };
    match url.rest.chars().next() {
        Some('?') => Some("a query is not allowed"),
        Some('#') => Some("a fragment is not allowed"),
        Some(_) => Some("a path is not allowed"),
        None if text.bytes().any(|b| b.is_ascii_uppercase()) => Some("upper case is not allowed"),
        None if has_default_port(&url) => Some("the default port is not allowed"),
        None => None,
    }
}

/// Whether a mistaken value may be quoted: it looks like a URL or a host, not like a secret that
/// was pasted into the wrong variable.
fn may_be_shown(text: &str) -> bool {
    let is_url = text.contains("://") && !text.contains('@');
    is_url || (text.contains(['.', ':']) && Authority::parse(text).is_some())
}

/// The origin that was meant.
fn suggestion(text: &str) -> Option<String> {
    let mut absolute = text.to_ascii_lowercase();
    if !absolute.contains("://") {
        absolute = default_url(&absolute);
    }
    let url = Url::parse(&absolute).ok()?;
    let (scheme, host) = (url.scheme, url.authority.host);
    Some(match url.authority.port {
        Some(port) if !has_default_port(&url) => format!("{scheme}://{host}:{port}"),
        _ => format!("{scheme}://{host}"),
    })
}

fn has_default_port(url: &Url<'_>) -> bool {
    matches!(
        (url.scheme, url.authority.port),
        ("https", Some(443)) | ("http", Some(80))
    )
}

const EXAMPLE: &str = "list each origin by itself, like \"https://app.example.com\"";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_browsers_send_is_accepted_as_it_is() {
        for text in [
            "https://a.test",
            "https://a.test:8443",
            "https://xn--bcher-kva.test",
            "http://localhost:3000",
            "http://127.0.0.1:3000",
            "http://[::1]:3000",
            "http://a.test",
        ] {
            let origin = Origin::parse(text);
            assert_eq!(origin.as_ref().map(Origin::as_str), Ok(text));
        }
    }

    #[test]
    fn mistakes_show_the_right_form() {
        let path = "a path is not allowed";
        let host = "the host or port is not valid";
        for (text, problem, remedy) in [
            ("https://a.test/", path, "write \"https://a.test\""),
            ("https://A.test/", path, "write \"https://a.test\""),
            ("https://a.test/x?y", path, "write \"https://a.test\""),
            ("https://a.test\\x", path, "write \"https://a.test\""),
            (
                "https://a.test?x",
                "a query is not allowed",
                "write \"https://a.test\"",
            ),
            (
                "https://a.test#x",
                "a fragment is not allowed",
                "write \"https://a.test\"",
            ),
            (
                "HTTPS://a.test",
                "upper case is not allowed",
                "write \"https://a.test\"",
            ),
            (
                "https://a.test:443",
                "the default port is not allowed",
                "write \"https://a.test\"",
            ),
            (
                "http://localhost:80",
                "the default port is not allowed",
                "write \"http://localhost\"",
            ),
            (
                "a.test",
                "the scheme is missing",
                "write \"https://a.test\"",
            ),
            (
                "localhost:3000",
                "the scheme is missing",
                "write \"http://localhost:3000\"",
            ),
            (
                "ftp://a.test",
                "the scheme is neither \"https\" nor \"http\"",
                EXAMPLE,
            ),
            (
                "https://b\u{fc}cher.test",
                "only visible ASCII is allowed",
                EXAMPLE,
            ),
            (
                "https://a.test https://b.test",
                "only visible ASCII is allowed",
                EXAMPLE,
            ),
            ("https://", host, EXAMPLE),
            ("https:///", host, EXAMPLE),
            ("https://a.test.", host, EXAMPLE),
            ("https://a.test,https://b.test", host, EXAMPLE),
            (
                "https://*.a.test",
                "a wildcard trusts hosts that others control",
                EXAMPLE,
            ),
        ] {
            let expected = ConfigError::new(subject(text), problem, remedy);
            assert_eq!(Origin::parse(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn what_may_be_a_secret_is_not_quoted() {
        for (text, problem) in [
            ("", "the scheme is missing"),
            ("*", "a wildcard trusts hosts that others control"),
            ("null", "\"null\" is what every sandboxed page sends"),
            ("sk_live_planted", "the scheme is missing"),
            ("C2FVsBQIhrscChlQIMVb5sSYspob7oD", "the scheme is missing"),
            (
                "https://user:planted@a.test",
                "a user name or password is not allowed",
            ),
        ] {
            let expected = ConfigError::new("trusted origin", problem, EXAMPLE);
            assert_eq!(Origin::parse(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn plain_http_is_trustworthy_on_this_machine_only() {
        for (text, expected) in [
            ("https://a.test", true),
            ("http://localhost:3000", true),
            ("http://127.0.0.1", true),
            ("http://[::1]:3000", true),
            ("http://a.test", false),
            ("http://localhost.a.test", false),
            ("http://10.0.0.1", false),
        ] {
            let origin = Origin::parse(text);
            assert_eq!(
                origin.map(|o| o.is_potentially_trustworthy()),
                Ok(expected),
                "{text}"
            );
        }
    }
}
