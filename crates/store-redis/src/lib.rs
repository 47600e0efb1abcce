//! Remembers webhook deliveries and revocations in Redis, for every process that shares it.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use clerk_gate_core::Settings;
//! use clerk_gate_core::webhook::{Delivery, Endpoint, Retry};
//! use clerk_gate_store_redis::RedisStore;
//!
//! async fn handle(delivery: Delivery) -> Result<(), Retry> {
//!     println!("{} bytes", delivery.body().len());
//!     Ok(())
//! }
//!
//! # async fn endpoint(settings: &Settings) -> Result<Endpoint, Box<dyn std::error::Error>> {
//! let store = RedisStore::connect("redis://:password@127.0.0.1:6379").await?;
//! let endpoint = Endpoint::new(settings, Arc::new(store), handle)?;
//! # Ok(endpoint)
//! # }
//! ```
//!
//! # How it is kept
//! A delivery is one hash, `clerk-gate:{<message id>}`; every change is one script on that one
//! key, which is what a cluster asks for. The client itself speaks to one address and does not
//! follow a cluster's redirections: it needs a server, or a proxy that does.
//!
//! No index stands beside the records, because an index would be a second key. `unfinished` and
//! `purge` therefore walk over the *whole* database in steps, which takes about a second for a
//! million keys of whatever kind: they are for operators, not for requests. Nobody has to purge,
//! because records expire: finished ones after seven days, see [`RedisStore::with_retention`];
//! unfinished ones 30 days after they were begun last. Redis counts these days by its own clock;
//! everything else goes by the time that the caller gives.
//!
//! # Revocations
//! The same object is a [`RevocationStore`](clerk_gate_core::revocation::RevocationStore): a sorted
//! set, `clerk-gate:{revocations}:log`, numbered by the script that adds to it, and news by
//! `PUBLISH`, heard over a second connection that repairs itself.
//!
//! A server that was started anew, or that took over from another, may have lost the end of the
//! history (see below) and gives the same numbers to others. Whoever follows tells by the `run_id`
//! of `INFO`, keeps what it knows, and reads everything once more. What was lost, a process that
//! starts later does not learn: it accepts those tokens until they expire.
//!
//! A Redis user with limited rights needs `+info`, which `-@dangerous` takes away. Without
//! `&clerk-gate:{revocations}:news` nothing is heard, and news come with the follower's tick.
//!
//! # When it is right
//! Redis forgets what it had no time to write, and then a message is handled twice, or an
//! unfinished one is not listed any more. How much that can be is its configuration:
//!
//! | `appendonly`, `appendfsync` | lost when the server crashes |
//! |---|---|
//! | `yes`, `always` | nothing that was acknowledged |
//! | `yes`, `everysec` | about the last second |
//! | `no` (the default) | everything since the last snapshot, which is minutes |
//!
//! Replication is asynchronous: a failover can lose acknowledged writes whatever the setting. And
//! `maxmemory-policy` must be `noeviction`, or records vanish while they are needed.
//!
//! Take this store if Redis is there anyway and a second handling does no harm, as with any
//! handler that writes what the message says instead of counting it. If it would, take a database
//! (`clerk-gate-store-sql`), where the handler's own writes commit together with the record.
//!
//! # Requirements
//! Redis 6 or newer, or a server that speaks its protocol (RESP3).
//!
//! # Features
//! `tls`, off by default because it brings a TLS library: connects to `rediss://` addresses and
//! trusts the system's root certificates. A program that contains several cryptography providers
//! has to choose one by rustls' `CryptoProvider::install_default` first.

mod announcements;
mod link;
mod revocation;
mod wire;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use async_trait::async_trait;
use clerk_gate_core::UnixTime;
use clerk_gate_core::webhook::{
    Begin, Delivery, Lease, MAX_FAILURE, Store, StoreError, Unfinished,
};
use redis::{Script, ScriptInvocation};
use tokio::runtime::Handle;

use self::announcements::Announcements;
use self::link::{Link, store_error};
use self::wire::{Answer, Time};

/// A [`Store`] in Redis. Cheap to clone; clones share one connection.
///
/// A connection that breaks is made anew by the next call. The calls that it breaks under fail,
/// [transient](StoreError::is_transient): the sender of the delivery tries again.
#[derive(Clone)]
pub struct RedisStore {
    link: Link,
    prefix: String,
    retention: i64,
    announcements: Arc<Announcements>,
}

