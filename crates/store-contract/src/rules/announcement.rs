//! What one store hears of the additions of another.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

use clerk_gate_core::revocation::RevocationStore;

use super::revocation::unused;
use crate::Broken;
use crate::expect::{Fault, Verdict, pause};

/// Checks that `reader` is told at once of what `writer` adds: two stores on one database, or one
/// store twice where it hears only itself. No rule demands this, because whoever follows a store
/// asks it every second, too.
///
/// Time is counted in questions to the store.
///
/// # Errors
/// If nothing is heard, or a store does not answer.
pub async fn check_announcements(
    reader: &(dyn RevocationStore + 'static),
    writer: &(dyn RevocationStore + 'static),
) -> Result<(), Broken> {
    let verdict = heard(reader, writer).await;
    verdict.map_err(|fault| Broken::new("additions_of_others_are_announced", fault))
}

async fn heard(reader: &dyn RevocationStore, writer: &dyn RevocationStore) -> Verdict {
    let mut number = 0;
    while number < ANNOUNCEMENTS {
        // What was announced before; and a reader that is still connecting gets the time to.
        while heard_within(QUIET, reader, reader.changed()).await? {}
        let mut changed = pin!(reader.changed());
        if heard_within(1, reader, changed.as_mut()).await? {
            continue;
        }
        number += 1;
        writer.add(&[unused(1)?]).await?;
        if !heard_within(PATIENCE, reader, changed).await? {
            return Err(Fault(format!(
                "addition {number}: nothing heard, wanted `changed` to return"
            )));
        }
    }
    Ok(())
}

/// Whether `changed` returns while the store answers so many questions.
async fn heard_within(
    questions: usize,
    store: &dyn RevocationStore,
    changed: impl Future<Output = ()>,
) -> Verdict<bool> {
    let mut changed = pin!(changed);
    let position = store.since(None).await?.position;
    for _ in 0..questions {
        if is_ready(changed.as_mut()).await {
            return Ok(true);
        }
        store.since(Some(position)).await?;
    }
    Ok(false)
}

/// Polls once, after the runtime has had a turn.
async fn is_ready(mut future: Pin<&mut impl Future<Output = ()>>) -> bool {
    pause().await;
    poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_ready())).await
}

const ANNOUNCEMENTS: usize = 3;

/// Questions without an announcement after which none is on its way.
const QUIET: usize = 200;

/// Questions in which an announcement must arrive: seconds over a network.
const PATIENCE: usize = 20_000;
