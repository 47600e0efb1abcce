//! What clerk-gate remembers, in a SQL database: SQLite for one machine, PostgreSQL for many.
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
//! # Commits
//! `begin` and `finish` answer when what they have written is committed. A caller that is alone has a
//! transaction to itself, at once. While one is under way, callers of the same store and its clones
//! wait; when it ends, up to 256 of them share the next. So the price of a commit is divided among
//! all who wait for it, and nobody waits for others to come. PostgreSQL has two such transactions
//! under way for beginning and two for finishing; SQLite, which has one writer, has one for both.
//!
//! Of callers for one delivery the database chooses one, as ever. One that it refuses does not fail
//! the others. A caller that is dropped does not stop those it shares with; its own lease may have
//! begun, and then runs out. A database that does not answer is an error after 6 seconds, for all who
//! wait for that answer, and nobody is told that something is done that may not be.
//!
//! # Revocations
//! The same store carries revocations from process to process: it is a
//! [`RevocationStore`](clerk_gate_core::revocation::RevocationStore), too.
//!
//! ```
//! # #[cfg(feature = "sqlite")]
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use clerk_gate_core::revocation::Revocations;
//! use clerk_gate_store_sql::SqliteStore;
//!
//! let store = SqliteStore::open("sqlite::memory:").await?;
//! let revocations = Arc::new(Revocations::shared(Arc::new(store)));
//! // A fault of the store shows at start-up.
//! revocations.refresh().await?;
//! tokio::spawn(revocations.follow(|| tokio::time::sleep(Duration::from_secs(1))));
//!
//! revocations.revoke_session("sess_1").await?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! With PostgreSQL other processes hear of a revocation at once, on a connection of their own beside
//! the pool (`LISTEN`). A pooler that hands connections out by the transaction makes them deaf, and
//! so does SQLite: then the follower's tick finds it, within a second. No operation takes longer
//! than 6 seconds; one that would, fails.
//!
//! A database that is set back to a backup has a history that others have read further. Restart the
//! processes, or begin another: `UPDATE clerk_gate_history SET epoch = epoch + 1`.
//!
//! # The audit trail
//! [`SqlAudit`] is a [`Sink`](clerk_gate_core::Sink) that writes to a table beside the others.
//!
//! ```
//! # #[cfg(feature = "sqlite")]
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! use std::sync::Arc;
//!
//! use clerk_gate_core::{Policy, Rule};
//! use clerk_gate_store_sql::{SqlAudit, SqliteStore};
//! use clerk_gate_testkit::gate;
//!
//! let store = SqliteStore::open("sqlite::memory:").await?;
//! let audit = SqlAudit::start(&store).await?;
//! let policy = Policy::builder().rule(Rule::session("/billing/{*rest}").sensitive());
//! let gate = gate(policy.build()?).with_audit(Arc::new(audit.clone())).build()?;
//!
//! // When the server has stopped, and before the runtime does:
//! audit.flush().await?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! `clerk_gate_audit` has a column for each member of the event; `user`, `session`, `organization`
//! and `actor` end in `_id` there, and `observed` has its codes with spaces between. Indexes are on
//! the time, and on the user with the time. `number` counts the events of one `writer`, that is of
//! one run of a process.
//!
//! # Tables
//! Tables are made and brought up to date when a store is opened; their names start with
//! `clerk_gate_`. Several processes may open one database at the same time. All times are those
//! that the endpoint's clock gives: the database's own clock is never asked.
//!
//! # What this crate does not do
//! It purges neither deliveries nor the trail by itself: call [`Store::purge`](clerk_gate_core::webhook::Store::purge)
//! now and then, with a border well before the sender's last attempt, and [`SqlAudit::purge`]. It encrypts nothing: bodies of
//! unfinished deliveries, with the personal data in them, lie in the database as they came.
//!
//! # Features
//! `sqlite`, on by default: [`SqliteStore`], with SQLite compiled in. `postgres`:
//! [`PostgresStore`], with TLS. Each adds API and changes nothing else.

mod announcements;
mod audit;
#[cfg_attr(
    not(any(feature = "postgres", feature = "sqlite")),
    expect(dead_code, reason = "no database is chosen")
)]
mod dialect;
mod error;
mod lane;
#[cfg(feature = "postgres")]
mod postgres;
mod revocation;
#[cfg(feature = "sqlite")]
mod sqlite;
mod store;
mod together;
mod transactional;

#[doc(no_inline)]
pub use sqlx;

pub use self::audit::SqlAudit;
pub use self::dialect::Dialect;
#[cfg(feature = "postgres")]
pub use self::postgres::{PostgresAudit, PostgresStore};
#[cfg(feature = "sqlite")]
pub use self::sqlite::{SqliteAudit, SqliteStore};
pub use self::store::SqlStore;
