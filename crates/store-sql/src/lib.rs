//! The webhook store of clerk-gate in a SQL database: SQLite for one machine, PostgreSQL for many.
//!
//! ```text
//!   Endpoint ── begin ──> clerk_gate_deliveries ──> Fresh(lease) | Busy | Done
//!      │                          ▲
//!      └── handler ── writes ── commit ── finish     one transaction: SqlStore::transactional
//! ```
//!
//! ```
//! # #[cfg(feature = "sqlite")]
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! use std::sync::Arc;
//!
//! use clerk_gate_core::Settings;
//! use clerk_gate_core::webhook::{Endpoint, Store};
//! use clerk_gate_store_sql::SqliteStore;
//!
//! // In an application: `sqlite:webhooks.db`.
//! let store = SqliteStore::open("sqlite::memory:").await?;
//! sqlx::query("CREATE TABLE users (delivery TEXT)").execute(store.pool()).await?;
//!
//! let add_user = store.transactional(|delivery, mut transaction| async move {
//!     sqlx::query("INSERT INTO users VALUES ($1)")
//!         .bind(delivery.id())
//!         .execute(&mut *transaction)
//!         .await?;
//!     Ok(transaction)
//! });
//! let settings = Settings::parse(&|name| match name {
//!     "CLERK_PUBLISHABLE_KEY" => Some("pk_test_Y2xlcmsuYXBwLnRlc3Qk".to_owned()),
//!     "CLERK_GATE_ORIGINS" => Some("https://app.test".to_owned()),
//!     _ => None,
//! })?;
//! let endpoint = Endpoint::new(&settings, Arc::new(store.clone()), add_user)?;
//!
//! // What failed or hangs is listed, and `endpoint.replay` tries it once more.
//! assert_eq!(store.unfinished(10).await?, []);
//! # drop(endpoint);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! Tables are made and brought up to date when a store is opened; their names start with
//! `clerk_gate_`. Several processes may open one database at the same time. All times are those
//! that the endpoint's clock gives: the database's own clock is never asked.
//!
//! # What this crate does not do
//! It purges nothing by itself: call [`Store::purge`](clerk_gate_core::webhook::Store::purge) now
//! and then, with a border well before the sender's last attempt. It encrypts nothing: bodies of
//! unfinished deliveries, with the personal data in them, lie in the database as they came.
//!
//! # Features
//! `sqlite`, on by default: [`SqliteStore`], with SQLite compiled in. `postgres`:
//! [`PostgresStore`], with TLS. Each adds API and changes nothing else.

#[cfg_attr(
    not(any(feature = "postgres", feature = "sqlite")),
    expect(dead_code, reason = "no database is chosen")
)]
mod dialect;
mod error;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;
mod store;
mod transactional;

#[doc(no_inline)]
pub use sqlx;

pub use self::dialect::Dialect;
#[cfg(feature = "postgres")]
pub use self::postgres::PostgresStore;
#[cfg(feature = "sqlite")]
pub use self::sqlite::SqliteStore;
pub use self::store::SqlStore;
