//! PostgreSQL: one database for several machines.

use std::time::Duration;

use clerk_gate_core::webhook::StoreError;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions, PgQueryResult};
use sqlx::{Connection, Postgres};

use crate::dialect::{Dialect, bring_up_to_date};
use crate::error::store_error;
use crate::store::SqlStore;

/// The store for several machines.
pub type PostgresStore = SqlStore<Postgres>;

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
        Ok(Self(pool))
    }
}

impl Dialect for Postgres {
    const BEGIN: &'static str = "BEGIN";
    /// The number is the name of this crate's lock: any will do that nobody else has.
    const LOCK: &'static str = "SELECT pg_advisory_xact_lock(7161386212084473697)";
    const VERSIONS: &'static [&'static str] = &[r#"
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
            WHERE finished IS NOT NULL;"#];

    fn rows_affected(result: &PgQueryResult) -> u64 {
        result.rows_affected()
    }
}

/// How long to wait for a connection. Senders wait 15 seconds for a reply.
const PATIENCE: Duration = Duration::from_secs(5);