impl RedisStore {
    /// Connects to `redis://[user:password@]host[:port][/database]`, to `rediss://…` with the
    /// feature `tls`, or to `redis+unix:///path`.
    ///
    /// # Errors
    /// If the server does not answer, refuses the password, or the address is none. No message
    /// contains the password.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        Ok(Self {
            link: Link::connect(url, DEFAULT_TIME_LIMIT).await?,
            prefix: "clerk-gate:".to_owned(),
            retention: DEFAULT_RETENTION,
            announcements: Arc::default(),
        })
    }

    /// Sets what every key begins with, `clerk-gate:` by default: for applications that share a
    /// database.
    #[must_use]
    pub fn with_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        // Clones from before hear other news.
        self.announcements = Arc::default();
        self
    }

    /// Sets how long a finished delivery is remembered, in seconds: seven days by default, at
    /// least 1.
    ///
    /// # Security
    /// What is forgotten can be handled again. The sender repeats a message for about 28 hours
    /// (<https://docs.svix.com/retries>), and an operator can have it sent again later.
    #[must_use]
    pub fn with_retention(mut self, seconds: i64) -> Self {
        self.retention = seconds.clamp(1, LONGEST_RETENTION);
        self
    }

    /// Sets how long to wait for one answer of the server, two seconds by default. A server that
    /// hangs is then an error, which the sender gets as 503.
    #[must_use]
    pub fn with_time_limit(mut self, limit: Duration) -> Self {
        self.link = self.link.with_limit(limit);
        self
    }

    async fn call<T: redis::FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, StoreError> {
        let answer = script.invoke_async(&mut self.link.clone()).await;
        answer.map_err(store_error)
    }

    /// Calls a script that answers whether the lease was still its worker's.
    async fn end(&self, script: &ScriptInvocation<'_>) -> Result<(), StoreError> {
        match self.call(script).await? {
            true => Ok(()),
            false => Err(StoreError::lease_lost()),
        }
    }

    /// One step of a walk over all deliveries: some of their ids, and where to go on, 0 at the
    /// end.
    async fn step(&self, cursor: u64) -> Result<(u64, Vec<String>), StoreError> {
        let mut scan = redis::cmd("SCAN");
        scan.arg(cursor).arg("MATCH").arg(pattern(&self.prefix));
        scan.arg("COUNT").arg(STEP);
        let answer = scan.query_async(&mut self.link.clone()).await;
        let (next, keys): (_, Vec<String>) = answer.map_err(store_error)?;
        let ids = keys.iter().filter_map(|key| id(&self.prefix, key));
        Ok((next, ids.map(str::to_owned).collect()))
    }

    /// The same fields of several deliveries.
    async fn fields<T: redis::FromRedisValue>(
        &self,
        ids: &[String],
        names: &[&str],
    ) -> Result<Vec<T>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut pipeline = redis::pipe();
        for id in ids {
            pipeline.cmd("HMGET").arg(self.key(id)).arg(names);
        }
        let answer = pipeline.query_async(&mut self.link.clone()).await;
        answer.map_err(store_error)
    }

    /// The braces make the id alone decide about a cluster's slot, and end it.
    fn key(&self, id: &str) -> String {
        format!("{}{{{id}}}", self.prefix)
    }
}

#[async_trait]
impl Store for RedisStore {
    async fn begin(
        &self,
        delivery: &Delivery,
        lease_seconds: i64,
        now: UnixTime,
    ) -> Result<Begin, StoreError> {
        let lease = Lease::new(delivery.id(), 1)?;
        let mut begin = BEGIN.key(self.key(delivery.id()));
        begin
            .arg(Time(now))
            .arg(Time(now.saturating_add(lease_seconds)))
            .arg(lease.owner())
            .arg(Time(delivery.timestamp()))
            .arg(&**delivery.body())
            .arg(KEEP_UNFINISHED);
        Ok(match self.call(&begin).await? {
            Answer::Busy(Time(until)) => Begin::Busy { until },
            Answer::Done => Begin::Done,
            Answer::Fresh { attempt } => Begin::Fresh(lease.with_attempt(attempt)),
        })
    }

    async fn finish(&self, lease: &Lease, now: UnixTime) -> Result<(), StoreError> {
        let mut finish = FINISH.key(self.key(lease.id()));
        finish.arg(lease.owner()).arg(Time(now));
        self.end(finish.arg(self.retention)).await
    }

    async fn release(&self, lease: &Lease, failure: &str, _: UnixTime) -> Result<(), StoreError> {
        let failure: String = failure.chars().take(MAX_FAILURE).collect();
        let mut release = RELEASE.key(self.key(lease.id()));
        self.end(release.arg(lease.owner()).arg(failure)).await
    }

    async fn purge(&self, before: UnixTime) -> Result<u64, StoreError> {
        let mut purged: u64 = 0;
        let mut cursor = 0;
        loop {
            let (next, ids) = self.step(cursor).await?;
            let finished: Vec<(Option<Time>,)> = self.fields(&ids, &["finished"]).await?;
            for (id, (finished,)) in ids.iter().zip(finished) {
                if finished.is_some_and(|Time(at)| at < before) {
                    let mut purge = PURGE.key(self.key(id));
                    let gone: u64 = self.call(purge.arg(Time(before))).await?;
                    purged = purged.saturating_add(gone);
                }
            }
            if next == 0 {
                return Ok(purged);
            }
            cursor = next;
        }
    }

