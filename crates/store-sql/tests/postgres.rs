//! The store over a PostgreSQL server.

use std::sync::atomic::{AtomicU32, Ordering};

use clerk_gate_core::webhook::{Begin, Store};
use clerk_gate_store_contract::{check_announcements, run_revocations};
use clerk_gate_store_sql::{PostgresAudit as Audit, PostgresStore as Sql};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

mod shared;

use self::shared::together;

type Transaction = sqlx::Transaction<'static, sqlx::Postgres>;

/// A schema of its own on the server.
struct Database {
    schema: String,
}

impl Database {
    /// A transaction in which nobody else can write.
    const BEGIN: &str = "BEGIN";
    const HOLD: &str = "LOCK TABLE clerk_gate_audit, clerk_gate_deliveries";
    /// Refuses one delivery.
    const REFUSE: &str = "ALTER TABLE clerk_gate_deliveries ADD CHECK (id <> 'bad')";

    async fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let schema = format!("clerk_gate_test_{}_{number}", std::process::id());
        run(format!("DROP SCHEMA IF EXISTS {schema} CASCADE")).await;
        run(format!("CREATE SCHEMA {schema}")).await;
        Self { schema }
    }

    async fn open(&self) -> Sql {
        Self::open_at(&self.schema).await
    }

    /// Where another process finds it.
    fn location(&self) -> String {
        self.schema.clone()
    }

    async fn open_at(schema: &str) -> Sql {
        let server = server();
        let joint = if server.contains('?') { '&' } else { '?' };
        let url = format!("{server}{joint}options[search_path]={schema}&application_name={schema}");
        Sql::connect(&url).await.unwrap()
    }

    async fn end(self) {
        run(format!("DROP SCHEMA {} CASCADE", self.schema)).await;
    }
}

#[tokio::test]
async fn callers_at_the_same_time_share_commits() {
    let database = Database::new().await;
    let (store, other) = (database.open().await, database.open().await);
    // What a transaction of the race has written has its number.
    let table = sqlx::raw_sql(
        "CREATE TABLE written (id TEXT, xid BIGINT);
         CREATE FUNCTION note() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN
            INSERT INTO written VALUES (NEW.id, txid_current()); RETURN NEW; END $$;
         CREATE TRIGGER note AFTER INSERT OR UPDATE ON clerk_gate_deliveries
            FOR EACH ROW EXECUTE FUNCTION note()",
    );
    table.execute(store.pool()).await.unwrap();
    together::many_at_once(&store, &other).await;
    let transactions: i64 = sqlx::query_scalar("SELECT COUNT(DISTINCT xid) FROM written")
        .fetch_one(store.pool())
        .await
        .unwrap();
    // Before the race 5 are begun, after it 19 are finished. Of each kind two commit alone, and one
    // together for all others.
    assert_eq!(transactions, 5 + 2 * 3 + 19);
    database.end().await;
}

/// Two processes whose batches overlap would otherwise wait for each other.
#[tokio::test]
async fn rows_are_locked_in_the_order_of_ids() {
    for is_begin in [true, false] {
        let database = Database::new().await;
        let (store, other) = (database.open().await, database.open().await);
        let mut leases = Vec::new();
        for id in ["x", "y", "c", "b", "a"] {
            let lease = together::begin_on(&store, id).await;
            if is_begin {
                store.release(&lease, "", shared::NOW).await.unwrap();
            }
            leases.push(lease);
        }
        // Two have the turns, and three wait.
        let first = lock(&other, "id IN ('x', 'y')").await.0;
        let second = lock(&other, "id = 'b'").await.0;
        let mut begins = Vec::new();
        let mut finishes = Vec::new();
        for lease in &leases {
            match is_begin {
                true => begins.push(together::spawn_begin(&store, lease.id())),
                false => finishes.push(together::spawn_finish(&store, lease)),
            }
        }
        together::all_wait().await;
        first.rollback().await.unwrap();
        // The three lock what they can, and wait for the second.
        let (free, ids) = loop {
            let (free, ids) = lock(&other, "id IN ('a', 'c')").await;
            if ids != ["a", "c"] {
                break (free, ids);
            }
            free.rollback().await.unwrap();
        };
        assert_eq!(ids, ["c"], "begin: {is_begin}");
        free.rollback().await.unwrap();
        second.rollback().await.unwrap();
        for one in begins {
            assert!(matches!(one.await.unwrap().unwrap(), Begin::Fresh(_)));
        }
        for one in finishes {
            one.await.unwrap().unwrap();
        }
        database.end().await;
    }
}

