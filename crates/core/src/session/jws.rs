//! JWS compact serialisation (RFC 7515 §3.1): split, decode strictly, read the header.

use std::borrow::Cow;
use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use memchr::memchr_iter;
use serde::de::MapAccess;

use super::json::{Object, Strict, text};
use crate::crypto::VerifyingKey;
use crate::reason::Reason;

/// The three parts of a token, found but not decoded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Compact<'t> {
    header: &'t str,
    payload: &'t str,
    signature: &'t str,
    /// `header.payload`, as sent: what the signature is over.
    signed: &'t str,
}

/// The header parameters that are looked at. All others are ignored, as Clerk asks for; keys in
/// the header (`jwk`, `jku`, `x5u`, `x5c`) among them (RFC 8725 §3.10).
#[derive(Debug, Default)]
pub(super) struct Header<'b> {
    algorithm: Option<Cow<'b, str>>,
    category: Option<Cow<'b, str>>,
    critical: bool,
    kid: Option<Cow<'b, str>>,
    kind: Option<Cow<'b, str>>,
}

impl<'t> Compact<'t> {
    /// Splits `token`. Its length is bounded before anything else is done with it.
    pub(super) fn split(token: &'t str) -> Result<Self, Reason> {
        if token.len() > MAX_TOKEN {
            return Err(Reason::TokenTooLong);
        }
        let mut dots = memchr_iter(b'.', token.as_bytes());
        let (Some(first), Some(second), None) = (dots.next(), dots.next(), dots.next()) else {
            return Err(Reason::TokenMalformed);
        };
        let part = |range: Range<usize>| token.get(range).unwrap_or_default();
        Ok(Self {
            header: part(0..first),
            payload: part(first.saturating_add(1)..second),
            signature: part(second.saturating_add(1)..token.len()),
            signed: part(0..second),
        })
    }

    /// The header as it stands, still encoded.
    pub(super) fn encoded_header(&self) -> &'t str {
        self.header
    }

    /// Decodes the header into `buffer` and reads it.
    pub(super) fn header<'b>(&self, buffer: &'b mut HeaderBuffer) -> Result<Header<'b>, Reason> {
        let length = URL_SAFE_NO_PAD
            .decode_slice(self.header, buffer)
            .map_err(|_| Reason::TokenMalformed)?;
        let bytes = buffer.get(..length).unwrap_or_default();
        let json = std::str::from_utf8(bytes).map_err(|_| Reason::TokenMalformed)?;
        let Strict(header) = serde_json::from_str(json).map_err(|_| Reason::TokenMalformed)?;
        Ok(header)
    }

    /// Decodes the payload into a buffer of its own.
    pub(super) fn payload(&self) -> Result<String, Reason> {
        let bytes = URL_SAFE_NO_PAD.decode(self.payload).ok();
        bytes
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .ok_or(Reason::TokenMalformed)
    }

    /// Decodes the payload of a token whose other parts can be read as well, in whatever encoding
    /// its text is.
    pub(super) fn unverified_payload(&self) -> Option<Vec<u8>> {
        let header = URL_SAFE_NO_PAD.decode(self.header).ok()?;
        let _: serde::de::IgnoredAny = serde_json::from_slice(&header).ok()?;
        URL_SAFE_NO_PAD.decode(self.signature).ok()?;
        URL_SAFE_NO_PAD.decode(self.payload).ok()
    }

    /// Decodes the signature into `buffer`.
    pub(super) fn signature<'b>(
        &self,
        buffer: &'b mut SignatureBuffer,
    ) -> Result<&'b [u8], Reason> {
        let length = URL_SAFE_NO_PAD
            .decode_slice(self.signature, buffer)
            .map_err(|_| Reason::TokenMalformed)?;
        Ok(buffer.get(..length).unwrap_or_default())
    }

    /// Whether `signature` is `key`'s.
    pub(super) fn verify(&self, signature: &[u8], key: &VerifyingKey) -> Result<(), Reason> {
        if key.verify(self.signed.as_bytes(), signature) {
            Ok(())
        } else {
            Err(Reason::TokenSignature)
        }
    }
}

impl Header<'_> {
    /// The `kid`, if there is one.
    pub(super) fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// Refuses what no key can change: an unknown extension, another algorithm than the keys'
    /// own, and every class of token but session tokens.
    ///
    /// Session, template and machine tokens of an instance are signed with the same key; `cat`
    /// tells them apart (CVE class of clerk/javascript#9511). Values unknown today count as
    /// other classes.
    pub(super) fn check(&self) -> Result<(), Reason> {
        // RFC 7515 §4.1.11: an extension that is not understood makes the token invalid.
        if self.critical {
            return Err(Reason::TokenCritical);
        }
        if self.algorithm.as_deref() != Some(VerifyingKey::ALGORITHM) {
            return Err(Reason::TokenAlgorithm);
        }
        let kind = matches!(self.kind.as_deref(), None | Some("JWT"));
        let category = matches!(
            self.category.as_deref(),
            None | Some(SESSION_CATEGORY | ANY_CATEGORY)
        );
        if kind && category {
            Ok(())
        } else {
            Err(Reason::TokenCategory)
        }
    }
}

