//! JWK Set text to the keys that can be used (RFC 7517 §5).

use std::error::Error;
use std::fmt;
use std::sync::OnceLock;

use serde::Deserialize;

use crate::crypto::{KeyFault, VerifyingKey};

/// The keys of one instance, parsed once.
#[derive(Debug)]
pub struct KeySet {
    /// Few: Clerk publishes one, two while rotating. A scan beats a hash.
    keys: Vec<Key>,
    /// A key that answers to every `kid`: a PEM key has none of its own.
    any: Option<Key>,
    skipped: Vec<String>,
}

/// A key of a [`KeySet`].
#[derive(Debug)]
pub(crate) struct Key {
    /// Empty for a PEM key.
    kid: Box<str>,
    verifying: VerifyingKey,
    /// The header, still encoded, of the first token that this key has verified. All tokens that
    /// Clerk signs with one key have the same, so it need not be decoded again.
    header: OnceLock<Box<str>>,
}

/// Why a text gives no keys. The message never quotes the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySetError(String);

impl KeySet {
    /// Reads a JWK Set.
    ///
    /// Keys that are weak (below 2048 bits), not RSA, not for signatures, for another algorithm
    /// than `RS256`, without `kid` or of a `kid` seen before are skipped one by one;
    /// [`skipped`](Self::skipped) tells why.
    ///
    /// # Errors
    /// [`KeySetError`] if the text is not a JWK Set or no key of it can be used.
    pub fn from_json(text: &[u8]) -> Result<Self, KeySetError> {
        #[derive(Deserialize)]
        struct Document {
            keys: Vec<serde_json::Value>,
        }

        let document: Document = serde_json::from_slice(text)
            .map_err(|error| KeySetError(format!("not a JWK Set: {}", classify(&error))))?;
        let mut set = Self {
            keys: Vec::new(),
            any: None,
            skipped: Vec::new(),
        };
        for (position, value) in document.keys.into_iter().enumerate() {
            match VerifyingKey::from_jwk(value) {
                Ok((kid, _)) if set.find(Some(&kid)).is_some() => {
                    set.skip(position, "repeats a kid");
                }
                Ok((kid, key)) => set.keys.push(Key::new(kid, key)),
                Err(fault) => set.skip(position, fault),
            }
        }
        if set.keys.is_empty() {
            let reasons = set.skipped.join(", ");
            return Err(KeySetError(format!("no usable key: [{reasons}]")));
        }
        Ok(set)
    }

    /// Takes one key from a DER-encoded `SubjectPublicKeyInfo`. It answers to every `kid`.
    ///
    /// # Errors
    /// [`KeySetError`] if this is not an RSA public key of 2048 to 8192 bits.
    pub fn from_spki_der(der: &[u8]) -> Result<Self, KeySetError> {
        let key = VerifyingKey::from_spki_der(der)
            .map_err(|fault: KeyFault| KeySetError(format!("the key {fault}")))?;
        Ok(Self {
            keys: Vec::new(),
            any: Some(Key::new("", key)),
            skipped: Vec::new(),
        })
    }

    /// The ids of the keys, in document order; empty for a PEM key.
    pub fn kids(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|key| &*key.kid)
    }

    /// Why keys of the document were skipped: `key 2 has no kid`. For operators.
    pub fn skipped(&self) -> &[String] {
        &self.skipped
    }

    /// The key for a token with this `kid`.
    pub(crate) fn find(&self, kid: Option<&str>) -> Option<&Key> {
        let by_kid = kid.and_then(|kid| self.keys.iter().find(|key| *key.kid == *kid));
        by_kid.or(self.any.as_ref())
    }

    /// The key for a token with this encoded header, if it has verified one like it. The header
    /// is then known to be good and to name this key.
    pub(super) fn find_by_header(&self, encoded: &str) -> Option<&Key> {
        self.all()
            .find(|key| key.header.get().is_some_and(|own| **own == *encoded))
    }

    /// Whether `other` verifies the same tokens.
    pub(super) fn has_same_keys(&self, other: &Self) -> bool {
        let same = |a: &Key, b: &Key| a.kid == b.kid && a.verifying == b.verifying;
        let mut both = self.all().zip(other.all());
        self.all().count() == other.all().count() && both.all(|(a, b)| same(a, b))
    }

    fn all(&self) -> impl Iterator<Item = &Key> {
        self.keys.iter().chain(&self.any)
    }

    fn skip(&mut self, position: usize, why: impl fmt::Display) {
        let number = position.saturating_add(1);
        self.skipped.push(format!("key {number} {why}"));
    }
}

impl Key {
    fn new(kid: impl Into<Box<str>>, verifying: VerifyingKey) -> Self {
        Self {
            kid: kid.into(),
            verifying,
            header: OnceLock::new(),
        }
    }

    pub(super) fn verifying(&self) -> &VerifyingKey {
        &self.verifying
    }

    /// Remembers the encoded header of a token that this key has verified, unless one is.
    pub(super) fn remember(&self, encoded: &str) {
        self.header.get_or_init(|| encoded.into());
    }
}

impl fmt::Display for KeySetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for KeySetError {}

/// What kind of fault, without the text it was found in.
fn classify(error: &serde_json::Error) -> &'static str {
    match error.classify() {
        serde_json::error::Category::Io => "unreadable",
        serde_json::error::Category::Syntax => "not JSON",
        serde_json::error::Category::Data => "no array \"keys\"",
        serde_json::error::Category::Eof => "JSON that ends too early",
    }
}
