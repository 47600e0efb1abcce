//! Nonces: what tells a page's own inline scripts from injected ones.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::crypto;

/// The nonce of one response: 16 random bytes in base64 (CSP Level 3 §7.1 asks for at least 128
/// bits).
///
/// A page puts it into its own script tags: `<script nonce="…">`.
///
/// # Security
/// Whoever learns it before the page is sent can run scripts in the page. Never reuse one, and
/// never put it where page content can read it back, like a URL.
#[derive(Clone)]
pub struct Nonce([u8; 24]);

impl Nonce {
    /// A fresh nonce, or `None` where the system has no randomness to give.
    pub(crate) fn random() -> Option<Self> {
        let mut text = [0; 24];
        STANDARD
            .encode_slice(crypto::random::<16>()?, &mut text)
            .ok()?;
        Some(Self(text))
    }

    /// The 24 characters, as they stand in the `nonce` attribute.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Nonce")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_base64_of_sixteen_bytes_and_never_the_same() {
        let nonces = [Nonce::random(), Nonce::random()];
        let texts: Vec<_> = nonces.iter().flatten().map(Nonce::as_str).collect();
        assert_eq!(texts.len(), 2);
        assert_ne!(texts.first(), texts.last());
        for text in texts {
            assert_eq!(STANDARD.decode(text).map(|bytes| bytes.len()), Ok(16));
        }
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Nonce([b'A'; 24])), "Nonce");
    }
}
