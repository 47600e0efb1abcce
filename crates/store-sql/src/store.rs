//! The webhook store: each operation is one statement, and a second one only to say why it did nothing.
//! Callers that begin or finish at the same time share it.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use clerk_gate_core::UnixTime;
use clerk_gate_core::webhook::{
    Begin, Delivery, Lease, MAX_FAILURE, Store, StoreError, Unfinished,
};
use sqlx::{
    ColumnIndex, Database, Decode, Encode, Error, Executor, IntoArguments, Pool, Row, Type,
};
use tokio::runtime::Handle;

use crate::announcements::Announcements;
use crate::dialect::Dialect;
use crate::error::{in_time, store_error};
use crate::lane::{Joined, Lane};
use crate::together::{Beginning, Finishing, Job, begin_again, run};

/// A [`Store`] and a [`RevocationStore`](clerk_gate_core::revocation::RevocationStore) in a SQL
/// database. Cheap to clone; clones share one pool.
pub struct SqlStore<DB: Database> {
    pub(crate) pool: Pool<DB>,
    pub(crate) announcements: Arc<Announcements>,
    begins: Lane,
    finishes: Lane,
}

impl<DB> SqlStore<DB>
where
    DB: Dialect,
    DB::Arguments: IntoArguments<DB>,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    for<'q> i64: Decode<'q, DB> + Encode<'q, DB> + Type<DB>,
    for<'q> &'q str: Encode<'q, DB> + Type<DB>,
    for<'q> &'q [u8]: Decode<'q, DB> + Encode<'q, DB> + Type<DB>,
    for<'q> Option<i64>: Encode<'q, DB>,
    for<'q> Option<&'q str>: Encode<'q, DB>,
    for<'q> Option<&'q [u8]>: Encode<'q, DB>,
    usize: ColumnIndex<DB::Row>,
{
    #[cfg_attr(
        not(any(feature = "postgres", feature = "sqlite")),
        expect(dead_code, reason = "no database is chosen")
    )]
    pub(crate) fn new(pool: Pool<DB>) -> Self {
        let lane = || {
            let pool = pool.clone();
            Lane::new(DB::TURNS, move |jobs| Box::pin(run(pool.clone(), jobs)))
        };
        let begins = lane();
        let finishes = match DB::TURNS {
            1 => begins.clone(),
            _ => lane(),
        };
        Self {
            announcements: Arc::default(),
            begins,
            finishes,
            pool,
        }
    }
}

impl<DB: Database> SqlStore<DB> {
    /// The pool, for the application's own tables in the same database.
    pub fn pool(&self) -> &Pool<DB> {
        &self.pool
    }
}

#[async_trait]
impl<DB> Store for SqlStore<DB>
where
    DB: Dialect,
    DB::Arguments: IntoArguments<DB>,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    for<'q> i64: Decode<'q, DB> + Encode<'q, DB> + Type<DB>,
    for<'q> &'q str: Decode<'q, DB> + Encode<'q, DB> + Type<DB>,
    for<'q> &'q [u8]: Decode<'q, DB> + Encode<'q, DB> + Type<DB>,
    usize: ColumnIndex<DB::Row>,
{
    async fn begin(
        &self,
        delivery: &Delivery,
        lease_seconds: i64,
        now: UnixTime,
    ) -> Result<Begin, StoreError> {
        let lease = Lease::new(delivery.id(), 1)?;
        let until = now.saturating_add(lease_seconds);
        let joined = self.begins.join(|| {
            Job::Begin(Beginning {
                delivery: delivery.clone(),
                lease: lease.clone(),
                now,
                until,
            })
        });
        let turn = match joined.await? {
            Joined::Alone(turn) => turn,
            Joined::Done(count) => return Ok(Begin::Fresh(lease.with_attempt(attempts(count)))),
        };
        // To the last row, because SQLite has not committed before.
        let begun = sqlx::query(BEGIN)
            .bind(delivery.id())
            .bind(delivery.timestamp().as_secs())
            .bind(&delivery.body()[..])
            .bind(now.as_secs())
            .bind(&lease.owner()[..])
            .bind(until.as_secs())
            .fetch_all(&self.pool);
        let begun = in_time(begun).await;
        drop(turn);
        if let Some(row) = begun?.first() {
            let count = row.try_get(1).map_err(store_error)?;
            return Ok(Begin::Fresh(lease.with_attempt(attempts(count))));
        }
        let known = sqlx::query_as(KNOWN)
            .bind(delivery.id())
            .fetch_optional(&self.pool);
        let known: Option<(Option<i64>, Option<i64>)> = in_time(known).await?;
        Ok(match known {
            Some((Some(_), _)) => Begin::Done,
            Some((None, Some(until))) => Begin::Busy {
                until: UnixTime::from_secs(until),
            },
            // It was released or purged this very moment.
            _ => Begin::Busy { until: now },
        })
    }

    async fn finish(&self, lease: &Lease, now: UnixTime) -> Result<(), StoreError> {
        let joined = self.finishes.join(|| {
            Job::Finish(Finishing {
                lease: lease.clone(),
                now,
            })
        });
        let turn = match joined.await? {
            Joined::Alone(turn) => turn,
            Joined::Done(_) => return Ok(()),
        };
        let finished = sqlx::query(FINISH)
            .bind(lease.id())
            .bind(&lease.owner()[..])
            .bind(now.as_secs())
            .execute(&self.pool);
        let finished = in_time(finished).await;
        drop(turn);
        if DB::rows_affected(&finished?) == 1 {
            return Ok(());
        }
        // A transaction of ours has finished it, or another worker has begun.
        let before = sqlx::query(FINISHED)
            .bind(lease.id())
            .bind(&lease.owner()[..])
            .fetch_optional(&self.pool);
        match in_time(before).await? {
            Some(_) => Ok(()),
            None => Err(StoreError::lease_lost()),
        }
    }

    async fn release(&self, lease: &Lease, failure: &str, _: UnixTime) -> Result<(), StoreError> {
        // PostgreSQL's text cannot hold the character NUL.
        let failure: String = failure
            .replace('\0', "\u{fffd}")
            .chars()
            .take(MAX_FAILURE)
            .collect();
        let released = sqlx::query(RELEASE)
            .bind(lease.id())
            .bind(&lease.owner()[..])
            .bind(failure.as_str())
            .execute(&self.pool);
        match DB::rows_affected(&released.await.map_err(store_error)?) {
            1 => Ok(()),
            _ => Err(StoreError::lease_lost()),
        }
    }

    async fn purge(&self, before: UnixTime) -> Result<u64, StoreError> {
        let purged = sqlx::query("DELETE FROM clerk_gate_deliveries WHERE finished < $1")
            .bind(before.as_secs())
            .execute(&self.pool);
        Ok(DB::rows_affected(&purged.await.map_err(store_error)?))
    }

    async fn unfinished(&self, limit: usize) -> Result<Vec<Unfinished>, StoreError> {
        let rows = sqlx::query(UNFINISHED)
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(&self.pool);
        let list = rows.await.map_err(store_error)?;
        let list: Result<_, Error> = list.iter().map(unfinished).collect();
        list.map_err(store_error)
    }

    async fn recall(&self, id: &str) -> Result<Option<Delivery>, StoreError> {
        let row = sqlx::query(RECALL).bind(id).fetch_optional(&self.pool);
        let row = row.await.map_err(store_error)?;
        let delivery = row.map(|row| {
            let body = Bytes::copy_from_slice(row.try_get(1)?);
            Ok(Delivery::new(
                id,
                UnixTime::from_secs(row.try_get(0)?),
                body,
            ))
        });
        delivery.transpose().map_err(store_error)
    }

    /// In the background, where there is a runtime to do it.
    fn abandon(&self, lease: &Lease) {
        if let Ok(runtime) = Handle::try_current() {
            let (pool, lease) = (self.pool.clone(), lease.clone());
            runtime.spawn(async move {
                let abandoned = sqlx::query(ABANDON)
                    .bind(lease.id())
                    .bind(&lease.owner()[..])
                    .execute(&pool);
                // If even this fails, the lease runs out by itself.
                let _ = abandoned.await;
            });
        }
    }
}