impl<'de> Object<'de> for Header<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        match name {
            "alg" => self.algorithm = text(map)?,
            "cat" => self.category = text(map)?,
            "kid" => self.kid = text(map)?,
            "typ" => self.kind = text(map)?,
            other => {
                self.critical |= other == "crit";
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Room for a decoded header. Clerk's is about 70 bytes.
pub(super) type HeaderBuffer = [u8; MAX_HEADER];

/// A fresh [`HeaderBuffer`].
pub(super) const fn header_buffer() -> HeaderBuffer {
    [0; MAX_HEADER]
}

/// Room for a decoded signature.
pub(super) type SignatureBuffer = [u8; MAX_SIGNATURE];

/// A fresh [`SignatureBuffer`].
pub(super) const fn signature_buffer() -> SignatureBuffer {
    [0; MAX_SIGNATURE]
}

/// A cookie holds 4 KB; twice that is room for every bearer token Clerk can issue.
const MAX_TOKEN: usize = 8 * 1024;

const MAX_HEADER: usize = 1024;

/// An 8192-bit key signs with 1024 bytes; `base64` wants room for the undecoded estimate.
const MAX_SIGNATURE: usize = 1032;

/// `cat` of session tokens (semantics of Clerk's `jwtCategories`).
const SESSION_CATEGORY: &str = "cl_B7d4PD111AAA";

/// `cat` that some instances stamp on every class: it says nothing.
const ANY_CATEGORY: &str = "cl_I7d4PD111III";

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::{Value, json};

    use super::super::jwk::KeySet;
    use super::*;

    /// Whether a key of `set` has signed `token`, whatever it says.
    fn verify(token: &str, set: &Value) -> Result<(), Reason> {
        let keys = KeySet::from_json(set.to_string().as_bytes());
        let keys = keys.map_err(|_| Reason::KeysUnavailable)?;
        let compact = Compact::split(token)?;
        let (mut buffer, mut signature) = (header_buffer(), signature_buffer());
        let signature = compact.signature(&mut signature)?;
        let header = compact.header(&mut buffer)?;
        header.check()?;
        let key = keys.find(header.kid()).ok_or(Reason::TokenUnknownKey)?;
        compact.verify(signature, key.verifying())
    }

    /// Wycheproof's vectors for whole tokens, which are no part of this repository.
    fn wycheproof() -> Option<Vec<Value>> {
        let folder = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../../shared/vectors/wycheproof/"
        );
        let mut groups = Vec::new();
        for file in ["json_web_signature_test.json", "json_web_key_test.json"] {
            let text = fs::read_to_string(folder.to_owned() + file).ok()?;
            let mut vectors: Value = serde_json::from_str(&text).unwrap();
            groups.append(vectors["testGroups"].as_array_mut().unwrap());
        }
        Some(groups)
    }

    /// One vector is left out: a key from a faulty generator (CVE-2017-15361), which only
    /// knowledge of that generator can tell from a good one. Keys come from Clerk alone.
    #[test]
    fn wycheproofs_valid_rs256_tokens_pass_and_all_others_fail() {
        let Some(groups) = wycheproof() else {
            eprintln!("Wycheproof's vectors for JWS and JWK were not found, so none was checked");
            return;
        };
        for group in groups {
            let keys = ["public", "private"]
                .iter()
                .find_map(|name| group.get(name));
            let key = keys.unwrap();
            let set = if key.get("keys").is_some() {
                key.clone()
            } else {
                json!({ "keys": [key] })
            };
            let rs256 = set["keys"][0]["alg"] == "RS256";
            for test in group["tests"].as_array().unwrap() {
                if test["comment"] == "rejectsKeyWithRocaVulnerability" {
                    continue;
                }
                let found = verify(test["jws"].as_str().unwrap(), &set);
                let want = rs256 && test["result"] == "valid";
                assert_eq!(found.is_ok(), want, "{found:?} {test}");
            }
        }
    }

    /// RFC 7515 §A.2. The key has no `kid` there, and tokens without `kid` find none.
    #[test]
    fn the_rs256_example_of_the_rfc_verifies_and_one_bit_less_does_not() {
        let key = json!({
            "kty": "RSA",
            "kid": "A.2",
            "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
            "e": "AQAB",
        });
        let token = concat!(
            "eyJhbGciOiJSUzI1NiJ9.",
            "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.",
            "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
        );
        let keys = KeySet::from_json(json!({ "keys": [key] }).to_string().as_bytes()).unwrap();
        let key = keys.find(Some("A.2")).unwrap();
        let check = |token: &str, want: Result<(), Reason>| {
            let compact = Compact::split(token).unwrap();
            let mut signature = signature_buffer();
            let signature = compact.signature(&mut signature);
            let verdict = signature.and_then(|it| compact.verify(it, key.verifying()));
            assert_eq!(verdict, want, "{token}");
        };
        check(token, Ok(()));
        check(
            &token.replace(".cC4h", ".cC4i"),
            Err(Reason::TokenSignature),
        );
        check(
            &token.replace("eyJpc3Mi", "eyJpc3Nj"),
            Err(Reason::TokenSignature),
        );
        check(
            &token.replace("JSUzI1NiJ9", "JSUzI1NiK9"),
            Err(Reason::TokenSignature),
        );
    }
}
