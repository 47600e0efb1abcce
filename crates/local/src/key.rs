//! The key of one run: made at the start, gone at the end.

use aws_lc_rs::rand::{self, SystemRandom};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use clerk_gate_core::Secret;
use serde_json::{Value, json};

/// An RSA key pair of 2048 bits. Whatever it has signed is worth nothing once it is gone.
pub(crate) struct Key {
    kid: String,
    pair: KeyPair,
}

impl Key {
    /// A fresh key.
    ///
    /// # Panics
    /// If the operating system has no randomness to give.
    pub(crate) fn generate() -> Self {
        Self {
            kid: random_id("ins_"),
            pair: KeyPair::generate(KeySize::Rsa2048).expect("there is randomness"),
        }
    }

    /// The key set (RFC 7517 §5), with the members that Clerk's has.
    pub(crate) fn key_set(&self) -> Value {
        let public = self.pair.public_key();
        json!({ "keys": [{
            "alg": "RS256",
            "e": URL_SAFE_NO_PAD.encode(public.exponent().big_endian_without_leading_zero()),
            "kid": self.kid,
            "kty": "RSA",
            "n": URL_SAFE_NO_PAD.encode(public.modulus().big_endian_without_leading_zero()),
            "use": "sig",
        }] })
    }

    /// A session token with these claims (RFC 7515 §7.1).
    ///
    /// # Panics
    /// If the operating system has no randomness to give.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        let header = json!({
            "alg": "RS256",
            "cat": SESSION_TOKEN,
            "kid": self.kid,
            "typ": "JWT",
        });
        let [header, payload] =
            [&header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let message = format!("{header}.{payload}");
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                message.as_bytes(),
                &mut signature,
            )
            .expect("the buffer is as long as the modulus");
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// An id that nobody can guess: `prefix` and 128 random bits in base64url.
///
/// # Panics
/// If the operating system has no randomness to give.
pub(crate) fn random_id(prefix: &str) -> String {
    format!("{prefix}{}", URL_SAFE_NO_PAD.encode(random::<16>()))
}

/// What deliveries are signed with: `whsec_` and 192 random bits in base64 (Standard Webhooks).
///
/// # Panics
/// If the operating system has no randomness to give.
pub(crate) fn webhook_secret() -> Secret {
    Secret::new(format!("whsec_{}", STANDARD.encode(random::<24>())))
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).expect("there is randomness");
    bytes
}

/// Clerk's category of session tokens (header parameter `cat`).
const SESSION_TOKEN: &str = "cl_B7d4PD111AAA";
