//! What differs between the databases, and how their tables are brought up to date.

use std::sync::Arc;

use clerk_gate_core::webhook::StoreError;
use sqlx::{ColumnIndex, Database, Decode, Encode, Error, Executor, IntoArguments, Pool, Type};
use tokio::sync::Notify;

use crate::announcements::Listening;
use crate::error::store_error;

/// A database that [`SqlStore`](crate::SqlStore) speaks to: SQLite or PostgreSQL.
pub trait Dialect: Database {
    /// How many callers of one kind work at a time. With 1, begins and finishes go together.
    #[doc(hidden)]
    const TURNS: u32;

    /// Opens a transaction that may write from its first statement on.
    #[doc(hidden)]
    const BEGIN: &'static str;

    /// Opens a transaction that waits for others with the same row, and goes on where they end.
    #[doc(hidden)]
    const BEGIN_IN_TURN: &'static str;

    /// Tells other processes that there are new revocations.
    #[doc(hidden)]
    const ANNOUNCE: &'static str;

    /// Lets one process at a time bring the tables up to date, until its transaction ends.
    #[doc(hidden)]
    const LOCK: &'static str;

    /// The statements that lead to each version of the tables, the first to version 1. What was
    /// released stays as it is.
    #[doc(hidden)]
    const VERSIONS: &'static [&'static str];

    /// Hears what other processes tell, if they can be heard.
    #[doc(hidden)]
    fn listen(pool: &Pool<Self>, heard: Arc<Notify>) -> Option<Listening>;

    #[doc(hidden)]
    fn rows_affected(result: &Self::QueryResult) -> u64;
}

/// Brings the tables up to date, whoever else is doing the same.
pub(crate) async fn bring_up_to_date<DB>(pool: &Pool<DB>) -> Result<(), StoreError>
where
    DB: Dialect,
    DB::Arguments: IntoArguments<DB>,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    for<'q> i64: Decode<'q, DB> + Encode<'q, DB> + Type<DB>,
    usize: ColumnIndex<DB::Row>,
{
    let newest = i64::try_from(DB::VERSIONS.len()).unwrap_or(i64::MAX);
    // Usually there is nothing to do, and then no right to make tables is needed either.
    let version = version(pool).await;
    if version.as_ref().is_ok_and(|version| *version == newest) {
        return Ok(());
    }
    if let Ok(version) = version
        && version > newest
    {
        return Err(StoreError::permanent(format!(
            "tables: got version {version}, wanted {newest} at most; use a newer clerk-gate-store-sql"
        )));
    }
    migrate(pool).await.map_err(store_error)
}

async fn migrate<DB>(pool: &Pool<DB>) -> Result<(), Error>
where
    DB: Dialect,
    DB::Arguments: IntoArguments<DB>,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    for<'q> i64: Decode<'q, DB> + Encode<'q, DB> + Type<DB>,
    usize: ColumnIndex<DB::Row>,
{
    let mut transaction = pool.begin_with(DB::BEGIN).await?;
    sqlx::raw_sql(DB::LOCK).execute(&mut *transaction).await?;
    sqlx::raw_sql(VERSION_TABLE)
        .execute(&mut *transaction)
        .await?;
    let done = version(&mut *transaction).await?;
    for (number, statements) in (1_i64..).zip(DB::VERSIONS) {
        if number > done {
            sqlx::raw_sql(*statements)
                .execute(&mut *transaction)
                .await?;
            let insert = sqlx::query("INSERT INTO clerk_gate_versions VALUES ($1)");
            insert.bind(number).execute(&mut *transaction).await?;
        }
    }
    transaction.commit().await
}

async fn version<'e, DB, E>(executor: E) -> Result<i64, Error>
where
    DB: Dialect,
    DB::Arguments: IntoArguments<DB>,
    E: Executor<'e, Database = DB>,
    for<'q> i64: Decode<'q, DB> + Type<DB>,
    usize: ColumnIndex<DB::Row>,
{
    let newest = "SELECT COALESCE(MAX(version), 0) FROM clerk_gate_versions";
    sqlx::query_scalar(newest).fetch_one(executor).await
}

const VERSION_TABLE: &str =
    "CREATE TABLE IF NOT EXISTS clerk_gate_versions (version BIGINT PRIMARY KEY)";