    async fn unfinished(&self, limit: usize) -> Result<Vec<Unfinished>, StoreError> {
        type Record = (Option<u32>, Option<Time>, Option<Time>, Option<String>);
        let names = ["attempts", "begun", "until", "failure"];
        let mut oldest = BTreeMap::new();
        let mut cursor = 0;
        loop {
            let (next, ids) = self.step(cursor).await?;
            let records: Vec<Record> = self.fields(&ids, &names).await?;
            for (id, record) in ids.into_iter().zip(records) {
                // A finished delivery has none of these.
                let (Some(attempts), Some(Time(begun)), until, failure) = record else {
                    continue;
                };
                let until = until.map(|Time(until)| until);
                let unfinished = Unfinished::new(&*id, attempts, begun, until, failure);
                oldest.insert((begun, id), unfinished);
                if oldest.len() > limit {
                    oldest.pop_last();
                }
            }
            if next == 0 {
                return Ok(oldest.into_values().collect());
            }
            cursor = next;
        }
    }

    async fn recall(&self, id: &str) -> Result<Option<Delivery>, StoreError> {
        let mut fields = redis::cmd("HMGET");
        fields.arg(self.key(id)).arg("timestamp").arg("body");
        let answer = fields.query_async(&mut self.link.clone()).await;
        let (timestamp, body): (Option<Time>, Option<Vec<u8>>) = answer.map_err(store_error)?;
        let parts = timestamp.zip(body);
        Ok(parts.map(|(Time(timestamp), body)| Delivery::new(id, timestamp, body.into())))
    }

    /// Ends the lease in a task of its own, where a Tokio runtime is there to run it.
    fn abandon(&self, lease: &Lease) {
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        let store = self.clone();
        let lease = lease.clone();
        runtime.spawn(async move {
            let mut release = RELEASE.key(store.key(lease.id()));
            // If this is lost, the lease runs out by itself.
            let _ = store.end(release.arg(lease.owner())).await;
        });
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("prefix", &self.prefix)
            .field("retention", &self.retention)
            .finish_non_exhaustive()
    }
}

/// The pattern of all keys that begin with `prefix`, for `SCAN` (<https://redis.io/commands/keys>).
fn pattern(prefix: &str) -> String {
    let mut pattern = String::new();
    for c in prefix.chars() {
        if r"*?[]\".contains(c) {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern + "{*}"
}

/// The id of the delivery with this key.
fn id<'k>(prefix: &str, key: &'k str) -> Option<&'k str> {
    let id = key.strip_prefix(prefix)?.strip_prefix('{')?;
    id.strip_suffix('}')
}

static BEGIN: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/begin.lua")));
static FINISH: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/finish.lua")));
static PURGE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/purge.lua")));
static RELEASE: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("scripts/release.lua")));

/// The sender waits 15 to 30 seconds for a reply, and the handler may need most of them.
const DEFAULT_TIME_LIMIT: Duration = Duration::from_secs(2);

const DAY: i64 = 24 * 60 * 60;

const DEFAULT_RETENTION: i64 = 7 * DAY;

/// Far below the number of seconds that makes `EXPIRE` fail.
const LONGEST_RETENTION: i64 = 36_500 * DAY;

/// Long after the sender has given up, short enough that what nobody mends does not pile up.
const KEEP_UNFINISHED: i64 = 30 * DAY;

/// How many keys Redis looks at in one step of a walk: a fraction of a millisecond, in which it
/// serves nobody else.
const STEP: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_leads_back_to_its_id() {
        fn check(prefix: &str, key: &str, want: Option<&str>) {
            assert_eq!(id(prefix, key), want, "{key}");
        }
        check("clerk-gate:", "clerk-gate:{msg_1}", Some("msg_1"));
        check("clerk-gate:", "clerk-gate:{}", Some(""));
        check("clerk-gate:", "clerk-gate:{a}{b}", Some("a}{b"));
        check("clerk-gate:", "clerk-gate:other:{msg_1}", None);
        check("clerk-gate:", "clerk-gate:msg_1", None);
        check("", "{msg_1}", Some("msg_1"));
    }

    #[test]
    fn a_pattern_takes_its_prefix_as_it_stands() {
        fn check(prefix: &str, want: &str) {
            assert_eq!(pattern(prefix), want);
        }
        check("clerk-gate:", "clerk-gate:{*}");
        check("a*b?[c]\\", "a\\*b\\?\\[c\\]\\\\{*}");
        check("", "{*}");
    }
}
