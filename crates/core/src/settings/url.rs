//! The parts of a URL that settings and policies are made of.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::variable::Variable;
use crate::error::ConfigError;

/// `host[:port]` as browsers write it (RFC 3986 §3.2), without user information.
#[derive(Clone, Copy)]
pub(crate) struct Authority<'t> {
    /// A host name in either case, a canonical IPv4 address, or an IPv6 address in brackets.
    pub(crate) host: &'t str,
    pub(crate) port: Option<u16>,
}

impl<'t> Authority<'t> {
    pub(crate) fn parse(text: &'t str) -> Option<Self> {
        let end = if text.starts_with('[') {
            text.find(']')?.checked_add(1)?
        } else {
            text.find(':').unwrap_or(text.len())
        };
        let (host, rest) = text.split_at_checked(end)?;
        let port = match rest.strip_prefix(':') {
            Some(digits) => Some(port(digits)?),
            None if rest.is_empty() => None,
            None => return None,
        };
        is_host(host).then_some(Self { host, port })
    }

    /// Whether requests to this host stay on this machine.
    pub(crate) fn is_loopback(self) -> bool {
        matches!(self.host, "localhost" | "127.0.0.1" | "[::1]")
    }
}

/// An absolute `http` or `https` URL (RFC 3986 §3) of visible ASCII.
pub(crate) struct Url<'t> {
    /// In either case.
    pub(crate) scheme: &'t str,
    pub(crate) authority: Authority<'t>,
    /// Path, query and fragment, unchecked.
    pub(crate) rest: &'t str,
}

impl<'t> Url<'t> {
    /// Splits a URL, or says what is wrong with it.
    pub(crate) fn parse(text: &'t str) -> Result<Self, &'static str> {
        if !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err("only visible ASCII is allowed");
        }
        let (scheme, rest) = text.split_once("://").ok_or("the scheme is missing")?;
        if !["https", "http"]
            .iter()
            .any(|s| scheme.eq_ignore_ascii_case(s))
        {
            return Err("the scheme is neither \"https\" nor \"http\"");
        }
        let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at_checked(end).unwrap_or((rest, ""));
        if authority.contains('@') {
            return Err("a user name or password is not allowed");
        }
        let authority = Authority::parse(authority).ok_or("the host or port is not valid")?;
        Ok(Self {
            scheme,
            authority,
            rest,
        })
    }

    /// Whether nobody between here and there can read along (Secure Contexts §3.1).
    pub(crate) fn is_potentially_trustworthy(&self) -> bool {
        self.scheme == "https" || (self.scheme == "http" && self.authority.is_loopback())
    }
}

/// Whether `path` consists of the characters of RFC 3986 §3.3, without `;` and `,`, which
/// separate things in header fields.
pub(crate) fn is_plain_path(path: &str) -> bool {
    path.bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"-._~!$&'()*+=:@%/".contains(&b))
}

/// Parses the URL that other URLs are made from by appending a path. Without a final slash.
pub(super) fn base_url(variable: &Variable) -> Result<String, ConfigError> {
    let text = variable.text();
    let problem = match Url::parse(text) {
        Err(problem) => problem,
        Ok(url) if !url.is_potentially_trustworthy() => {
            "only https is allowed, or http to localhost"
        }
        Ok(url) if !is_plain_path(url.rest) => "only a plain path may follow the host",
        Ok(_) => return Ok(text.trim_end_matches('/').to_owned()),
    };
    Err(variable.mistake(problem, "write it like \"https://clerk.example.com\""))
}

/// The URL of an authority that comes without a scheme: only this machine has no TLS.
pub(super) fn default_url(authority: &str) -> String {
    match Authority::parse(authority) {
        Some(parsed) if parsed.is_loopback() => format!("http://{authority}"),
        _ => format!("https://{authority}"),
    }
}

/// A port as browsers write it: 1 to 65535, no sign, no leading zero.
fn port(digits: &str) -> Option<u16> {
    let number: u16 = digits.parse().ok()?;
    (number > 0 && number.to_string() == digits).then_some(number)
}

fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        // Browsers never write the dotted tail that `Display` has for mapped addresses.
        return !address.contains('.')
            && address
                .parse::<Ipv6Addr>()
                .is_ok_and(|parsed| parsed.to_string() == address);
    }
    let last = host.rsplit('.').next().unwrap_or_default();
    if last.bytes().all(|b| b.is_ascii_digit()) {
        return host.parse::<Ipv4Addr>().is_ok();
    }
    host.len() <= 253 && host.split('.').all(is_label)
}

/// RFC 1123 §2.1: letters, digits and inner hyphens.
fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_is_a_host_and_an_optional_port() {
        let label = "a".repeat(64);
        let cases = [
            ("a.test", Some(("a.test", None))),
            ("A-1.test:8080", Some(("A-1.test", Some(8080)))),
            ("localhost:1", Some(("localhost", Some(1)))),
            ("127.0.0.1:65535", Some(("127.0.0.1", Some(65535)))),
            ("[::1]:3000", Some(("[::1]", Some(3000)))),
            ("", None),
            (":80", None),
            ("a.test:", None),
            ("a.test:0", None),
            ("a.test:080", None),
            ("a.test:+80", None),
            ("a.test:65536", None),
            ("a.test:80:80", None),
            ("a..test", None),
            ("a.test.", None),
            (".a.test", None),
            ("-a.test", None),
            ("a-.test", None),
            ("a_b.test", None),
            ("a b.test", None),
            ("a.test/x", None),
            ("u@a.test", None),
            ("127.0.0.01", None),
            ("1.2.3", None),
            ("127.1", None),
            ("256.0.0.1", None),
            ("[::1", None),
            ("[::1]x", None),
            ("[::01]", None),
            ("[::ffff:1.2.3.4]", None),
            ("[127.0.0.1]", None),
            ("ä.test", None),
            (&label, None),
        ];
        for (text, expected) in cases {
            let parsed = Authority::parse(text).map(|a| (a.host, a.port));
            assert_eq!(parsed, expected, "{text}");
        }
    }
}
