//! How lately a user must have shown a factor: Clerk's re-verification, to the second.

use std::fmt;

use crate::session::Session;
use crate::time::UnixTime;

/// Demands that the user has verified a factor lately.
///
/// The ages come from the `fva` claim, whole minutes as of the token's issue; the token's own
/// age is added, so the window is exact. A session without `fva` does not pass.
///
/// Source: Clerk, "Reverification"; presets as in `@clerk/shared`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reverification {
    preset: Option<&'static str>,
    level: Level,
    minutes: u32,
    downgrades: bool,
}

/// Which factors count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The first: a password, a code by e-mail, a passkey.
    FirstFactor,
    /// Both.
    MultiFactor,
    /// The second: a code of an authenticator, a text message.
    SecondFactor,
}

impl Reverification {
    /// Both factors within ten minutes.
    pub const STRICT_MFA: Self = Self::preset("strict_mfa", Level::MultiFactor, 10);
    /// The second factor within ten minutes.
    pub const STRICT: Self = Self::preset("strict", Level::SecondFactor, 10);
    /// The second factor within an hour.
    pub const MODERATE: Self = Self::preset("moderate", Level::SecondFactor, 60);
    /// The second factor within a day.
    pub const LAX: Self = Self::preset("lax", Level::SecondFactor, 24 * 60);

    const fn preset(name: &'static str, level: Level, minutes: u32) -> Self {
        Self {
            preset: Some(name),
            level,
            minutes,
            downgrades: true,
        }
    }

    /// The factors of `level` less than `minutes` ago. With 0 nobody passes.
    pub const fn within(level: Level, minutes: u32) -> Self {
        Self {
            preset: None,
            level,
            minutes,
            downgrades: true,
        }
    }

    /// Refuses users who have no second factor, where Clerk asks them for the first instead.
    #[must_use]
    pub const fn demanding_second_factor(mut self) -> Self {
        self.downgrades = false;
        self
    }

    /// Whether `session` meets the demand at the moment `now`.
    pub fn is_met(&self, session: &Session, now: UnixTime) -> bool {
        let Some([first, second]) = session.factor_ages() else {
            return false;
        };
        let token_age = now.as_secs().saturating_sub(session.issued_at().as_secs());
        let window = i64::from(self.minutes).saturating_mul(60);
        let fresh = |minutes: i64| {
            let age = minutes.saturating_mul(60).saturating_add(token_age.max(0));
            minutes >= 0 && age < window
        };
        match (self.level, second < 0) {
            (Level::FirstFactor, _) => fresh(first),
            (_, true) => self.downgrades && fresh(first),
            (Level::SecondFactor, false) => fresh(second),
            (Level::MultiFactor, false) => fresh(first) && fresh(second),
        }
    }

    /// Whether nobody can meet it.
    pub(super) const fn is_impossible(&self) -> bool {
        self.minutes == 0
    }

    /// What Clerk's front-end helpers are told, so that they prompt for the right factor: the
    /// preset's name, or the demand itself.
    pub(crate) fn metadata(&self) -> String {
        match self.preset {
            Some(name) => format!("\"{name}\""),
            None => format!(
                "{{\"level\":\"{}\",\"afterMinutes\":{}}}",
                self.level, self.minutes
            ),
        }
    }
}

impl fmt::Display for Reverification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} within {} minutes", self.level, self.minutes)?;
        let note = if self.downgrades {
            ""
        } else {
            ", no downgrade"
        };
        f.write_str(note)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FirstFactor => "first_factor",
            Self::MultiFactor => "multi_factor",
            Self::SecondFactor => "second_factor",
        })
    }
}
