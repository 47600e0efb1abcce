//! Revocation stores.

use std::collections::HashSet;
use std::future::pending;
use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use clerk_gate_core::UnixTime;
use clerk_gate_core::revocation::{
    Changes, MemoryRevocations, Position, Revocation, RevocationStore, Subject,
};
use clerk_gate_core::webhook::StoreError;
use clerk_gate_store_contract::{REVOCATION_RULES, check_announcements, run_revocations};
use tokio::sync::Notify;
use tokio::task::yield_now;

/// One way to write a store wrongly.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Flaw {
    BelievesAnyNumber,
    CommitsOutOfOrder,
    CountsRows,
    CutsPages,
    EndsWithItsWaiter,
    ForgetsRoles,
    IgnoresEpoch,
    KeepsFirst,
    KeepsFloats,
    LeadsNowhere,
    None,
    PurgesAll,
    PurgesAllButBorder,
    PurgesUncounted,
    ReadsNewestFirst,
    ReadsOnce,
    RefusesTwice,
    RepeatsLast,
    ReusesNumbers,
    SplitsAdditions,
}

/// A store of its own kind, as a database would be, with a flaw.
#[derive(Debug)]
struct Flawed {
    flaw: Flaw,
    state: Mutex<State>,
    announced: Notify,
}

#[derive(Debug, Default)]
struct State {
    rows: Vec<(u64, Revocation)>,
    last: u64,
    read: HashSet<u64>,
    has_lost_its_waiter: bool,
}

impl Flawed {
    fn new(flaw: Flaw) -> Self {
        Self {
            flaw,
            state: Mutex::default(),
            announced: Notify::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// What becomes of a revocation that is kept.
    fn kept(&self, one: &Revocation) -> Revocation {
        let (mut subject, mut cutoff) = (one.subject().clone(), one.cutoff());
        match (self.flaw, &subject) {
            #[expect(clippy::cast_possible_truncation, reason = "that is the flaw")]
            #[expect(clippy::cast_precision_loss, reason = "that is the flaw")]
            (Flaw::KeepsFloats, _) => {
                cutoff = UnixTime::from_secs((cutoff.as_secs() as f32) as i64);
            }
            (
                Flaw::ForgetsRoles,
                Subject::Role {
                    user, organization, ..
                },
            ) => {
                let (user, organization) = (user.clone(), organization.clone());
                subject = Subject::Membership { user, organization };
            }
            _ => {}
        }
        Revocation::new(subject, cutoff, one.expires())
    }
}

#[async_trait]
impl RevocationStore for Flawed {
    async fn add(&self, revocations: &[Revocation]) -> Result<(), StoreError> {
        let mut numbered = Vec::new();
        {
            let mut state = self.state();
            if state.has_lost_its_waiter {
                return Err(StoreError::permanent("nobody listens any more"));
            }
            for one in revocations {
                let one = self.kept(one);
                let known = |rows: &[(u64, Revocation)]| {
                    let mut rows = rows.iter();
                    rows.any(|(_, known)| known.subject() == one.subject())
                };
                if self.flaw == Flaw::KeepsFirst && known(&state.rows) {
                    continue;
                }
                if self.flaw == Flaw::RefusesTwice && state.rows.iter().any(|(_, own)| *own == one)
                {
                    return Err(StoreError::permanent("unique constraint"));
                }
                state.last = match self.flaw {
                    Flaw::ReusesNumbers => state.rows.last().map_or(0, |(number, _)| *number),
                    _ => state.last,
                };
                state.last += 1;
                let row = (state.last, one);
                match self.flaw {
                    Flaw::CommitsOutOfOrder | Flaw::SplitsAdditions => numbered.push(row),
                    _ => state.rows.push(row),
                }
            }
        }
        // The longer, the more there is to write.
        for _ in 0..numbered.len() * usize::from(self.flaw == Flaw::CommitsOutOfOrder) {
            yield_now().await;
        }
        for row in numbered {
            self.state().rows.push(row);
            self.state().rows.sort_by_key(|(number, _)| *number);
            if self.flaw == Flaw::SplitsAdditions {
                yield_now().await;
            }
        }
        self.announced.notify_waiters();
        Ok(())
    }

    async fn since(&self, position: Option<Position>) -> Result<Changes, StoreError> {
        // A database is asked over a network.
        yield_now().await;
        let mut state = self.state();
        let known = position.filter(|own| {
            (own.epoch == EPOCH || self.flaw == Flaw::IgnoresEpoch)
                && (own.number <= state.last || self.flaw == Flaw::BelievesAnyNumber)
        });
        let after = known.map_or(0, |own| own.number);
        let is_later = |(index, (number, _)): &(usize, &(u64, Revocation))| match self.flaw {
            Flaw::CountsRows => u64::try_from(*index).unwrap() >= after,
            Flaw::RepeatsLast if after > 0 => *number >= after,
            _ => *number > after,
        };
        let rows = state.rows.iter().enumerate().filter(is_later);
        let mut rows: Vec<_> = rows.map(|(_, row)| row.clone()).collect();
        if self.flaw == Flaw::ReadsOnce && position.is_none() {
            rows.retain(|(number, _)| !state.read.contains(number));
            state.read.extend(rows.iter().map(|(number, _)| number));
        }
        let has_more = rows.len() > PAGE;
        rows.truncate(PAGE);
        let number = rows.last().map_or(after, |(number, _)| *number);
        let mut revocations: Vec<_> = rows.into_iter().map(|(_, own)| own).collect();
        if self.flaw == Flaw::ReadsNewestFirst {
            revocations.reverse();
        }
        let number = match self.flaw {
            Flaw::CountsRows if !has_more => u64::try_from(state.rows.len()).unwrap(),
            Flaw::LeadsNowhere if has_more => after,
            _ => number,
        };
        Ok(Changes {
            revocations,
            position: Position {
                epoch: EPOCH,
                number,
            },
            has_more: has_more && self.flaw != Flaw::CutsPages,
        })
    }

    async fn changed(&self) {
        let _waiter = Waiter(self);
        self.announced.notified().await;
    }

    async fn purge(&self, now: UnixTime) -> Result<u64, StoreError> {
        let mut state = self.state();
        let before = state.rows.len();
        state.rows.retain(|(_, own)| match self.flaw {
            Flaw::PurgesAll => false,
            Flaw::PurgesAllButBorder => own.expires() >= now,
            _ => own.expires() > now,
        });
        match self.flaw {
            Flaw::PurgesUncounted => Ok(0),
            _ => Ok(u64::try_from(before - state.rows.len()).unwrap()),
        }
    }
}

/// Whoever waits, until it is dropped.
struct Waiter<'s>(&'s Flawed);

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        if self.0.flaw == Flaw::EndsWithItsWaiter {
            self.0.state().has_lost_its_waiter = true;
        }
    }
}

