//! A sender like Svix: signs each attempt and repeats until acknowledged, without its schedule.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use bytes::Bytes;
use clerk_gate_core::{Clock, SystemClock};
use clerk_gate_testkit::{WEBHOOK_SECRET, sign_delivery};
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until, timeout};

use crate::WEBHOOK;
use crate::figures::{Answer, Tally};
use crate::random::Random;
use crate::worker::Port;

/// What to send, and to whom.
#[derive(Debug)]
pub(crate) struct Plan {
    /// How every message id begins.
    pub(crate) name: String,
    /// How many messages; whatever the number, [`Sender::stop`] ends it.
    pub(crate) messages: u64,
    /// How often each is sent at the same time.
    pub(crate) copies: u64,
    pub(crate) workers: Vec<Port>,
    pub(crate) seed: u64,
}

/// Sends until it is stopped, or until all is acknowledged.
#[derive(Debug)]
pub(crate) struct Sender {
    shared: Arc<Shared>,
    tasks: JoinSet<()>,
    started: Instant,
}

impl Sender {
    pub(crate) fn start(plan: Plan) -> Self {
        let jobs = Jobs {
            next: 0,
            end: plan.messages.saturating_mul(plan.copies),
        };
        let shared = Arc::new(Shared {
            plan,
            jobs: Mutex::new(jobs),
            tally: Tally::default(),
            outage: AtomicU64::default(),
            down: Tally::default(),
        });
        let mut tasks = JoinSet::new();
        for task in 0..TASKS {
            tasks.spawn(send(Arc::clone(&shared), task));
        }
        Self {
            shared,
            tasks,
            started: Instant::now(),
        }
    }

    /// All answers so far.
    pub(crate) fn tally(&self) -> &Tally {
        &self.shared.tally
    }

    /// The answers to attempts that began and ended during one outage.
    pub(crate) fn down(&self) -> &Tally {
        &self.shared.down
    }

    /// An outage begins or ends. An attempt that sees both is not counted as in it.
    pub(crate) fn turn(&self) {
        self.shared.outage.fetch_add(1, Ordering::SeqCst);
    }

    /// Begins no further message.
    pub(crate) fn stop(&self) {
        let mut jobs = lock(&self.shared.jobs);
        jobs.end = jobs.end.min(jobs.next);
    }

    /// Waits until every message that was begun is acknowledged. Returns how many these are, and
    /// how long all took.
    pub(crate) async fn finish(&mut self) -> Result<(u64, Duration)> {
        loop {
            match timeout(PROGRESS, self.tasks.join_next()).await {
                Ok(Some(ended)) => ended?,
                Ok(None) => break,
                Err(_) => eprintln!("{} acknowledged", self.tally().acknowledged()),
            }
        }
        let messages = lock(&self.shared.jobs).end / self.shared.plan.copies;
        Ok((messages, self.started.elapsed()))
    }
}

/// The id of a message.
pub(crate) fn id(name: &str, message: u64) -> String {
    format!("msg_{name}_{message}")
}

#[derive(Debug)]
struct Shared {
    plan: Plan,
    jobs: Mutex<Jobs>,
    tally: Tally,
    /// Odd during an outage.
    outage: AtomicU64,
    down: Tally,
}

/// Attempts to begin, each with all its repetitions. Copies of a message are neighbours, so that
/// different tasks send them at the same time.
#[derive(Debug)]
struct Jobs {
    next: u64,
    end: u64,
}

impl Shared {
    /// The message that comes next.
    fn next(&self) -> Option<u64> {
        let mut jobs = lock(&self.jobs);
        let job = jobs.next;
        (job < jobs.end).then(|| {
            jobs.next += 1;
            job / self.plan.copies
        })
    }

    async fn attempt(&self, line: &mut Line, message: u64) -> Answer {
        let before = self.outage.load(Ordering::SeqCst);
        let id = id(&self.plan.name, message);
        let answer = match timeout(PATIENCE, line.post(&id)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) | Err(_) => {
                line.connection = None;
                Answer::Nothing
            }
        };
        self.tally.add(answer);
        if before % 2 == 1 && before == self.outage.load(Ordering::SeqCst) {
            self.down.add(answer);
        }
        answer
    }
}

/// What is not acknowledged waits a little, and other messages go first.
async fn send(shared: Arc<Shared>, task: u64) {
    let mut random = Random::new(shared.plan.seed ^ (task << 32));
    let workers = shared.plan.workers.iter().cloned();
    let mut lines: Vec<_> = workers
        .map(|port| Line {
            port,
            connection: None,
        })
        .collect();
    let mut waiting: VecDeque<(Instant, u64)> = VecDeque::new();
    loop {
        let now = Instant::now();
        let fresh = match waiting.front() {
            Some((due, _)) if *due <= now || waiting.len() >= MOST_WAITING => None,
            _ => shared.next(),
        };
        let message = match fresh {
            Some(message) => message,
            None => {
                let Some((due, message)) = waiting.pop_front() else {
                    return;
                };
                sleep_until(due.into()).await;
                message
            }
        };
        let line = random.below(lines.len() as u64) as usize;
        let answer = shared.attempt(&mut lines[line], message).await;
        if answer == Answer::Nothing {
            // Nobody is there for the other messages either.
            sleep(REST).await;
        }
        if !answer.is_acknowledged() {
            waiting.push_back((Instant::now() + PAUSE, message));
        }
    }
}

/// A connection to a worker, made anew when it breaks or the worker is another.
struct Line {
    port: Port,
    connection: Option<(u16, SendRequest<Full<Bytes>>)>,
}

impl Line {
    async fn post(&mut self, id: &str) -> Result<Answer> {
        let port = self.port.load();
        let mut request = Request::post(WEBHOOK).header("host", "127.0.0.1");
        for (name, value) in sign_delivery(WEBHOOK_SECRET, id, SystemClock.now(), BODY) {
            request = request.header(name, value);
        }
        let request = request.body(Full::from(BODY))?;
        let connection = match &mut self.connection {
            Some((known, connection)) if *known == port && !connection.is_closed() => connection,
            stale => &mut stale.insert((port, connect(port).await?)).1,
        };
        connection.ready().await?;
        let response = connection.send_request(request).await?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await?.to_bytes();
        Ok(match (status, &body[..]) {
            (200, br#"{"success":true}"#) => Answer::New,
            (200, br#"{"message":"Already processed"}"#) => Answer::Already,
            (409, _) => Answer::Busy,
            (500, _) => Answer::Failed,
            (503, _) => Answer::Unavailable,
            _ => Answer::Other,
        })
    }
}

pub(crate) async fn connect(port: u16) -> Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // It ends with the worker, or when the sender is dropped.
    tokio::spawn(connection);
    Ok(sender)
}

/// Nothing panics while it holds one of these.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many attempts are made at the same time.
const TASKS: u64 = 24;

/// How many messages of a task may wait for their next attempt before it begins no other.
const MOST_WAITING: usize = 8;

/// How long a message waits for its next attempt, at least.
const PAUSE: Duration = Duration::from_millis(20);

/// How long a task rests when nobody answers.
const REST: Duration = Duration::from_millis(50);

/// How often a wait for the end says how far it is.
const PROGRESS: Duration = Duration::from_secs(10);

/// How long a sender waits for an answer. Svix waits about as long.
const PATIENCE: Duration = Duration::from_secs(15);

const BODY: &[u8] = br#"{"type":"user.created","object":"event","data":{"id":"user_1"}}"#;
