//! What can change about the ready users: their role, and whether they are banned.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::persona::{Persona, Role};

/// A user as of now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct User {
    pub(crate) persona: Persona,
    pub(crate) role: Option<Role>,
    pub(crate) banned: bool,
}

#[derive(Debug)]
pub(crate) struct Users(Mutex<[User; Persona::ALL.len()]>);

impl Users {
    pub(crate) fn all(&self) -> Vec<User> {
        self.lock().to_vec()
    }

    pub(crate) fn find(&self, persona: Persona) -> User {
        self.change(persona, |_| {})
    }

    /// Changes a user, and gives it as it is then.
    pub(crate) fn change(&self, persona: Persona, change: impl FnOnce(&mut User)) -> User {
        let mut users = self.lock();
        let user = users.iter_mut().find(|user| user.persona == persona);
        let user = user.expect("every persona is a user");
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
        })))
    }
}
