//! The store over files on disk.

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use clerk_gate_core::webhook::StoreError;
use clerk_gate_store_sql::{SqliteAudit as Audit, SqliteStore as Sql};

mod kill;
mod shared;

use self::shared::together;

type Transaction = sqlx::Transaction<'static, sqlx::Sqlite>;

/// A file in a folder of its own, which goes with it.
struct Database(PathBuf);

impl Database {
    /// A transaction in which nobody else can write.
    const BEGIN: &str = "BEGIN IMMEDIATE";
    const HOLD: &str = "";
    /// Refuses one delivery.
    const REFUSE: &str = "
        CREATE TRIGGER refuse BEFORE INSERT ON clerk_gate_deliveries WHEN NEW.id = 'bad'
        BEGIN SELECT RAISE(ABORT, 'bad'); END";

    async fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("clerk-gate-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    async fn open(&self) -> Sql {
        Self::open_at(&self.location()).await
    }

    /// Where another process finds it.
    fn location(&self) -> String {
        format!("sqlite:{}", self.file("webhooks.db"))
    }

    async fn open_at(location: &str) -> Sql {
        Sql::open(location).await.unwrap()
    }

    async fn end(self) {}

    fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn the_contract_holds_in_memory_and_for_a_pool_of_several() {
    let database = Database::new().await;
    let memory = Sql::open("sqlite::memory:").await.unwrap();
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(database.file("app.db"))
        .create_if_missing(true)
        .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal);
    let pool = sqlx::sqlite::SqlitePoolOptions::new().max_connections(4);
    let several = Sql::from_pool(pool.connect_with(options).await.unwrap())
        .await
        .unwrap();
    for store in [memory, several] {
        assert_eq!(clerk_gate_store_contract::run(&store).await, []);
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_opened_is_explained() {
    let database = Database::new().await;
    let text = database.file("text.db");
    std::fs::write(
        &text,
        "this is a file of text, and by no means a database\n".repeat(100),
    )
    .unwrap();
    for (location, want) in [
        (
            database.file("missing/webhooks.db"),
            "its folder is missing; make it first",
        ),
        (text, "file is not a database"),
        (database.file(""), "Is a directory"),
    ] {
        let error = Sql::open(&location).await.unwrap_err();
        let told = told(&error);
        assert!(
            told.contains(want),
            "{location}: got {told:?}, wanted {want:?}"
        );
        assert!(!error.is_transient(), "{location}: {told}");
    }
}

#[tokio::test]
async fn callers_at_the_same_time_share_two_commits() {
    let database = Database::new().await;
    let (store, other) = (database.open().await, database.open().await);
    // Commits of something, and rows written since the last.
    let (commits, rows) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let mut connection = store.pool().acquire().await.unwrap();
    let mut handle = connection.lock_handle().await.unwrap();
    let (count, written) = (Arc::clone(&commits), Arc::clone(&rows));
    handle.set_commit_hook(move || {
        count.fetch_add(written.swap(0, Ordering::Relaxed).min(1), Ordering::Relaxed);
        true
    });
    handle.set_update_hook(move |_| {
        rows.fetch_add(1, Ordering::Relaxed);
    });
    drop(handle);
    drop(connection);
    together::many_at_once(&store, &other).await;
    // Before the race 5 are begun, after it 19 are finished. The first commits alone.
    assert_eq!(commits.load(Ordering::Relaxed), 5 + 2 + 19);
}

#[cfg(unix)]
#[tokio::test]
async fn only_its_owner_can_read_a_new_database() {
    use std::os::unix::fs::PermissionsExt;

    let database = Database::new().await;
    let _store = database.open().await;
    let mut files = 0;
    for file in std::fs::read_dir(&database.0).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?}", file.path());
        files += 1;
    }
    assert!(files > 1, "the journal is a file too");
}

#[tokio::test]
async fn what_is_committed_is_synchronised() {
    let database = Database::new().await;
    let store = database.open().await;
    for (pragma, want) in [
        ("PRAGMA journal_mode", "wal"),
        (
            "SELECT CAST(synchronous AS TEXT) FROM pragma_synchronous",
            "2",
        ),
    ] {
        let value: String = sqlx::query_scalar(pragma)
            .fetch_one(store.pool())
            .await
            .unwrap();
        assert_eq!(value, want, "{pragma}");
    }
}

fn told(error: &StoreError) -> String {
    error.source().map(ToString::to_string).unwrap_or_default()
}
