//! What can change about the ready users: their role, and whether they are banned.

use std::sync::{Mutex, MutexGuard, PoisonError};

use clerk_gate_core::UnixTime;

use crate::persona::{Persona, Role};

/// A user as of now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct User {
    pub(crate) persona: Persona,
    pub(crate) role: Option<Role>,
    pub(crate) banned: bool,
    /// In milliseconds; no two states of a user have the same.
    pub(crate) updated_at: i64,
}

#[derive(Debug)]
pub(crate) struct Users(Mutex<[User; Persona::ALL.len()]>);

impl Users {
    pub(crate) fn all(&self) -> Vec<User> {
        self.lock().to_vec()
    }

    pub(crate) fn find(&self, persona: Persona) -> User {
        *own(&mut *self.lock(), persona)
    }

    /// Changes a user, and gives it as it is then.
    pub(crate) fn change(
        &self,
        persona: Persona,
        now: UnixTime,
        change: impl FnOnce(&mut User),
    ) -> User {
        let mut users = self.lock();
        let user = own(&mut *users, persona);
        let next = user.updated_at.saturating_add(1);
        user.updated_at = now.as_secs().saturating_mul(1000).max(next);
        change(user);
        *user
    }

    fn lock(&self) -> MutexGuard<'_, [User; Persona::ALL.len()]> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Users {
    fn default() -> Self {
        Self(Mutex::new(Persona::ALL.map(|persona| User {
            persona,
            role: persona.first_role(),
            banned: false,
            updated_at: CREATED,
        })))
    }
}

fn own(users: &mut [User], persona: Persona) -> &mut User {
    let user = users.iter_mut().find(|user| user.persona == persona);
    user.expect("every persona is a user")
}

/// When users and organization were created: 2024, in milliseconds.
pub(crate) const CREATED: i64 = 1_704_067_200_000;
