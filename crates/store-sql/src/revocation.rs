//! Revocations: one history for all processes, numbered in the order of commits.

use async_trait::async_trait;
use clerk_gate_core::UnixTime;
use clerk_gate_core::revocation::{Changes, Position, Revocation, RevocationStore};
use clerk_gate_core::webhook::StoreError;
use sqlx::{ColumnIndex, Decode, Encode, Error, Executor, IntoArguments, QueryBuilder, Row, Type};

use crate::dialect::Dialect;
use crate::error::{in_time, store_error};
use crate::store::SqlStore;

#[async_trait]
impl<DB> RevocationStore for SqlStore<DB>
where
    DB: Dialect,
    DB::Arguments: IntoArguments<DB>,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    for<'q> i64: Decode<'q, DB> + Encode<'q, DB> + Type<DB>,
    for<'q> &'q str: Decode<'q, DB> + Encode<'q, DB> + Type<DB>,
    usize: ColumnIndex<DB::Row>,
{
    async fn add(&self, revocations: &[Revocation]) -> Result<(), StoreError> {
        if revocations.is_empty() {
            return Ok(());
        }
        in_time(add(self, revocations)).await?;
        self.announcements.tell();
        Ok(())
    }

    async fn since(&self, position: Option<Position>) -> Result<Changes, StoreError> {
        let (epoch, number) = position.map_or((0, 0), |own| (own.epoch, own.number));
        let rows = sqlx::query(SINCE)
            .bind(epoch.cast_signed())
            // No history is longer, so this is beyond its end.
            .bind(i64::try_from(number).unwrap_or(i64::MAX))
            .bind(PAGE.saturating_add(1))
            .fetch_all(&self.pool);
        let rows = in_time(rows).await?;
        page(&rows)
    }

    /// With PostgreSQL a connection of its own hears of all that is recorded in the database. With
    /// SQLite only what this store and its clones record is heard; other processes are not.
    async fn changed(&self) {
        self.announcements.next(&self.pool).await;
    }

    async fn purge(&self, now: UnixTime) -> Result<u64, StoreError> {
        let purged = sqlx::query("DELETE FROM clerk_gate_revocations WHERE expires <= $1")
            .bind(now.as_secs())
            .execute(&self.pool);
        Ok(DB::rows_affected(&in_time(purged).await?))
    }
}

/// Whoever adds first moves the end of the history, and locks it by that until the transaction
/// ends: numbers become visible in their order, without a gap. Numbers from a sequence would not:
/// a reader could see the second before the first is committed, and go on behind both.
async fn add<DB>(store: &SqlStore<DB>, revocations: &[Revocation]) -> Result<(), Error>
where
    DB: Dialect,
    DB::Arguments: IntoArguments<DB>,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    for<'q> i64: Decode<'q, DB> + Encode<'q, DB> + Type<DB>,
    for<'q> &'q str: Encode<'q, DB> + Type<DB>,
    usize: ColumnIndex<DB::Row>,
{
    let mut transaction = store.pool.begin_with(DB::BEGIN_IN_TURN).await?;
    let count = i64::try_from(revocations.len()).unwrap_or(i64::MAX);
    let end: i64 = sqlx::query_scalar(MOVE_END)
        .bind(count)
        .fetch_one(&mut *transaction)
        .await?;
    let mut numbers = end.saturating_sub(count).saturating_add(1)..;
    for some in revocations.chunks(AT_ONCE) {
        let mut insert = QueryBuilder::<DB>::new(INSERT);
        let numbered = some.iter().zip(numbers.by_ref());
        insert.push_values(numbered, |mut row, (one, number)| {
            row.push_bind(number)
                .push_bind(one.subject().to_string().as_str())
                .push_bind(one.cutoff().as_secs())
                .push_bind(one.expires().as_secs());
        });
        insert.build().execute(&mut *transaction).await?;
    }
    sqlx::raw_sql(DB::ANNOUNCE)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await
}

/// The first row has the history, whether or not there is a revocation in it.
fn page<R>(rows: &[R]) -> Result<Changes, StoreError>
where
    R: Row,
    for<'q> i64: Decode<'q, R::Database> + Type<R::Database>,
    for<'q> &'q str: Decode<'q, R::Database> + Type<R::Database>,
    usize: ColumnIndex<R>,
{
    let history = rows.first().ok_or_else(|| {
        StoreError::permanent(
            "clerk_gate_history: has no row, wanted one; delete version 2 and the tables of \
             revocations, and open the store again",
        )
    })?;
    let epoch: i64 = history.try_get(0).map_err(store_error)?;
    let mut number: i64 = history.try_get(1).map_err(store_error)?;
    let size = usize::try_from(PAGE).unwrap_or(usize::MAX);
    let has_more = rows.len() > size;
    let mut revocations = Vec::with_capacity(rows.len().min(size));
    for row in rows.iter().take(size) {
        let own: Option<i64> = row.try_get(2).map_err(store_error)?;
        if let Some(own) = own {
            revocations.push(revocation(row)?);
            if has_more {
                number = own;
            }
        }
    }
    Ok(Changes {
        revocations,
        position: Position {
            epoch: epoch.cast_unsigned(),
            number: number.cast_unsigned(),
        },
        has_more,
    })
}

fn revocation<'r, R>(row: &'r R) -> Result<Revocation, StoreError>
where
    R: Row,
    i64: Decode<'r, R::Database> + Type<R::Database>,
    &'r str: Decode<'r, R::Database> + Type<R::Database>,
    usize: ColumnIndex<R>,
{
    let subject: &str = row.try_get(3).map_err(store_error)?;
    Ok(Revocation::new(
        subject.parse().map_err(StoreError::permanent)?,
        UnixTime::from_secs(row.try_get(4).map_err(store_error)?),
        UnixTime::from_secs(row.try_get(5).map_err(store_error)?),
    ))
}

const MOVE_END: &str = "UPDATE clerk_gate_history SET number = number + $1 RETURNING number";

const INSERT: &str = "INSERT INTO clerk_gate_revocations (number, subject, cutoff, expires) ";

/// One statement, so that the end and what is before it are of the same moment.
const SINCE: &str = "
    SELECT history.epoch, history.number, known.number, known.subject, known.cutoff, known.expires
    FROM clerk_gate_history AS history
    LEFT JOIN clerk_gate_revocations AS known ON known.number >
        CASE WHEN history.epoch = $1 AND history.number >= $2 THEN $2 ELSE 0 END
    ORDER BY known.number
    LIMIT $3";

/// Revocations in one page.
const PAGE: i64 = 1_000;

/// Revocations in one statement: databases limit the number of its values.
const AT_ONCE: usize = 200;
