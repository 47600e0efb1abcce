//! JWS compact serialisation (RFC 7515 §3.1): split, decode strictly, read the header.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::MapAccess;

use super::json::{Object, Strict, text};
use crate::crypto::VerifyingKey;
use crate::reply::Reason;

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
        let (signed, signature) = token.rsplit_once('.').ok_or(Reason::TokenMalformed)?;
        let (header, payload) = signed.split_once('.').ok_or(Reason::TokenMalformed)?;
        if payload.contains('.') {
            return Err(Reason::TokenMalformed);
        }
        Ok(Self {
            header,
            payload,
            signature,
            signed,
        })
    }

    /// Decodes the header into `buffer` and reads it.
    pub(super) fn header<'b>(&self, buffer: &'b mut HeaderBuffer) -> Result<Header<'b>, Reason> {
        let length = URL_SAFE_NO_PAD
            .decode_slice(self.header, buffer)
            .map_err(|_| Reason::TokenMalformed)?;
        let json = buffer.get(..length).unwrap_or_default();
        let Strict(header) = serde_json::from_slice(json).map_err(|_| Reason::TokenMalformed)?;
        Ok(header)
    }

    /// Decodes the payload into a buffer of its own.
    pub(super) fn payload(&self) -> Result<String, Reason> {
        let bytes = URL_SAFE_NO_PAD.decode(self.payload).ok();
        bytes
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .ok_or(Reason::TokenMalformed)
    }

    /// Whether the signature is `key`'s.
    pub(super) fn verify(&self, key: &VerifyingKey) -> Result<(), Reason> {
        let mut buffer = [0; MAX_SIGNATURE];
        let length = URL_SAFE_NO_PAD
            .decode_slice(self.signature, &mut buffer)
            .map_err(|_| Reason::TokenMalformed)?;
        let signature = buffer.get(..length).unwrap_or_default();
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

/// A cookie holds 4 KB; twice that is room for every bearer token Clerk can issue.
const MAX_TOKEN: usize = 8 * 1024;

const MAX_HEADER: usize = 1024;

/// An 8192-bit key signs with 1024 bytes; `base64` wants room for the undecoded estimate.
const MAX_SIGNATURE: usize = 1032;

/// `cat` of session tokens (semantics of Clerk's `jwtCategories`).
const SESSION_CATEGORY: &str = "cl_B7d4PD111AAA";

/// `cat` that some instances stamp on every class: it says nothing.
const ANY_CATEGORY: &str = "cl_I7d4PD111III";
