//! How a follower hears at once of what was recorded.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redis::aio::SendError;
use redis::{AsyncConnectionConfig, PushInfo, PushKind};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::link::Link;

/// What one store and its clones hear, by a task that begins when somebody waits for the first
/// time and ends with the last clone.
#[derive(Default)]
pub(crate) struct Announcements {
    heard: Arc<Notify>,
    listener: Mutex<Option<JoinHandle<()>>>,
}

impl Announcements {
    /// Waits for the next. May be dropped at any time.
    pub(crate) async fn next(&self, link: Link, channel: String) {
        self.listen(link, channel);
        self.heard.notified().await;
    }

    /// Unless it is done already. A task ends with its runtime, too; the next one starts another.
    fn listen(&self, link: Link, channel: String) {
        let mut listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner);
        if listener.as_ref().is_none_or(JoinHandle::is_finished)
            && let Ok(runtime) = Handle::try_current()
        {
            let heard = Arc::clone(&self.heard);
            *listener = Some(runtime.spawn(async move {
                loop {
                    listen_once(&link, &channel, &heard).await;
                    sleep(PAUSE).await;
                }
            }));
        }
    }
}

/// Listens until the connection breaks, or for a while.
async fn listen_once(link: &Link, channel: &str, heard: &Arc<Notify>) {
    let broken = Arc::new(Notify::new());
    let (own, ended) = (Arc::clone(heard), Arc::clone(&broken));
    let config = AsyncConnectionConfig::new().set_push_sender(move |push: PushInfo| {
        match push.kind {
            PushKind::Disconnection => ended.notify_one(),
            PushKind::Message => tell(&own),
            _ => {}
        }
        Ok::<_, SendError>(())
    });
    let Ok(mut connection) = link.another(&config).await else {
        return;
    };
    if connection.subscribe(channel).await.is_ok() {
        // What was announced before is not heard.
        tell(heard);
        let _ = timeout(LONGEST, broken.notified()).await;
    }
}

/// Wakes whoever waits. One permit stays for a follower that is reading at this moment, and would
/// otherwise miss what comes behind its page.
fn tell(heard: &Notify) {
    heard.notify_waiters();
    heard.notify_one();
}

impl Drop for Announcements {
    fn drop(&mut self) {
        let listener = self
            .listener
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(listener) = listener {
            listener.abort();
        }
    }
}

impl fmt::Debug for Announcements {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Announcements").finish_non_exhaustive()
    }
}

/// Between two attempts to listen: meanwhile whoever follows asks every second.
const PAUSE: Duration = Duration::from_secs(1);

/// A connection that the network has forgotten is as silent as a good one: a new one, now and then.
const LONGEST: Duration = Duration::from_secs(300);
