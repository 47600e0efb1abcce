//! The application's own table of users, which webhooks keep.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use clerk_gate_core::webhook::{Delivery, Event, Handler, Lease, Payload, Retry, User};

/// What webhooks have told of users, as long as this process runs. Clones share one table.
#[derive(Clone, Debug, Default)]
pub struct Users(Arc<Mutex<BTreeMap<String, Row>>>);

#[derive(Clone, Debug)]
pub(crate) struct Row {
    updated_at: i64,
    /// Absent once the user is deleted; the row stays, or an update that comes late would bring
    /// the user back.
    pub(crate) known: Option<Known>,
}

#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) name: String,
    pub(crate) banned: bool,
}

#[async_trait]
impl Handler for Users {
    async fn handle(&self, delivery: Delivery, _: &Lease) -> Result<(), Retry> {
        self.learn(delivery.body())
    }
}

impl Users {
    fn learn(&self, body: &[u8]) -> Result<(), Retry> {
        let event = Event::parse(body)?;
        match event.payload() {
            Payload::UserCreated(user) | Payload::UserUpdated(user) => self.put(user),
            Payload::UserDeleted(user) => self.insert(&user.id, i64::MAX, None),
            Payload::SessionCreated(session) => session.user.iter().for_each(|user| self.put(user)),
            Payload::Misfit { error, .. } => return Err(error.clone().into()),
            _ => {}
        }
        Ok(())
    }

    fn put(&self, user: &User) {
        let names = [&user.first_name, &user.last_name].map(|name| name.as_deref());
        let names: Vec<_> = names.into_iter().flatten().collect();
        let known = Known {
            name: names.join(" "),
            banned: user.banned == Some(true),
        };
        self.insert(&user.id, user.updated_at, Some(known));
    }

    /// Deliveries come more than once and in any order: the newest state stays.
    fn insert(&self, id: &str, updated_at: i64, known: Option<Known>) {
        let mut rows = self.rows();
        if rows.get(id).is_none_or(|row| updated_at > row.updated_at) {
            rows.insert(id.to_owned(), Row { updated_at, known });
        }
    }

    /// All that are there, by their id.
    pub(crate) fn all(&self) -> Vec<(String, Row)> {
        let rows = self.rows();
        let rows = rows.iter().map(|(id, row)| (id.clone(), row.clone()));
        rows.collect()
    }

    fn rows(&self) -> MutexGuard<'_, BTreeMap<String, Row>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_state_stays() {
        let users = Users::default();
        let check = |body: &str, want: &str| {
            assert!(users.learn(body.as_bytes()).is_ok(), "{body}");
            let rows = users.all();
            let [(_, row)] = &rows[..] else {
                panic!("one user");
            };
            let state = match &row.known {
                None => "deleted",
                Some(known) if known.banned => "banned",
                Some(_) => "known",
            };
            assert_eq!(state, want, "{body}");
        };
        let updated = |banned: bool, at: i64| {
            format!(
                r#"{{"type":"user.updated","data":{{"id":"user_1","banned":{banned},"email_addresses":[],"phone_numbers":[],"created_at":1,"updated_at":{at}}}}}"#
            )
        };

        check(&updated(false, 1), "known");
        check(&updated(true, 3), "banned");
        check(&updated(false, 2), "banned");
        check(&updated(false, 4), "known");
        check(
            r#"{"type":"user.deleted","data":{"id":"user_1","deleted":true}}"#,
            "deleted",
        );
        check(&updated(false, 5), "deleted");
        check(r#"{"type":"tea.made","data":{}}"#, "deleted");
    }

    #[test]
    fn what_cannot_be_read_is_sent_again() {
        let users = Users::default();
        assert!(
            users
                .learn(br#"{"type":"user.updated","data":{}}"#)
                .is_err()
        );
        assert!(users.learn(b"{").is_err());
        assert!(users.all().is_empty());
    }
}
