//! Two processes that share their revocations: what is told to one, the other refuses.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use clerk_gate_core::{Clock, SystemClock};
use clerk_gate_testkit::{Signer, Token, WEBHOOK_SECRET, sign_delivery};
use http::Request;
use http::request::Builder;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::SendRequest;
use sqlx::{Connection, PgConnection};
use tokio::time::sleep;

use crate::WEBHOOK;
use crate::place::{Kind, Place};
use crate::runs::Size;
use crate::sender::connect;
use crate::server::Server;
use crate::worker::{Port, Worker};

/// Above the figures of all stores.
pub(crate) const HEAD: &str = "store     announcements   sessions   min ms   median   p99      max      from acknowledgement to refusal";

/// Revokes sessions at one process and asks the other for them, with announcements and without;
/// then the store stops, and comes back.
pub(crate) async fn run(store: Kind, size: &Size) -> Result<()> {
    let mut server = Server::start(store)?;
    let place = Place::on(store, server.address()).await?;
    let program = size.worker.with_file_name("chaos-revoker");
    let ports = [Port::default(), Port::default(), Port::default()];
    let mut workers = Vec::new();
    for (port, check) in ports.iter().zip(["enforce", "enforce", "observe"]) {
        let args = [check, STALE_AFTER];
        workers.push(Worker::run(&program, &place, &args, port)?);
    }
    let mut processes = Vec::new();
    for port in &ports {
        processes.push(Process::new(port).await?);
    }
    let [one, other, lenient] = &mut processes[..] else {
        unreachable!("there are three");
    };

    let name = place.name().to_owned();
    let sessions = size.kills.saturating_mul(SESSIONS_PER_KILL).max(1);
    let mut times = Vec::new();
    for number in 0..sessions {
        times.push(revoke(one, other, &format!("{name}_told_{number}")).await?);
    }
    println!("{}", row(store, "heard", &mut times));
    let mut times = Vec::new();
    for number in 0..sessions.div_ceil(10) {
        cut_off(store, server.address()).await?;
        times.push(revoke(one, other, &format!("{name}_cut_{number}")).await?);
    }
    println!("{}", row(store, "cut off", &mut times));

    server.stop()?;
    let event = event(&format!("sess_{name}_down"));
    let refused = one.deliver(&format!("msg_{name}_down"), &event).await?;
    ensure!(
        refused == 503,
        "a delivery without a store: got {refused}, want 503"
    );
    for process in [&mut *one, &mut *other] {
        until(process, 503).await?;
        ensure!(
            process.body.contains("revocations-stale"),
            "body {:?}: want revocations-stale",
            process.body
        );
    }
    // By now its own snapshot is as old.
    let token = token(&format!("sess_{name}_live"));
    let status = lenient.me(&token).await?;
    ensure!(
        status == 200,
        "observing without a store: got {status}, want 200"
    );
    lenient.get("/readiness").await?;
    let told = lenient.body.contains("revocations-stale on the default");
    ensure!(told, "readiness without a stale request:\n{}", lenient.body);
    server.resume()?;
    for process in [one, other] {
        until(process, 200).await?;
    }
    println!(
        "{:<9} stopped         503 within the age that is set, 200 again when it was back",
        store.name()
    );
    workers.iter_mut().try_for_each(Worker::check)?;
    drop(workers);
    place.end().await
}

/// Revokes a session at `one` and asks `other` until it is refused: how long that took. Another
/// session goes on.
async fn revoke(one: &mut Process, other: &mut Process, name: &str) -> Result<Duration> {
    let session = format!("sess_{name}");
    let (ending, living) = (token(&session), token(&format!("{session}_other")));
    let before = other.me(&ending).await?;
    ensure!(before == 200, "{session} before: got {before}, want 200");
    let status = one
        .deliver(&format!("msg_{name}"), &event(&session))
        .await?;
    ensure!(
        status == 200,
        "delivery for {session}: got {status}, want 200"
    );
    let acknowledged = Instant::now();
    for _ in 0..MOST_REQUESTS {
        let status = other.me(&ending).await?;
        if status == 401 {
            let time = acknowledged.elapsed();
            ensure!(
                other.body.contains("session-revoked"),
                "{session}: refused with {:?}",
                other.body
            );
            let living = other.me(&living).await?;
            ensure!(living == 200, "another session: got {living}, want 200");
            return Ok(time);
        }
        ensure!(
            status == 200,
            "{session} meanwhile: got {status}, want 200 or 401"
        );
        sleep(BETWEEN).await;
    }
    anyhow::bail!("{session}: still accepted after {MOST_REQUESTS} requests")
}

