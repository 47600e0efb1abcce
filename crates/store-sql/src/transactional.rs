//! A handler whose effects commit together with the mark that the delivery is handled.

use std::future::Future;

use async_trait::async_trait;
use clerk_gate_core::webhook::{Delivery, Handler, Lease, Retry, StoreError};
use sqlx::{Encode, Executor, IntoArguments, Transaction, Type};

use crate::dialect::Dialect;
use crate::store::SqlStore;

impl<DB> SqlStore<DB>
where
    DB: Dialect,
    DB::Arguments: IntoArguments<DB>,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    for<'q> &'q str: Encode<'q, DB> + Type<DB>,
    for<'q> &'q [u8]: Encode<'q, DB> + Type<DB>,
{
    /// A handler that is given an open transaction, and gives it back when its writes are in it.
    ///
    /// The store then marks the delivery as finished in the same transaction, provided that this
    /// worker still has the lease, and commits. An error, a panic, a dropped future and a killed
    /// process roll back both. For an [`Endpoint`](clerk_gate_core::webhook::Endpoint) with this
    /// very store.
    ///
    /// What is written through the transaction therefore happens exactly once, however often the
    /// sender tries and wherever a process dies. That holds for nothing else: a mail, a call to
    /// another service, a write to another database or through another connection happens at
    /// least once, and a second time must change nothing. Such work belongs in a table that the
    /// transaction writes to and a worker of yours empties, with the message id as its key.
    ///
    /// Keep it short: on SQLite nobody else can write until the transaction ends, not even begin
    /// a delivery, and a handler that uses the store or another connection waits for itself.
    pub fn transactional<F, T>(&self, handler: F) -> impl Handler + use<DB, F, T>
    where
        F: Fn(Delivery, Transaction<'static, DB>) -> T + Send + Sync,
        T: Future<Output = Result<Transaction<'static, DB>, Retry>> + Send,
    {
        Transactional {
            store: self.clone(),
            handler,
        }
    }
}

struct Transactional<DB: Dialect, F> {
    store: SqlStore<DB>,
    handler: F,
}

#[async_trait]
impl<DB, F, T> Handler for Transactional<DB, F>
where
    DB: Dialect,
    DB::Arguments: IntoArguments<DB>,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    for<'q> &'q str: Encode<'q, DB> + Type<DB>,
    for<'q> &'q [u8]: Encode<'q, DB> + Type<DB>,
    F: Fn(Delivery, Transaction<'static, DB>) -> T + Send + Sync,
    T: Future<Output = Result<Transaction<'static, DB>, Retry>> + Send,
{
    async fn handle(&self, delivery: Delivery, lease: &Lease) -> Result<(), Retry> {
        let transaction = self.store.pool().begin_with(DB::BEGIN).await?;
        let mut transaction = (self.handler)(delivery, transaction).await?;
        let finished = sqlx::query(FINISH)
            .bind(lease.id())
            .bind(&lease.owner()[..])
            .execute(&mut *transaction)
            .await?;
        if DB::rows_affected(&finished) != 1 {
            return Err(StoreError::lease_lost().into());
        }
        transaction.commit().await?;
        Ok(())
    }
}

/// Last, so that the row is locked for a moment only. A handler has no clock: the delivery counts
/// as finished when it was begun.
const FINISH: &str = "
    UPDATE clerk_gate_deliveries
    SET finished = begun, body = NULL, leased_until = NULL, failure = NULL
    WHERE id = $1 AND owner = $2 AND finished IS NULL";
