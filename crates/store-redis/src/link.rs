//! The one connection of a store, which is made anew when it breaks or hangs.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clerk_gate_core::webhook::StoreError;
use redis::aio::{ConnectionLike, MultiplexedConnection, SendError};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, IntoConnectionInfo, Pipeline, ProtocolVersion,
    PushInfo, PushKind, RedisError, RedisFuture, RedisResult, ServerErrorKind, Value,
};
use tokio::sync::Mutex;
use tokio::time::timeout;

/// Cheap to clone; clones share the connection.
///
/// The driver's own manager is not enough: it keeps a connection whose server went away without
/// a word, and it keeps the answer of a reconnection that was refused for another reason than
/// the network.
#[derive(Clone)]
pub(crate) struct Link {
    client: Client,
    limit: Duration,
    live: Arc<Mutex<Option<Live>>>,
}

struct Live {
    connection: MultiplexedConnection,
    /// Set as soon as the connection is closed, so that a call after a quiet night need not fail
    /// to find that out.
    closed: Arc<AtomicBool>,
}

impl Link {
    /// Connects, so that a wrong address or password is known at once.
    pub(crate) async fn connect(url: &str, limit: Duration) -> Result<Self, StoreError> {
        let link = Self {
            client: client(url).map_err(store_error)?,
            limit,
            live: Arc::default(),
        };
        let connected = link.within(link.connection()).await;
        connected.map_err(store_error)?;
        Ok(link)
    }

    /// Sets how long a request may take, with the connecting that it may need.
    pub(crate) fn with_limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    async fn connection(&self) -> RedisResult<MultiplexedConnection> {
        let mut live = self.live.lock().await;
        if let Some(Live { connection, closed }) = &*live
            && !closed.load(Ordering::Relaxed)
        {
            return Ok(connection.clone());
        }
        let closed = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&closed);
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None)
            .set_push_sender(move |push: PushInfo| {
                flag.fetch_or(push.kind == PushKind::Disconnection, Ordering::Relaxed);
                Ok::<_, SendError>(())
            });
        let connecting = self
            .client
            .get_multiplexed_async_connection_with_config(&config);
        let connection = connecting.await?;
        *live = Some(Live {
            connection: connection.clone(),
            closed,
        });
        Ok(connection)
    }

    /// A connection of its own to the same server, for as long as it lasts.
    pub(crate) async fn another(
        &self,
        config: &AsyncConnectionConfig,
    ) -> RedisResult<MultiplexedConnection> {
        let connecting = self
            .client
            .get_multiplexed_async_connection_with_config(config);
        self.within(connecting).await
    }

    async fn within<T>(&self, work: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
        let Ok(answer) = timeout(self.limit, work).await else {
            // Behind the address there may be another server by now. Whoever holds the lock is
            // connecting already.
            if let Ok(mut live) = self.live.try_lock() {
                *live = None;
            }
            let message = format!("no answer within {:?}", self.limit);
            return Err(io::Error::new(io::ErrorKind::TimedOut, message).into());
        };
        answer
    }
}

impl ConnectionLike for Link {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        let link = &*self;
        Box::pin(link.within(async move {
            let mut connection = link.connection().await?;
            connection.send_packed_command(command).await
        }))
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        commands: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        let link = &*self;
        Box::pin(link.within(async move {
            let mut connection = link.connection().await?;
            connection
                .send_packed_commands(commands, offset, count)
                .await
        }))
    }

    fn get_db(&self) -> i64 {
        self.client.get_connection_info().redis_settings().db()
    }
}

/// Only the newer protocol tells of a connection that was closed.
fn client(url: &str) -> RedisResult<Client> {
    let info = url.into_connection_info()?;
    let settings = info.redis_settings().clone();
    Client::open(info.set_redis_settings(settings.set_protocol(ProtocolVersion::RESP3)))
}

/// Permanent is what only somebody who changes a setting can mend.
pub(crate) fn store_error(error: RedisError) -> StoreError {
    let permanent = match error.kind() {
        ErrorKind::AuthenticationFailed
        | ErrorKind::InvalidClientConfig
        | ErrorKind::Parse
        | ErrorKind::RESP3NotSupported
        | ErrorKind::Server(
            ServerErrorKind::Ask
            | ServerErrorKind::CrossSlot
            | ServerErrorKind::Moved
            | ServerErrorKind::NoPerm,
        )
        | ErrorKind::UnexpectedReturnType => true,
        ErrorKind::Extension => PERMANENT.contains(&error.code().unwrap_or_default()),
        _ => false,
    };
    match permanent {
        true => StoreError::permanent(error),
        false => StoreError::transient(error),
    }
}

/// What Redis puts before a message that the driver has no name for.
const PERMANENT: [&str; 3] = ["NOAUTH", "WRONGPASS", "WRONGTYPE"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_that_time_can_mend_is_transient() {
        fn check(error: RedisError, want: bool) {
            let text = error.to_string();
            assert_eq!(store_error(error).is_transient(), want, "{text}");
        }
        let server = |code: &str| redis::make_extension_error(code.to_owned(), None);
        let known = |kind| RedisError::from((ErrorKind::Server(kind), "known"));
        check(io::Error::from(io::ErrorKind::ConnectionReset).into(), true);
        check(io::Error::from(io::ErrorKind::TimedOut).into(), true);
        check(known(ServerErrorKind::BusyLoading), true);
        check(known(ServerErrorKind::ReadOnly), true);
        check(server("OOM"), true);
        check(server("MISCONF"), true);
        check(known(ServerErrorKind::Moved), false);
        check(known(ServerErrorKind::NoPerm), false);
        check(server("WRONGPASS"), false);
        check(server("WRONGTYPE"), false);
        check((ErrorKind::AuthenticationFailed, "refused").into(), false);
        check((ErrorKind::InvalidClientConfig, "no address").into(), false);
    }
}
