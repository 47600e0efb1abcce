//! The audit trail in a table.

mod queue;
mod row;
mod writer;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use clerk_gate_core::webhook::StoreError;
use clerk_gate_core::{Event, Recorded, Sink, UnixTime};
use sqlx::{Database, Encode, Executor, IntoArguments, Pool, Type};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use self::queue::Queue;
use self::row::Row;
use crate::dialect::Dialect;
use crate::error::in_time;
use crate::store::SqlStore;

/// A [`Sink`] that writes to the table `clerk_gate_audit`. Cheap to clone; clones share one queue.
///
/// A request that does not proceed unrecorded waits until its event is committed, with all others
/// that wait at that moment; after 5 seconds without an answer it is refused. Its thread does not
/// wait. All other events are queued, up to 10,000, and written in the background; during an outage
/// they are tried again until they are written.
///
/// Every event is written once. A request that was refused because the database did not answer in
/// time may stand in the table as one that proceeded: it may have been committed all the same.
pub struct SqlAudit<DB: Database> {
    pool: Pool<DB>,
    writer: Arc<Writer>,
}

/// The task that writes. When the last handle is dropped, it writes what is queued, and ends.
struct Writer {
    queue: Arc<Queue>,
    task: JoinHandle<()>,
    /// How many events there were.
    last: AtomicI64,
}

impl<DB> SqlAudit<DB>
where
    DB: Dialect,
    DB::Arguments: IntoArguments<DB>,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    for<'q> bool: Encode<'q, DB> + Type<DB>,
    for<'q> i64: Encode<'q, DB> + Type<DB>,
    for<'q> &'q str: Encode<'q, DB> + Type<DB>,
    for<'q> Option<&'q str>: Encode<'q, DB>,
{
    /// Writes to the database of `store`. The work is done on the runtime that this is called on.
    ///
    /// # Errors
    /// If the table cannot be read.
    pub async fn start(store: &SqlStore<DB>) -> Result<Self, StoreError> {
        let pool = store.pool().clone();
        in_time(sqlx::query("SELECT 1 FROM clerk_gate_audit LIMIT 1").fetch_optional(&pool))
            .await?;
        let queue = Arc::new(Queue::default());
        let task = tokio::spawn(writer::write(pool.clone(), Arc::clone(&queue)));
        let writer = Arc::new(Writer {
            queue,
            task,
            last: AtomicI64::new(0),
        });
        Ok(Self { pool, writer })
    }

    /// Forgets events of before this moment, and tells how many. It does so in small steps, so that
    /// no request waits for it.
    ///
    /// # Errors
    /// If the database cannot answer; some may be forgotten already.
    pub async fn purge(&self, before: UnixTime) -> Result<u64, StoreError> {
        let mut all: u64 = 0;
        loop {
            let purged = sqlx::query(PURGE)
                .bind(before.as_secs())
                .bind(STEP)
                .execute(&self.pool);
            let purged = DB::rows_affected(&in_time(purged).await?);
            if purged == 0 {
                return Ok(all);
            }
            all = all.saturating_add(purged);
        }
    }
}

impl<DB: Database> SqlAudit<DB> {
    /// Waits until all that was recorded before is written. For the end of a program, after its last
    /// request.
    ///
    /// # Errors
    /// If the database did not take it. It stays queued and is tried again.
    pub async fn flush(&self) -> Result<(), StoreError> {
        let (done, flushed) = oneshot::channel();
        self.writer.queue.push_flush(done);
        match flushed.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(what)) => Err(StoreError::transient(what)),
            Err(_) => Err(StoreError::permanent(ENDED)),
        }
    }
}

impl Writer {
    fn row(&self, event: &Event<'_>) -> io::Result<Row> {
        if self.task.is_finished() {
            return Err(io::Error::other(ENDED));
        }
        let before = self.last.fetch_add(1, Ordering::Relaxed);
        Ok(Row::new(before.wrapping_add(1), event))
    }
}

impl<DB: Database> Sink for SqlAudit<DB> {
    fn record(&self, event: &Event<'_>) -> io::Result<()> {
        self.writer.queue.push(self.writer.row(event)?)
    }

    fn record_durably(&self, event: &Event<'_>) -> Recorded {
        let (done, written) = oneshot::channel();
        let row = self.writer.row(event);
        match row.and_then(|row| self.writer.queue.push_required(row, done)) {
            Ok(()) => Recorded::Later(Box::pin(async move {
                match timeout(PATIENCE, written).await {
                    Ok(Ok(result)) => result.map_err(io::Error::other),
                    Ok(Err(_)) => Err(io::Error::other(ENDED)),
                    Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, TOO_LATE)),
                }
            })),
            Err(error) => Recorded::Now(Err(error)),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue.close();
    }
}

impl<DB: Database> Clone for SqlAudit<DB> {
    fn clone(&self) -> Self {
        Self {
            pool: self.pool.clone(),
            writer: Arc::clone(&self.writer),
        }
    }
}

impl<DB: Database> fmt::Debug for SqlAudit<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SqlAudit").field(&DB::NAME).finish()
    }
}

const PURGE: &str = "
    DELETE FROM clerk_gate_audit WHERE (writer, number) IN
        (SELECT writer, number FROM clerk_gate_audit WHERE time < $1 LIMIT $2)";

/// Events that are purged in one transaction.
const STEP: i64 = 1_000;

/// How long a request waits for its event.
const PATIENCE: Duration = Duration::from_secs(5);

const TOO_LATE: &str = "audit: the database has not answered in time";

const ENDED: &str = "audit: the runtime on which the trail was started has ended";
