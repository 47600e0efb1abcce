//! The publishable key: public text that names the instance.

use std::fmt;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, URL_SAFE_NO_PAD};

use super::url::Authority;
use super::variable::Variable;
use super::{DASHBOARD, Environment};
use crate::crypto;
use crate::error::ConfigError;

/// What a Clerk instance is for. Its keys say so: `test` or `live`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstanceKind {
    /// A development instance: `pk_test_` and `sk_test_`.
    Development,
    /// A production instance: `pk_live_` and `sk_live_`.
    Production,
}

impl InstanceKind {
    /// The environment that instances of this kind are made for.
    pub(super) const fn environment(self) -> Environment {
        match self {
            Self::Development => Environment::Development,
            Self::Production => Environment::Production,
        }
    }
}

/// Displays as the word in the keys: `test` or `live`.
impl fmt::Display for InstanceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Development => "test",
            Self::Production => "live",
        })
    }
}

/// A publishable key: `pk_test_` or `pk_live_`, then base64 of the Frontend API host and `$`.
///
/// Public: pages carry it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishableKey {
    text: String,
    kind: InstanceKind,
    frontend_api: String,
    cookie_suffix: String,
}

impl PublishableKey {
    pub(super) fn parse(variable: &Variable) -> Result<Self, ConfigError> {
        let text = variable.text();
        let (kind, payload) = if let Some(payload) = text.strip_prefix("pk_live_") {
            (InstanceKind::Production, payload)
        } else if let Some(payload) = text.strip_prefix("pk_test_") {
            (InstanceKind::Development, payload)
        } else if text.starts_with("sk_") {
            return Err(variable.mistake(
                "is a secret key",
                "write the publishable key, and replace the secret key if a browser may have seen it",
            ));
        } else {
            return Err(variable.mistake(
                "begins with neither \"pk_test_\" nor \"pk_live_\"",
                format!("copy the publishable key from {DASHBOARD}"),
            ));
        };
        let copy_again = format!("copy the whole key from {DASHBOARD}");
        let decoded = LENIENT.decode(payload).ok();
        let Some(decoded) = decoded.and_then(|bytes| String::from_utf8(bytes).ok()) else {
            return Err(variable.mistake("cannot be decoded", copy_again));
        };
        let host = decoded.strip_suffix('$').unwrap_or_default();
        if !host.contains('.') || Authority::parse(host).is_none() {
            let problem = format!("decodes to {decoded:?}, which is not a host and a \"$\"");
            return Err(variable.mistake(problem, copy_again));
        }
        Ok(Self {
            text: text.to_owned(),
            kind,
            frontend_api: host.to_owned(),
            cookie_suffix: cookie_suffix(text),
        })
    }

    /// The key as it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What the instance is for.
    pub fn kind(&self) -> InstanceKind {
        self.kind
    }

    /// The `host[:port]` of the instance's Frontend API, from the key: a proxy does not show here.
    pub fn frontend_api(&self) -> &str {
        &self.frontend_api
    }

    /// The eight characters that tell this instance's cookies from another's on the same
    /// domain: the session cookie is `__session_<suffix>`.
    ///
    /// They depend on how the key is written: with and without `=` at its end it names the same
    /// host but has another suffix. The front end and this server must be given the same text.
    pub fn cookie_suffix(&self) -> &str {
        &self.cookie_suffix
    }
}

/// Clerk's rule (`getCookieSuffix`): base64url of the SHA-1 digest of the key, cut to eight.
fn cookie_suffix(key: &str) -> String {
    let mut suffix = URL_SAFE_NO_PAD.encode(crypto::sha1(key.as_bytes()));
    suffix.truncate(8);
    suffix
}

