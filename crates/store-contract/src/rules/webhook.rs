//! The rules of webhook stores, in the order in which one is best written.

use bytes::Bytes;
use clerk_gate_core::UnixTime;
use clerk_gate_core::webhook::{Begin, Delivery, Lease, MAX_FAILURE, Store, Unfinished};

use super::rules;
use crate::expect::{
    Fault, LEASE, Verdict, at, begin, busy, delivery, delivery_of, done, fresh, listed, lost, same,
    together, unused_id,
};

rules! {
    /// All rules of a webhook store, simple ones first.
    RULES of dyn Store:
    a_new_delivery_begins_as_attempt_1
    a_leased_delivery_is_busy
    a_lease_ends_at_its_last_second
    a_finished_delivery_is_done
    finishing_again_changes_nothing
    a_released_delivery_begins_at_once
    a_failure_is_kept_up_to_its_limit
    a_late_worker_finishes_unless_overtaken
    an_overtaken_worker_ends_nothing
    a_lease_from_elsewhere_ends_nothing
    unfinished_deliveries_are_listed_longest_first
    a_body_is_recalled_byte_for_byte
    only_what_was_finished_before_is_purged
    ids_are_kept_apart
    of_concurrent_begins_one_is_fresh
    a_clock_set_back_frees_no_lease
    times_stop_at_the_ends_of_their_range
}

async fn a_new_delivery_begins_as_attempt_1(store: &dyn Store) -> Verdict {
    let delivery = delivery()?;
    let lease = fresh(store, &delivery, at(0)).await?;
    same("message id", lease.id(), delivery.id())?;
    same("attempt", lease.attempt(), 1)
}

async fn a_leased_delivery_is_busy(store: &dyn Store) -> Verdict {
    let delivery = delivery()?;
    let other_body = delivery_of(delivery.id(), b"{\"other\":true}");
    fresh(store, &delivery, at(0)).await?;
    busy(store, &delivery, at(0), at(LEASE)).await?;
    busy(store, &other_body, at(1), at(LEASE)).await?;
    busy(store, &delivery, at(LEASE - 1), at(LEASE)).await
}

async fn a_lease_ends_at_its_last_second(store: &dyn Store) -> Verdict {
    for later in [LEASE, LEASE + 1, LEASE * 1_000_000] {
        let delivery = delivery()?;
        fresh(store, &delivery, at(0)).await?;
        let lease = fresh(store, &delivery, at(later)).await?;
        same("attempt", lease.attempt(), 2)?;
        busy(store, &delivery, at(later), at(later + LEASE)).await?;
    }
    Ok(())
}

async fn a_finished_delivery_is_done(store: &dyn Store) -> Verdict {
    let delivery = delivery()?;
    let other_body = delivery_of(delivery.id(), b"{\"other\":true}");
    let lease = fresh(store, &delivery, at(0)).await?;
    store.finish(&lease, at(1)).await?;
    done(store, &delivery, at(1)).await?;
    done(store, &other_body, at(2)).await?;
    done(store, &delivery, at(-LEASE)).await?;
    done(store, &delivery, at(LEASE * 1_000_000)).await
}

async fn finishing_again_changes_nothing(store: &dyn Store) -> Verdict {
    let delivery = delivery()?;
    let lease = fresh(store, &delivery, at(0)).await?;
    for later in [1, 1, LEASE * 2] {
        store.finish(&lease, at(later)).await?;
        done(store, &delivery, at(later)).await?;
    }
    lost("release", store.release(&lease, "late", at(2)).await)?;
    store.abandon(&lease);
    done(store, &delivery, at(2)).await
}

async fn a_released_delivery_begins_at_once(store: &dyn Store) -> Verdict {
    let delivery = delivery()?;
    for attempt in 1..=3 {
        let lease = fresh(store, &delivery, at(0)).await?;
        same("attempt", lease.attempt(), attempt)?;
        store.release(&lease, "failed", at(0)).await?;
        lost("second release", store.release(&lease, "", at(0)).await)?;
        lost("finish", store.finish(&lease, at(0)).await)?;
    }
    Ok(())
}

async fn a_failure_is_kept_up_to_its_limit(store: &dyn Store) -> Verdict {
    let delivery = delivery()?;
    let longest = "é".repeat(MAX_FAILURE);
    let too_long = format!("{longest}!");
    let odd = "it's \"100%\" \\ ; -- \u{1f4a5}\r\n";
    for (failure, kept) in [
        (odd, odd),
        ("", ""),
        (&longest, &longest),
        (&too_long, &longest),
    ] {
        let lease = fresh(store, &delivery, at(0)).await?;
        store.release(&lease, failure, at(0)).await?;
        for leased in [false, true] {
            if leased {
                fresh(store, &delivery, at(-LEASE)).await?;
            }
            let list = listed(store, &[&delivery]).await?;
            let failures: Vec<_> = list.iter().map(|entry| entry.failure.as_deref()).collect();
            same("failure", failures, vec![Some(kept)])?;
        }
    }
    // Some databases have no text with this character. How it is kept is theirs to choose.
    let lease = fresh(store, &delivery, at(0)).await?;
    store.release(&lease, "nul: \0", at(0)).await?;
    fresh(store, &delivery, at(0)).await.map(drop)
}

