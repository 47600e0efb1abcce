//! What a token says of itself before anybody has verified it.

use serde_json::{Map, Value};

use super::jws::Compact;
use crate::time::UnixTime;

/// The claims of a token that nobody has verified.
///
/// # Security
/// Anybody can write these. They may choose what is looked at, never who is let in.
#[derive(Debug)]
pub(crate) struct Unverified(Map<String, Value>);

impl Unverified {
    /// The claims, if `token` is three parts of base64url with JSON in the first two. Read as
    /// leniently as Clerk's SDKs do, which is all that is asked of a token here.
    pub(crate) fn read(token: &str) -> Option<Self> {
        let compact = Compact::split(token).ok()?;
        let claims = compact.unverified_payload()?;
        serde_json::from_slice(&claims).ok().map(Self)
    }

    /// `iss`, of whatever type.
    pub(crate) fn issuer(&self) -> Option<&Value> {
        self.0.get("iss")
    }

    /// `iat`; 0 if there is none.
    pub(crate) fn issued(&self) -> f64 {
        self.number("iat").unwrap_or(0.0)
    }

    /// Whether `exp` has passed, without leeway.
    pub(crate) fn has_expired(&self, now: UnixTime) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "no date has 53 bits")]
        let now = now.as_secs() as f64;
        self.number("exp").is_some_and(|expires| expires <= now)
    }

    fn number(&self, name: &str) -> Option<f64> {
        self.0.get(name)?.as_f64()
    }
}
