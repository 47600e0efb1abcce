//! SQLite: one file, no server.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clerk_gate_core::webhook::StoreError;
use sqlx::Sqlite;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteQueryResult,
    SqliteSynchronous,
};
use tokio::sync::Notify;

use crate::announcements::Listening;
use crate::audit::SqlAudit;
use crate::dialect::{Dialect, bring_up_to_date};
use crate::error::store_error;
use crate::lane::AT_ONCE;
use crate::store::SqlStore;

/// The durable store on one machine. Several processes may share its file, as long as it is on a
/// local disk.
pub type SqliteStore = SqlStore<Sqlite>;

/// The audit trail in the database of a [`SqliteStore`].
pub type SqliteAudit = SqlAudit<Sqlite>;

impl SqlStore<Sqlite> {
    /// Opens the database at `location`: a path, `sqlite:` and a path, or `:memory:` for one that
    /// ends with the store.
    ///
    /// A file that is missing is made, readable for its owner alone; its folder must exist. What
    /// is committed survives the end of the process and of the machine: the journal is written
    /// ahead (WAL) and synchronised at every commit.
    ///
    /// # Errors
    /// If the file cannot be opened, is no database, or was written by a newer version of this
    /// crate.
    pub async fn open(location: &str) -> Result<Self, StoreError> {
        let path = location.strip_prefix("sqlite:").unwrap_or(location);
        if path != MEMORY {
            create(Path::new(path))?;
        }
        let options = SqliteConnectOptions::new()
            .filename(path)
            .busy_timeout(PATIENCE)
            .pragma("wal_autocheckpoint", JOURNAL_PAGES)
            .row_buffer_size(AT_ONCE)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        // SQLite has one writer at a time, and all that we do is write: a queue for one connection
        // is fair, where several would wake up by chance.
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(PATIENCE)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .connect_with(options)
            .await
            .map_err(store_error)?;
        Self::from_pool(pool).await
    }

    /// A store in the application's own database: needed for
    /// [`transactional`](Self::transactional) handlers that write to its tables.
    ///
    /// The pool's options are the application's. Without WAL and synchronous commits (`FULL`) a
    /// crash can forget what was acknowledged.
    ///
    /// # Errors
    /// If the tables cannot be brought up to date.
    pub async fn from_pool(pool: SqlitePool) -> Result<Self, StoreError> {
        bring_up_to_date(&pool).await?;
        Ok(Self::new(pool))
    }
}

/// Makes the file before SQLite does, which would let everybody read it.
fn create(path: &Path) -> Result<(), StoreError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(StoreError::permanent(match error.kind() {
            ErrorKind::NotFound => {
                format!("database {path:?}: its folder is missing; make it first")
            }
            _ => format!("database {path:?}: {error}"),
        })),
        Ok(_) => Ok(()),
    }
}

impl Dialect for Sqlite {
    /// There is one writer at a time anyway.
    const TURNS: u32 = 1;
    /// A transaction that reads before it writes could not wait for another writer.
    const BEGIN: &'static str = "BEGIN IMMEDIATE";
    const BEGIN_IN_TURN: &'static str = Self::BEGIN;
    const LOCK: &'static str = "";
    const ANNOUNCE: &'static str = "";
    const VERSIONS: &'static [&'static str] = &[
        "
        CREATE TABLE clerk_gate_deliveries (
            id TEXT NOT NULL PRIMARY KEY,
            sent INTEGER NOT NULL,
            body BLOB,
            attempts INTEGER NOT NULL,
            begun INTEGER NOT NULL,
            owner BLOB,
            leased_until INTEGER,
            finished INTEGER,
            failure TEXT
        ) STRICT;
        CREATE INDEX clerk_gate_unfinished ON clerk_gate_deliveries (begun, id)
            WHERE finished IS NULL;
        CREATE INDEX clerk_gate_finished ON clerk_gate_deliveries (finished)
            WHERE finished IS NOT NULL;",
        "
        CREATE TABLE clerk_gate_history (
            epoch INTEGER NOT NULL,
            number INTEGER NOT NULL
        ) STRICT;
        INSERT INTO clerk_gate_history VALUES (random(), 0);
        CREATE TABLE clerk_gate_revocations (
            number INTEGER NOT NULL PRIMARY KEY,
            subject TEXT NOT NULL,
            cutoff INTEGER NOT NULL,
            expires INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX clerk_gate_expiring ON clerk_gate_revocations (expires);",
        "
        CREATE TABLE clerk_gate_audit (
            writer INTEGER NOT NULL,
            number INTEGER NOT NULL,
            time INTEGER NOT NULL,
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
            sensitive INTEGER NOT NULL,
            observed TEXT,
            PRIMARY KEY (writer, number)
        ) STRICT;
        CREATE INDEX clerk_gate_audit_time ON clerk_gate_audit (time);
        CREATE INDEX clerk_gate_audit_user ON clerk_gate_audit (user_id, time)
            WHERE user_id IS NOT NULL;",
    ];

    /// SQLite tells nothing of other processes.
    fn listen(_: &SqlitePool, _: Arc<Notify>) -> Option<Listening> {
        None
    }

    fn rows_affected(result: &SqliteQueryResult) -> u64 {
        result.rows_affected()
    }
}

/// Before the journal is copied into the database: 16 MB. A page that many commits write is copied
/// once.
const JOURNAL_PAGES: &str = "4000";

const MEMORY: &str = ":memory:";

/// How long to wait for other writers. Senders wait 15 seconds for a reply.
const PATIENCE: Duration = Duration::from_secs(5);
