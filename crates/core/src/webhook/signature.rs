//! The signature of a webhook delivery: Standard Webhooks, which Svix and so Clerk sign by.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use super::Delivery;
use crate::crypto::MacKey;
use crate::error::ConfigError;
use crate::reason::Reason;
use crate::request::{Field, RequestView, Value};
use crate::secret::Secret;
use crate::time::UnixTime;

/// Verifies that a delivery was signed by whoever shares a secret with this server, recently.
///
/// Usable alone, where a webhook must live in a route of the application. Then the application
/// owes what the gate's own endpoint does: to read the body unparsed and bounded, and to handle
/// each message id once.
#[derive(Clone, Debug)]
pub struct SignatureVerifier {
    keys: Vec<MacKey>,
    tolerance: i64,
}

/// What a delivery says of itself, read from its header lines but not verified.
///
/// Holds copies: the body is read after the request's lines are gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    id: String,
    timestamp: String,
    signatures: String,
}

impl SignatureVerifier {
    /// A verifier that accepts what any of these secrets has signed. Several are live while one
    /// is being rotated.
    ///
    /// A secret is `whsec_` and the key in padded base64, as the Clerk dashboard shows it.
    ///
    /// # Errors
    /// If there is no secret, or one is not of this form. The message never shows a secret.
    pub fn new<'s>(secrets: impl IntoIterator<Item = &'s Secret>) -> Result<Self, ConfigError> {
        let remedy = "copy it from the endpoint's page in the Clerk dashboard: whsec_…";
        let mut keys = Vec::new();
        for secret in secrets {
            let text = secret.expose();
            let key = STANDARD.decode(text.strip_prefix("whsec_").unwrap_or(text));
            match key {
                Ok(key) if !key.is_empty() => keys.push(MacKey::new(&key)),
                _ => return Err(ConfigError::new("webhook secret", "is not base64", remedy)),
            }
        }
        if keys.is_empty() {
            return Err(ConfigError::new("webhook secret", "is missing", remedy));
        }
        Ok(Self {
            keys,
            tolerance: DEFAULT_TOLERANCE,
        })
    }

    /// Sets how old or how far in the future a delivery may be, in seconds: 300 by default, at
    /// least 1.
    ///
    /// # Security
    /// Within this time a captured delivery can be sent again. Its message id still gives it
    /// away, as long as ids are remembered longer than that.
    #[must_use]
    pub fn with_tolerance(mut self, seconds: i64) -> Self {
        self.tolerance = seconds.max(1);
        self
    }

    /// Verifies `body`, the very bytes that came, at the moment `now`.
    ///
    /// The keyed hash is fed id, timestamp and body in turn: nothing is copied, and the body may
    /// be any bytes. Signatures are compared in constant time; one of another version than `v1`
    /// is passed over.
    ///
    /// # Errors
    /// [`Reason::WebhookTimestamp`] or [`Reason::WebhookSignature`]. Clients get the same reply
    /// to both.
    pub fn verify(&self, signed: Signed, body: Bytes, now: UnixTime) -> Result<Delivery, Reason> {
        let timestamp = seconds(&signed.timestamp).ok_or(Reason::WebhookTimestamp)?;
        let age = now.as_secs().saturating_sub(timestamp);
        if !(self.tolerance.saturating_neg()..=self.tolerance).contains(&age) {
            return Err(Reason::WebhookTimestamp);
        }
        let (id, timestamp_text) = (signed.id.as_bytes(), signed.timestamp.as_bytes());
        let parts: [&[u8]; 5] = [id, b".", timestamp_text, b".", &body];
        let genuine = self.keys.iter().any(|key| {
            let code = key.code(&parts);
            signed
                .codes()
                .fold(false, |found, own| found | code.equals(&own))
        });
        if genuine {
            let timestamp = UnixTime::from_secs(timestamp);
            Ok(Delivery::new(signed.id, timestamp, body))
        } else {
            Err(Reason::WebhookSignature)
        }
    }
}

