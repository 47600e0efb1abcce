//! The runs, and what must hold after each.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tokio::time::{sleep, timeout};

use crate::figures::{Answer, Figures, HEAD};
use crate::place::{Kind, Place};
use crate::random::Random;
use crate::revocation;
use crate::sender::{self, Plan, Sender};
use crate::server::Server;
use crate::worker::{Port, Worker};

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run {
    /// Two processes share one store and get every message three times at once.
    TwoProcesses,
    /// The process is killed, over and over.
    Kill,
    /// The database server stops and comes back.
    Outage,
    /// Sessions end at one process, and another refuses them.
    Revocation,
}

/// How much of everything.
#[derive(Clone, Debug)]
pub struct Size {
    /// Messages of [`Run::TwoProcesses`].
    pub deliveries: u64,
    /// Kills of [`Run::Kill`]; for every 40 of them [`Run::Outage`] has one stop, and for each of
    /// them [`Run::Revocation`] ends two sessions.
    pub kills: u64,
    /// Decides which worker gets what, and when a process is killed.
    pub seed: u64,
    /// The program `chaos-worker`; `chaos-revoker` is beside it.
    pub worker: PathBuf,
}

impl Run {
    /// In the order in which they are run.
    pub const ALL: [Self; 4] = [
        Self::TwoProcesses,
        Self::Kill,
        Self::Outage,
        Self::Revocation,
    ];

    /// As on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::TwoProcesses => "two-processes",
            Self::Kill => "kill",
            Self::Outage => "outage",
            Self::Revocation => "revocation",
        }
    }

    /// Runs it on every store that it is about, and prints a line for each.
    ///
    /// # Errors
    /// If a message was lost or handled twice, an answer came that should not, or a process did
    /// not start.
    pub async fn run(self, size: &Size) -> Result<()> {
        match self {
            Self::Revocation => println!("{}", revocation::HEAD),
            Self::TwoProcesses | Self::Kill | Self::Outage => println!("{HEAD}"),
        }
        let stores = match self {
            Self::TwoProcesses | Self::Outage | Self::Revocation => [Kind::Postgres, Kind::Redis],
            Self::Kill => [Kind::Sqlite, Kind::Postgres],
        };
        for store in stores {
            let run = async {
                match self {
                    Self::TwoProcesses => two_processes(store, size).await,
                    Self::Kill => kill(store, size).await,
                    Self::Outage => outage(store, size).await,
                    Self::Revocation => revocation::run(store, size).await,
                }
            };
            let ended = timeout(PATIENCE, run).await;
            let ended = ended.unwrap_or_else(|_| bail!("not over after {PATIENCE:?}"));
            ended.with_context(|| format!("{} on {}", self.name(), store.name()))?;
        }
        Ok(())
    }
}

async fn two_processes(store: Kind, size: &Size) -> Result<()> {
    let place = Place::new(store).await?;
    let ports = [Port::default(), Port::default()];
    let mut workers = Vec::new();
    for port in &ports {
        workers.push(Worker::start(&size.worker, &place, LONG_LEASE, port)?);
    }
    let plan = Plan {
        name: place.name().to_owned(),
        messages: size.deliveries,
        copies: 3,
        workers: ports.to_vec(),
        seed: size.seed,
    };
    let mut sender = Sender::start(plan);
    let messages = settle(Run::TwoProcesses, place, &mut sender, &ports[0]).await?;
    expect(&sender, Answer::New, messages)?;
    expect(&sender, Answer::Already, messages * 2)?;
    for answer in [Answer::Failed, Answer::Unavailable, Answer::Nothing] {
        expect(&sender, answer, 0)?;
    }
    workers.iter_mut().try_for_each(Worker::check)
}

async fn kill(store: Kind, size: &Size) -> Result<()> {
    let place = Place::new(store).await?;
    let port = Port::default();
    let mut random = Random::new(size.seed);
    let mut worker = Worker::start(&size.worker, &place, SHORT_LEASE, &port)?;
    let mut sender = Sender::start(endless(&place, &port, size.seed));
    for kill in 1..=size.kills {
        sleep(Duration::from_micros(random.below(LONGEST_LIFE))).await;
        worker.kill()?;
        worker = Worker::start(&size.worker, &place, SHORT_LEASE, &port)?;
        if kill % 20 == 0 {
            let acknowledged = sender.tally().acknowledged();
            eprintln!(
                "{kill} of {} kills, {acknowledged} acknowledged",
                size.kills
            );
        }
    }
    sender.stop();
    settle(Run::Kill, place, &mut sender, &port).await?;
    expect(&sender, Answer::Failed, 0)?;
    worker.check()
}

