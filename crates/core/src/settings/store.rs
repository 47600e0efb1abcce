//! Where webhook deliveries are remembered: a connection string, told apart by its scheme.

use super::Environment;
use super::variable::Variable;
use crate::error::ConfigError;
use crate::secret::Secret;

/// The address of a webhook store. The application opens it with the crate that it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreAddress {
    /// `memory:` for `MemoryStore`, which forgets when the process ends.
    Memory,
    /// `postgres://…` or `postgresql://…` for `PostgresStore` of `clerk-gate-store-sql`.
    Postgres(Secret),
    /// `redis://…` or `rediss://…` for `RedisStore` of `clerk-gate-store-redis`.
    Redis(Secret),
    /// `sqlite:path` for `SqliteStore` of `clerk-gate-store-sql`.
    Sqlite(String),
}

/// Parses the address. Its password is never quoted.
pub(super) fn store(
    variable: &Variable,
    place: Option<Environment>,
) -> Result<StoreAddress, ConfigError> {
    let text = variable.text();
    let scheme = text.split(':').next().unwrap_or_default();
    let forms = "write \"sqlite:webhooks.db\", \"postgres://…\" or \"redis://…\"";
    match scheme {
        "memory" if text == "memory:" => match place {
            Some(Environment::Production) => Err(variable.mistake(
                "is \"memory:\", which forgets what was handled when the process ends",
                forms,
            )),
            _ => Ok(StoreAddress::Memory),
        },
        "postgres" | "postgresql" if has_host(text) => {
            Ok(StoreAddress::Postgres(Secret::new(text)))
        }
        "redis" | "rediss" if has_host(text) => Ok(StoreAddress::Redis(Secret::new(text))),
        "sqlite" if text.len() > "sqlite:".len() => Ok(StoreAddress::Sqlite(text.to_owned())),
        _ => Err(variable.mistake("is no address of a store", forms)),
    }
}

/// Something follows `://`.
fn has_host(text: &str) -> bool {
    text.split_once("://")
        .is_some_and(|(_, rest)| !rest.is_empty())
}
