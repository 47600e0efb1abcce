//! The audit trail, on every database.

use std::collections::BTreeMap;
use std::env;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;

use clerk_gate_core::{Check, Decision, Gate, Policy, RequestView, Requirement, Rule, UnixTime};
use clerk_gate_store_sql::SqlAudit;
use clerk_gate_testkit::{FixedClock, NOW, Signer, Token, gate};

use sqlx::Row;

use super::super::{Audit, Database, Sql};
use super::Fixture;

/// Two processes, each with requests that wait for their events and requests that do not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_event_is_written_once() {
    let fixture = Fixture::new().await;
    let mut working = Vec::new();
    let mut audits = Vec::new();
    for process in 0..2 {
        let audit = SqlAudit::start(&fixture.database.open().await)
            .await
            .unwrap();
        let guarded = Arc::new(Guarded::new(&audit));
        for task in 0..8 {
            let guarded = Arc::clone(&guarded);
            working.push(tokio::spawn(async move {
                for number in 0..40 {
                    let name = format!("{process}-{task}-{number}");
                    assert_eq!(guarded.ask(&format!("/open/{name}")).await, Ok(()));
                    assert_eq!(guarded.ask(&format!("/sensitive/{name}")).await, Ok(()));
                }
            }));
        }
        audits.push(audit);
    }
    for one in working {
        one.await.unwrap();
    }
    for audit in audits {
        audit.flush().await.unwrap();
    }
    let written = written(&fixture.store).await;
    assert_eq!(written.len(), 2 * 2 * 8 * 40);
    for (path, times) in written {
        assert_eq!(times, 1, "{path}");
    }
    fixture.end().await;
}

#[tokio::test]
async fn every_field_has_its_column() {
    let fixture = Fixture::new().await;
    let audit = SqlAudit::start(&fixture.store).await.unwrap();
    let guarded = Guarded::new(&audit);
    assert_eq!(guarded.ask("/sensitive/1?query=secret").await, Ok(()));
    assert_eq!(guarded.ask("/admin").await, Err(403));
    let long = format!("/open/{}", "a".repeat(1_000));
    assert_eq!(guarded.ask(&long).await, Ok(()));
    assert_eq!(guarded.ask("/open/%00\0").await, Err(400));
    audit.flush().await.unwrap();
    let rows = sqlx::query("SELECT * FROM clerk_gate_audit ORDER BY number");
    let rows = rows.fetch_all(fixture.store.pool()).await.unwrap();
    let rows: Vec<_> = rows.iter().map(line).collect();
    let member = "user_id=user_2test0user0000000000000000000 \
        session_id=sess_2test0session0000000000000000 organization_id=org_1 actor_id=user_actor";
    let want = [
        format!(
            "sensitive outcome=proceed path=/sensitive/1 rule=/sensitive/{{id}} {member} observed=impersonated"
        ),
        format!("outcome=refuse reason=missing-role path=/admin rule=/admin {member}"),
        format!(
            "outcome=proceed path={} rule=/open/{{id}} {member}",
            &long[..512]
        ),
        "outcome=refuse reason=malformed-target path=/open/%00\u{fffd}".to_owned(),
    ];
    assert_eq!(rows, want);
    fixture.end().await;
}

#[tokio::test]
async fn old_events_are_purged() {
    let fixture = Fixture::new().await;
    let audit = SqlAudit::start(&fixture.store).await.unwrap();
    let clock = Arc::new(FixedClock::new(UnixTime::from_secs(0)));
    let policy = Policy::builder().public("/open/{id}").build().unwrap();
    let builder = gate(policy).with_clock(clock.clone());
    let gate = builder.with_audit(Arc::new(audit.clone())).build().unwrap();
    for number in 0..EVENTS {
        clock.set(UnixTime::from_secs(number));
        let path = format!("/open/{number}");
        assert!(matches!(
            gate.decide(&RequestView::new("GET", &path, None)),
            Decision::Proceed(_)
        ));
    }
    audit.flush().await.unwrap();
    let border = UnixTime::from_secs(EVENTS - 3);
    assert_eq!(
        audit.purge(border).await.unwrap(),
        u64::try_from(EVENTS - 3).unwrap()
    );
    assert_eq!(audit.purge(border).await.unwrap(), 0);
    let left: Vec<_> = written(&fixture.store).await.into_keys().collect();
    let want = (EVENTS - 3..EVENTS).map(|number| format!("/open/{number}"));
    assert_eq!(left, want.collect::<Vec<_>>());
    fixture.end().await;
}

