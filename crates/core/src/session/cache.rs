//! Verified tokens: the same token need not be verified twice while nothing has changed.
//!
//! A browser sends one token with every request of a minute, and its RSA signature is most of
//! what a decision costs. What is remembered is a verdict about bytes: it holds for the very same
//! token, under the same key set, for a verifier that is configured as it was. Whatever depends
//! on the moment is decided anew for every request.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::{PoisonError, RwLock};

use super::verifier::Times;
use super::{Generation, Session};
use crate::crypto;
use crate::time::UnixTime;

/// The sessions of tokens that were verified before, bounded in number and in bytes.
///
/// Only verified tokens come in, so nobody can fill it, or push others out, with tokens that
/// Clerk has not signed. Each bucket has a lock of its own: readers of different tokens do not
/// meet, and a writer holds up one bucket.
pub(super) struct TokenCache {
    /// Keyed at random: nobody can choose tokens that fall into one bucket.
    hasher: RandomState,
    /// None where nothing is to be remembered.
    buckets: Box<[RwLock<Bucket>]>,
}

/// At most [`WAYS`] entries of together at most [`BUCKET_BYTES`].
#[derive(Default)]
struct Bucket {
    /// What a look for a token goes through, side by side: with many users all of this is far from
    /// the processor, and every step to another place in memory takes longer than the comparison.
    entries: [Option<Entry>; WAYS],
    /// Of the entry at the same position.
    terms: [Terms; WAYS],
}

struct Entry {
    hash: u64,
    token: Box<str>,
    session: Session,
}

/// How long an entry is good, and how large it is.
#[derive(Clone, Copy, Default)]
struct Terms {
    times: Times,
    /// Of the key set that has verified the token.
    generation: Generation,
    size: usize,
}

impl TokenCache {
    /// An empty cache with room for about `entries` tokens, 0 for none.
    pub(super) fn new(entries: usize) -> Self {
        let buckets = entries.min(MAX_ENTRIES).div_ceil(WAYS);
        Self {
            hasher: RandomState::new(),
            buckets: (0..buckets).map(|_| RwLock::default()).collect(),
        }
    }

    /// An empty cache of the same size.
    pub(super) fn emptied(&self) -> Self {
        Self::new(self.buckets.len().saturating_mul(WAYS))
    }

    /// The session of this very token, if the key set of `generation` has verified it, and the
    /// times that are still to be checked.
    pub(super) fn find(&self, token: &str, generation: Generation) -> Option<(Session, Times)> {
        let (hash, bucket) = self.place(token)?;
        let bucket = bucket.read().unwrap_or_else(PoisonError::into_inner);
        let mut places = bucket.entries.iter().zip(&bucket.terms);
        let (entry, terms) = places.find_map(|(entry, terms)| {
            let entry = entry.as_ref().filter(|entry| entry.hash == hash)?;
            Some((entry, terms))
        })?;
        let is_good = terms.generation == generation
            && crypto::are_equal(entry.token.as_bytes(), token.as_bytes());
        is_good.then(|| (entry.session.clone(), terms.times))
    }

    /// Remembers that `token` is `session`, by the key set of `generation`.
    ///
    /// What can no longer be found, or has expired, makes room first; then what expires next.
    pub(super) fn insert(
        &self,
        token: &str,
        session: &Session,
        times: Times,
        generation: Generation,
        now: UnixTime,
    ) {
        let Some((hash, bucket)) = self.place(token) else {
            return;
        };
        let entry = Entry {
            hash,
            token: token.into(),
            session: session.clone(),
        };
        let terms = Terms {
            times,
            generation,
            size: entry.size(),
        };
        if terms.size > BUCKET_BYTES {
            return;
        }
        let mut bucket = bucket.write().unwrap_or_else(PoisonError::into_inner);
        bucket.forget(|other, terms| {
            other.hash == hash || terms.generation < generation || terms.times.is_past(now)
        });
        while bucket.size().saturating_add(terms.size) > BUCKET_BYTES {
            bucket.forget_the_next_to_expire();
        }
        if bucket.free().is_none() {
            bucket.forget_the_next_to_expire();
        }
        if let Some((free, own)) = bucket.free() {
            *free = Some(entry);
            *own = terms;
        }
    }

    /// Where `token` belongs. The end of a signature is as good as random, so a few bytes of it
    /// tell tokens apart; whether it is the same token is for the comparison to say.
    fn place(&self, token: &str) -> Option<(u64, &RwLock<Bucket>)> {
        let tail = token.as_bytes().last_chunk::<TAIL>()?;
        let hash = self.hasher.hash_one(tail);
        let count = u64::try_from(self.buckets.len()).ok()?;
        let index = usize::try_from(hash.checked_rem(count)?).ok()?;
        Some((hash, self.buckets.get(index)?))
    }
}

impl Bucket {
    fn size(&self) -> usize {
        let places = self.entries.iter().zip(&self.terms);
        let sizes = places.filter_map(|(entry, terms)| entry.as_ref().map(|_| terms.size));
        sizes.fold(0, usize::saturating_add)
    }

    fn free(&mut self) -> Option<(&mut Option<Entry>, &mut Terms)> {
        let mut places = self.entries.iter_mut().zip(&mut self.terms);
        places.find(|(entry, _)| entry.is_none())
    }

    fn forget(&mut self, is_wanted: impl Fn(&Entry, &Terms) -> bool) {
        for (place, terms) in self.entries.iter_mut().zip(&self.terms) {
            place.take_if(|entry| is_wanted(entry, terms));
        }
    }

