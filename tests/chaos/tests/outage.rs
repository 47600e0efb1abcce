//! What is shared through a server goes on by itself when the server comes back.

use std::sync::Arc;
use std::time::Duration;

use clerk_gate_chaos::{Kind, Server};
use clerk_gate_core::revocation::Revocations;
use clerk_gate_core::{Decision, Gate, Policy, RequestView, Requirement, Rule};
use clerk_gate_store_sql::{PostgresStore, SqlAudit};
use clerk_gate_testkit::{Signer, Token, gate};
use tokio::task::yield_now;
use tokio::time::interval;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn revocations_outlast_a_restart_of_postgres() {
    let mut server = Server::start(Kind::Postgres).unwrap();
    let mut processes = Vec::new();
    for _ in 0..2 {
        let store = PostgresStore::connect(server.address()).await.unwrap();
        let own = Arc::new(Revocations::shared(Arc::new(store)));
        tokio::spawn(own.follow(tick));
        processes.push(own);
    }
    let [one, other] = &processes[..] else {
        unreachable!("there are two");
    };
    one.revoke_session("sess_before").await.unwrap();
    learns(other, 1).await;

    server.stop().unwrap();
    one.revoke_session("sess_during").await.unwrap_err();
    assert_eq!((one.len(), other.len()), (2, 1), "this process knows it");
    server.resume().unwrap();

    // What is told again after the outage is recorded.
    while one.revoke_session("sess_during").await.is_err() {}
    learns(other, 2).await;
    other.revoke_session("sess_after").await.unwrap();
    learns(one, 3).await;
    learns(other, 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_audit_trail_outlasts_a_restart_of_postgres() {
    let mut server = Server::start(Kind::Postgres).unwrap();
    let store = PostgresStore::connect(server.address()).await.unwrap();
    let audit = SqlAudit::start(&store).await.unwrap();
    let policy = Policy::builder()
        .public("/open/{id}")
        .rule(Rule::session("/sensitive/{id}").safeguards(Requirement::token_age(300)));
    let gate = gate(policy.build().unwrap())
        .with_audit(Arc::new(audit.clone()))
        .build()
        .unwrap();
    assert_eq!(ask(&gate, "/sensitive/before").await, Ok(()));

    server.stop().unwrap();
    assert_eq!(ask(&gate, "/sensitive/during").await, Err(503));
    assert_eq!(ask(&gate, "/open/during").await, Ok(()));
    server.resume().unwrap();

    while ask(&gate, "/sensitive/after").await.is_err() {}
    while audit.flush().await.is_err() {}
    let query = "SELECT DISTINCT path FROM clerk_gate_audit ORDER BY path";
    let paths: Vec<String> = sqlx::query_scalar(query)
        .fetch_all(store.pool())
        .await
        .unwrap();
    let want = ["/open/during", "/sensitive/after", "/sensitive/before"];
    assert_eq!(paths, want);
}

async fn learns(process: &Revocations, count: usize) {
    while process.len() < count {
        yield_now().await;
    }
    assert_eq!(process.len(), count);
}

/// The status of the refusal, if it is one.
async fn ask(gate: &Gate, path: &str) -> Result<(), u16> {
    let credential = format!("Bearer {}", Token::session().sign(Signer::primary()));
    let mut request = RequestView::new("GET", path, None);
    request.header("authorization", credential.as_bytes());
    let mut decision = gate.decide(&request);
    loop {
        match decision {
            Decision::Await(wait) => {
                let waited = wait.await;
                decision = gate.resume(&request, waited);
            }
            Decision::Proceed(_) => return Ok(()),
            Decision::Respond(reply) => return Err(reply.status()),
            other @ Decision::CollectBody(_) => panic!("{path}: {other:?}"),
        }
    }
}

/// Every second; the first of an interval comes at once.
async fn tick() {
    let mut seconds = interval(Duration::from_secs(1));
    seconds.tick().await;
    seconds.tick().await;
}
