//! What is revoked, for the question that every request asks: a few tables of hashes in memory.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};

use super::{FOR_EVER, Revocation, Subject};
use crate::session::Session;
use crate::time::UnixTime;

/// One table for each kind of subject. A kind of which nothing is revoked costs a request nothing.
///
/// Identifiers are kept as hashes of 64 bits, keyed afresh in each process: of a million
/// revocations, one session in 10^13 meets one that is not its own, and is then refused for a
/// while. Nobody outside can aim at that.
#[derive(Debug, Default)]
pub(super) struct Snapshot {
    hash: RandomState,
    memberships: Table<()>,
    organizations: Table<()>,
    /// With the hash of the role that is not revoked.
    roles: Table<u32>,
    sessions: Table<()>,
    users: Table<()>,
}

impl Snapshot {
    /// Takes a revocation in. One that has expired is not worth a place.
    pub(super) fn add(&self, revocation: &Revocation, now: UnixTime) {
        if revocation.expires() <= now {
            return;
        }
        match revocation.subject() {
            Subject::Membership { user, organization } => {
                let key = self.hash.hash_one((user, organization));
                self.memberships.add(key, revocation, (), now);
            }
            Subject::Organization(id) => {
                let key = self.hash.hash_one(id);
                self.organizations.add(key, revocation, (), now);
            }
            Subject::Role {
                user,
                organization,
                role,
            } => {
                let key = self.hash.hash_one((user, organization));
                self.roles.add(key, revocation, self.role(role), now);
            }
            Subject::Session(id) => {
                self.sessions
                    .add(self.hash.hash_one(id), revocation, (), now);
            }
            Subject::User(id) => self.users.add(self.hash.hash_one(id), revocation, (), now),
        }
    }

    /// Whether any subject of `session` is revoked.
    pub(super) fn revokes(&self, session: &Session) -> bool {
        let issued = session.issued_at();
        let revoked = |table: &Table<()>, key: &dyn Fn() -> u64| {
            table.find(key).is_some_and(|entry| entry.covers(issued))
        };
        let user = session.user_id();
        let mut users = [Some(user), session.actor_id()].into_iter().flatten();
        if revoked(&self.sessions, &|| self.hash.hash_one(session.session_id()))
            || users.any(|id| revoked(&self.users, &|| self.hash.hash_one(id)))
        {
            return true;
        }
        let Some(organization) = session.organization() else {
            return false;
        };
        let id = organization.id();
        let membership = || self.hash.hash_one((user, id));
        let role_changed = || {
            let entry = self.roles.find(&membership);
            entry.is_some_and(|entry| {
                entry.covers(issued)
                    && entry.spared != self.role(organization.role().unwrap_or_default())
            })
        };
        revoked(&self.organizations, &|| self.hash.hash_one(id))
            || revoked(&self.memberships, &membership)
            || role_changed()
    }

    /// How many revocations are remembered.
    pub(super) fn len(&self) -> usize {
        let tables = [
            &self.memberships.len,
            &self.organizations.len,
            &self.roles.len,
            &self.sessions.len,
            &self.users.len,
        ];
        let lengths = tables.map(|len| len.load(Ordering::Relaxed));
        lengths.into_iter().fold(0, usize::saturating_add)
    }

    fn role(&self, role: &str) -> u32 {
        let role = crate::session::without_prefix(role);
        u32::try_from(self.hash.hash_one(role) >> 32).unwrap_or_default()
    }
}

/// Revocations of one kind, in parts that are locked apart from each other: requests read at the
/// same time, and the one that writes is in the way of few.
#[derive(Debug)]
struct Table<S> {
    parts: Box<[RwLock<Part<S>>]>,
    len: AtomicUsize,
}

/// A hash needs no second hashing.
type Hashes<S> = HashMap<u64, Entry<S>, BuildHasherDefault<AsIs>>;

#[derive(Debug)]
struct Part<S> {
    entries: Hashes<S>,
    /// When it grows to this, what has expired is swept out.
    sweep_at: usize,
}

/// A revocation in 8 or 12 bytes. Seconds of 32 bits last until the year 2106.
#[derive(Clone, Copy, Debug)]
struct Entry<S> {
    /// The largest for all tokens.
    cutoff: u32,
    expires: u32,
    spared: S,
}

impl<S: Copy> Table<S> {
    fn add(&self, key: u64, revocation: &Revocation, spared: S, now: UnixTime) {
        let entry = Entry {
            cutoff: if revocation.cutoff() == FOR_EVER {
                u32::MAX
            } else {
                seconds(revocation.cutoff())
            },
            expires: seconds(revocation.expires()),
            spared,
        };
        let Some(part) = self.part(key) else {
            return;
        };
        let mut part = part.write().unwrap_or_else(PoisonError::into_inner);
        let before = part.entries.len();
        if before >= part.sweep_at {
            let now = seconds(now);
            part.entries.retain(|_, entry| entry.expires > now);
            part.sweep_at = part.entries.len().saturating_mul(2).max(FIRST_SWEEP);
        }
        part.entries
            .entry(key)
            .and_modify(|own| own.widen(entry))
            .or_insert(entry);
        let after = part.entries.len();
        // Only under the lock of a part does its share of the number change.
        self.len
            .fetch_add(after.wrapping_sub(before), Ordering::Relaxed);
    }

    fn find(&self, key: &dyn Fn() -> u64) -> Option<Entry<S>> {
        if self.len.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let key = key();
        let part = self.part(key)?.read();
        let part = part.unwrap_or_else(PoisonError::into_inner);
        part.entries.get(&key).copied()
    }

    fn part(&self, key: u64) -> Option<&RwLock<Part<S>>> {
        // The table inside a part goes by the other bits.
        let index = usize::try_from((key >> 48) & PARTS_MASK).unwrap_or_default();
        self.parts.get(index)
    }
}

impl<S> Default for Table<S> {
    fn default() -> Self {
        let part = || {
            RwLock::new(Part {
                entries: Hashes::default(),
                sweep_at: FIRST_SWEEP,
            })
        };
        Self {
            parts: (0..=PARTS_MASK).map(|_| part()).collect(),
            len: AtomicUsize::new(0),
        }
    }
}

impl<S: Copy> Entry<S> {
    fn covers(&self, issued: UnixTime) -> bool {
        self.cutoff == u32::MAX || issued.as_secs() <= i64::from(self.cutoff)
    }

    /// Of two revocations of one subject the later counts, and is remembered as long as either.
    fn widen(&mut self, other: Self) {
        if other.cutoff >= self.cutoff {
            self.cutoff = other.cutoff;
            self.spared = other.spared;
        }
        self.expires = self.expires.max(other.expires);
    }
}

/// Beyond the range the nearest.
fn seconds(time: UnixTime) -> u32 {
    // The largest stands for all tokens.
    let largest = i64::from(u32::MAX).saturating_sub(1);
    u32::try_from(time.as_secs().clamp(0, largest)).unwrap_or_default()
}

/// The hasher of what is a hash.
#[derive(Debug, Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn write(&mut self, _: &[u8]) {
        // Keys are of 64 bits, so this is not called.
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// 64 parts.
const PARTS_MASK: u64 = 63;

const FIRST_SWEEP: usize = 64;
