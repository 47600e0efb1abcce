//! Revocations: one history for all processes, in the order in which the server has run them.

use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;

use async_trait::async_trait;
use clerk_gate_core::UnixTime;
use clerk_gate_core::revocation::{Changes, Position, Revocation, RevocationStore};
use clerk_gate_core::webhook::StoreError;
use redis::Script;

use crate::RedisStore;

#[async_trait]
impl RevocationStore for RedisStore {
    async fn add(&self, revocations: &[Revocation]) -> Result<(), StoreError> {
        if revocations.is_empty() {
            return Ok(());
        }
        let mut add = ADD.key(self.history("head"));
        add.key(self.history("log"));
        // The name of a new history need only differ from that of the last one.
        add.arg(RandomState::new().hash_one(()));
        add.arg(self.channel());
        for revocation in revocations {
            add.arg(text(revocation));
        }
        self.call(&add).await
    }

    async fn since(&self, position: Option<Position>) -> Result<Changes, StoreError> {
        let known = position.unwrap_or(Position {
            epoch: 0,
            number: 0,
        });
        let mut since = SINCE.key(self.history("head"));
        since.key(self.history("log"));
        since.arg(format!("{:016x}", known.epoch));
        since.arg(known.number).arg(PAGE);
        let (epoch, last, mut rows): (String, u64, Vec<String>) = self.call(&since).await?;
        let epoch = u64::from_str_radix(&epoch, 16).map_err(StoreError::permanent)?;
        let has_more = rows.len() > PAGE;
        rows.truncate(PAGE);
        let rows = rows.iter().map(|row| parse(row));
        let rows = rows.collect::<Option<Vec<_>>>().ok_or_else(|| {
            StoreError::permanent(
                "a revocation is not of a known form; update all processes together",
            )
        })?;
        let number = match rows.last() {
            Some((number, _)) if has_more => *number,
            _ => last,
        };
        Ok(Changes {
            revocations: rows.into_iter().map(|(_, revocation)| revocation).collect(),
            position: Position { epoch, number },
            has_more,
        })
    }

    /// A connection of its own hears of all that is recorded under this prefix. It is made by the
    /// first call, which needs a Tokio runtime, and made anew when it breaks.
    async fn changed(&self) {
        let address = self.link.clone();
        self.announcements.next(address, self.channel()).await;
    }

    async fn purge(&self, now: UnixTime) -> Result<u64, StoreError> {
        let (mut purged, mut after): (u64, i64) = (0, 0);
        while after >= 0 {
            let mut forget = FORGET.key(self.history("log"));
            forget.arg(now.as_secs()).arg(after).arg(PAGE);
            let (gone, end): (u64, i64) = self.call(&forget).await?;
            purged = purged.saturating_add(gone);
            after = end;
        }
        Ok(purged)
    }
}

impl RedisStore {
    /// The braces keep the keys of the history in one slot of a cluster. What stands behind them
    /// tells them from deliveries.
    fn history(&self, part: &str) -> String {
        format!("{}{{revocations}}:{part}", self.prefix)
    }

    fn channel(&self) -> String {
        self.history("news")
    }
}

/// A revocation behind its number: cutoff, expiry, subject.
fn text(revocation: &Revocation) -> String {
    let (cutoff, expires) = (revocation.cutoff(), revocation.expires());
    let subject = revocation.subject();
    format!("{} {} {subject}", cutoff.as_secs(), expires.as_secs())
}

fn parse(row: &str) -> Option<(u64, Revocation)> {
    let mut words = row.splitn(4, ' ');
    let number = words.next()?.parse().ok()?;
    let mut time = || Some(UnixTime::from_secs(words.next()?.parse().ok()?));
    let (cutoff, expires) = (time()?, time()?);
    let subject = words.next()?.parse().ok()?;
    Some((number, Revocation::new(subject, cutoff, expires)))
}

static ADD: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/revoke.lua")));
static FORGET: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/forget.lua")));
static SINCE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/since.lua")));

/// Revocations in one answer: some hundred kilobytes, in a few milliseconds of the server.
const PAGE: usize = 1000;

#[cfg(test)]
mod tests {
    use clerk_gate_core::revocation::Subject;

    use super::*;

    #[test]
    fn a_revocation_reads_as_it_is_written() {
        for (cutoff, expires) in [(0, 1), (i64::MAX, i64::MIN), (-1, 1_800_000_000)] {
            let subject = Subject::Membership {
                user: "user_1".to_owned(),
                organization: "org_1".to_owned(),
            };
            let times = [cutoff, expires].map(UnixTime::from_secs);
            let revocation = Revocation::new(subject, times[0], times[1]);
            let row = format!("7 {}", text(&revocation));
            assert_eq!(parse(&row), Some((7, revocation)), "{row}");
        }
        for odd in [
            "",
            "7",
            "7 1 2",
            "7 1 2 planet x",
            "x 1 2 user a",
            "7 1 user a",
        ] {
            assert_eq!(parse(odd), None, "{odd}");
        }
    }
}