fn unfinished<'r, R>(row: &'r R) -> Result<Unfinished, Error>
where
    R: Row,
    i64: Decode<'r, R::Database> + Type<R::Database>,
    &'r str: Decode<'r, R::Database> + Type<R::Database>,
    usize: ColumnIndex<R>,
{
    let leased_until: Option<i64> = row.try_get(3)?;
    let failure: Option<&str> = row.try_get(4)?;
    Ok(Unfinished::new(
        row.try_get::<&str, _>(0)?,
        attempts(row.try_get(1)?),
        UnixTime::from_secs(row.try_get(2)?),
        leased_until.map(UnixTime::from_secs),
        failure.map(str::to_owned),
    ))
}

fn attempts(count: i64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

impl<DB: Database> Clone for SqlStore<DB> {
    fn clone(&self) -> Self {
        Self {
            pool: self.pool.clone(),
            announcements: Arc::clone(&self.announcements),
            begins: self.begins.clone(),
            finishes: self.finishes.clone(),
        }
    }
}

impl<DB: Database> fmt::Debug for SqlStore<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SqlStore").field(&DB::NAME).finish()
    }
}

/// Of workers that begin at the same time the database lets one write the row; the others then
/// find its lease.
const BEGIN: &str = concat!(
    "
    INSERT INTO clerk_gate_deliveries AS known
        (id, sent, body, attempts, begun, owner, leased_until)
    VALUES ($1, $2, $3, 1, $4, $5, $6)",
    begin_again!()
);

const KNOWN: &str = "SELECT finished, leased_until FROM clerk_gate_deliveries WHERE id = $1";

const FINISH: &str = "
    UPDATE clerk_gate_deliveries
    SET finished = $3, body = NULL, leased_until = NULL, failure = NULL
    WHERE id = $1 AND owner = $2 AND finished IS NULL";

const FINISHED: &str = "
    SELECT 1 FROM clerk_gate_deliveries
    WHERE id = $1 AND owner = $2 AND finished IS NOT NULL";

const RELEASE: &str = "
    UPDATE clerk_gate_deliveries
    SET owner = NULL, leased_until = NULL, failure = $3
    WHERE id = $1 AND owner = $2 AND finished IS NULL";

const ABANDON: &str = "
    UPDATE clerk_gate_deliveries
    SET owner = NULL, leased_until = NULL
    WHERE id = $1 AND owner = $2 AND finished IS NULL";

const UNFINISHED: &str = "
    SELECT id, attempts, begun, leased_until, failure FROM clerk_gate_deliveries
    WHERE finished IS NULL
    ORDER BY begun, id
    LIMIT $1";

const RECALL: &str = "
    SELECT sent, body FROM clerk_gate_deliveries
    WHERE id = $1 AND finished IS NULL";
