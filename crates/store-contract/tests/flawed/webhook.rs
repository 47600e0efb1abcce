//! Webhook stores.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;
use clerk_gate_core::UnixTime;
use clerk_gate_core::webhook::{
    Begin, Delivery, Lease, MAX_FAILURE, MemoryStore, Store, StoreError, Unfinished,
};
use clerk_gate_store_contract::{RULES, run};

/// One way to write a store wrongly.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Flaw {
    AbandonsAnyLease,
    AcceptsAnyLease,
    BeginsDoneWithOtherBody,
    ChecksThenSets,
    CountsFromZero,
    CutsFailureToBytes,
    FinishesOnce,
    FinishesWithoutLease,
    FoldsCase,
    FollowsClockBack,
    ForgetsFinish,
    ForgetsRelease,
    GivesTwoLeases,
    IgnoresLimit,
    KeepsBody,
    LeaseEndsEarly,
    LeaseEndsLate,
    ListsNewestFirst,
    PurgesBorder,
    PurgesUncounted,
    PurgesUnfinished,
    RecallsText,
    RefusesDistantTimes,
    RefusesLateFinish,
    ShortensIds,
}

/// A memory store with a flaw.
#[derive(Debug)]
struct Flawed {
    flaw: Flaw,
    inner: MemoryStore,
    /// What was begun last under each id, as it was given and until when it is leased.
    begun: Mutex<HashMap<String, (Delivery, Lease, UnixTime)>>,
    finished: Mutex<HashSet<[u8; 16]>>,
}

impl Flawed {
    fn new(flaw: Flaw) -> Self {
        Self {
            flaw,
            inner: MemoryStore::default(),
            begun: Mutex::default(),
            finished: Mutex::default(),
        }
    }

    fn last(&self, id: &str) -> Option<(Delivery, Lease, UnixTime)> {
        self.begun.lock().unwrap().get(id).cloned()
    }

    fn forged(id: &str) -> Result<Begin, StoreError> {
        Lease::new(id, 1).map(Begin::Fresh)
    }
}

#[async_trait]
impl Store for Flawed {
    async fn begin(
        &self,
        delivery: &Delivery,
        lease_seconds: i64,
        now: UnixTime,
    ) -> Result<Begin, StoreError> {
        let (id, timestamp) = (delivery.id(), delivery.timestamp());
        let (stored, seconds) = match self.flaw {
            Flaw::FoldsCase => (id.to_lowercase(), lease_seconds),
            Flaw::LeaseEndsEarly => (id.to_owned(), lease_seconds - 1),
            Flaw::LeaseEndsLate => (id.to_owned(), lease_seconds.saturating_add(1)),
            Flaw::ShortensIds => (id.chars().take(100).collect(), lease_seconds),
            Flaw::RefusesDistantTimes if now.as_secs().checked_add(lease_seconds).is_none() => {
                return Err(StoreError::permanent("time out of range"));
            }
            _ => (id.to_owned(), lease_seconds),
        };
        let leases = self.inner.unfinished(usize::MAX).await?;
        let leased = leases
            .iter()
            .any(|one| one.id == id && one.leased_until > Some(now));
        if self.flaw == Flaw::ChecksThenSets {
            tokio::task::yield_now().await;
        }
        let stored = Delivery::new(stored, timestamp, delivery.body().clone());
        let begun = self.inner.begin(&stored, seconds, now).await?;
        let last = self.last(id);
        match begun {
            Begin::Busy { .. } if self.flaw == Flaw::GivesTwoLeases => Self::forged(id),
            Begin::Busy { .. } if self.flaw == Flaw::ChecksThenSets && !leased => Self::forged(id),
            Begin::Busy { until }
                if self.flaw == Flaw::FollowsClockBack && now.saturating_add(seconds) < until =>
            {
                Self::forged(id)
            }
            Begin::Done
                if self.flaw == Flaw::BeginsDoneWithOtherBody
                    && last.is_some_and(|(known, ..)| known.body() != delivery.body()) =>
            {
                Self::forged(id)
            }
            Begin::Fresh(lease) => {
                let begun = (delivery.clone(), lease.clone(), now.saturating_add(seconds));
                self.begun.lock().unwrap().insert(id.to_owned(), begun);
                let attempt = lease.attempt() - u32::from(self.flaw == Flaw::CountsFromZero);
                Ok(Begin::Fresh(lease.with_attempt(attempt)))
            }
            other => Ok(other),
        }
    }

    async fn finish(&self, lease: &Lease, now: UnixTime) -> Result<(), StoreError> {
        let last = self.last(lease.id());
        let until = last.as_ref().map(|(.., until)| *until);
        let is_first = self.finished.lock().unwrap().insert(*lease.owner());
        match (self.flaw, last) {
            (Flaw::ForgetsFinish, _) => Ok(()),
            (Flaw::FinishesOnce, _) if !is_first => Err(StoreError::lease_lost()),
            (Flaw::RefusesLateFinish, _) if until <= Some(now) => Err(StoreError::lease_lost()),
            (Flaw::FinishesWithoutLease, Some((_, lease, _))) => {
                self.inner.finish(&lease, now).await
            }
            (Flaw::AcceptsAnyLease, _) => {
                let _ = self.inner.finish(lease, now).await;
                Ok(())
            }
            _ => self.inner.finish(lease, now).await,
        }
    }

    async fn release(&self, lease: &Lease, failure: &str, now: UnixTime) -> Result<(), StoreError> {
        match self.flaw {
            Flaw::ForgetsRelease => Ok(()),
            Flaw::CutsFailureToBytes => {
                let fits = |(start, c): &(usize, char)| start + c.len_utf8() <= MAX_FAILURE;
                let kept = failure.char_indices().take_while(fits);
                let kept: String = kept.map(|(_, c)| c).collect();
                self.inner.release(lease, &kept, now).await
            }
            _ => self.inner.release(lease, failure, now).await,
        }
    }

