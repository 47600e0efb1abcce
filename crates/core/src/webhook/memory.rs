//! A store in this process's memory: for tests, demos, and one process that may forget.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;

use super::Delivery;
use super::store::{Begin, Lease, MAX_FAILURE, Store, StoreError, Unfinished};
use crate::time::UnixTime;

/// A [`Store`] that lives as long as its process.
///
/// Bounded: when it is full of unfinished deliveries it refuses new ones, and the sender tries
/// again later; finished ones make room, oldest first.
///
/// # Security
/// What it has forgotten can be handled twice. Several processes need a store that they share.
#[derive(Debug)]
pub struct MemoryStore {
    capacity: usize,
    records: Mutex<HashMap<String, Record>>,
}

#[derive(Debug)]
struct Record {
    attempts: u32,
    begun: UnixTime,
    failure: Option<String>,
    state: State,
    timestamp: UnixTime,
}

#[derive(Debug)]
enum State {
    Failed {
        body: Bytes,
    },
    Finished {
        at: UnixTime,
        owner: [u8; 16],
    },
    Leased {
        body: Bytes,
        owner: [u8; 16],
        until: UnixTime,
    },
}

impl MemoryStore {
    /// A store for at most `capacity` deliveries, at least one.
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            records: Mutex::default(),
        }
    }

    fn records(&self) -> MutexGuard<'_, HashMap<String, Record>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryStore {
    /// Room for 10,000 deliveries.
    fn default() -> Self {
        Self::new(10_000)
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn begin(
        &self,
        delivery: &Delivery,
        lease_seconds: i64,
        now: UnixTime,
    ) -> Result<Begin, StoreError> {
        let mut records = self.records();
        let known = records.get(delivery.id());
        match known.map(|record| &record.state) {
            Some(State::Finished { .. }) => return Ok(Begin::Done),
            Some(State::Leased { until, .. }) if *until > now => {
                return Ok(Begin::Busy { until: *until });
            }
            None => make_room(&mut records, self.capacity)?,
            Some(_) => {}
        }
        let known = records.get_mut(delivery.id());
        let attempts = known.as_ref().map_or(0, |r| r.attempts).saturating_add(1);
        let lease = Lease::new(delivery.id(), attempts)?;
        let record = Record {
            attempts,
            begun: now,
            failure: known.and_then(|record| record.failure.take()),
            state: State::Leased {
                body: delivery.body().clone(),
                owner: *lease.owner(),
                until: now.saturating_add(lease_seconds),
            },
            timestamp: delivery.timestamp(),
        };
        records.insert(delivery.id().to_owned(), record);
        Ok(Begin::Fresh(lease))
    }

    async fn finish(&self, lease: &Lease, now: UnixTime) -> Result<(), StoreError> {
        let mut records = self.records();
        let known = records.get(lease.id());
        if let Some(State::Finished { owner, .. }) = known.map(|record| &record.state)
            && owner == lease.owner()
        {
            return Ok(());
        }
        let record = leased(&mut records, lease)?;
        record.failure = None;
        record.state = State::Finished {
            at: now,
            owner: *lease.owner(),
        };
        Ok(())
    }

    async fn release(&self, lease: &Lease, failure: &str, _: UnixTime) -> Result<(), StoreError> {
        let mut records = self.records();
        let record = leased(&mut records, lease)?;
        record.failure = Some(failure.chars().take(MAX_FAILURE).collect());
        record.end_lease();
        Ok(())
    }

    async fn purge(&self, before: UnixTime) -> Result<u64, StoreError> {
        let mut records = self.records();
        let count = records.len();
        records
            .retain(|_, record| !matches!(record.state, State::Finished { at, .. } if at < before));
        let purged = count.saturating_sub(records.len());
        Ok(u64::try_from(purged).unwrap_or(u64::MAX))
    }

    async fn unfinished(&self, limit: usize) -> Result<Vec<Unfinished>, StoreError> {
        let records = self.records();
        let mut list: Vec<_> = records
            .iter()
            .filter_map(|(id, record)| {
                let leased_until = match record.state {
                    State::Finished { .. } => return None,
                    State::Failed { .. } => None,
                    State::Leased { until, .. } => Some(until),
                };
                let failure = record.failure.clone();
                Some(Unfinished::new(
                    id,
                    record.attempts,
                    record.begun,
                    leased_until,
                    failure,
                ))
            })
            .collect();
        list.sort_by(|a, b| (a.begun, &a.id).cmp(&(b.begun, &b.id)));
        list.truncate(limit);
        Ok(list)
    }

    async fn recall(&self, id: &str) -> Result<Option<Delivery>, StoreError> {
        let records = self.records();
        Ok(records.get(id).and_then(|record| match &record.state {
            State::Failed { body } | State::Leased { body, .. } => {
                Some(Delivery::new(id, record.timestamp, body.clone()))
            }
            State::Finished { .. } => None,
        }))
    }

    fn abandon(&self, lease: &Lease) {
        if let Ok(record) = leased(&mut self.records(), lease) {
            record.end_lease();
        }
    }
}

impl Record {
    fn end_lease(&mut self) {
        if let State::Leased { body, .. } = &mut self.state {
            let body = std::mem::take(body);
            self.state = State::Failed { body };
        }
    }
}

/// The record that this lease is on, if it is still this worker's.
fn leased<'r>(
    records: &'r mut HashMap<String, Record>,
    lease: &Lease,
) -> Result<&'r mut Record, StoreError> {
    let record = records.get_mut(lease.id());
    record
        .filter(
            |record| matches!(&record.state, State::Leased { owner, .. } if owner == lease.owner()),
        )
        .ok_or_else(StoreError::lease_lost)
}

/// Finished deliveries make room, the oldest first.
fn make_room(records: &mut HashMap<String, Record>, capacity: usize) -> Result<(), StoreError> {
    while records.len() >= capacity {
        let finished = records
            .iter()
            .filter_map(|(id, record)| match record.state {
                State::Finished { at, .. } => Some((at, id.clone())),
                _ => None,
            });
        let Some((_, oldest)) = finished.min() else {
            return Err(StoreError::transient(
                "the memory store is full of unfinished deliveries",
            ));
        };
        records.remove(&oldest);
    }
    Ok(())
}
