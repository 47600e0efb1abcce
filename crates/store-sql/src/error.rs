//! Which faults of a database may be gone at the next try.

use std::error::Error as _;
use std::future::Future;
use std::time::Duration;

use clerk_gate_core::webhook::StoreError;
use sqlx::Error;
use tokio::time::timeout;

/// Keeps the cause. No cause has a connection's address or password in it, nor a body.
pub(crate) fn store_error(error: Error) -> StoreError {
    match is_transient(&error) {
        true => StoreError::transient(error),
        false => StoreError::permanent(error),
    }
}

/// What the database answers, or that it has not. A connection that hangs is given up, and with it
/// what was not committed.
pub(crate) async fn in_time<T>(
    answer: impl Future<Output = Result<T, Error>>,
) -> Result<T, StoreError> {
    match timeout(PATIENCE, answer).await {
        Ok(answer) => answer.map_err(store_error),
        Err(_) => {
            let seconds = PATIENCE.as_secs();
            let what = format!("the database has not answered within {seconds} seconds");
            Err(StoreError::transient(what))
        }
    }
}

/// Whether a statement for several failed for what may be the fault of one of them, so that each may
/// try alone. Nothing was committed then.
pub(crate) fn may_succeed_alone(error: &StoreError) -> bool {
    let source = error.source().and_then(|source| source.downcast_ref());
    let is_rolled_back = |error: &Error| {
        let code = error.as_database_error().and_then(|error| error.code());
        code.is_some_and(|code| code.len() == 5 && code.starts_with(ROLLED_BACK))
    };
    !error.is_transient() || source.is_some_and(is_rolled_back)
}

fn is_transient(error: &Error) -> bool {
    match error {
        Error::Io(_)
        | Error::PoolTimedOut
        | Error::Protocol(_)
        | Error::Tls(_)
        | Error::WorkerCrashed => true,
        Error::Database(error) => error.code().is_some_and(|code| is_transient_code(&code)),
        _ => false,
    }
}

/// PostgreSQL's codes have five characters, SQLite's are numbers below 10,000: no code is both.
fn is_transient_code(code: &str) -> bool {
    match code.parse::<u32>() {
        // The lowest byte is the primary code, the others only refine it.
        Ok(number) if code.len() < 5 => SQLITE_TRANSIENT.contains(&(number & 0xff)),
        _ => POSTGRES_TRANSIENT
            .iter()
            .any(|start| code.starts_with(start)),
    }
}

/// Busy, locked, I/O error, disk full (<https://www.sqlite.org/rescode.html>).
const SQLITE_TRANSIENT: [u32; 4] = [5, 6, 10, 13];

/// Connection lost, read-only (a standby, until it is promoted), rolled back, out of resources,
/// lock not available, stopped by an operator (PostgreSQL, appendix A).
const POSTGRES_TRANSIENT: [&str; 6] = ["08", "25006", ROLLED_BACK, "53", "55P03", "57"];

/// PostgreSQL's codes for a transaction that was in the way of another.
const ROLLED_BACK: &str = "40";

/// Longer than a pool takes to say that it has no connection.
const PATIENCE: Duration = Duration::from_secs(6);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_tell_whether_to_try_again() {
        for (code, want) in [
            ("5", true),
            ("517", true),
            ("6", true),
            ("13", true),
            ("1", false),
            ("8", false),
            ("1555", false),
            ("08006", true),
            ("25006", true),
            ("40001", true),
            ("40P01", true),
            ("53300", true),
            ("55P03", true),
            ("57P01", true),
            ("23505", false),
            ("28P01", false),
            ("42P01", false),
        ] {
            assert_eq!(is_transient_code(code), want, "{code}");
        }
    }
}