impl Signed {
    /// Reads the header lines `svix-…` or `webhook-…`: one id, one timestamp, one list of
    /// signatures, all of one family.
    ///
    /// # Errors
    /// [`Reason::WebhookHeaders`] if one is missing, empty or repeated, or if the families are
    /// mixed.
    pub fn read(request: &RequestView<'_>) -> Result<Self, Reason> {
        let families = [
            [Field::SvixId, Field::SvixTimestamp, Field::SvixSignature],
            [
                Field::WebhookId,
                Field::WebhookTimestamp,
                Field::WebhookSignature,
            ],
        ];
        let [svix, webhook] = families.map(|family| family.map(|field| request.field(field)));
        let is_absent = |family: &[Value<'_>; 3]| family.iter().all(|v| *v == Value::Absent);
        let family = match (is_absent(&svix), is_absent(&webhook)) {
            (false, true) => svix,
            (true, false) => webhook,
            _ => return Err(Reason::WebhookHeaders),
        };
        let [
            Value::One(id),
            Value::One(timestamp),
            Value::One(signatures),
        ] = family
        else {
            return Err(Reason::WebhookHeaders);
        };
        // A dot would let the border between id and timestamp be drawn in another place.
        let plain = |b: u8| b.is_ascii_graphic() && b != b'.';
        let well_formed = !id.is_empty()
            && id.len() <= MAX_ID
            && id.bytes().all(plain)
            && !timestamp.is_empty()
            && !signatures.is_empty()
            && signatures.len() <= MAX_SIGNATURES;
        if !well_formed {
            return Err(Reason::WebhookHeaders);
        }
        Ok(Self {
            id: id.to_owned(),
            timestamp: timestamp.to_owned(),
            signatures: signatures.to_owned(),
        })
    }

    /// The codes of the `v1` entries that are 32 bytes in padded base64.
    fn codes(&self) -> impl Iterator<Item = [u8; 32]> {
        self.signatures.split(' ').filter_map(|entry| {
            let encoded = entry.strip_prefix("v1,")?;
            // `base64` wants room for its estimate, which is three bytes for every four.
            let mut code = [0; 33];
            let length = STANDARD.decode_slice(encoded, &mut code).ok()?;
            code.get(..length)?.try_into().ok()
        })
    }
}

/// Whole seconds since the epoch, in digits only.
fn seconds(text: &str) -> Option<i64> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

/// As in Svix's own libraries.
const DEFAULT_TOLERANCE: i64 = 300;

/// Svix's ids are 31 characters.
const MAX_ID: usize = 256;

/// Room for twenty signatures, more than any rotation has.
const MAX_SIGNATURES: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    /// The public vectors of Svix's library and of its documentation.
    const VECTORS: [[&str; 5]; 2] = [
        [
            "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
            "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
            "1649367553",
            r#"{"email":"test@example.com","username":"test_user"}"#,
            "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
        ],
        [
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "1614265330",
            r#"{"test": 2432232314}"#,
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        ],
    ];

    fn read(lines: &[(&str, &str)]) -> Result<Signed, Reason> {
        let mut view = RequestView::new("POST", "/", None);
        for (name, value) in lines {
            view.header(name, value.as_bytes());
        }
        Signed::read(&view)
    }

    fn check(secrets: &[&str], signatures: &str, body: &str, ahead: i64, want: Option<Reason>) {
        let [_, id, timestamp, ..] = VECTORS[0];
        let signed = read(&[
            ("svix-id", id),
            ("svix-timestamp", timestamp),
            ("svix-signature", signatures),
        ]);
        let secrets: Vec<_> = secrets.iter().map(|text| Secret::new(*text)).collect();
        let verifier = SignatureVerifier::new(&secrets).unwrap();
        let now = UnixTime::from_secs(timestamp.parse::<i64>().unwrap() + ahead);
        let got = verifier.verify(
            signed.unwrap(),
            Bytes::copy_from_slice(body.as_bytes()),
            now,
        );
        assert_eq!(got.err(), want, "{signatures} {body} {ahead}");
    }

