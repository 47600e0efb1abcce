//! The store over a PostgreSQL server.

use std::sync::atomic::{AtomicU32, Ordering};

use clerk_gate_store_sql::PostgresStore as Sql;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

mod shared;

type Transaction = sqlx::Transaction<'static, sqlx::Postgres>;

/// A schema of its own on the server.
struct Database {
    schema: String,
}

impl Database {
    async fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let schema = format!("clerk_gate_test_{}_{number}", std::process::id());
        run(format!("DROP SCHEMA IF EXISTS {schema} CASCADE")).await;
        run(format!("CREATE SCHEMA {schema}")).await;
        Self { schema }
    }

    async fn open(&self) -> Sql {
        let server = server();
        let joint = if server.contains('?') { '&' } else { '?' };
        let url = format!("{server}{joint}options[search_path]={}", self.schema);
        Sql::connect(&url).await.unwrap()
    }

    async fn end(self) {
        run(format!("DROP SCHEMA {} CASCADE", self.schema)).await;
    }
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