/// Asks with a fresh session until the answer has this status.
async fn until(process: &mut Process, status: u16) -> Result<()> {
    for _ in 0..MOST_REQUESTS {
        if process.me(&token("sess_fresh")).await? == status {
            return Ok(());
        }
        sleep(BETWEEN).await;
    }
    anyhow::bail!(
        "no answer {status} in {MOST_REQUESTS} requests, the last is {:?}",
        process.body
    )
}

/// Breaks every connection that hears announcements.
async fn cut_off(store: Kind, address: &str) -> Result<()> {
    match store {
        Kind::Postgres => {
            let mut connection = PgConnection::connect(address).await?;
            sqlx::query(TERMINATE).execute(&mut connection).await?;
        }
        Kind::Redis => {
            let client = redis::Client::open(address)?;
            let mut connection = client.get_multiplexed_async_connection().await?;
            let mut kill = redis::cmd("CLIENT");
            kill.arg("KILL").arg("TYPE").arg("PUBSUB");
            let _: u64 = kill.query_async(&mut connection).await?;
        }
        Kind::Sqlite => {}
    }
    Ok(())
}

/// One process, asked over one connection.
struct Process {
    connection: SendRequest<Full<Bytes>>,
    body: String,
}

impl Process {
    async fn new(port: &Port) -> Result<Self> {
        let connection = connect(port.load()).await?;
        let body = String::new();
        Ok(Self { connection, body })
    }

    async fn me(&mut self, token: &str) -> Result<u16> {
        let request = Request::get("/me").header("authorization", format!("Bearer {token}"));
        self.send(request, Bytes::new()).await
    }

    async fn get(&mut self, path: &str) -> Result<u16> {
        self.send(Request::get(path), Bytes::new()).await
    }

    async fn deliver(&mut self, id: &str, event: &str) -> Result<u16> {
        let mut request = Request::post(WEBHOOK);
        for (name, value) in sign_delivery(WEBHOOK_SECRET, id, SystemClock.now(), event.as_bytes())
        {
            request = request.header(name, value);
        }
        self.send(request, Bytes::from(event.to_owned())).await
    }

    async fn send(&mut self, request: Builder, body: Bytes) -> Result<u16> {
        let request = request.header("host", "127.0.0.1").body(Full::from(body))?;
        self.connection.ready().await?;
        let response = self.connection.send_request(request).await?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await?.to_bytes();
        self.body = String::from_utf8(body.to_vec()).context("body")?;
        Ok(status)
    }
}

/// A session token as Clerk would issue it now.
fn token(session: &str) -> String {
    let now = SystemClock.now().as_secs();
    let token = Token::session()
        .claim("sid", session)
        .claim("nbf", now - 10)
        .claim("iat", now)
        .claim("exp", now + 60);
    token.sign(Signer::primary())
}

fn event(session: &str) -> String {
    let now = SystemClock.now().as_secs();
    format!(r#"{{"type":"session.revoked","data":{{"id":"{session}"}},"timestamp":{now}000}}"#)
}

fn row(store: Kind, announcements: &str, times: &mut [Duration]) -> String {
    times.sort_unstable();
    let at = |part: usize| {
        let index = (times.len() * part / 100).min(times.len() - 1);
        format!("{:.1}", times[index].as_secs_f64() * 1000.0)
    };
    format!(
        "{:<9} {announcements:<15} {:<10} {:<8} {:<8} {:<8} {}",
        store.name(),
        times.len(),
        at(0),
        at(50),
        at(99),
        at(100),
    )
}

const TERMINATE: &str =
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ILIKE 'LISTEN%'";

/// In seconds: as soon as a follower allows.
const STALE_AFTER: &str = "3";

/// For every kill of a run as long.
const SESSIONS_PER_KILL: u64 = 2;

/// Many times as many as come within a second.
const MOST_REQUESTS: u32 = 50_000;

const BETWEEN: Duration = Duration::from_micros(500);
