//! Deliveries that are begun or finished in one transaction.

use clerk_gate_core::UnixTime;
use clerk_gate_core::webhook::{Delivery, Lease};
use sqlx::{
    ColumnIndex, Decode, Encode, Error, Executor, IntoArguments, Pool, QueryBuilder, Row, Type,
};

use crate::dialect::Dialect;
use crate::lane::Done;

/// What a caller wants done.
pub(crate) enum Job {
    Begin(Beginning),
    Finish(Finishing),
}

pub(crate) struct Beginning {
    pub(crate) delivery: Delivery,
    pub(crate) lease: Lease,
    pub(crate) now: UnixTime,
    pub(crate) until: UnixTime,
}

pub(crate) struct Finishing {
    pub(crate) lease: Lease,
    pub(crate) now: UnixTime,
}

impl Job {
    pub(crate) fn lease(&self) -> &Lease {
        match self {
            Self::Begin(one) => &one.lease,
            Self::Finish(one) => &one.lease,
        }
    }

    /// In bytes, about.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Begin(one) => one.delivery.body().len(),
            Self::Finish(_) => 0,
        }
    }
}

/// Does jobs for different deliveries in one transaction. Tells which are done, with the number of
/// the attempt.
pub(crate) async fn run<DB>(pool: Pool<DB>, jobs: Vec<Job>) -> Result<Vec<Done>, Error>
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
    let (mut begins, mut finishes) = (Vec::new(), Vec::new());
    for job in &jobs {
        match job {
            Job::Begin(one) => begins.push(one),
            Job::Finish(one) => finishes.push(one),
        }
    }
    // To the last row, because SQLite has not committed before.
    let rows = if finishes.is_empty() {
        begin(&begins).build().fetch_all(&pool).await?
    } else if begins.is_empty() {
        finish(&finishes).build().fetch_all(&pool).await?
    } else {
        let mut transaction = pool.begin_with(DB::BEGIN).await?;
        let mut rows = begin(&begins).build().fetch_all(&mut *transaction).await?;
        rows.extend(
            finish(&finishes)
                .build()
                .fetch_all(&mut *transaction)
                .await?,
        );
        transaction.commit().await?;
        rows
    };
    rows.iter().map(done).collect()
}

fn begin<DB>(all: &[&Beginning]) -> QueryBuilder<DB>
where
    DB: Dialect,
    for<'q> Option<i64>: Encode<'q, DB> + Type<DB>,
    for<'q> Option<&'q str>: Encode<'q, DB> + Type<DB>,
    for<'q> Option<&'q [u8]>: Encode<'q, DB> + Type<DB>,
{
    let mut insert = QueryBuilder::new(BEGIN);
    insert.push_values(padded(all), |mut values, one| {
        values
            .push_bind(one.map(|one| one.delivery.id()))
            .push_bind(one.map(|one| one.delivery.timestamp().as_secs()))
            .push_bind(one.map(|one| &one.delivery.body()[..]))
            .push_bind(one.map(|one| one.now.as_secs()))
            .push_bind(one.map(|one| &one.lease.owner()[..]))
            .push_bind(one.map(|one| one.until.as_secs()));
    });
    insert.push(BEGIN_AGAIN);
    insert
}

fn finish<DB>(all: &[&Finishing]) -> QueryBuilder<DB>
where
    DB: Dialect,
    for<'q> Option<i64>: Encode<'q, DB> + Type<DB>,
    for<'q> Option<&'q str>: Encode<'q, DB> + Type<DB>,
    for<'q> Option<&'q [u8]>: Encode<'q, DB> + Type<DB>,
{
    let mut update = QueryBuilder::new(FINISH);
    update.push_values(padded(all), |mut values, one| {
        values
            .push_bind(one.map(|one| one.lease.id()))
            .push_bind(one.map(|one| &one.lease.owner()[..]))
            .push_bind(one.map(|one| one.now.as_secs()));
    });
    update.push(FINISH_KNOWN);
    update
}

/// With rows of NULL, to a power of two: few different statements, which the connection keeps
/// prepared.
fn padded<'a, T>(all: &[&'a T]) -> impl Iterator<Item = Option<&'a T>> {
    let size = all.len().next_power_of_two();
    let rows = all.iter().copied().map(Some);
    rows.chain(std::iter::repeat(None)).take(size)
}

fn done<'r, R>(row: &'r R) -> Result<Done, Error>
where
    R: Row,
    i64: Decode<'r, R::Database> + Type<R::Database>,
    &'r [u8]: Decode<'r, R::Database> + Type<R::Database>,
    usize: ColumnIndex<R>,
{
    let owner: &[u8] = row.try_get(0)?;
    let owner = owner
        .try_into()
        .map_err(|error| Error::Decode(Box::new(error)))?;
    Ok((owner, row.try_get(1)?))
}

/// What begins a delivery that is known, unless it is finished or another has its lease. A row comes
/// back only for those that are begun.
macro_rules! begin_again {
    () => {
        "
    ON CONFLICT (id) DO UPDATE SET
        sent = excluded.sent,
        body = excluded.body,
        attempts = known.attempts + 1,
        begun = excluded.begun,
        owner = excluded.owner,
        leased_until = excluded.leased_until
    WHERE known.finished IS NULL
        AND (known.leased_until IS NULL OR known.leased_until <= excluded.begun)
    RETURNING owner, attempts"
    };
}
pub(crate) use begin_again;

const BEGIN: &str = "
    INSERT INTO clerk_gate_deliveries AS known
        (id, sent, body, attempts, begun, owner, leased_until)
    SELECT column1, column2, column3, 1, column4, column5, column6 FROM (";

const BEGIN_AGAIN: &str = concat!(
    ") AS given
    WHERE column1 IS NOT NULL",
    begin_again!()
);

/// No row is ever inserted. An upsert looks rows up by their key; for an update with a join the
/// database may plan to read the table from end to end, and keep to it when the table has grown.
const FINISH: &str = "
    INSERT INTO clerk_gate_deliveries AS known (id, sent, attempts, begun, owner, finished)
    SELECT column1, 0, 0, 0, column2, column3 FROM (";

const FINISH_KNOWN: &str = ") AS given
    WHERE (SELECT owner FROM clerk_gate_deliveries WHERE id = column1) = column2
    ON CONFLICT (id) DO UPDATE SET
        finished = excluded.finished,
        body = NULL,
        leased_until = NULL,
        failure = NULL
    WHERE known.owner = excluded.owner AND known.finished IS NULL
    RETURNING owner, attempts";
