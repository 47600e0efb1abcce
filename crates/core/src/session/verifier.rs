//! From a token to a [`Session`]: the order of the checks, and the checks.

use std::sync::Arc;

use super::claims::Claims;
use super::jws::{Compact, header_buffer};
use super::keyring::{KeyWait, Keyring, Wanted};
use super::{Check, Inner, Session};
use crate::reason::Reason;
use crate::time::UnixTime;

/// Verifies session tokens of one Clerk instance.
///
/// The gate has one inside. Used alone it answers for tokens that do not arrive as a request's
/// credential, such as one sent over an open WebSocket.
///
/// # Security
/// The issuer is always checked: two instances in one process never accept each other's tokens.
#[derive(Clone, Debug)]
pub struct Verifier {
    issuer: Box<str>,
    keyring: Keyring,
    leeway: i64,
    longest_life: i64,
    audience: Vec<Box<str>>,
    parties: Vec<Box<str>>,
    parties_check: Check,
}

/// What becomes of a token.
#[derive(Debug)]
#[must_use]
pub enum Verification {
    /// It is a session.
    Verified(Session),
    /// It is not, for this reason.
    Refused(Reason),
    /// Its key may be a new one: await this, then verify once more with
    /// [`Verifier::verify_finally`].
    AwaitKeys(KeyWait),
}

impl Verifier {
    /// A verifier for tokens whose `iss` is exactly `issuer`: the instance's Frontend API URL
    /// with scheme and without a final slash, such as `https://clerk.example.com`.
    pub fn new(issuer: impl Into<Box<str>>, keyring: Keyring) -> Self {
        Self {
            issuer: issuer.into(),
            keyring,
            leeway: DEFAULT_LEEWAY,
            longest_life: MAX_LIFETIME,
            audience: Vec::new(),
            parties: Vec::new(),
            parties_check: Check::Off,
        }
    }

    /// Sets the clock difference tolerated between Clerk and this server, in seconds: 5 by
    /// default, 0 is honoured, values outside 0 to 60 are brought to the nearer end.
    #[must_use]
    pub fn with_leeway(mut self, seconds: i64) -> Self {
        self.leeway = seconds.clamp(0, MAX_LEEWAY);
        self
    }

    /// Sets the longest life of a token, from `iat` to `exp`, in seconds: two days by default and at
    /// most. A token that lives longer is refused.
    #[must_use]
    pub fn with_longest_life(mut self, seconds: i64) -> Self {
        self.longest_life = seconds.min(MAX_LIFETIME);
        self
    }

    /// Demands that `aud` names one of `audience`. A token without `aud` is then refused, too.
    #[must_use]
    pub fn with_audience<A: Into<Box<str>>>(
        mut self,
        audience: impl IntoIterator<Item = A>,
    ) -> Self {
        self.audience = audience.into_iter().map(Into::into).collect();
        self
    }

    /// Demands that `azp`, the origin of the page that got the token, is one of `parties`,
    /// compared byte for byte. A token without `azp` does not pass.
    #[must_use]
    pub fn with_authorized_parties<P: Into<Box<str>>>(
        mut self,
        check: Check,
        parties: impl IntoIterator<Item = P>,
    ) -> Self {
        self.parties_check = check;
        self.parties = parties.into_iter().map(Into::into).collect();
        self
    }

    /// Verifies `token` at the moment `now`.
    pub fn verify(&self, token: &str, now: UnixTime) -> Verification {
        match self.attempt(token, now, false) {
            Ok(session) => Verification::Verified(session),
            Err(Fault::Reason(reason)) => Verification::Refused(reason),
            Err(Fault::Wait(wait)) => Verification::AwaitKeys(wait),
        }
    }

    /// Verifies `token` with the keys that are there now; never waits.
    ///
    /// # Errors
    /// The reason of the refusal. [`Reason::KeysUnavailable`] is this server's fault, not the
    /// token's.
    pub fn verify_finally(&self, token: &str, now: UnixTime) -> Result<Session, Reason> {
        self.attempt(token, now, true).map_err(|fault| match fault {
            Fault::Reason(reason) => reason,
            Fault::Wait(_) => Reason::KeysUnavailable,
        })
    }

