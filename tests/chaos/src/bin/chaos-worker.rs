//! A server with one webhook endpoint: `CHAOS_STORE=STORE chaos-worker LEASE FILE`.
//!
//! Every delivery has one effect: a row in the transaction of the store where the store has one,
//! otherwise a line in FILE, which can come twice if the process dies between it and the record.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{ExitCode, exit};
use std::sync::Arc;
use std::{env, thread};

use anyhow::{Context, Result, bail};
use axum::Router;
use clerk_gate_axum::GateLayer;
use clerk_gate_chaos::{STORE, WEBHOOK};
use clerk_gate_core::webhook::{Delivery, Endpoint, Handler, MemoryStore, Retry};
use clerk_gate_core::{Gate, KeySet, Keyring, Policy, Settings};
use clerk_gate_store_redis::RedisStore;
use clerk_gate_store_sql::{PostgresStore, SqliteStore};
use clerk_gate_testkit::{Signer, WEBHOOK_SECRET, key_set};
use tokio::net::TcpListener;

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
            eprintln!("chaos-worker: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> Result<()> {
    let args: Vec<String> = env::args().skip(1).collect();
    let [lease, file] = &args[..] else {
        bail!("want two arguments: LEASE FILE");
    };
    let store = env::var(STORE).context(STORE)?;
    let settings = Settings::parse(&|name| {
        let value = match name {
            "CLERK_PUBLISHABLE_KEY" => "pk_test_Y2xlcmsuYXBwLnRlc3Qk",
            "CLERK_GATE_ORIGINS" => "http://127.0.0.1",
            "CLERK_WEBHOOK_SECRET" => WEBHOOK_SECRET,
            _ => return None,
        };
        Some(value.to_owned())
    })?;
    let endpoint = endpoint(&settings, &store, file.into()).await?;
    let endpoint = endpoint.with_lease(lease.parse()?);
    let keys = KeySet::from_json(key_set(&[Signer::primary()]).as_bytes())?;
    let gate = Gate::builder(&settings, Keyring::fixed(keys), Policy::builder().build()?)
        .with_webhook(WEBHOOK, endpoint)
        .without_pages()
        .build()?;
    let app = GateLayer::new(Arc::new(gate)).layer(Router::new());
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    println!("listening {}", listener.local_addr()?);
    Ok(axum::serve(listener, app.into_make_service()).await?)
}

async fn endpoint(settings: &Settings, store: &str, file: PathBuf) -> Result<Endpoint> {
    let (scheme, _) = store.split_once(':').context("store: is no address")?;
    Ok(match scheme {
        "memory" => Endpoint::new(settings, Arc::new(MemoryStore::default()), append_to(file))?,
        "postgres" | "postgresql" => {
            let store = PostgresStore::connect(store).await?;
            let handler = store.transactional(|delivery, mut transaction| async move {
                let insert = sqlx::query(INSERT).bind(delivery.id());
                insert.execute(&mut *transaction).await?;
                Ok(transaction)
            });
            Endpoint::new(settings, Arc::new(store), handler)?
        }
        "redis" => {
            let store = RedisStore::connect(store).await?;
            Endpoint::new(settings, Arc::new(store), append_to(file))?
        }
        "sqlite" => {
            let store = SqliteStore::open(store).await?;
            let handler = store.transactional(|delivery, mut transaction| async move {
                let insert = sqlx::query(INSERT).bind(delivery.id());
                insert.execute(&mut *transaction).await?;
                Ok(transaction)
            });
            Endpoint::new(settings, Arc::new(store), handler)?
        }
        other => bail!("store {other:?}: is unknown; write memory, postgres, redis or sqlite"),
    })
}

/// Short lines at the end of a file come whole, whoever else writes to it.
fn append_to(file: PathBuf) -> impl Handler {
    move |delivery: Delivery| {
        let file = OpenOptions::new().create(true).append(true).open(&file);
        async move {
            file?.write_all(format!("{}\n", delivery.id()).as_bytes())?;
            Ok::<_, Retry>(())
        }
    }
}

const INSERT: &str = "INSERT INTO effects (id) VALUES ($1)";
