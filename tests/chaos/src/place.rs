//! Where a run keeps its deliveries and their effects: fresh for each run.

use std::collections::HashMap;
use std::env;
use std::fs::{self, DirBuilder, File};
use std::io::Read;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clerk_gate_store_sql::SqliteStore;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// A store, a folder, and a name that no other run has.
#[derive(Debug)]
pub(crate) struct Place {
    store: Kind,
    name: String,
    address: String,
    folder: PathBuf,
}

/// The stores that several processes can share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A server for several machines.
    Postgres,
    /// Another, in memory.
    Redis,
    /// A file on one machine.
    Sqlite,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Redis => "redis",
            Self::Sqlite => "sqlite",
        }
    }

    /// The server that `cargo xtask services` has started, or that the environment names. A
    /// missing one is a failure: what is skipped looks as if it had passed.
    fn server(self) -> Result<String> {
        let [test, own] = match self {
            Self::Postgres => ["CLERK_GATE_TEST_POSTGRES", "DATABASE_URL"],
            Self::Redis => ["CLERK_GATE_TEST_REDIS", "REDIS_URL"],
            Self::Sqlite => return Ok(String::new()),
        };
        let address = env::var(test).or_else(|_| env::var(own));
        address.with_context(|| {
            format!("no server: run this by `cargo xtask services -- …`, or set {test}")
        })
    }
}

impl Place {
    pub(crate) async fn new(store: Kind) -> Result<Self> {
        Self::on(store, &store.server()?).await
    }

    /// A place on the server at this address.
    pub(crate) async fn on(store: Kind, server: &str) -> Result<Self> {
        let (name, folder) = folder()?;
        let address = match store {
            Kind::Postgres => {
                execute(server, format!("CREATE SCHEMA {name}")).await?;
                let joint = if server.contains('?') { '&' } else { '?' };
                format!("{server}{joint}options[search_path]={name}")
            }
            Kind::Redis => server.to_owned(),
            Kind::Sqlite => format!("sqlite:{}", folder.join("webhooks.db").display()),
        };
        match store {
            Kind::Postgres => execute(&address, CREATE.to_owned()).await?,
            Kind::Redis => {}
            Kind::Sqlite => {
                let store = SqliteStore::open(&address).await?;
                sqlx::query(CREATE).execute(store.pool()).await?;
                store.pool().close().await;
            }
        }
        Ok(Self {
            store,
            name,
            address,
            folder,
        })
    }

    /// How every message id of the run begins.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn store(&self) -> Kind {
        self.store
    }

    /// What a worker connects to.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Where effects go that no transaction can hold.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.join("effects")
    }

    /// How often each message had its effect.
    pub(crate) async fn effects(&self) -> Result<HashMap<String, u64>> {
        let ids: Vec<String> = match self.store {
            Kind::Postgres => {
                let mut connection = PgConnection::connect(&self.address).await?;
                sqlx::query_scalar(EFFECTS)
                    .fetch_all(&mut connection)
                    .await?
            }
            Kind::Redis => fs::read_to_string(self.file())?
                .lines()
                .map(str::to_owned)
                .collect(),
            Kind::Sqlite => {
                let store = SqliteStore::open(&self.address).await?;
                sqlx::query_scalar(EFFECTS).fetch_all(store.pool()).await?
            }
        };
        let mut effects = HashMap::new();
        for id in ids {
            *effects.entry(id).or_default() += 1;
        }
        Ok(effects)
    }

    /// Removes what the run has left. After a failure it stays, to be looked at.
    pub(crate) async fn end(self) -> Result<()> {
        if self.store == Kind::Postgres {
            execute(&self.address, format!("DROP SCHEMA {} CASCADE", self.name)).await?;
        }
        fs::remove_dir_all(&self.folder).with_context(|| format!("{}", self.folder.display()))
    }
}

/// A name that no other run has, and a folder of that name.
pub(crate) fn folder() -> Result<(String, PathBuf)> {
    let name = format!("clerk_gate_chaos_{}", unguessable()?);
    let folder = env::temp_dir().join(&name);
    // A server's password is in there, for one.
    let made = DirBuilder::new().mode(0o700).create(&folder);
    made.with_context(|| format!("{}", folder.display()))?;
    Ok((name, folder))
}

/// 16 random bytes in hexadecimal.
pub(crate) fn unguessable() -> Result<String> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

async fn execute(address: &str, statement: String) -> Result<()> {
    let mut connection = PgConnection::connect(address).await?;
    let statement = sqlx::raw_sql(AssertSqlSafe(statement));
    statement.execute(&mut connection).await?;
    Ok(())
}

/// Without a key, so that a second effect is seen instead of refused.
const CREATE: &str = "CREATE TABLE effects (id TEXT NOT NULL)";

const EFFECTS: &str = "SELECT id FROM effects";
