//! How a follower hears at once of what was recorded.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use sqlx::Pool;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::dialect::Dialect;

/// What one store and its clones hear. Other processes are heard by a task, which begins when
/// somebody waits for the first time and ends with the last clone.
#[derive(Debug, Default)]
pub(crate) struct Announcements {
    heard: Arc<Notify>,
    listener: Mutex<Option<JoinHandle<()>>>,
}

/// Listens for as long as it is polled.
pub(crate) type Listening = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Announcements {
    /// Waits for the next. May be dropped at any time.
    pub(crate) async fn next<DB: Dialect>(&self, pool: &Pool<DB>) {
        self.listen(pool);
        self.heard.notified().await;
    }

    /// Tells the followers in this process.
    pub(crate) fn tell(&self) {
        tell(&self.heard);
    }

    /// Unless it is done already. A task ends with its runtime, too; the next one starts another.
    fn listen<DB: Dialect>(&self, pool: &Pool<DB>) {
        let mut listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner);
        if listener.as_ref().is_none_or(JoinHandle::is_finished)
            && let Ok(runtime) = Handle::try_current()
        {
            let listening = DB::listen(pool, Arc::clone(&self.heard));
            *listener = listening.map(|listening| runtime.spawn(listening));
        }
    }
}

/// Wakes whoever waits. One permit stays for a follower that is reading at this moment, and would
/// otherwise miss what comes behind its page.
pub(crate) fn tell(heard: &Notify) {
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
