//! A builder of session tokens, good and bad.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Map, Value, json};

use crate::signer::{Signer, sign};
use crate::{ISSUER, NOW, ORIGIN};

/// A token that is not signed yet: every header parameter, claim and byte can be changed.
///
/// ```
/// use clerk_gate_testkit::{Signer, Token};
///
/// let admin = Token::session()
///     .organization("org_2test", "acme", "admin")
///     .sign(Signer::primary());
/// assert_eq!(admin.split('.').count(), 3);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Token {
    header: Map<String, Value>,
    claims: Map<String, Value>,
    /// Stand in for the JSON of `header` and `claims`.
    raw_header: Option<Vec<u8>>,
    raw_payload: Option<Vec<u8>>,
}

impl Token {
    /// A session token of version 2 as Clerk issues it, issued at [`NOW`] for 60 seconds by
    /// [`ISSUER`] to a page of [`ORIGIN`], under the `kid` of [`Signer::primary`].
    pub fn session() -> Self {
        let now = NOW.as_secs();
        Self {
            header: object(json!({
                "alg": "RS256",
                "cat": "cl_B7d4PD111AAA",
                "kid": Signer::primary().kid(),
                "typ": "JWT",
            })),
            claims: object(json!({
                "azp": ORIGIN,
                "exp": now + 60,
                "fva": [0, -1],
                "iat": now,
                "iss": ISSUER,
                "jti": "2test0token000000000",
                "nbf": now - 10,
                "sid": "sess_2test0session0000000000000000",
                "sts": "active",
                "sub": "user_2test0user0000000000000000000",
                "v": 2,
            })),
            raw_header: None,
            raw_payload: None,
        }
    }

    /// Sets a claim to any JSON value, of the right type or not.
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    /// Removes a claim.
    pub fn without(mut self, name: &str) -> Self {
        self.claims.remove(name);
        self
    }

    /// Sets a header parameter to any JSON value. The token is signed the same way whatever
    /// `alg` says.
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.insert(name.to_owned(), value.into());
        self
    }

    /// Removes a header parameter.
    pub fn without_header(mut self, name: &str) -> Self {
        self.header.remove(name);
        self
    }

    /// Makes an organization active. `role` is written without the prefix `org:`.
    ///
    /// The claims are those of the token's version; call [`v1`](Self::v1) first.
    pub fn organization(self, id: &str, slug: &str, role: &str) -> Self {
        if self.claims.contains_key("v") {
            self.claim("o", json!({ "id": id, "rol": role, "slg": slug }))
        } else {
            self.claim("org_id", id)
                .claim("org_role", format!("org:{role}"))
                .claim("org_slug", slug)
        }
    }

    /// Turns the token into one of version 1, which has no claim `v`.
    pub fn v1(self) -> Self {
        self.without("v")
    }

    /// Replaces the header by these bytes: JSON with duplicate names, or no JSON at all.
    pub fn raw_header(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.raw_header = Some(bytes.into());
        self
    }

    /// Replaces the payload by these bytes: JSON with duplicate names, or no JSON at all.
    pub fn raw_payload(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.raw_payload = Some(bytes.into());
        self
    }

    /// The token with `signer`'s `RS256` signature. The `kid` stays what the header says.
    ///
    /// # Panics
    /// If `signer` is [`Signer::weak`].
    pub fn sign(&self, signer: &Signer) -> String {
        self.signed(|message| signer.sign(message))
    }

    /// The token with `alg` set to `none` and an empty signature (RFC 7519 §6).
    pub fn sign_none(&self) -> String {
        let unsecured = self.clone().header("alg", "none");
        unsecured.signed(|_| String::new())
    }

    /// The token with `alg` set to `HS256`, signed with `secret`.
    ///
    /// With a public key as the secret this is the confusion of RFC 8725 §2.1.
    pub fn sign_hs256(&self, secret: &[u8]) -> String {
        let key = EncodingKey::from_secret(secret);
        let symmetric = self.clone().header("alg", "HS256");
        symmetric.signed(|message| sign(Algorithm::HS256, &key, message))
    }

    fn signed(&self, sign: impl FnOnce(&str) -> String) -> String {
        let header = encode(self.raw_header.as_deref(), &self.header);
        let payload = encode(self.raw_payload.as_deref(), &self.claims);
        let message = format!("{header}.{payload}");
        let signature = sign(&message);
        format!("{message}.{signature}")
    }
}