    fn forget_the_next_to_expire(&mut self) {
        let places = self.entries.iter_mut().zip(&self.terms);
        let taken = places.filter(|(entry, _)| entry.is_some());
        if let Some((entry, _)) = taken.min_by_key(|(_, terms)| terms.times.expires) {
            *entry = None;
        }
    }
}

impl Entry {
    /// What it holds in memory, in bytes, rather too much than too little.
    fn size(&self) -> usize {
        let own = size_of::<Self>().saturating_add(size_of::<Terms>());
        own.saturating_add(self.token.len())
            .saturating_add(self.session.size())
    }
}

impl fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenCache")
            .field("buckets", &self.buckets.len())
            .finish_non_exhaustive()
    }
}

/// A token lives a minute, so these are the users of one minute, in at most 32 MiB.
pub(super) const DEFAULT_ENTRIES: usize = 16 * 1024;

/// At most 4 GiB, enough for a million sessions with none of them in the way of another. More would
/// be a mistake of units.
const MAX_ENTRIES: usize = 2 * 1024 * 1024;

/// A bucket is full before its neighbours are; with this many entries in each, seldom by much.
const WAYS: usize = 16;

/// 2 KiB for each entry; a usual one, token and claims, takes 1.5.
const BUCKET_BYTES: usize = WAYS * 2048;

/// 190 bits of the signature.
const TAIL: usize = 32;

#[cfg(test)]
mod tests {
    use clerk_gate_testkit::{ISSUER, Signer, Token, key_set};

    use super::super::{KeySet, Keyring, Verifier};
    use super::*;

    /// A cache of one bucket, and what fills it.
    struct Fixture {
        cache: TokenCache,
        generation: Generation,
        verifier: Verifier,
    }

    impl Fixture {
        fn new() -> Self {
            let keys = KeySet::from_json(key_set(&[Signer::primary()]).as_bytes()).unwrap();
            let keyring = Keyring::fixed(keys);
            Self {
                cache: TokenCache::new(1),
                generation: keyring.generation(),
                verifier: Verifier::new(ISSUER, keyring).with_token_cache(0),
            }
        }

        /// Remembers, `seconds` after [`NOW`], a token that expires `life` seconds after it and
        /// has a claim of `length` characters.
        fn insert(&self, life: i64, length: usize, seconds: i64) -> String {
            let token = Token::session()
                .claim("exp", NOW.saturating_add(life).as_secs())
                .claim("x", "x".repeat(length))
                .sign(Signer::primary());
            let verified = self.verifier.verify_anew(&token, NOW, true);
            let (session, times) = verified.ok().unwrap();
            let now = NOW.saturating_add(seconds);
            self.cache
                .insert(&token, &session, times, self.generation, now);
            token
        }

        fn holds(&self, token: &str) -> bool {
            self.cache.find(token, self.generation).is_some()
        }

        fn size(&self) -> (usize, usize) {
            let bucket = self.cache.buckets[0].read().unwrap();
            (bucket.entries.iter().flatten().count(), bucket.size())
        }
    }

    #[test]
    fn a_full_bucket_forgets_what_expires_first() {
        let fixture = Fixture::new();
        let tokens: Vec<_> = (0..40).map(|n| fixture.insert(60 + n, 0, 0)).collect();
        for (n, token) in (0..).zip(&tokens) {
            assert_eq!(fixture.holds(token), n >= tokens.len() - WAYS, "{n}");
        }
        let short = fixture.insert(30, 0, 0);
        assert!(fixture.holds(&short), "a new token is always let in");
        assert_eq!(fixture.size().0, WAYS);
    }

    #[test]
    fn an_expired_token_makes_room() {
        let fixture = Fixture::new();
        let old = fixture.insert(60, 0, 0);
        let live: Vec<_> = (1..16).map(|n| fixture.insert(90, n, 0)).collect();
        assert!(fixture.holds(&old));
        let new = fixture.insert(600, 1, 60);
        assert!(!fixture.holds(&old));
        assert!(live.iter().chain([&new]).all(|token| fixture.holds(token)));
    }

    #[test]
    fn long_tokens_take_the_room_of_several() {
        let fixture = Fixture::new();
        for n in 0..40 {
            let token = fixture.insert(60 + n, 4000, 0);
            assert!(fixture.holds(&token));
            let (count, size) = fixture.size();
            assert!(count <= 3 && size <= BUCKET_BYTES, "{count} {size}");
        }
    }

    #[test]
    fn a_token_is_remembered_once() {
        let fixture = Fixture::new();
        let token = fixture.insert(60, 0, 0);
        assert_eq!(token, fixture.insert(60, 0, 0));
        assert_eq!(fixture.size().0, 1);
    }

    #[test]
    fn without_room_nothing_is_remembered() {
        let fixture = Fixture {
            cache: TokenCache::new(0),
            ..Fixture::new()
        };
        let token = fixture.insert(60, 0, 0);
        assert!(!fixture.holds(&token));
    }

    #[test]
    fn debug_shows_no_token() {
        let fixture = Fixture::new();
        let token = fixture.insert(60, 0, 0);
        assert!(fixture.holds(&token));
        let shown = format!("{:?}", fixture.cache);
        assert_eq!(shown, "TokenCache { buckets: 1, .. }");
    }

    /// The test kit's, which is built on another copy of this crate.
    const NOW: UnixTime = UnixTime::from_secs(clerk_gate_testkit::NOW.as_secs());
}
