//! A server whose sessions can end at once: `CHAOS_STORE=STORE chaos-revoker CHECK SECONDS FILE`.
//!
//! CHECK, `enforce` or `observe`, says what becomes of sessions when the store has not been heard
//! for SECONDS. `/me` needs a session. The audit trail goes to FILE.

use std::fs::OpenOptions;
use std::io;
use std::process::{ExitCode, exit};
use std::sync::Arc;
use std::time::Duration;
use std::{env, thread};

use anyhow::{Context, Result, bail};
use axum::Router;
use axum::routing::get;
use clerk_gate_axum::GateLayer;
use clerk_gate_chaos::{STORE, WEBHOOK};
use clerk_gate_core::revocation::{RevocationStore, Revocations};
use clerk_gate_core::webhook::{Delivery, Endpoint, Retry, Store};
use clerk_gate_core::{Check, Gate, JsonLines, KeySet, Keyring, Policy, Settings};
use clerk_gate_store_redis::RedisStore;
use clerk_gate_store_sql::PostgresStore;
use clerk_gate_testkit::{ORIGIN, Signer, WEBHOOK_SECRET, key_set};
use tokio::net::TcpListener;
use tokio::time::sleep;

#[tokio::main]
async fn main() -> ExitCode {
    thread::spawn(|| {
        // However the parent ends, its end of the pipe is closed.
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        exit(0);
    });
    match serve().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("chaos-revoker: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> Result<()> {
    let args: Vec<String> = env::args().skip(1).collect();
    let [check, seconds, file] = &args[..] else {
        bail!("want three arguments: CHECK SECONDS FILE");
    };
    let check = match check.as_str() {
        "enforce" => Check::Enforce,
        "observe" => Check::Observe,
        other => bail!("check {other:?}: is unknown; write enforce or observe"),
    };
    let settings = Settings::parse(&|name| {
        let value = match name {
            "CLERK_PUBLISHABLE_KEY" => "pk_test_Y2xlcmsuYXBwLnRlc3Qk",
            "CLERK_GATE_ORIGINS" => ORIGIN,
            "CLERK_WEBHOOK_SECRET" => WEBHOOK_SECRET,
            _ => return None,
        };
        Some(value.to_owned())
    })?;
    let (deliveries, revocations) = stores(&env::var(STORE).context(STORE)?).await?;
    let revocations = Revocations::shared(revocations)
        .with_longest_token_life(60)
        .with_stale(check, seconds.parse()?);
    let revocations = Arc::new(revocations);
    revocations.refresh().await?;
    tokio::spawn(revocations.follow(|| sleep(Duration::from_secs(1))));
    let handle = |_: Delivery| async { Ok::<_, Retry>(()) };
    let keys = KeySet::from_json(key_set(&[Signer::primary()]).as_bytes())?;
    let audit = OpenOptions::new().create(true).append(true).open(file)?;
    let gate = Gate::builder(&settings, Keyring::fixed(keys), Policy::builder().build()?)
        .with_audit(Arc::new(JsonLines::new(audit)))
        .with_webhook(WEBHOOK, Endpoint::new(&settings, deliveries, handle)?)
        .with_revocations(revocations)
        .without_pages()
        .build()?;
    let router = Router::new().route("/me", get(|| async { "you" }));
    let app = GateLayer::new(Arc::new(gate)).layer(router);
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    println!("listening {}", listener.local_addr()?);
    Ok(axum::serve(listener, app.into_make_service()).await?)
}

/// One object for both.
async fn stores(address: &str) -> Result<(Arc<dyn Store>, Arc<dyn RevocationStore>)> {
    let (scheme, _) = address.split_once(':').context("store: is no address")?;
    Ok(match scheme {
        "postgres" => {
            let store = Arc::new(PostgresStore::connect(address).await?);
            (Arc::<PostgresStore>::clone(&store), store)
        }
        "redis" => {
            let store = Arc::new(RedisStore::connect(address).await?);
            (Arc::<RedisStore>::clone(&store), store)
        }
        other => bail!("store {other:?}: is unknown; write postgres or redis"),
    })
}
