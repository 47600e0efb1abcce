//! One sign-in of one browser.

use clerk_gate_core::{Secret, UnixTime};
use serde::Deserialize;

use crate::key::random_id;
use crate::persona::Persona;

#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) id: String,
    pub(crate) persona: Persona,
    /// Whether somebody of support acts in the user's place.
    pub(crate) impersonated: bool,
    pub(crate) since: UnixTime,
    /// When each factor was last shown.
    first_factor: UnixTime,
    second_factor: Option<UnixTime>,
    /// What the browser proves itself with, in a cookie that no script reads.
    pub(crate) client: Secret,
    /// What events call the browser.
    pub(crate) client_id: String,
}

/// What a user proves again who he is with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Factor {
    First,
    Second,
}

impl Session {
    /// A session that begins with the first factor alone, as where a second one is added later.
    pub(crate) fn new(persona: Persona, since: UnixTime) -> Self {
        Self {
            id: random_id("sess_"),
            persona,
            impersonated: false,
            since,
            first_factor: since,
            second_factor: None,
            client: Secret::new(random_id("client_")),
            client_id: random_id("client_"),
        }
    }

    pub(crate) fn impersonated(mut self, impersonated: bool) -> Self {
        self.impersonated = impersonated;
        self
    }

    /// Notes that a factor was shown.
    pub(crate) fn show(&mut self, factor: Factor, at: UnixTime) {
        match factor {
            Factor::First => self.first_factor = at,
            Factor::Second => self.second_factor = Some(at),
        }
    }

    /// The claim `fva` of a token issued at that moment: how many minutes ago each factor was
    /// shown, -1 for never.
    pub(crate) fn factor_ages(&self, issued: UnixTime) -> [i64; 2] {
        let minutes =
            |shown: UnixTime| (issued.as_secs().saturating_sub(shown.as_secs()) / 60).max(0);
        [
            minutes(self.first_factor),
            self.second_factor.map_or(-1, minutes),
        ]
    }
}

/// More browsers than a developer has.
pub(crate) const MAX_SESSIONS: usize = 256;
