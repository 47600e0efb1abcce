//! The rules of revocation stores, in the order in which one is best written.

use std::collections::HashSet;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::slice::from_ref;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use clerk_gate_core::UnixTime;
use clerk_gate_core::revocation::{Position, Revocation, RevocationStore, Subject};

use super::rules;
use crate::expect::{Fault, Verdict, at, both, pause, same, together, unused_id};

rules! {
    /// All rules of a revocation store, simple ones first.
    REVOCATION_RULES of dyn RevocationStore:
    what_is_added_is_read_back_unchanged
    additions_are_read_in_the_order_of_their_recording
    without_a_position_everything_is_read
    a_position_gives_only_what_is_later
    pages_reach_the_end
    a_position_of_another_epoch_reads_from_the_start
    a_position_beyond_the_end_reads_from_the_start
    adding_again_is_harmless
    a_second_revocation_of_a_subject_is_news
    only_what_has_expired_is_purged
    a_purge_moves_no_position
    a_reader_misses_nothing_of_concurrent_additions
    waiting_may_end_at_any_time
}

async fn what_is_added_is_read_back_unchanged(store: &dyn RevocationStore) -> Verdict {
    let id = unused_id()?;
    let text = |start: &str| format!("{start}_{id}");
    let (user, organization) = (text("user"), text("org"));
    let subjects = [
        Subject::Session(text("sess")),
        Subject::User(user.clone()),
        Subject::User(text("user-of-500").repeat(11)),
        Subject::User(format!("it's_\"100%\"\\;--_\u{1f4a5}_{id}")),
        Subject::Organization(organization.clone()),
        Subject::Membership {
            user: user.clone(),
            organization: organization.clone(),
        },
        Subject::Role {
            user,
            organization,
            role: "org:billing_admin".to_owned(),
        },
    ];
    let times = [
        (at(0), at(60)),
        (at(60), at(0)),
        (seconds(i64::MAX), at(60)),
        (seconds(i64::MIN), seconds(i64::MAX)),
        (seconds(-1), seconds(0)),
        (seconds(0), seconds(i64::MIN)),
    ];
    let mut added = Vec::new();
    for subject in subjects {
        for (cutoff, expires) in times {
            added.push(Revocation::new(subject.clone(), cutoff, expires));
        }
    }
    store.add(&added).await?;
    same("read", mine(store, None, &added).await?, added)
}

async fn additions_are_read_in_the_order_of_their_recording(
    store: &dyn RevocationStore,
) -> Verdict {
    let added = several(20)?;
    store.add(&[]).await?;
    for some in added.chunks(3) {
        store.add(some).await?;
    }
    same("read", mine(store, None, &added).await?, added)
}

async fn without_a_position_everything_is_read(store: &dyn RevocationStore) -> Verdict {
    let added = several(4)?;
    for one in &added {
        store.add(from_ref(one)).await?;
        end(store, None).await?;
    }
    for _ in 0..2 {
        same("read", mine(store, None, &added).await?, added.clone())?;
    }
    Ok(())
}

async fn a_position_gives_only_what_is_later(store: &dyn RevocationStore) -> Verdict {
    let mut position = end(store, None).await?;
    for count in [1, 0, 5, 1] {
        let added = several(count)?;
        store.add(&added).await?;
        let (read, next) = read(store, Some(position)).await?;
        same("read", read, added.clone())?;
        // It can be read once more.
        same("again", mine(store, Some(position), &added).await?, added)?;
        same("end", end(store, Some(next)).await?, next)?;
        position = next;
    }
    Ok(())
}

async fn pages_reach_the_end(store: &dyn RevocationStore) -> Verdict {
    // What has expired leaves no later rule the slower for it.
    let expires = at(-1_000);
    store.purge(expires).await?;
    let start = end(store, None).await?;
    let mut added = Vec::new();
    while added.len() < LONGEST_PAGE && !store.since(Some(start)).await?.has_more {
        let mut some = several(1_000)?;
        for one in &mut some {
            *one = Revocation::new(one.subject().clone(), one.cutoff(), expires);
        }
        store.add(&some).await?;
        added.extend(some);
    }
    same("read", read(store, Some(start)).await?.0 == added, true)?;
    same(
        "from the start",
        mine(store, None, &added).await? == added,
        true,
    )?;
    store.purge(expires).await?;
    Ok(())
}