    #[test]
    fn the_public_vectors_verify_in_both_families() {
        for [secret, id, timestamp, body, signature] in VECTORS {
            let verifier = SignatureVerifier::new(&[Secret::new(secret)]).unwrap();
            let now = UnixTime::from_secs(timestamp.parse().unwrap());
            for family in ["svix", "Webhook"] {
                let names = ["id", "timestamp", "signature"].map(|name| format!("{family}-{name}"));
                let lines = [&names[0], &names[1], &names[2]].map(String::as_str);
                let signed = read(&[(lines[0], id), (lines[1], timestamp), (lines[2], signature)]);
                let delivery = verifier
                    .verify(
                        signed.unwrap(),
                        Bytes::copy_from_slice(body.as_bytes()),
                        now,
                    )
                    .unwrap();
                assert_eq!(delivery.id(), id);
            }
        }
    }

    #[test]
    fn only_the_exact_bytes_under_a_live_secret_verify() {
        let [secret, _, _, body, good] = VECTORS[0];
        let [other, ..] = VECTORS[1];
        let bad = Some(Reason::WebhookSignature);
        check(&[secret], good, body, 0, None);
        check(&[other, secret], good, body, 0, None);
        check(&[other], good, body, 0, bad);
        check(&[secret], good, &format!("{body} "), 0, bad);
        check(&[secret], good, "", 0, bad);
        let list = format!("v1a,xyz v2,abc {good}");
        check(&[secret], &list, body, 0, None);
        for signature in [
            "v1,",
            "v1",
            "v2,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
            "tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
            "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw",
            "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkx=",
            "v1,tZ1I4/hDygAJgO5TYxiSdw==",
            "V1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
            "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=,",
            "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        ] {
            check(&[secret], signature, body, 0, bad);
        }
    }

    #[test]
    fn the_tolerance_holds_both_ways_to_the_second() {
        let [secret, _, _, body, good] = VECTORS[0];
        for (ahead, want) in [
            (300, None),
            (301, Some(Reason::WebhookTimestamp)),
            (-300, None),
            (-301, Some(Reason::WebhookTimestamp)),
        ] {
            check(&[secret], good, body, ahead, want);
        }
        for text in [
            "",
            "-1",
            "+1",
            "1.5",
            "123abc",
            " 1",
            "99999999999999999999",
            "0x10",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    #[test]
    fn the_lines_are_one_family_each_line_once() {
        let all = [
            ("svix-id", "a"),
            ("svix-timestamp", "1"),
            ("svix-signature", "v1,x"),
        ];
        assert!(read(&all).is_ok());
        let missing = Err(Reason::WebhookHeaders);
        for absent in 0..all.len() {
            let mut some = all.to_vec();
            some.remove(absent);
            assert_eq!(read(&some), missing, "{absent}");
            let mut twice = all.to_vec();
            twice.push(all[absent]);
            assert_eq!(read(&twice), missing, "{absent}");
            let mut empty = all.to_vec();
            empty[absent].1 = "";
            assert_eq!(read(&empty), missing, "{absent}");
        }
        for more in [("webhook-id", "a"), ("webhook-signature", "v1,x")] {
            let mut mixed = all.to_vec();
            mixed.push(more);
            assert_eq!(read(&mixed), missing, "{more:?}");
        }
        for id in ["a.b", "a b", "á", &"a".repeat(257)] {
            let mut odd = all;
            odd[0].1 = id;
            assert_eq!(read(&odd), missing, "{id}");
        }
    }

    #[test]
    fn a_secret_that_cannot_sign_is_refused_without_being_shown() {
        for text in ["whsec_", "whsec_!", "whsec_abc", ""] {
            let error = SignatureVerifier::new(&[Secret::new(text)]).unwrap_err();
            assert_eq!(error.problem(), "is not base64", "{text}");
        }
        let none: [Secret; 0] = [];
        assert_eq!(
            SignatureVerifier::new(&none).unwrap_err().problem(),
            "is missing"
        );
    }
}