fn encode(raw: Option<&[u8]>, map: &Map<String, Value>) -> String {
    match raw {
        Some(bytes) => URL_SAFE_NO_PAD.encode(bytes),
        None => URL_SAFE_NO_PAD.encode(json!(map).to_string()),
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => unreachable!("{other} is not an object"),
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::DecodingKey;
    use jsonwebtoken::crypto::verify;

    use super::*;

    #[test]
    fn jsonwebtoken_accepts_the_signature_of_the_signer_alone() {
        #[track_caller]
        fn check(token: &str, signer: &Signer, want: bool) {
            let (message, signature) = token.rsplit_once('.').expect("three parts");
            let jwk = signer.jwk();
            let part = |name| jwk[name].as_str().expect("a string");
            let key = DecodingKey::from_rsa_components(part("n"), part("e")).expect("a key");
            let verified = verify(signature, message.as_bytes(), &key, Algorithm::RS256);
            assert_eq!(verified.ok(), Some(want));
        }

        let (primary, other) = (Signer::primary(), Signer::other());
        check(&Token::session().sign(primary), primary, true);
        check(&Token::session().sign(other), other, true);
        check(&Token::session().sign(other), primary, false);
        check(
            &Token::session().raw_payload("{").sign(primary),
            primary,
            true,
        );
        check(&Token::session().sign_none(), primary, false);
        check(&Token::session().sign_hs256(b"secret"), primary, false);
    }

    #[test]
    fn hs256_is_a_true_hmac() {
        let token = Token::session().sign_hs256(b"secret");
        let (message, signature) = token.rsplit_once('.').expect("three parts");
        let key = DecodingKey::from_secret(b"secret");
        let verified = verify(signature, message.as_bytes(), &key, Algorithm::HS256);
        assert_eq!(verified.ok(), Some(true));
    }

    #[test]
    fn header_and_claims_are_signed_as_they_were_set() {
        #[track_caller]
        fn check(token: &Token, part: usize, pointer: &str, want: impl Into<Value>) {
            let text = token.sign(Signer::primary());
            let encoded = text.split('.').nth(part).expect("three parts");
            let bytes = URL_SAFE_NO_PAD.decode(encoded).expect("base64url");
            let json: Value = serde_json::from_slice(&bytes).expect("JSON");
            let got = json.pointer(pointer).cloned().unwrap_or_default();
            assert_eq!(got, want.into(), "{pointer}");
        }

        let session = Token::session();
        check(&session, 0, "/kid", Signer::primary().kid());
        check(&session, 1, "/exp", 1_800_000_060);
        check(&session, 1, "/fva", [0, -1].as_slice());

        let odd = session.clone().header("crit", ["x"].as_slice());
        let odd = odd
            .without_header("typ")
            .claim("exp", "soon")
            .without("sid");
        check(&odd, 0, "/crit/0", "x");
        check(&odd, 0, "/typ", Value::Null);
        check(&odd, 1, "/exp", "soon");
        check(&odd, 1, "/sid", Value::Null);

        let member = session.clone().organization("org_1", "acme", "admin");
        check(&member, 1, "/o/rol", "admin");
        check(&member, 1, "/org_role", Value::Null);

        let member = session.v1().organization("org_1", "acme", "admin");
        check(&member, 1, "/org_role", "org:admin");
        check(&member, 1, "/o", Value::Null);
        check(&member, 1, "/v", Value::Null);
    }

    #[test]
    fn raw_parts_are_signed_byte_for_byte() {
        #[track_caller]
        fn check(token: &Token, part: usize, want: &[u8]) {
            let text = token.sign(Signer::primary());
            let encoded = text.split('.').nth(part).expect("three parts");
            assert_eq!(URL_SAFE_NO_PAD.decode(encoded).as_deref(), Ok(want));
        }

        let doubled = br#"{"sub":"a","sub":"b"}"#;
        check(&Token::session().raw_payload(doubled), 1, doubled);
        check(&Token::session().raw_payload([0xff]), 1, &[0xff]);
        check(&Token::session().raw_header("{}"), 0, b"{}");
    }
}