/// A database that hangs: somebody else holds the table. Requests that need their event are refused
/// in time, the others are queued to a limit; all is as it was when the table is free.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_is_answered_503_and_ends_by_itself() {
    let fixture = Fixture::new().await;
    let audit = SqlAudit::start(&fixture.store).await.unwrap();
    let guarded = Guarded::new(&audit);
    assert_eq!(guarded.ask("/sensitive/before").await, Ok(()));

    let other = fixture.database.open().await;
    let mut holding = other.pool().begin_with(Database::BEGIN).await.unwrap();
    let hold = sqlx::raw_sql(Database::HOLD).execute(&mut *holding);
    hold.await.unwrap();
    let asking = ["/sensitive/a", "/sensitive/b"].map(|path| guarded.ask(path));
    let [first, second] = asking;
    let (first, second) = tokio::join!(first, second);
    assert_eq!((first, second), (Err(503), Err(503)));
    // One transaction's worth may be on its way, out of the queue.
    let (mut queued, lost) = (0, guarded.gate.counts().lost_events);
    while guarded.gate.counts().lost_events == lost {
        assert_eq!(guarded.ask(&format!("/open/{queued}")).await, Ok(()));
        queued += 1;
    }
    queued -= 1;
    assert!((10_000..=10_100).contains(&queued), "{queued}");
    audit.flush().await.unwrap_err();
    holding.rollback().await.unwrap();

    // No more than what is under way needs time to notice.
    while guarded.ask("/sensitive/after").await == Err(503) {}
    while audit.flush().await.is_err() {}
    let mut written = written(&fixture.store).await;
    assert_eq!(written.remove("/sensitive/before"), Some(1));
    assert_eq!(written.remove("/sensitive/after"), Some(1));
    for number in 0..queued {
        assert_eq!(
            written.remove(&format!("/open/{number}")),
            Some(1),
            "{number}"
        );
    }
    // At worst an event too many, of a request that was refused; never one too few.
    written.retain(|path, _| !path.starts_with("/sensitive/"));
    assert_eq!(written, BTreeMap::new());
    fixture.end().await;
}

/// The child prints each request that has proceeded; the parent kills it and looks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_loses_no_request_that_proceeded() {
    if let Ok(location) = env::var(LOCATION) {
        return work(&location, &env::var(ROUND).unwrap()).await;
    }
    let fixture = Fixture::new().await;
    let mut proceeded = Vec::new();
    for round in 0..ROUNDS {
        let mut child = Command::new(env::current_exe().unwrap())
            .args([
                "shared::audit::a_killed_process_loses_no_request_that_proceeded",
                "--exact",
                "--nocapture",
            ])
            .env(LOCATION, fixture.database.location())
            .env(ROUND, round.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut lines =
            lines.filter_map(|line| Some(line.unwrap().strip_prefix(PROCEEDED)?.to_owned()));
        proceeded.extend(lines.by_ref().take(3 * round + 1));
        // SIGKILL, in the midst of what follows.
        child.kill().unwrap();
        proceeded.extend(lines);
        child.wait().unwrap();
    }
    let written = written(&fixture.store).await;
    for path in &proceeded {
        assert_eq!(written.get(path), Some(&1), "{path}");
    }
    assert!(proceeded.len() > ROUNDS);
    fixture.end().await;
}

