//! What nobody can do without: one RSA operation for a token.

use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use clerk_gate_testkit::Signer;

/// The public key of [`Signer::primary`], parsed once.
#[derive(Clone, Debug)]
pub struct RawKey(ParsedPublicKey);

impl RawKey {
    /// The key of the test kit.
    ///
    /// # Panics
    /// Never: the test kit's key is in order.
    pub fn new() -> Self {
        let pem = Signer::primary().public_pem();
        let der: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let der = STANDARD.decode(der).expect("the test kit's PEM");
        let key = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der);
        Self(key.expect("the test kit's key"))
    }

    /// Whether the signature of a token is this key's. Nothing else is looked at: no header, no
    /// claim, no time.
    pub fn verifies(&self, token: &str) -> bool {
        let Some((signed, encoded)) = token.rsplit_once('.') else {
            return false;
        };
        let mut signature = [0; 256];
        let length = URL_SAFE_NO_PAD.decode_slice(encoded, &mut signature);
        length.is_ok_and(|length| self.verifies_bytes(signed.as_bytes(), &signature[..length]))
    }

    /// The operation alone.
    pub fn verifies_bytes(&self, signed: &[u8], signature: &[u8]) -> bool {
        self.0.verify_sig(signed, signature).is_ok()
    }
}

impl Default for RawKey {
    fn default() -> Self {
        Self::new()
    }
}