/// A store that nobody hears.
#[derive(Debug)]
struct Silent(MemoryRevocations);

#[async_trait]
impl RevocationStore for Silent {
    async fn add(&self, revocations: &[Revocation]) -> Result<(), StoreError> {
        self.0.add(revocations).await
    }

    async fn since(&self, position: Option<Position>) -> Result<Changes, StoreError> {
        self.0.since(position).await
    }

    async fn changed(&self) {
        pending().await
    }

    async fn purge(&self, now: UnixTime) -> Result<u64, StoreError> {
        self.0.purge(now).await
    }
}

/// Every rule has at least one flaw that it exists to find.
const FLAWS: &[(Flaw, &str)] = &[
    (Flaw::KeepsFloats, "what_is_added_is_read_back_unchanged"),
    (Flaw::ForgetsRoles, "what_is_added_is_read_back_unchanged"),
    (
        Flaw::ReadsNewestFirst,
        "additions_are_read_in_the_order_of_their_recording",
    ),
    (Flaw::ReadsOnce, "without_a_position_everything_is_read"),
    (Flaw::RepeatsLast, "a_position_gives_only_what_is_later"),
    (Flaw::CutsPages, "pages_reach_the_end"),
    (Flaw::LeadsNowhere, "pages_reach_the_end"),
    (
        Flaw::IgnoresEpoch,
        "a_position_of_another_epoch_reads_from_the_start",
    ),
    (
        Flaw::BelievesAnyNumber,
        "a_position_beyond_the_end_reads_from_the_start",
    ),
    (Flaw::RefusesTwice, "adding_again_is_harmless"),
    (Flaw::KeepsFirst, "a_second_revocation_of_a_subject_is_news"),
    (Flaw::PurgesAll, "only_what_has_expired_is_purged"),
    (Flaw::PurgesAllButBorder, "only_what_has_expired_is_purged"),
    (Flaw::PurgesUncounted, "only_what_has_expired_is_purged"),
    (Flaw::ReusesNumbers, "a_purge_moves_no_position"),
    (Flaw::CountsRows, "a_purge_moves_no_position"),
    (
        Flaw::CommitsOutOfOrder,
        "a_reader_misses_nothing_of_concurrent_additions",
    ),
    (
        Flaw::SplitsAdditions,
        "a_reader_misses_nothing_of_concurrent_additions",
    ),
    (Flaw::EndsWithItsWaiter, "waiting_may_end_at_any_time"),
];

#[tokio::test]
async fn good_stores_keep_every_rule_twice() {
    let (memory, paged) = (MemoryRevocations::new(), Flawed::new(Flaw::None));
    for _ in 0..2 {
        assert_eq!(run_revocations(&memory).await, []);
        assert_eq!(run_revocations(&paged).await, []);
        assert_eq!(check_announcements(&memory, &memory).await, Ok(()));
        assert_eq!(check_announcements(&paged, &paged).await, Ok(()));
    }
}

#[tokio::test]
async fn every_flaw_is_found_under_its_name() {
    for (flaw, rule) in FLAWS {
        let broken = run_revocations(&Flawed::new(*flaw)).await;
        let found = broken.iter().any(|broken| broken.rule() == *rule);
        assert!(
            found,
            "{flaw:?}: got {broken:?}, wanted {rule:?} to be broken"
        );
    }
}

#[tokio::test]
async fn a_store_that_nobody_hears_is_found() {
    let store = Silent(MemoryRevocations::new());
    let broken = check_announcements(&store, &store).await.unwrap_err();
    assert_eq!(broken.rule(), "additions_of_others_are_announced");
    assert_eq!(run_revocations(&store).await, []);
}

#[test]
fn every_rule_has_a_flaw_that_breaks_it() {
    for rule in REVOCATION_RULES {
        let found = FLAWS.iter().any(|(_, name)| *name == rule.name());
        assert!(found, "{}", rule.name());
    }
}

const EPOCH: u64 = 7;

const PAGE: usize = 100;
