//! The application's own table of users, which webhooks keep.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use clerk_gate_core::webhook::{Delivery, Event, Handler, Lease, Payload, Retry, User};

/// What webhooks have told of users, as long as this process runs. Clones share one table.
#[derive(Clone, Debug, Default)]
pub struct Users(Arc<Mutex<BTreeMap<String, Row>>>);

#[derive(Clone, Debug)]
pub(crate) enum Row {
    /// Kept, or an update that comes late would bring the user back.
    Deleted,
    Known {
        name: String,
        banned: bool,
        updated_at: i64,
    },
}

/// Deliveries come more than once and in any order: the newest state stays.
#[async_trait]
impl Handler for Users {
    async fn handle(&self, delivery: Delivery, _: &Lease) -> Result<(), Retry> {
        match Event::parse(delivery.body())?.payload() {
            Payload::UserCreated(user) | Payload::UserUpdated(user) => self.put(user),
            Payload::UserDeleted(user) => drop(self.rows().insert(user.id.clone(), Row::Deleted)),
            Payload::SessionCreated(session) => session.user.iter().for_each(|user| self.put(user)),
            Payload::Misfit { error, .. } => return Err(error.clone().into()),
            _ => {}
        }
        Ok(())
    }
}

impl Users {
    fn put(&self, user: &User) {
        let names = [&user.first_name, &user.last_name].map(|name| name.as_deref());
        let names: Vec<_> = names.into_iter().flatten().collect();
        let mut rows = self.rows();
        let is_old = rows.get(&user.id).is_some_and(|row| match row {
            Row::Deleted => true,
            Row::Known { updated_at, .. } => *updated_at > user.updated_at,
        });
        if !is_old {
            let row = Row::Known {
                name: names.join(" "),
                banned: user.banned == Some(true),
                updated_at: user.updated_at,
            };
            rows.insert(user.id.clone(), row);
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
