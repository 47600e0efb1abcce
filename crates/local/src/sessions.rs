//! Who is signed in: sessions in memory, the oldest forgotten first.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use clerk_gate_core::{Secret, UnixTime};

use crate::key::random_id;
use crate::persona::Persona;

/// One sign-in of one browser.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) id: String,
    pub(crate) persona: Persona,
    pub(crate) since: UnixTime,
    /// What the browser proves itself with, in a cookie that no script reads.
    pub(crate) client: Secret,
}

impl Session {
    pub(crate) fn new(persona: Persona, since: UnixTime) -> Self {
        Self {
            id: random_id("sess_"),
            persona,
            since,
            client: Secret::new(random_id("client_")),
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Sessions(Mutex<VecDeque<Session>>);

impl Sessions {
    pub(crate) fn add(&self, session: Session) {
        let mut sessions = self.lock();
        if sessions.len() >= MAX_SESSIONS {
            sessions.pop_front();
        }
        sessions.push_back(session);
    }

    /// The session of the browser with this cookie.
    pub(crate) fn find(&self, client: &Secret) -> Option<Session> {
        let sessions = self.lock();
        sessions.iter().find(|own| own.client == *client).cloned()
    }

    pub(crate) fn end(&self, client: &Secret) {
        self.lock().retain(|own| own.client != *client);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// More browsers than a developer has.
const MAX_SESSIONS: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_session_makes_way() {
        let sessions = Sessions::default();
        let first = Session::new(Persona::Solo, UnixTime::default());
        sessions.add(first.clone());
        assert!(sessions.find(&first.client).is_some());
        for _ in 0..MAX_SESSIONS {
            sessions.add(Session::new(Persona::Solo, UnixTime::default()));
        }
        assert!(sessions.find(&first.client).is_none());
        assert_eq!(sessions.lock().len(), MAX_SESSIONS);
    }
}
