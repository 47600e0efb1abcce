//! PostgreSQL: one database for several machines.

use std::sync::Arc;
use std::time::Duration;

use clerk_gate_core::webhook::StoreError;
use sqlx::postgres::{
    PgConnectOptions, PgConnection, PgListener, PgPool, PgPoolOptions, PgQueryResult,
};
use sqlx::{Connection, Error, Postgres};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use crate::announcements::{Listening, tell};
use crate::audit::SqlAudit;
use crate::dialect::{Dialect, bring_up_to_date};
use crate::error::store_error;
use crate::store::SqlStore;

/// The store for several machines.
pub type PostgresStore = SqlStore<Postgres>;

/// The audit trail in the database of a [`PostgresStore`].
pub type PostgresAudit = SqlAudit<Postgres>;

impl SqlStore<Postgres> {
    /// Connects to the database at `url`: `postgres://user:password@host:port/database`, with the
    /// parameters that `libpq` has.
    ///
    /// # Errors
    /// If the server cannot be reached or refuses, or if the tables were written by a newer
    /// version of this crate. The message does not show `url`.
    ///
    /// # Security
    /// Over a network ask for `sslmode=verify-full`: what is used otherwise can be read by others.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        let options: PgConnectOptions = url.parse().map_err(store_error)?;
        // A pool tries until its patience ends, and then cannot say what was wrong.
        let first = PgConnection::connect_with(&options).await;
        first
            .map_err(store_error)?
            .close()
            .await
            .map_err(store_error)?;
        let pool = PgPoolOptions::new()
            .acquire_timeout(PATIENCE)
            .connect_lazy_with(options);
        Self::from_pool(pool).await
    }

    /// A store in the application's own database: needed for
    /// [`transactional`](Self::transactional) handlers that write to its tables.
    ///
    /// The tables are looked for and made in the first schema of the connection's search path.
    /// With `synchronous_commit` off a crash of the server can forget what was acknowledged.
    ///
    /// # Errors
    /// If the tables cannot be brought up to date.
    pub async fn from_pool(pool: PgPool) -> Result<Self, StoreError> {
        bring_up_to_date(&pool).await?;
        Ok(Self::new(pool))
    }
}

impl Dialect for Postgres {
    /// One that waits for a row of another process leaves one for all others; with more, less is
    /// shared. Begins and finishes stay apart: a statement locks its rows in the order of ids, two
    /// in one transaction would not.
    const TURNS: u32 = 2;
    const BEGIN: &'static str = "BEGIN";
    /// Whoever waits for another to end goes on with what that one has written, whatever the
    /// application has set for its own transactions.
    const BEGIN_IN_TURN: &'static str = "BEGIN ISOLATION LEVEL READ COMMITTED";
    /// The number is the name of this crate's lock: any will do that nobody else has.
    const LOCK: &'static str = "SELECT pg_advisory_xact_lock(7161386212084473697)";
    /// Sent when the transaction commits. The name is that of [`CHANNEL`].
    const ANNOUNCE: &'static str = "NOTIFY clerk_gate_revocations";
    const VERSIONS: &'static [&'static str] = &[
        r#"
        CREATE TABLE clerk_gate_deliveries (
            id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
            sent BIGINT NOT NULL,
            body BYTEA,
            attempts BIGINT NOT NULL,
            begun BIGINT NOT NULL,
            owner BYTEA,
            leased_until BIGINT,
            finished BIGINT,
            failure TEXT
        );
        CREATE INDEX clerk_gate_unfinished ON clerk_gate_deliveries (begun, id)
            WHERE finished IS NULL;
        CREATE INDEX clerk_gate_finished ON clerk_gate_deliveries (finished)
            WHERE finished IS NOT NULL;"#,
        "
        CREATE TABLE clerk_gate_history (
            epoch BIGINT NOT NULL,
            number BIGINT NOT NULL
        );
        INSERT INTO clerk_gate_history VALUES ((random() * 9007199254740991)::BIGINT, 0);
        CREATE TABLE clerk_gate_revocations (
            number BIGINT NOT NULL PRIMARY KEY,
            subject TEXT NOT NULL,
            cutoff BIGINT NOT NULL,
            expires BIGINT NOT NULL
        );
        CREATE INDEX clerk_gate_expiring ON clerk_gate_revocations (expires);",
        "
        CREATE TABLE clerk_gate_audit (
            writer BIGINT NOT NULL,
            number BIGINT NOT NULL,
            time BIGINT NOT NULL,
            outcome TEXT NOT NULL,
            reason TEXT,
            method TEXT NOT NULL,
            path TEXT NOT NULL,
            rule TEXT,
            user_id TEXT,
            session_id TEXT,
            organization_id TEXT,
            actor_id TEXT,
            delivery TEXT,
            sensitive BOOLEAN NOT NULL,
            observed TEXT,
            PRIMARY KEY (writer, number)
        );
        CREATE INDEX clerk_gate_audit_time ON clerk_gate_audit (time);
        CREATE INDEX clerk_gate_audit_user ON clerk_gate_audit (user_id, time)
            WHERE user_id IS NOT NULL;",
    ];

    fn listen(pool: &PgPool, heard: Arc<Notify>) -> Option<Listening> {
        let options = PgConnectOptions::clone(&pool.connect_options());
        let mut closed = pool.close_event();
        Some(Box::pin(async move {
            let listening = async {
                loop {
                    // Whatever ends it, the next connection repairs.
                    let _ = hear(&options, &heard).await;
                    sleep(PAUSE).await;
                }
            };
            let _: Result<(), Error> = closed.do_until(listening).await;
        }))
    }

    fn rows_affected(result: &PgQueryResult) -> u64 {
        result.rows_affected()
    }
}

/// Listens on one connection, until it ends or has been silent for long. It is apart from the
/// application's pool, where it would be missing.
async fn hear(options: &PgConnectOptions, heard: &Notify) -> Result<(), Error> {
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(PATIENCE)
        .connect_lazy_with(options.clone());
    let mut listener = PgListener::connect_with(&pool).await?;
    let listen = timeout(PATIENCE, listener.listen(CHANNEL));
    listen.await.map_err(|_| Error::PoolTimedOut)??;
    // What was announced in between is lost; what was recorded is not.
    tell(heard);
    listener.eager_reconnect(false);
    while let Ok(received) = timeout(SILENCE, listener.try_recv()).await {
        if received?.is_none() {
            break;
        }
        tell(heard);
    }
    Ok(())
}

/// Of all stores in one database: who hears another's only asks in vain.
const CHANNEL: &str = "clerk_gate_revocations";

/// A connection that the network has forgotten is as silent as a good one: a new one, now and then.
const SILENCE: Duration = Duration::from_secs(300);

/// Before the next attempt to listen.
const PAUSE: Duration = Duration::from_secs(1);

/// How long to wait for a connection. Senders wait 15 seconds for a reply.
const PATIENCE: Duration = Duration::from_secs(5);