    async fn purge(&self, before: UnixTime) -> Result<u64, StoreError> {
        match self.flaw {
            Flaw::PurgesBorder => self.inner.purge(before.saturating_add(1)).await,
            Flaw::PurgesUncounted => self.inner.purge(before).await.map(|_| 0),
            Flaw::PurgesUnfinished => {
                for one in self.inner.unfinished(usize::MAX).await? {
                    let known = self.last(&one.id).filter(|_| one.begun < before);
                    if let Some((delivery, ..)) = known {
                        let end = one.begun.saturating_add(i64::MAX);
                        let begun = self.inner.begin(&delivery, 1, end).await?;
                        if let Begin::Fresh(lease) = begun {
                            self.inner.finish(&lease, one.begun).await?;
                        }
                    }
                }
                self.inner.purge(before).await
            }
            _ => self.inner.purge(before).await,
        }
    }

    async fn unfinished(&self, limit: usize) -> Result<Vec<Unfinished>, StoreError> {
        match self.flaw {
            Flaw::IgnoresLimit => self.inner.unfinished(usize::MAX).await,
            Flaw::ListsNewestFirst => {
                let mut list = self.inner.unfinished(usize::MAX).await?;
                list.reverse();
                list.truncate(limit);
                Ok(list)
            }
            _ => self.inner.unfinished(limit).await,
        }
    }

    async fn recall(&self, id: &str) -> Result<Option<Delivery>, StoreError> {
        let recalled = self.inner.recall(id).await?;
        Ok(match self.flaw {
            Flaw::KeepsBody => self.last(id).map(|(delivery, ..)| delivery),
            Flaw::RecallsText => recalled.map(|delivery| {
                let text = String::from_utf8_lossy(delivery.body()).into_owned();
                Delivery::new(id, delivery.timestamp(), Bytes::from(text))
            }),
            _ => recalled,
        })
    }

    fn abandon(&self, lease: &Lease) {
        match self.last(lease.id()) {
            Some((_, last, _)) if self.flaw == Flaw::AbandonsAnyLease => self.inner.abandon(&last),
            _ => self.inner.abandon(lease),
        }
    }
}

/// Every rule has at least one flaw that it exists to find.
const FLAWS: &[(Flaw, &str)] = &[
    (Flaw::CountsFromZero, "a_new_delivery_begins_as_attempt_1"),
    (Flaw::GivesTwoLeases, "a_leased_delivery_is_busy"),
    (Flaw::LeaseEndsEarly, "a_leased_delivery_is_busy"),
    (Flaw::LeaseEndsLate, "a_lease_ends_at_its_last_second"),
    (Flaw::ForgetsFinish, "a_finished_delivery_is_done"),
    (Flaw::BeginsDoneWithOtherBody, "a_finished_delivery_is_done"),
    (Flaw::FinishesOnce, "finishing_again_changes_nothing"),
    (Flaw::ForgetsRelease, "a_released_delivery_begins_at_once"),
    (
        Flaw::CutsFailureToBytes,
        "a_failure_is_kept_up_to_its_limit",
    ),
    (
        Flaw::RefusesLateFinish,
        "a_late_worker_finishes_unless_overtaken",
    ),
    (
        Flaw::FinishesWithoutLease,
        "an_overtaken_worker_ends_nothing",
    ),
    (Flaw::AbandonsAnyLease, "an_overtaken_worker_ends_nothing"),
    (Flaw::AcceptsAnyLease, "a_lease_from_elsewhere_ends_nothing"),
    (
        Flaw::ListsNewestFirst,
        "unfinished_deliveries_are_listed_longest_first",
    ),
    (
        Flaw::IgnoresLimit,
        "unfinished_deliveries_are_listed_longest_first",
    ),
    (Flaw::RecallsText, "a_body_is_recalled_byte_for_byte"),
    (Flaw::KeepsBody, "a_body_is_recalled_byte_for_byte"),
    (
        Flaw::PurgesBorder,
        "only_what_was_finished_before_is_purged",
    ),
    (
        Flaw::PurgesUncounted,
        "only_what_was_finished_before_is_purged",
    ),
    (
        Flaw::PurgesUnfinished,
        "only_what_was_finished_before_is_purged",
    ),
    (Flaw::FoldsCase, "ids_are_kept_apart"),
    (Flaw::ShortensIds, "ids_are_kept_apart"),
    (Flaw::ChecksThenSets, "of_concurrent_begins_one_is_fresh"),
    (Flaw::FollowsClockBack, "a_clock_set_back_frees_no_lease"),
    (
        Flaw::RefusesDistantTimes,
        "times_stop_at_the_ends_of_their_range",
    ),
];

#[tokio::test]
async fn the_memory_store_keeps_every_rule_twice() {
    let store = MemoryStore::default();
    for _ in 0..2 {
        assert_eq!(run(&store).await, []);
    }
}

#[tokio::test]
async fn every_flaw_is_found_under_its_name() {
    for (flaw, rule) in FLAWS {
        let broken = run(&Flawed::new(*flaw)).await;
        let found = broken.iter().any(|broken| broken.rule() == *rule);
        assert!(
            found,
            "{flaw:?}: got {broken:?}, wanted {rule:?} to be broken"
        );
    }
}

#[test]
fn every_rule_has_a_flaw_that_breaks_it() {
    for rule in RULES {
        let found = FLAWS.iter().any(|(_, name)| *name == rule.name());
        assert!(found, "{}", rule.name());
    }
}
