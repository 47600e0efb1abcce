//! What is revoked, for the question that every request asks: a few tables of hashes in memory.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{LazyLock, PoisonError, RwLock};

use foldhash::quality::RandomState;

use super::{FOR_EVER, Revocation, Subject};
use crate::session::Session;
use crate::time::UnixTime;

/// One table for each kind of subject. A subject that is not revoked usually costs a request one
/// look at one bit.
///
/// Identifiers are kept as hashes of 64 bits, keyed afresh in each process: of a million
/// revocations, one session in 10^13 meets one that is not its own, and is then refused for a
/// while. Nobody outside can aim at that: it is Clerk who makes the identifiers.
#[derive(Debug)]
pub(super) struct Snapshot {
    memberships: Table<()>,
    organizations: Table<()>,
    /// With the hash of the role that is not revoked.
    roles: Table<u32>,
    sessions: Table<()>,
    users: Table<()>,
}

/// The hashes of everything that can be revoked of one session.
#[derive(Debug)]
pub(crate) struct Subjects {
    actor: Option<u64>,
    organization: Option<InOrganization>,
    session: u64,
    user: u64,
}

#[derive(Debug)]
struct InOrganization {
    itself: u64,
    membership: u64,
    role: u32,
}

impl Subjects {
    pub(crate) fn of(session: &Session) -> Self {
        let user = session.user_id();
        let organization = session.organization().map(|organization| InOrganization {
            itself: hash(organization.id()),
            membership: hash((user, organization.id())),
            role: role_hash(organization.role().unwrap_or_default()),
        });
        Self {
            actor: session.actor_id().map(hash),
            organization,
            session: hash(session.session_id()),
            user: hash(user),
        }
    }
}

impl Default for Snapshot {
    fn default() -> Self {
        Self {
            memberships: Table::new(FEW),
            organizations: Table::new(FEW),
            roles: Table::new(FEW),
            sessions: Table::new(MANY),
            users: Table::new(FEW),
        }
    }
}

impl Snapshot {
    /// Takes a revocation in. One that has expired is not worth a place.
    pub(super) fn add(&self, revocation: &Revocation, now: UnixTime) {
        if revocation.expires() <= now {
            return;
        }
        match revocation.subject() {
            Subject::Membership { user, organization } => {
                let key = hash((&**user, &**organization));
                self.memberships.add(key, revocation, (), now);
            }
            Subject::Organization(id) => {
                self.organizations.add(hash(&**id), revocation, (), now);
            }
            Subject::Role {
                user,
                organization,
                role,
            } => {
                let key = hash((&**user, &**organization));
                self.roles.add(key, revocation, role_hash(role), now);
            }
            Subject::Session(id) => self.sessions.add(hash(&**id), revocation, (), now),
            Subject::User(id) => self.users.add(hash(&**id), revocation, (), now),
        }
    }

    /// Whether any subject of `session` is revoked.
    pub(super) fn revokes(&self, session: &Session) -> bool {
        let issued = session.issued_at();
        let revoked =
            |table: &Table<()>, key: u64| table.find(key).is_some_and(|entry| entry.covers(issued));
        let subjects = session.subjects();
        let mut users = [Some(subjects.user), subjects.actor].into_iter().flatten();
        if revoked(&self.sessions, subjects.session) || users.any(|user| revoked(&self.users, user))
        {
            return true;
        }
        subjects.organization.as_ref().is_some_and(|own| {
            let role_changed = || {
                let entry = self.roles.find(own.membership);
                entry.is_some_and(|entry| entry.covers(issued) && entry.spared != own.role)
            };
            revoked(&self.organizations, own.itself)
                || revoked(&self.memberships, own.membership)
                || role_changed()
        })
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
}

/// The same for all lists of a process, so that a session needs to be hashed once.
fn hash(subject: impl Hash) -> u64 {
    static STATE: LazyLock<RandomState> = LazyLock::new(RandomState::default);
    STATE.hash_one(subject)
}

fn role_hash(role: &str) -> u32 {
    let role = crate::session::without_prefix(role);
    u32::try_from(hash(role) >> 32).unwrap_or_default()
}

/// Revocations of one kind, in parts that are locked apart from each other: requests read at the
/// same time, and the one that writes is in the way of few.
#[derive(Debug)]
struct Table<S> {
    parts: Box<[Part<S>]>,
    len: AtomicUsize,
}

#[derive(Debug)]
struct Part<S> {
    /// A bit for the hash of every entry: who is not revoked hardly ever waits for the lock.
    marks: Box<[AtomicU64]>,
    entries: RwLock<Entries<S>>,
}

#[derive(Debug)]
struct Entries<S> {
    map: Hashes<S>,
    /// When it grows to this, what has expired is swept out.
    sweep_at: usize,
}

/// A hash needs no second hashing.
type Hashes<S> = HashMap<u64, Entry<S>, BuildHasherDefault<AsIs>>;

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
        let mut entries = part.entries.write().unwrap_or_else(PoisonError::into_inner);
        let before = entries.map.len();
        if before >= entries.sweep_at {
            let now = seconds(now);
            entries.map.retain(|_, entry| entry.expires > now);
            entries.sweep_at = entries.map.len().saturating_mul(2).max(FIRST_SWEEP);
            part.mark_only(entries.map.keys());
        }
        if let Some((word, bit)) = part.mark(key) {
            word.fetch_or(bit, Ordering::Relaxed);
        }
        entries
            .map
            .entry(key)
            .and_modify(|own| own.widen(entry))
            .or_insert(entry);
        let after = entries.map.len();
        // Only under the lock of a part does its share of the number change.
        self.len
            .fetch_add(after.wrapping_sub(before), Ordering::Relaxed);
    }

    fn find(&self, key: u64) -> Option<Entry<S>> {
        let part = self.part(key)?;
        let (word, bit) = part.mark(key)?;
        if word.load(Ordering::Relaxed) & bit == 0 {
            return None;
        }
        let entries = part.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries.map.get(&key).copied()
    }

    fn part(&self, key: u64) -> Option<&Part<S>> {
        // The table inside a part goes by the other bits.
        let index = usize::try_from((key >> 48) & PARTS_MASK).unwrap_or_default();
        self.parts.get(index)
    }
}