async fn a_position_of_another_epoch_reads_from_the_start(store: &dyn RevocationStore) -> Verdict {
    let added = several(3)?;
    store.add(&added).await?;
    let known = end(store, None).await?;
    for epoch in [known.epoch.wrapping_add(1), known.epoch ^ (1 << 63)] {
        for number in [0, known.number, u64::MAX] {
            let other = Position { epoch, number };
            same(
                "read",
                mine(store, Some(other), &added).await?,
                added.clone(),
            )?;
            same("end", end(store, Some(other)).await?, known)?;
        }
    }
    Ok(())
}

async fn a_position_beyond_the_end_reads_from_the_start(store: &dyn RevocationStore) -> Verdict {
    let added = several(3)?;
    store.add(&added).await?;
    let known = end(store, None).await?;
    for number in [known.number.saturating_add(1), 1 << 63, u64::MAX] {
        let beyond = Position { number, ..known };
        same(
            "read",
            mine(store, Some(beyond), &added).await?,
            added.clone(),
        )?;
        same("end", end(store, Some(beyond)).await?, known)?;
    }
    Ok(())
}

async fn adding_again_is_harmless(store: &dyn RevocationStore) -> Verdict {
    let added = several(2)?;
    for _ in 0..3 {
        store.add(&added).await?;
    }
    let twice = [added.clone(), added.clone()].concat();
    store.add(&twice).await?;
    let mut read = mine(store, None, &added).await?;
    read.sort_by_key(|one| one.subject().to_string());
    read.dedup();
    let mut want = added;
    want.sort_by_key(|one| one.subject().to_string());
    same("read, without repetitions", read, want)
}

async fn a_second_revocation_of_a_subject_is_news(store: &dyn RevocationStore) -> Verdict {
    let first = unused(60)?;
    store.add(from_ref(&first)).await?;
    let position = end(store, None).await?;
    let subject = first.subject().clone();
    let second = Revocation::new(subject, at(10), at(70));
    store.add(from_ref(&second)).await?;
    same("read", read(store, Some(position)).await?.0, vec![second])
}

async fn only_what_has_expired_is_purged(store: &dyn RevocationStore) -> Verdict {
    let now = at(100);
    store.purge(now).await?;
    let [past, border, next, last] = [
        unused(99)?,
        unused(100)?,
        unused(101)?,
        Revocation::new(unused(0)?.subject().clone(), at(0), seconds(i64::MAX)),
    ];
    store.add(&[past.clone(), next.clone()]).await?;
    store.add(&[border.clone(), last.clone()]).await?;
    same("purged", store.purge(now).await?, 2)?;
    same("purged again", store.purge(now).await?, 0)?;
    let all = [past, border, next.clone(), last.clone()];
    same("left", mine(store, None, &all).await?, vec![next, last])
}

async fn a_purge_moves_no_position(store: &dyn RevocationStore) -> Verdict {
    // Purged altogether, the last one included: its number is not given again.
    let start = end(store, None).await?;
    store.add(&[unused(-1)?, unused(-2)?]).await?;
    let before = end(store, Some(start)).await?;
    store.purge(at(0)).await?;
    let kept = several(2)?;
    same("end", end(store, Some(before)).await?, before)?;
    store.add(&kept).await?;
    for position in [start, before] {
        same("read", read(store, Some(position)).await?.0, kept.clone())?;
    }
    // Purged in the middle.
    let middle = end(store, None).await?;
    store.add(&[unused(-1)?]).await?;
    let later = several(2)?;
    store.add(&later).await?;
    store.purge(at(0)).await?;
    same("read", read(store, Some(middle)).await?.0, later)
}

