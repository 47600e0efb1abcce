//! From a token to a [`Session`]: the order of the checks, and the checks.

use std::sync::Arc;

use super::cache::{DEFAULT_ENTRIES, TokenCache};
use super::claims::Claims;
use super::jws::{Compact, Header, header_buffer, signature_buffer};
use super::keyring::{KeyWait, Keyring, Wanted};
use super::{Check, Inner, Session};
use crate::reason::Reason;
use crate::time::UnixTime;

/// Verifies session tokens of one Clerk instance.
///
/// The gate has one inside. Used alone it answers for tokens that do not arrive as a request's
/// credential, such as one sent over an open WebSocket.
///
/// Remembers tokens that it has verified: see [`with_token_cache`](Self::with_token_cache).
/// Clones share what they remember.
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
    /// Holds for the configuration above: whoever changes that begins an empty one.
    cache: Arc<TokenCache>,
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
            cache: Arc::new(TokenCache::new(DEFAULT_ENTRIES)),
        }
    }

    /// Sets the clock difference tolerated between Clerk and this server, in seconds: 5 by
    /// default, 0 is honoured, values outside 0 to 60 are brought to the nearer end.
    #[must_use]
    pub fn with_leeway(mut self, seconds: i64) -> Self {
        self.leeway = seconds.clamp(0, MAX_LEEWAY);
        self.emptied()
    }

    /// Sets the longest life of a token, from `iat` to `exp`, in seconds: two days by default and at
    /// most. A token that lives longer is refused.
    #[must_use]
    pub fn with_longest_life(mut self, seconds: i64) -> Self {
        self.longest_life = seconds.min(MAX_LIFETIME);
        self.emptied()
    }

    /// Demands that `aud` names one of `audience`. A token without `aud` is then refused, too.
    #[must_use]
    pub fn with_audience<A: Into<Box<str>>>(
        mut self,
        audience: impl IntoIterator<Item = A>,
    ) -> Self {
        self.audience = audience.into_iter().map(Into::into).collect();
        self.emptied()
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
        self.emptied()
    }

    /// Sets how many verified tokens are remembered, so that the next request with the same one
    /// costs no RSA operation: 16,384 by default, in at most 2 KiB each on average; 0 for none,
    /// at most 2,097,152. Full, it forgets first what expires first.
    ///
    /// # Security
    /// Nothing is trusted longer for it. The whole token is compared; its times are checked on
    /// every use; a change of the keys voids what older keys have verified. The tokens are kept
    /// in memory, as long as their place is not needed.
    #[must_use]
    pub fn with_token_cache(mut self, entries: usize) -> Self {
        self.cache = Arc::new(TokenCache::new(entries));
        self
    }

    /// Forgets all tokens: they were verified for another configuration.
    fn emptied(mut self) -> Self {
        self.cache = Arc::new(self.cache.emptied());
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

    /// What a token says cannot change, so of one that was verified only the times are left to
    /// check.
    fn attempt(&self, token: &str, now: UnixTime, waited: bool) -> Result<Session, Fault> {
        // Before the keys, so that a change of the keys in between voids the entry.
        let generation = self.keyring.generation();
        if let Some((session, times)) = self.cache.find(token, generation) {
            times.check(now, self.leeway)?;
            return Ok(session);
        }
        let (session, times) = self.verify_anew(token, now, waited)?;
        self.cache.insert(token, &session, times, generation, now);
        Ok(session)
    }

    /// The token's own form, header and times come before the signature: they tell nothing about
    /// this server. What is compared with the configuration comes after it, so that a forger
    /// learns nothing by trying.
    pub(super) fn verify_anew(
        &self,
        token: &str,
        now: UnixTime,
        waited: bool,
    ) -> Result<(Session, Times), Fault> {
        let compact = Compact::split(token)?;
        let current = self.keyring.current();
        let keys = current.as_deref();
        let known = keys.and_then(|keys| keys.find_by_header(compact.encoded_header()));
        let mut buffer = None;
        let header = match known {
            Some(_) => Header::default(),
            None => {
                let header = compact.header(buffer.insert(header_buffer()))?;
                header.check()?;
                header
            }
        };
        let payload = compact.payload()?;
        let claims = Claims::parse(&payload)?;
        let times = Times::new(&claims, self.longest_life)?;
        times.check(now, self.leeway)?;
        // Before the key: nobody fetches keys for a token that no key can have signed.
        let mut signature = signature_buffer();
        let signature = compact.signature(&mut signature)?;

        let wanted;
        let key = match known.or_else(|| keys?.find(header.kid())) {
            Some(key) => key,
            None => {
                let kid = header.kid().ok_or(Reason::TokenUnknownKey)?;
                wanted = match self.keyring.want(kid, waited) {
                    Wanted::Here(keys) => keys,
                    Wanted::Unavailable => return Err(Reason::KeysUnavailable.into()),
                    Wanted::Wait(wait) => return Err(Fault::Wait(wait)),
                    Wanted::Unknown => return Err(Reason::TokenUnknownKey.into()),
                };
                wanted.find(Some(kid)).ok_or(Reason::TokenUnknownKey)?
            }
        };
        compact.verify(signature, key.verifying())?;
        key.remember(compact.encoded_header());

        self.check_issuer(&claims)?;
        self.check_audience(&claims)?;
        let foreign_party = self.check_party(&claims)?;
        check_status(&claims)?;
        let mut session = Inner::new(&claims, &payload, foreign_party)?;
        session.payload = payload;
        Ok((Session(Arc::new(session)), times))
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

/// When a token is good: RFC 7519 §4.1.4 to §4.1.6, in seconds since the epoch, fractions rounded
/// to the stricter side.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Times {
    pub(super) expires: i64,
    issued: i64,
    not_before: Option<i64>,
}

impl Times {
    /// `nbf` may be absent, `exp` and `iat` may not.
    fn new(claims: &Claims<'_>, longest_life: i64) -> Result<Self, Reason> {
        let (Some(expires), Some(issued)) = (claims.expires, claims.issued) else {
            return Err(Reason::TokenClaims);
        };
        let lifetime = expires.ceil.saturating_sub(issued.floor);
        if !(0..=longest_life).contains(&lifetime) {
            return Err(Reason::TokenClaims);
        }
        Ok(Self {
            expires: expires.floor,
            issued: issued.ceil,
            not_before: claims.not_before.map(|date| date.ceil),
        })
    }

    fn check(self, now: UnixTime, leeway: i64) -> Result<(), Reason> {
        let earliest = now.as_secs().saturating_sub(leeway);
        let latest = now.as_secs().saturating_add(leeway);
        if self.expires <= earliest {
            return Err(Reason::TokenExpired);
        }
        if self.not_before.is_some_and(|date| date > latest) {
            return Err(Reason::TokenNotYetValid);
        }
        if self.issued > latest {
            return Err(Reason::TokenIssuedInFuture);
        }
        Ok(())
    }

    /// Whether the token has expired, without leeway.
    pub(super) fn is_past(self, now: UnixTime) -> bool {
        self.expires <= now.as_secs()
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
pub(super) enum Fault {
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