async fn a_late_worker_finishes_unless_overtaken(store: &dyn Store) -> Verdict {
    let delivery = delivery()?;
    let lease = fresh(store, &delivery, at(0)).await?;
    store.finish(&lease, at(LEASE * 2)).await?;
    done(store, &delivery, at(LEASE * 2)).await
}

async fn an_overtaken_worker_ends_nothing(store: &dyn Store) -> Verdict {
    let delivery = delivery()?;
    let overtaken = fresh(store, &delivery, at(0)).await?;
    let lease = fresh(store, &delivery, at(LEASE)).await?;
    lost("finish", store.finish(&overtaken, at(LEASE)).await)?;
    lost(
        "release",
        store.release(&overtaken, "late", at(LEASE)).await,
    )?;
    store.abandon(&overtaken);
    busy(store, &delivery, at(LEASE), at(LEASE * 2)).await?;
    store.finish(&lease, at(LEASE)).await?;
    lost("finish", store.finish(&overtaken, at(LEASE)).await)
}

async fn a_lease_from_elsewhere_ends_nothing(store: &dyn Store) -> Verdict {
    let (known, unknown) = (delivery()?, delivery()?);
    fresh(store, &known, at(0)).await?;
    for id in [known.id(), unknown.id()] {
        let foreign = Lease::new(id, 1)?;
        lost("finish", store.finish(&foreign, at(0)).await)?;
        lost("release", store.release(&foreign, "foreign", at(0)).await)?;
    }
    busy(store, &known, at(0), at(LEASE)).await?;
    fresh(store, &unknown, at(0)).await.map(drop)
}

async fn unfinished_deliveries_are_listed_longest_first(store: &dyn Store) -> Verdict {
    let [leased, failed, retried, finished] = [delivery()?, delivery()?, delivery()?, delivery()?];
    let all = [&leased, &failed, &retried, &finished];
    fresh(store, &leased, at(2)).await?;
    for (delivery, now) in [(&failed, at(3)), (&retried, at(1))] {
        let lease = fresh(store, delivery, now).await?;
        store.release(&lease, "failed", now).await?;
    }
    fresh(store, &retried, at(4)).await?;
    let lease = fresh(store, &finished, at(0)).await?;
    store.finish(&lease, at(0)).await?;

    let entry = |of: &Delivery, attempts, begun: i64, is_leased: bool, failure: Option<&str>| {
        let until = is_leased.then_some(at(begun + LEASE));
        Unfinished::new(
            of.id(),
            attempts,
            at(begun),
            until,
            failure.map(str::to_owned),
        )
    };
    let want = vec![
        entry(&leased, 1, 2, true, None),
        entry(&failed, 1, 3, false, Some("failed")),
        entry(&retried, 2, 4, true, Some("failed")),
    ];
    same("list", listed(store, &all).await?, want)?;

    let list = store.unfinished(usize::MAX).await?;
    for limit in [0, 1, 2, list.len()] {
        let start: Vec<_> = list.iter().take(limit).cloned().collect();
        same("limited list", store.unfinished(limit).await?, start)?;
    }
    Ok(())
}

async fn a_body_is_recalled_byte_for_byte(store: &dyn Store) -> Verdict {
    let every_byte: Vec<u8> = (0..=u8::MAX).collect();
    let large = every_byte.repeat(1024);
    for body in [
        &b""[..],
        b"\0",
        b"\xff",
        "{\"name\":\"Zoë\"}".as_bytes(),
        &every_byte,
        &large,
    ] {
        let delivery = delivery_of(unused_id()?, body);
        let other_body = delivery_of(delivery.id(), b"another");
        let next = Delivery::new(delivery.id(), at(LEASE), Bytes::from_static(b"next"));
        recalls(store, delivery.id(), None).await?;
        fresh(store, &delivery, at(0)).await?;
        recalls(store, delivery.id(), Some(&delivery)).await?;
        busy(store, &other_body, at(0), at(LEASE)).await?;
        recalls(store, delivery.id(), Some(&delivery)).await?;
        let lease = fresh(store, &next, at(LEASE)).await?;
        store.release(&lease, "failed", at(LEASE)).await?;
        recalls(store, delivery.id(), Some(&next)).await?;
        let lease = fresh(store, &delivery, at(LEASE)).await?;
        recalls(store, delivery.id(), Some(&delivery)).await?;
        store.finish(&lease, at(LEASE)).await?;
        recalls(store, delivery.id(), None).await?;
    }
    Ok(())
}

/// Bodies are compared without being shown: they can be large.
async fn recalls(store: &dyn Store, id: &str, want: Option<&Delivery>) -> Verdict {
    let recalled = store.recall(id).await?;
    match recalled.as_ref() == want {
        true => Ok(()),
        false => Err(Fault(format!(
            "recall: got {recalled:?}, wanted {want:?}, with the same bytes"
        ))),
    }
}