async fn a_reader_misses_nothing_of_concurrent_additions(store: &dyn RevocationStore) -> Verdict {
    let start = end(store, None).await?;
    let mut work = Vec::new();
    for writer in 0..WRITERS {
        let mut additions = Vec::new();
        // Long and short ones meet, and the short ones are done first.
        for round in 0..ROUNDS {
            additions.push(several(1 + (writer + round) % 5)?);
        }
        work.push(additions);
    }
    let added: Vec<_> = work.iter().flatten().flatten().cloned().collect();
    let writing = AtomicUsize::new(WRITERS);
    let write = async |additions: &[Vec<Revocation>]| -> Verdict {
        for some in additions {
            let result = store.add(some).await;
            if let Err(error) = result {
                writing.fetch_sub(1, Ordering::Relaxed);
                return Err(error.into());
            }
        }
        writing.fetch_sub(1, Ordering::Relaxed);
        Ok(())
    };
    let follow = async || -> Verdict<Vec<Revocation>> {
        let (mut seen, mut position) = (Vec::new(), start);
        loop {
            // Before the last page is read, so that it has what was added last.
            let is_last = writing.load(Ordering::Relaxed) == 0;
            let (page, next) = read(store, Some(position)).await?;
            seen.extend(page);
            position = next;
            for some in work.iter().flatten() {
                let count = some.iter().filter(|one| seen.contains(one)).count();
                if count != 0 && count != some.len() {
                    let size = some.len();
                    return Err(Fault(format!(
                        "an addition of {size}: read {count}, wanted all or none"
                    )));
                }
            }
            if is_last {
                return Ok(seen);
            }
            pause().await;
        }
    };
    let writers = async { together(work.iter().map(|additions| write(additions))).await };
    let (written, seen) = both(writers, follow()).await;
    written.into_iter().collect::<Verdict>()?;
    let seen = seen?;
    let missed = added.iter().filter(|one| !seen.contains(one)).count();
    same("missed", missed, 0)?;
    same("read", seen.len(), added.len())?;
    for additions in &work {
        let own: Vec<_> = additions.iter().flatten().collect();
        let read: Vec<_> = seen.iter().filter(|one| own.contains(one)).collect();
        same("of one writer, in its order", read, own)?;
    }
    same(
        "read from the start",
        mine(store, None, &added).await?,
        seen,
    )
}

async fn waiting_may_end_at_any_time(store: &dyn RevocationStore) -> Verdict {
    let added = several(3)?;
    for (polls, one) in added.iter().enumerate() {
        let mut changed = pin!(store.changed());
        for _ in 0..polls {
            if poll_fn(|cx| Poll::Ready(changed.as_mut().poll(cx).is_ready())).await {
                break;
            }
            pause().await;
        }
        store.add(from_ref(one)).await?;
    }
    same("read", mine(store, None, &added).await?, added)
}

/// A revocation that expires `after` the rules begin, of a session that no store has seen before.
pub(super) fn unused(after: i64) -> Verdict<Revocation> {
    let subject = Subject::Session(format!("sess_{}", unused_id()?));
    Ok(Revocation::new(subject, seconds(i64::MAX), at(after)))
}

/// So many of them. No rule purges these.
fn several(count: usize) -> Verdict<Vec<Revocation>> {
    (0..count).map(|_| unused(1_000_000)).collect()
}

/// What is recorded after `position`, to the end, and the end.
async fn read(
    store: &dyn RevocationStore,
    mut position: Option<Position>,
) -> Verdict<(Vec<Revocation>, Position)> {
    let mut all = Vec::new();
    loop {
        let page = store.since(position).await?;
        if page.has_more && (page.revocations.is_empty() || position == Some(page.position)) {
            let what = "an empty page, or one that leads nowhere, and more to come";
            return Err(Fault(format!("since {position:?}: {what}")));
        }
        all.extend(page.revocations);
        if !page.has_more {
            return Ok((all, page.position));
        }
        position = Some(page.position);
    }
}

/// Of what is recorded after `position`, that of the same subjects.
async fn mine(
    store: &dyn RevocationStore,
    position: Option<Position>,
    of: &[Revocation],
) -> Verdict<Vec<Revocation>> {
    let subjects: HashSet<_> = of.iter().map(Revocation::subject).collect();
    let (mut all, _) = read(store, position).await?;
    all.retain(|one| subjects.contains(one.subject()));
    Ok(all)
}

async fn end(store: &dyn RevocationStore, position: Option<Position>) -> Verdict<Position> {
    Ok(read(store, position).await?.1)
}

fn seconds(seconds: i64) -> UnixTime {
    UnixTime::from_secs(seconds)
}

/// How many add at the same time.
const WRITERS: usize = 12;

/// How often each of them does.
const ROUNDS: usize = 4;

/// A store that gives so many in one page has no pages.
const LONGEST_PAGE: usize = 20_000;