/// As `atob` decodes: padding may be absent, spare bits are ignored (WHATWG Infra, forgiving-base64 decode).
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD_NO_PAD;

    use super::super::variable::Reader;
    use super::*;

    fn parse(key: &str) -> Result<PublishableKey, String> {
        let source = |_: &str| Some(key.to_owned());
        let mut reader = Reader::new(&source);
        let key = reader.read(&["KEY"], PublishableKey::parse);
        key.ok_or_else(|| reader.into_mistakes().iter().map(|m| m.problem()).collect())
    }

    fn check(key: &str, expected: Result<(InstanceKind, &str), &str>) {
        let parsed = parse(key);
        let parsed = match &parsed {
            Ok(key) => Ok((key.kind(), key.frontend_api())),
            Err(problem) => Err(problem.as_str()),
        };
        assert_eq!(parsed, expected, "{key}");
    }

    #[test]
    fn a_key_decodes_to_its_kind_and_host() {
        use InstanceKind::{Development, Production};
        let accounts = "fake-clerk-test.clerk.accounts.dev";
        let development = "foo-bar-13.clerk.accounts.dev";
        for (key, expected) in [
            (
                "pk_live_ZmFrZS1jbGVyay10ZXN0LmNsZXJrLmFjY291bnRzLmRldiQ=",
                (Production, accounts),
            ),
            (
                "pk_live_ZmFrZS1jbGVyay10ZXN0LmNsZXJrLmFjY291bnRzLmRldiQ",
                (Production, accounts),
            ),
            (
                "pk_live_Y2xlcmsuZXhhbXBsZS5jb20k",
                (Production, "clerk.example.com"),
            ),
            (
                "pk_test_Zm9vLWJhci0xMy5jbGVyay5hY2NvdW50cy5kZXYk",
                (Development, development),
            ),
        ] {
            check(key, Ok(expected));
        }
    }

    #[test]
    fn what_decodes_to_no_host_is_refused() {
        for decoded in [
            "a.b",
            "a.b$x",
            "a.b$$",
            "$a.b$",
            "invalidkey$",
            "$",
            ".$",
            "a.b/c$",
            "u@a.b$",
            "https://a.b$",
            "a.b:x$",
            "a.b\n$",
            "a_b.c$",
            "a .b$",
            "ä.b$",
            "*.b$",
            "[::1]$",
        ] {
            let key = format!("pk_live_{}", STANDARD_NO_PAD.encode(decoded));
            let problem = format!("decodes to {decoded:?}, which is not a host and a \"$\"");
            check(&key, Err(&problem));
        }
    }

    #[test]
    fn a_local_frontend_api_may_have_a_port() {
        let key = format!("pk_test_{}", STANDARD_NO_PAD.encode("127.0.0.1:4001$"));
        check(&key, Ok((InstanceKind::Development, "127.0.0.1:4001")));
    }

    #[test]
    fn what_is_no_publishable_key_is_refused() {
        let prefix = "begins with neither \"pk_test_\" nor \"pk_live_\"";
        for (key, problem) in [
            (
                "pk_live_aW52YWxpZGtleSQ=",
                "decodes to \"invalidkey$\", which is not a host and a \"$\"",
            ),
            ("pk_live_invalid!@#$", "cannot be decoded"),
            ("pk_live_Y2xlcmsuZXhhbXBsZS5jb20k_x", "cannot be decoded"),
            ("pk_live_Y2xlcmsu ZXhhbXBsZS5jb20k", "cannot be decoded"),
            ("pk_live_/////w", "cannot be decoded"),
            ("pk_foo_Y2xlcmsuZXhhbXBsZS5jb20k", prefix),
            ("PK_LIVE_Y2xlcmsuZXhhbXBsZS5jb20k", prefix),
            ("sk_live_Y2xlcmsuZXhhbXBsZS5jb20k", "is a secret key"),
            ("pk_test_", "is a placeholder"),
            ("", "is empty"),
        ] {
            check(key, Err(problem));
        }
    }

    #[test]
    fn the_cookie_suffix_is_the_one_that_clerk_computes() {
        for (key, suffix) in [
            ("pk_live_Y2xlcmsuZXhhbXBsZS5jb20k", "naoXFJnI"),
            (
                "pk_test_Zm9vLWJhci0xMy5jbGVyay5hY2NvdW50cy5kZXYk",
                "nx2hSE6I",
            ),
        ] {
            let parsed = parse(key);
            assert_eq!(
                parsed.as_ref().map(PublishableKey::cookie_suffix),
                Ok(suffix)
            );
        }
    }
}