    /// The token's own form, header and times come before the signature: they tell nothing about
    /// this server. What is compared with the configuration comes after it, so that a forger
    /// learns nothing by trying.
    fn attempt(&self, token: &str, now: UnixTime, waited: bool) -> Result<Session, Fault> {
        let compact = Compact::split(token)?;
        let mut buffer = header_buffer();
        let header = compact.header(&mut buffer)?;
        header.check()?;
        let payload = compact.payload()?;
        let claims = Claims::parse(&payload)?;
        self.check_times(&claims, now)?;

        let keys = match self.keyring.current() {
            Some(keys) if keys.find(header.kid()).is_some() => keys,
            _ => match header.kid().map(|kid| self.keyring.want(kid, waited)) {
                Some(Wanted::Here(keys)) => keys,
                Some(Wanted::Unavailable) => return Err(Reason::KeysUnavailable.into()),
                Some(Wanted::Wait(wait)) => return Err(Fault::Wait(wait)),
                Some(Wanted::Unknown) | None => return Err(Reason::TokenUnknownKey.into()),
            },
        };
        let key = keys.find(header.kid()).ok_or(Reason::TokenUnknownKey)?;
        compact.verify(key)?;

        self.check_issuer(&claims)?;
        self.check_audience(&claims)?;
        let foreign_party = self.check_party(&claims)?;
        check_status(&claims)?;
        let mut session = Inner::new(&claims, &payload, foreign_party)?;
        session.payload = payload;
        Ok(Session(Arc::new(session)))
    }

    /// RFC 7519 §4.1.4 to §4.1.6. `nbf` may be absent, `exp` and `iat` may not.
    fn check_times(&self, claims: &Claims<'_>, now: UnixTime) -> Result<(), Reason> {
        let (Some(expires), Some(issued)) = (claims.expires, claims.issued) else {
            return Err(Reason::TokenClaims);
        };
        let lifetime = expires.ceil.saturating_sub(issued.floor);
        if !(0..=self.longest_life).contains(&lifetime) {
            return Err(Reason::TokenClaims);
        }
        let earliest = now.as_secs().saturating_sub(self.leeway);
        let latest = now.as_secs().saturating_add(self.leeway);
        if expires.floor <= earliest {
            return Err(Reason::TokenExpired);
        }
        if claims.not_before.is_some_and(|date| date.ceil > latest) {
            return Err(Reason::TokenNotYetValid);
        }
        if issued.ceil > latest {
            return Err(Reason::TokenIssuedInFuture);
        }
        Ok(())
    }

    fn check_issuer(&self, claims: &Claims<'_>) -> Result<(), Reason> {
        if claims.issuer.as_deref() == Some(&*self.issuer) {
            Ok(())
        } else {
            Err(Reason::TokenIssuer)
        }
    }

    fn check_audience(&self, claims: &Claims<'_>) -> Result<(), Reason> {
        let named = claims
            .audience
            .as_ref()
            .is_some_and(|audience| self.audience.iter().any(|own| audience.contains(own)));
        if named || self.audience.is_empty() {
            Ok(())
        } else {
            Err(Reason::TokenAudience)
        }
    }

    /// Whether the token comes from elsewhere and passes only because the check observes.
    fn check_party(&self, claims: &Claims<'_>) -> Result<bool, Reason> {
        let known = |party: &str| self.parties.iter().any(|own| **own == *party);
        match self.parties_check {
            Check::Off => Ok(false),
            _ if claims.authorized_party.as_deref().is_some_and(known) => Ok(false),
            Check::Observe => Ok(true),
            Check::Enforce => Err(Reason::TokenAuthorizedParty),
        }
    }
}

/// `pending`, and every status unknown today, means that the user has yet to finish signing in:
/// to reset a password, to enrol a second factor, to choose an organization.
fn check_status(claims: &Claims<'_>) -> Result<(), Reason> {
    match claims.status.as_deref() {
        None | Some("active") => Ok(()),
        Some(_) => Err(Reason::SessionPending),
    }
}

/// Why an attempt did not end in a session.
enum Fault {
    Reason(Reason),
    Wait(KeyWait),
}

impl From<Reason> for Fault {
    fn from(reason: Reason) -> Self {
        Self::Reason(reason)
    }
}

/// As in Clerk's own SDKs.
const DEFAULT_LEEWAY: i64 = 5;

/// A token lives 60 seconds; more leeway than that doubles its life.
pub(crate) const MAX_LEEWAY: i64 = 60;

/// Two days. A longer life is a mistake of units, such as milliseconds.
pub(crate) const MAX_LIFETIME: i64 = 2 * 24 * 60 * 60;