impl<S> Table<S> {
    /// With so many words of marks in each part, a power of two.
    fn new(words: usize) -> Self {
        let part = || Part {
            marks: (0..words).map(|_| AtomicU64::new(0)).collect(),
            entries: RwLock::new(Entries {
                map: Hashes::default(),
                sweep_at: FIRST_SWEEP,
            }),
        };
        Self {
            parts: (0..=PARTS_MASK).map(|_| part()).collect(),
            len: AtomicUsize::new(0),
        }
    }
}

impl<S> Part<S> {
    /// Where the mark of `key` is.
    fn mark(&self, key: u64) -> Option<(&AtomicU64, u64)> {
        let (index, bit) = place(key, self.marks.len());
        Some((self.marks.get(index)?, bit))
    }

    /// Leaves the marks of `keys` alone. At no moment is one of theirs missing.
    fn mark_only<'k>(&self, keys: impl Iterator<Item = &'k u64>) {
        let mut kept = vec![0; self.marks.len()];
        for key in keys {
            let (index, bit) = place(*key, kept.len());
            if let Some(word) = kept.get_mut(index) {
                *word |= bit;
            }
        }
        for (word, kept) in self.marks.iter().zip(kept) {
            word.store(kept, Ordering::Relaxed);
        }
    }
}

/// The word, of so many, and the bit in it that stand for `key`.
fn place(key: u64, words: usize) -> (usize, u64) {
    let index = usize::try_from(key >> 6).unwrap_or_default() & words.wrapping_sub(1);
    (index, 1 << (key & 63))
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

/// Words of marks in a part. For all parts together these are 16 KiB, and of 10,000 subjects that
/// are not revoked 1,000 see the lock where 14,000 are.
const FEW: usize = 32;

/// 2 MiB: of sessions there may be a million, and then one in 17 sees the lock.
const MANY: usize = 4096;

const FIRST_SWEEP: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sweeping_forgets_what_has_expired_and_nothing_else() {
        let table = Table::new(1024);
        let at = UnixTime::from_secs;
        let revocation = |until| Revocation::new(Subject::Session("s".into()), FOR_EVER, at(until));
        // All in one part, each with a word of its own; the last one sweeps.
        let keys: Vec<u64> = (0..=64).map(|n| n * 64).collect();
        let is_kept = |key: u64| key.is_multiple_of(3) || key == 64 * 64;
        let (last, first) = keys.split_last().unwrap();
        for key in first {
            let until = if is_kept(*key) { 1_000 } else { 10 };
            table.add(*key, &revocation(until), (), at(0));
        }
        table.add(*last, &revocation(1_000), (), at(20));
        let is_marked = |key: u64| {
            let (word, bit) = table.parts[0].mark(key).unwrap();
            word.load(Ordering::Relaxed) & bit != 0
        };
        for key in keys {
            let found = table.find(key).is_some();
            assert_eq!([found, is_marked(key)], [is_kept(key); 2], "{key}");
        }
    }
}