async fn work(location: &str, round: &str) {
    let audit = SqlAudit::start(&Database::open_at(location).await)
        .await
        .unwrap();
    let guarded = Guarded::new(&audit);
    for number in 0.. {
        let path = format!("/sensitive/{round}-{number}");
        assert_eq!(guarded.ask(&path).await, Ok(()));
        let mut stdout = std::io::stdout().lock();
        writeln!(stdout, "{PROCEEDED}{path}")
            .and_then(|()| stdout.flush())
            .unwrap();
    }
}

/// A gate with the trail, and somebody who may ask it for everything but `/admin`.
struct Guarded {
    gate: Gate,
    credential: String,
}

impl Guarded {
    fn new(audit: &Audit) -> Self {
        let policy = Policy::builder()
            .public("/open/{id}")
            .require("/admin", Requirement::role("org:admin"))
            .rule(Rule::session("/sensitive/{id}").safeguards(Requirement::no_impersonation()))
            .build()
            .unwrap();
        let token = Token::session()
            .organization("org_1", "org-1", "member")
            .claim("act", serde_json::json!({ "sub": "user_actor" }));
        Self {
            gate: gate(policy)
                .with_safeguards(Check::Observe)
                .with_audit(Arc::new(audit.clone()))
                .build()
                .unwrap(),
            credential: format!("Bearer {}", token.sign(Signer::primary())),
        }
    }

    /// The status of the refusal, if it is one.
    async fn ask(&self, target: &str) -> Result<(), u16> {
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (target, None),
        };
        let mut request = RequestView::new("GET", path, query);
        request.header("authorization", self.credential.as_bytes());
        let mut decision = self.gate.decide(&request);
        loop {
            match decision {
                Decision::Await(wait) => {
                    let waited = wait.await;
                    decision = self.gate.resume(&request, waited);
                }
                Decision::Proceed(_) => return Ok(()),
                Decision::Respond(reply) => return Err(reply.status()),
                other => panic!("{target}: {other:?}"),
            }
        }
    }
}

/// How often each path is in the trail, as one that proceeded.
async fn written(store: &Sql) -> BTreeMap<String, i64> {
    let rows: Vec<(String, i64)> = sqlx::query_as(
        "SELECT path, COUNT(*) FROM clerk_gate_audit WHERE outcome = 'proceed' GROUP BY path",
    )
    .fetch_all(store.pool())
    .await
    .unwrap();
    rows.into_iter().collect()
}

/// What is the same for all is checked, and left out.
fn line<R>(row: &R) -> String
where
    R: Row,
    for<'r> bool: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,
    for<'r> i64: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,
    for<'r> Option<String>: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,
    for<'r> String: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,
    for<'n> &'n str: sqlx::ColumnIndex<R>,
{
    assert_eq!(row.get::<i64, _>("time"), NOW.as_secs());
    assert_eq!(row.get::<String, _>("method"), "GET");
    let names = [
        "outcome",
        "reason",
        "path",
        "rule",
        "user_id",
        "session_id",
        "organization_id",
        "actor_id",
        "delivery",
        "observed",
    ];
    let texts = names.into_iter().filter_map(|name| {
        let value: Option<String> = row.get(name);
        Some(format!("{name}={}", value?))
    });
    let sensitive = row
        .get::<bool, _>("sensitive")
        .then(|| "sensitive".to_owned());
    sensitive
        .into_iter()
        .chain(texts)
        .collect::<Vec<_>>()
        .join(" ")
}

/// More than are purged at once; with as many digits each, so that texts are in their order.
const EVENTS: i64 = 2_100;

const ROUNDS: usize = 8;

const PROCEEDED: &str = "proceeded ";
const LOCATION: &str = "CLERK_GATE_TEST_AUDIT_LOCATION";
const ROUND: &str = "CLERK_GATE_TEST_AUDIT_ROUND";