async fn only_what_was_finished_before_is_purged(store: &dyn Store) -> Verdict {
    // Long before all other rules, whose deliveries are not counted here.
    let border = at(-1_000_000_000);
    let moment = |seconds| border.saturating_add(seconds);
    store.purge(border).await?;

    let [first, second, third] = [delivery()?, delivery()?, delivery()?];
    for (delivery, finished) in [(&first, -9), (&second, -1), (&third, 0)] {
        let lease = fresh(store, delivery, moment(-10)).await?;
        store.finish(&lease, moment(finished)).await?;
    }
    let [leased, failed] = [delivery()?, delivery()?];
    fresh(store, &leased, moment(-10)).await?;
    let lease = fresh(store, &failed, moment(-10)).await?;
    store.release(&lease, "failed", moment(-10)).await?;

    same("purged", store.purge(border).await?, 2)?;
    same("purged again", store.purge(border).await?, 0)?;
    for purged in [&first, &second] {
        let lease = fresh(store, purged, border).await?;
        same("attempt after the purge", lease.attempt(), 1)?;
    }
    done(store, &third, border).await?;
    busy(store, &leased, border, moment(LEASE - 10)).await?;
    let lease = fresh(store, &failed, border).await?;
    same("attempt of what was not purged", lease.attempt(), 2)
}

async fn ids_are_kept_apart(store: &dyn Store) -> Verdict {
    let start = unused_id()?;
    let longest: String = ('!'..='~')
        .cycle()
        .filter(|&c| c != '.')
        .take(255 - start.len())
        .collect();
    let mut begun = Vec::new();
    for end in [
        "",
        "a",
        "A",
        "a'",
        "a%",
        "_",
        "a\\",
        &format!("{longest}x"),
        &format!("{longest}y"),
    ] {
        let delivery = delivery_of(format!("{start}{end}"), end.as_bytes());
        let lease = fresh(store, &delivery, at(0)).await?;
        same("message id", lease.id(), delivery.id())?;
        begun.push((delivery, lease));
    }
    for (delivery, lease) in &begun {
        recalls(store, delivery.id(), Some(delivery)).await?;
        store.finish(lease, at(0)).await?;
        done(store, delivery, at(0)).await?;
    }
    Ok(())
}

async fn of_concurrent_begins_one_is_fresh(store: &dyn Store) -> Verdict {
    for workers in [2, 8, 64] {
        let delivery = delivery()?;
        let lease = one_of(store, &delivery, workers, at(0)).await?;
        store.release(&lease, "failed", at(0)).await?;
        let overtaken = one_of(store, &delivery, workers, at(0)).await?;
        let lease = one_of(store, &delivery, workers, at(LEASE)).await?;
        same("attempt", (overtaken.attempt(), lease.attempt()), (2, 3))?;
        store.finish(&lease, at(LEASE)).await?;
    }
    Ok(())
}

/// The one lease that as many workers get when they begin at once.
async fn one_of(
    store: &dyn Store,
    delivery: &Delivery,
    workers: usize,
    now: UnixTime,
) -> Verdict<Lease> {
    let mut leases = Vec::new();
    for begun in together((0..workers).map(|_| begin(store, delivery, now))).await {
        match begun? {
            Begin::Fresh(lease) => leases.push(lease),
            Begin::Busy { .. } => {}
            Begin::Done => return Err(Fault("begin: got Done, nobody has finished".to_owned())),
        }
    }
    let count = leases.len();
    match (leases.pop(), count) {
        (Some(lease), 1) => Ok(lease),
        _ => Err(Fault(format!(
            "{workers} begins at once: got {count} leases, wanted 1"
        ))),
    }
}

async fn a_clock_set_back_frees_no_lease(store: &dyn Store) -> Verdict {
    let delivery = delivery()?;
    let lease = fresh(store, &delivery, at(0)).await?;
    for earlier in [-1, -LEASE, -LEASE * 1_000_000] {
        busy(store, &delivery, at(earlier), at(LEASE)).await?;
    }
    store.release(&lease, "failed", at(-LEASE)).await?;
    let lease = fresh(store, &delivery, at(-LEASE * 2)).await?;
    busy(store, &delivery, at(-LEASE * 2), at(-LEASE)).await?;
    store.finish(&lease, at(-LEASE * 3)).await?;
    done(store, &delivery, at(-LEASE * 4)).await
}

async fn times_stop_at_the_ends_of_their_range(store: &dyn Store) -> Verdict {
    let (first, last) = (UnixTime::from_secs(i64::MIN), UnixTime::from_secs(i64::MAX));
    let delivery = delivery()?;
    let endless = store.begin(&delivery, i64::MAX, at(0)).await?;
    same("endless lease", matches!(endless, Begin::Fresh(_)), true)?;
    busy(store, &delivery, last.saturating_add(-1), last).await?;
    let lease = fresh(store, &delivery, last).await?;
    store.release(&lease, "failed", last).await?;
    let lease = fresh(store, &delivery, first).await?;
    busy(store, &delivery, first, first.saturating_add(LEASE)).await?;
    store.purge(first).await?;
    store.finish(&lease, first).await?;
    store.purge(first).await?;
    done(store, &delivery, last).await
}
