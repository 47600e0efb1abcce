//! Fixed RSA key pairs, and the key sets that publish them.

use std::fmt;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

/// A key pair that signs test tokens.
pub struct Signer {
    kid: &'static str,
    private: EncodingKey,
    public_pem: &'static str,
    /// The modulus as it stands in a JWK: base64url, no padding.
    modulus: String,
}

impl Signer {
    /// The instance's own key, 2048 bits.
    pub fn primary() -> &'static Self {
        static SIGNER: LazyLock<Signer> = LazyLock::new(|| {
            Signer::new(
                "ins_2test0primary0key000000000000",
                include_str!("../keys/test-only-primary.private.pem"),
                include_str!("../keys/test-only-primary.public.pem"),
                2048,
            )
        });
        &SIGNER
    }

    /// Another instance's key, or the next one after a rotation, 2048 bits.
    pub fn other() -> &'static Self {
        static SIGNER: LazyLock<Signer> = LazyLock::new(|| {
            Signer::new(
                "ins_2test0other00key0000000000000",
                include_str!("../keys/test-only-other.private.pem"),
                include_str!("../keys/test-only-other.public.pem"),
                2048,
            )
        });
        &SIGNER
    }

    /// A key of 1024 bits, for key sets: `RS256` needs 2048 (RFC 7518 §3.3).
    ///
    /// It cannot sign, since no cryptography library here agrees to. To show that it is
    /// skipped, name its [`kid`](Self::kid) in a token: the key is then unknown.
    pub fn weak() -> &'static Self {
        static SIGNER: LazyLock<Signer> = LazyLock::new(|| {
            Signer::new(
                "ins_2test0weak000key0000000000000",
                include_str!("../keys/test-only-weak.private.pem"),
                include_str!("../keys/test-only-weak.public.pem"),
                1024,
            )
        });
        &SIGNER
    }

    fn new(
        kid: &'static str,
        private_pem: &str,
        public_pem: &'static str,
        modulus_bits: usize,
    ) -> Self {
        // An RSA `SubjectPublicKeyInfo` ends with the modulus and the exponent 65537.
        let spki = pem_content(public_pem);
        let modulus_end = spki.len() - EXPONENT_DER.len();
        assert_eq!(spki[modulus_end..], EXPONENT_DER);
        Self {
            kid,
            private: EncodingKey::from_rsa_der(&pem_content(private_pem)),
            public_pem,
            modulus: URL_SAFE_NO_PAD.encode(&spki[modulus_end - modulus_bits / 8..modulus_end]),
        }
    }

    /// The id of the key.
    pub fn kid(&self) -> &'static str {
        self.kid
    }

    /// The public key as a JSON Web Key, with the members that Clerk sends: `alg`, `e`, `kid`,
    /// `kty`, `n`, `use`.
    pub fn jwk(&self) -> Value {
        json!({
            "alg": "RS256",
            "e": "AQAB",
            "kid": self.kid,
            "kty": "RSA",
            "n": self.modulus,
            "use": "sig",
        })
    }

    /// The public key as a `PUBLIC KEY` PEM block, as Clerk's dashboard shows it.
    pub fn public_pem(&self) -> String {
        self.public_pem[self.public_pem.find("-----BEGIN").unwrap_or(0)..].to_owned()
    }

    /// The `RS256` signature of `message`, in base64url.
    pub(crate) fn sign(&self, message: &str) -> String {
        sign(Algorithm::RS256, &self.private, message)
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}

/// The JWK Set (RFC 7517 §5) that publishes `signers`, in this order, as JSON text.
pub fn key_set(signers: &[&Signer]) -> String {
    let keys: Vec<Value> = signers.iter().map(|signer| signer.jwk()).collect();
    json!({ "keys": keys }).to_string()
}

/// The signature of `message`, in base64url.
///
/// The backend is named, because `jsonwebtoken` panics where another crate of the build turns
/// on its second one.
pub(crate) fn sign(algorithm: Algorithm, key: &EncodingKey, message: &str) -> String {
    let signature = (DEFAULT_PROVIDER.signer_factory)(&algorithm, key)
        .expect("the key fits the algorithm")
        .try_sign(message.as_bytes())
        .expect("the key is strong enough to sign");
    URL_SAFE_NO_PAD.encode(signature)
}

/// The DER inside the one block of a PEM file (RFC 7468 §3).
fn pem_content(pem: &str) -> Vec<u8> {
    let base64: String = pem
        .lines()
        .skip_while(|line| !line.starts_with("-----BEGIN"))
        .skip(1)
        .take_while(|line| !line.starts_with("-----END"))
        .collect();
    STANDARD.decode(base64).expect("key files are valid PEM")
}

/// The DER integer 65537.
const EXPONENT_DER: [u8; 5] = [0x02, 0x03, 0x01, 0x00, 0x01];

#[cfg(test)]
mod tests {
    use clerk_gate_core::KeySet;
    use jsonwebtoken::jwk::JwkSet;

    use super::*;

    #[test]
    fn the_key_set_is_a_jwk_set_in_order() {
        let text = key_set(&[Signer::other(), Signer::primary()]);
        let set: JwkSet = serde_json::from_str(&text).expect("a JWK Set");
        let kids: Vec<_> = set
            .keys
            .iter()
            .map(|key| key.common.key_id.as_deref())
            .collect();
        assert_eq!(
            kids,
            [Some(Signer::other().kid()), Some(Signer::primary().kid())]
        );
    }

    #[test]
    fn the_core_reads_the_strong_keys_and_skips_the_weak_one() {
        let text = key_set(&[Signer::weak(), Signer::primary()]);
        let set = KeySet::from_json(text.as_bytes()).expect("a usable key");
        assert!(set.kids().eq([Signer::primary().kid()]));
    }

    #[test]
    fn the_public_pem_is_one_block_that_the_core_reads() {
        let pem = Signer::primary().public_pem();
        assert!(pem.starts_with("-----BEGIN PUBLIC KEY-----\n"), "{pem}");
        assert!(KeySet::from_spki_der(&pem_content(&pem)).is_ok());
    }

    #[test]
    fn debug_shows_no_private_key() {
        let text = format!("{:?}", Signer::primary());
        assert_eq!(
            text,
            r#"Signer { kid: "ins_2test0primary0key000000000000", .. }"#
        );
    }
}