/// The rows that are not locked by another.
async fn lock(store: &Sql, which: &str) -> (Transaction, Vec<String>) {
    let mut transaction = store.pool().begin().await.unwrap();
    let rows = AssertSqlSafe(format!(
        "SELECT id FROM clerk_gate_deliveries WHERE {which} ORDER BY id FOR UPDATE SKIP LOCKED"
    ));
    let rows = sqlx::query_scalar(rows).fetch_all(&mut *transaction).await;
    (transaction, rows.unwrap())
}

async fn run(statement: String) {
    let mut connection = PgConnection::connect(&server()).await.unwrap();
    let statement = sqlx::raw_sql(AssertSqlSafe(statement));
    statement.execute(&mut connection).await.unwrap();
}

/// A missing server is a failure: what is skipped looks as if it had passed.
fn server() -> String {
    std::env::var("CLERK_GATE_TEST_POSTGRES")
        .or_else(|_| std::env::var("DATABASE_URL"))
        .expect("no PostgreSQL server: run `cargo xtask test`, or set CLERK_GATE_TEST_POSTGRES")
}

#[tokio::test]
async fn connections_hear_each_other() {
    let database = Database::new().await;
    let (one, other) = (database.open().await, database.open().await);
    assert_eq!(check_announcements(&one, &other).await, Ok(()));
    assert_eq!(check_announcements(&other, &one).await, Ok(()));
    database.end().await;
}

#[tokio::test]
async fn a_listener_whose_connection_is_ended_listens_again() {
    let database = Database::new().await;
    let (reader, writer) = (database.open().await, database.open().await);
    for _ in 0..2 {
        assert_eq!(check_announcements(&reader, &writer).await, Ok(()));
        let ended: Vec<bool> = sqlx::query_scalar(
            "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity
             WHERE application_name = $1 AND query LIKE 'LISTEN%'",
        )
        .bind(&database.schema)
        .fetch_all(writer.pool())
        .await
        .unwrap();
        assert_eq!(ended, [true], "one connection listens");
    }
    assert_eq!(check_announcements(&reader, &writer).await, Ok(()));
    database.end().await;
}

#[tokio::test]
async fn a_store_that_is_dropped_or_closed_listens_no_more() {
    let database = Database::new().await;
    let (dropped, closed) = (database.open().await, database.open().await);
    for store in [&dropped, &closed] {
        assert_eq!(check_announcements(store, store).await, Ok(()));
    }
    let watcher = database.open().await;
    assert_eq!(listeners(&watcher).await, 2);
    closed.pool().close().await;
    drop(dropped);
    while listeners(&watcher).await > 0 {
        tokio::task::yield_now().await;
    }
    database.end().await;
}

async fn listeners(store: &Sql) -> i64 {
    sqlx::query_scalar(
        "SELECT COUNT(*) FROM pg_stat_activity
         WHERE application_name = current_setting('application_name') AND query LIKE 'LISTEN%'",
    )
    .fetch_one(store.pool())
    .await
    .unwrap()
}

/// An application may have chosen the strictest isolation for all that it does.
#[tokio::test]
async fn additions_wait_for_each_other_under_any_isolation() {
    let database = Database::new().await;
    let strict = database.open().await;
    let options = sqlx::postgres::PgConnectOptions::clone(&strict.pool().connect_options())
        .options([("default_transaction_isolation", "serializable")]);
    let pool = sqlx::PgPool::connect_with(options).await.unwrap();
    let store = Sql::from_pool(pool).await.unwrap();
    assert_eq!(run_revocations(&store).await, []);
    database.end().await;
}

#[tokio::test]
async fn an_error_shows_no_password() {
    for url in [
        "postgres://gate:hunter2@127.0.0.1:1/gate",
        "postgres://gate:hunter2@127.0.0.1:port/gate",
    ] {
        let error = Sql::connect(url).await.unwrap_err();
        assert!(
            !format!("{error} {error:?}").contains("hunter2"),
            "{error:?}"
        );
        assert_eq!(error.is_transient(), url.contains(":1/"), "{error:?}");
    }
}
