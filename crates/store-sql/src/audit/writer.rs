//! The task that writes: all that is queued at the moment, in one statement.

use std::error::Error;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use clerk_gate_core::webhook::StoreError;
use sqlx::{Encode, Executor, IntoArguments, Pool, QueryBuilder, Type};

use super::queue::{Batch, Queue};
use crate::dialect::Dialect;
use crate::error::in_time;

/// Writes until the queue is closed and empty; then it gives up what the database does not take.
pub(super) async fn write<DB>(pool: Pool<DB>, queue: Arc<Queue>)
where
    DB: Dialect,
    DB::Arguments: IntoArguments<DB>,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    for<'q> bool: Encode<'q, DB> + Type<DB>,
    for<'q> i64: Encode<'q, DB> + Type<DB>,
    for<'q> &'q str: Encode<'q, DB> + Type<DB>,
    for<'q> Option<&'q str>: Encode<'q, DB>,
{
    let writer = RandomState::new()
        .hash_one(std::process::id())
        .cast_signed();
    let mut failing = false;
    while let Some(batch) = queue.next(failing).await {
        let result = insert(&pool, writer, &batch).await;
        failing = result.is_err();
        if !queue.settle(batch, &result.map_err(|error| text(&error))) {
            return;
        }
    }
}

async fn insert<DB>(pool: &Pool<DB>, writer: i64, batch: &Batch) -> Result<(), StoreError>
where
    DB: Dialect,
    DB::Arguments: IntoArguments<DB>,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    for<'q> bool: Encode<'q, DB> + Type<DB>,
    for<'q> i64: Encode<'q, DB> + Type<DB>,
    for<'q> &'q str: Encode<'q, DB> + Type<DB>,
    for<'q> Option<&'q str>: Encode<'q, DB>,
{
    if batch.rows().next().is_none() {
        return Ok(());
    }
    let mut insert = QueryBuilder::<DB>::new(INSERT);
    insert.push_values(batch.rows(), |mut values, row| {
        values
            .push_bind(writer)
            .push_bind(row.number)
            .push_bind(row.time)
            .push_bind(row.outcome)
            .push_bind(row.reason)
            .push_bind(row.method.as_str())
            .push_bind(row.path.as_str())
            .push_bind(row.rule.as_deref())
            .push_bind(row.user.as_deref())
            .push_bind(row.session.as_deref())
            .push_bind(row.organization.as_deref())
            .push_bind(row.actor.as_deref())
            .push_bind(row.delivery.as_deref())
            .push_bind(row.sensitive)
            .push_bind(row.observed.as_deref());
    });
    // It was committed before, and the answer was lost.
    insert.push(" ON CONFLICT DO NOTHING");
    in_time(insert.build().execute(pool)).await.map(drop)
}

fn text(error: &StoreError) -> String {
    let cause = error.source().map(ToString::to_string);
    format!("audit: {error}: {}", cause.unwrap_or_default())
}

const INSERT: &str = "
    INSERT INTO clerk_gate_audit
        (writer, number, time, outcome, reason, method, path, rule,
        user_id, session_id, organization_id, actor_id, delivery, sensitive, observed) ";

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use super::super::row::Row;
    use super::*;
    use crate::SqliteStore;

    /// As after a commit whose answer was lost.
    #[tokio::test]
    async fn what_is_written_again_is_there_once() {
        let store = SqliteStore::open(":memory:").await.unwrap();
        let queue = Queue::default();
        for number in 1..=2 {
            queue.push(row(number)).unwrap();
        }
        let batch = queue.next(false).await.unwrap();
        for (writer, want) in [(7, 2), (7, 2), (8, 4)] {
            insert(store.pool(), writer, &batch).await.unwrap();
            let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM clerk_gate_audit")
                .fetch_one(store.pool())
                .await
                .unwrap();
            assert_eq!(count, want, "writer {writer}");
        }
    }

    fn row(number: i64) -> Row {
        Row {
            number,
            time: 0,
            outcome: "refuse",
            reason: None,
            method: "GET".to_owned(),
            path: "/".to_owned(),
            rule: None,
            user: None,
            session: None,
            organization: None,
            actor: None,
            delivery: None,
            sensitive: false,
            observed: None,
        }
    }
}
