//! Processes that share their revocations: what is told to one, the others refuse.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use tokio::time::sleep;

use crate::place::{Kind, Place};
use crate::process::{Process, token};
use crate::proxy::Proxy;
use crate::random::Random;
use crate::runs::{Size, until};
use crate::server::Server;

/// Above the figures of all stores.
pub(crate) const HEAD: &str = "\
store     announcements  sessions  min ms  median     p99     max  from acknowledgement to refusal";

/// Revokes sessions at one process and asks another for them, with announcements and without;
/// then the store stops, and comes back.
pub(crate) async fn run(store: Kind, size: &Size) -> Result<()> {
    let mut server = Server::start(store)?;
    let place = Place::on(store, server.address()).await?;
    let proxy = Proxy::start(place.address()).await?;
    let start = async |name: &str, check: &str, address: &str| {
        let program = size.worker.with_file_name("chaos-revoker");
        let file = place.file().with_file_name(name);
        Process::start(&program, address, check, STALE_AFTER, &file).await
    };
    let mut one = start("one", "enforce", place.address()).await?;
    let mut other = start("other", "enforce", place.address()).await?;
    let mut lenient = start("lenient", "observe", place.address()).await?;
    let mut deaf = start("deaf", "observe", proxy.address()).await?;
    let mut random = Random::new(size.seed);
    let name = place.name();
    let all = size.kills.saturating_mul(SESSIONS_PER_KILL).max(1);
    let some = all.div_ceil(10);

    let mut times = Times::of(store, "heard");
    for number in 0..all {
        times.add(revoke(&mut one, &mut other, &format!("sess_{name}_{number}")).await?);
    }
    println!("{times}");

    until("a listening connection", || proxy.listening() > 0).await?;
    proxy.cut();
    let mut times = Times::of(store, "cut off");
    for number in 0..some {
        // At any moment between two questions of the follower.
        sleep(Duration::from_micros(random.below(A_SECOND))).await;
        times.add(revoke(&mut one, &mut deaf, &format!("sess_{name}_cut_{number}")).await?);
    }
    let listening = proxy.listening();
    ensure!(
        listening == 0,
        "cut off, and {listening} connections listen"
    );
    println!("{times}");

    server.stop()?;
    let stopped = Instant::now();
    for process in [&mut one, &mut other] {
        wait_for(process, 503).await?;
        process.expect("revocations-stale")?;
    }
    let stale = stopped.elapsed().as_secs_f64();
    let status = one.tell(&format!("sess_{name}_unrecorded")).await?;
    ensure!(
        status == 503,
        "delivery without a store: got {status}, want 503"
    );
    for process in [&mut lenient, &mut deaf] {
        observes(process).await?;
    }

    server.resume()?;
    let back = Instant::now();
    for process in [&mut one, &mut other] {
        wait_for(process, 200).await?;
    }
    let back = back.elapsed().as_secs_f64();
    let label = store.name();
    println!(
        "{label:<10}stopped        both 503 after {stale:.1} s, both 200 {back:.1} s after its start"
    );
    for process in [&mut one, &mut other, &mut lenient, &mut deaf] {
        let status = process.ask(&format!("sess_{name}_0")).await?;
        ensure!(
            status == 401,
            "a session from before: got {status}, want 401"
        );
        process.expect("session-revoked")?;
    }
    let mut times = Times::of(store, "heard again");
    for number in 0..some {
        times.add(revoke(&mut other, &mut one, &format!("sess_{name}_again_{number}")).await?);
    }
    println!("{times}");
    for process in [&mut one, &mut other, &mut lenient, &mut deaf] {
        process.check()?;
    }
    drop((one, other, lenient, deaf));
    place.end().await
}

/// Revokes a session at `one` and asks `other` until it is refused: how long that took. Another
/// session goes on.
async fn revoke(one: &mut Process, other: &mut Process, session: &str) -> Result<Duration> {
    let (ending, living) = (token(session), token(&format!("{session}_other")));
    let before = other.ask_with(&ending).await?;
    ensure!(before == 200, "{session} before: got {before}, want 200");
    let status = one.tell(session).await?;
    ensure!(
        status == 200,
        "delivery for {session}: got {status}, want 200"
    );
    let acknowledged = Instant::now();
    for number in 0..MOST_REQUESTS {
        let status = other.ask_with(&ending).await?;
        if status == 401 {
            let time = acknowledged.elapsed();
            other.expect("session-revoked")?;
            for process in [one, other] {
                let living = process.ask_with(&living).await?;
                ensure!(living == 200, "another session: got {living}, want 200");
            }
            return Ok(time);
        }
        ensure!(
            status == 200,
            "{session} meanwhile: got {status}, want 200 or 401"
        );
        if number > AT_ONCE {
            sleep(PAUSE).await;
        }
    }
    bail!("{session}: still accepted after {MOST_REQUESTS} requests")
}

/// Asks until the answer has this status. Until then it is the other of 200 and 503.
async fn wait_for(process: &mut Process, status: u16) -> Result<()> {
    for _ in 0..MOST_REQUESTS {
        let got = process.ask("sess_fresh").await?;
        if got == status {
            return Ok(());
        }
        ensure!([200, 503].contains(&got), "got {got}, want 200 or 503");
        sleep(PAUSE).await;
    }
    bail!("no answer {status} in {MOST_REQUESTS} requests")
}

/// Asks until the audit trail says that the snapshot is stale. Every request passes.
async fn observes(process: &mut Process) -> Result<()> {
    for _ in 0..MOST_REQUESTS {
        let status = process.ask("sess_observed").await?;
        ensure!(status == 200, "observing: got {status}, want 200");
        let event = process.last_event()?;
        let is_told = |part| event.contains(part);
        ensure!(
            is_told(r#""outcome":"proceed""#) && is_told(r#""session":"sess_observed""#),
            "event {event:?}: is of another request"
        );
        if is_told(r#""observed":["revocations-stale"]"#) {
            return Ok(());
        }
        sleep(PAUSE).await;
    }
    bail!("observing: no event tells of it after {MOST_REQUESTS} requests")
}

/// One line of the table.
struct Times {
    store: Kind,
    announcements: &'static str,
    times: Vec<Duration>,
}

impl Times {
    fn of(store: Kind, announcements: &'static str) -> Self {
        Self {
            store,
            announcements,
            times: Vec::new(),
        }
    }

    fn add(&mut self, time: Duration) {
        let place = self.times.partition_point(|own| *own <= time);
        self.times.insert(place, time);
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (store, sessions) = (self.store.name(), self.times.len());
        write!(f, "{store:<10}{:<15}{sessions:>8}", self.announcements)?;
        for percent in [0, 50, 99, 100] {
            let index = (sessions * percent / 100).min(sessions.saturating_sub(1));
            let time = self.times.get(index).map_or(0.0, Duration::as_secs_f64);
            write!(f, "{:>8.1}", time * 1000.0)?;
        }
        Ok(())
    }
}

/// In seconds: as soon as a follower allows.
const STALE_AFTER: &str = "3";

/// For every kill of a run as long.
const SESSIONS_PER_KILL: u64 = 2;

/// Many times as many as come within a second, and fewer than within the minute of a token.
const MOST_REQUESTS: u32 = 20_000;

/// So many without a pause, so that a pause is no part of the time.
const AT_ONCE: u32 = 100;

const PAUSE: Duration = Duration::from_micros(500);

/// In microseconds: the follower's tick.
const A_SECOND: u64 = 1_000_000;