async fn outage(store: Kind, size: &Size) -> Result<()> {
    let mut server = Server::start(store)?;
    let place = Place::on(store, server.address()).await?;
    let port = Port::default();
    let mut worker = Worker::start(&size.worker, &place, SHORT_LEASE, &port)?;
    let mut sender = Sender::start(endless(&place, &port, size.seed));
    for stop in 1..=size.kills.div_ceil(KILLS_PER_STOP) {
        // Under load, the first time and after each recovery.
        let target = sender.tally().acknowledged() + SOME;
        let is_so = || sender.tally().acknowledged() >= target;
        until("acknowledgements", is_so).await?;
        server.stop()?;
        sender.turn();
        let target = sender.down().all() + SOME;
        let is_so = || sender.down().all() >= target;
        until("refusals", is_so).await?;
        sender.turn();
        server.resume()?;
        eprintln!("{stop} stops, {} answers meanwhile", sender.down().all());
    }
    sender.stop();
    settle(Run::Outage, place, &mut sender, &port).await?;
    let (refused, all) = (sender.down().of(Answer::Unavailable), sender.down().all());
    ensure!(
        refused == all,
        "during outages: {refused} of {all} answers are 503, want all"
    );
    expect(&sender, Answer::Nothing, 0)?;
    worker.check()
}

/// Messages until the sender is stopped.
fn endless(place: &Place, port: &Port, seed: u64) -> Plan {
    Plan {
        name: place.name().to_owned(),
        messages: u64::MAX,
        copies: 1,
        workers: vec![port.clone()],
        seed,
    }
}

/// Waits for the last acknowledgement and prints the figures. Every message must have had its
/// effect, and be known as handled. Returns how many there are.
async fn settle(run: Run, place: Place, sender: &mut Sender, port: &Port) -> Result<u64> {
    let (messages, time) = sender.finish().await?;
    let effects = place.effects().await?;
    let ids = (0..messages).map(|message| sender::id(place.name(), message));
    let lost = ids.filter(|id| !effects.contains_key(id)).count();
    let doubled = effects.values().filter(|count| **count > 1).count();
    let figures = Figures {
        run: run.name(),
        store: place.store().name(),
        messages,
        tally: sender.tally(),
        lost,
        doubled,
        time,
    };
    println!("{figures}");
    ensure!(messages > 0, "no message was sent");
    expect(sender, Answer::Other, 0)?;
    ensure!(
        lost == 0,
        "{lost} of {messages} acknowledged messages have no effect"
    );
    let known = u64::try_from(effects.len())?;
    ensure!(
        known == messages,
        "effects of {known} messages, want {messages}"
    );
    // What no transaction holds happens again if it could not be recorded.
    let may_double = run == Run::Outage && place.store() == Kind::Redis;
    ensure!(
        doubled == 0 || may_double,
        "{doubled} messages have several effects"
    );
    let plan = Plan {
        messages,
        ..endless(&place, port, 1)
    };
    let mut again = Sender::start(plan);
    again.finish().await?;
    expect(&again, Answer::Already, messages)?;
    place.end().await?;
    Ok(messages)
}

/// Checks how often an answer came.
fn expect(sender: &Sender, answer: Answer, want: u64) -> Result<()> {
    let got = sender.tally().of(answer);
    ensure!(got == want, "answers {answer:?}: got {got}, want {want}");
    Ok(())
}

/// Waits for what is so soon.
pub(crate) async fn until(what: &str, is_so: impl Fn() -> bool) -> Result<()> {
    let started = Instant::now();
    while !is_so() {
        ensure!(
            started.elapsed() < RECOVERY,
            "{what}: none within {RECOVERY:?}"
        );
        sleep(PAUSE).await;
    }
    Ok(())
}

/// In seconds, longer than any handler takes.
const LONG_LEASE: u32 = 60;

/// In seconds, so that what a killed worker had is soon another's.
const SHORT_LEASE: u32 = 1;

/// In microseconds, from when a worker listens until it is killed, at the latest.
const LONGEST_LIFE: u64 = 300_000;

/// A stop takes many times as long as a kill: pools wait before they give up.
const KILLS_PER_STOP: u64 = 40;

/// As many answers as show that the answers have changed.
const SOME: u64 = 24;

/// How long the first answers after a stop or a start may take.
const RECOVERY: Duration = Duration::from_secs(60);

const PAUSE: Duration = Duration::from_millis(5);

/// How long one run on one store may take.
const PATIENCE: Duration = Duration::from_secs(30 * 60);
