//! Fetches Clerk's key set and keeps it fresh; reads the settings from the environment.
//!
//! ```text
//! environment ── settings_from_env ──> Settings ── keys_for ──> Keys ── keyring ──> Verifier
//!                                                                │
//!                             one thread: fetch, rest, refresh <─┘
//! ```
//!
//! Requests never fetch. One thread per [`Keys`] does, with blocking HTTP, so it works beside
//! every runtime and needs none. A request whose `kid` is unknown waits for the thread's next
//! answer, together with all the others, or is refused while the thread rests.
//!
//! ```no_run
//! use clerk_gate_core::Verifier;
//!
//! let settings = clerk_gate_jwks::settings_from_env()?;
//! let keys = clerk_gate_jwks::keys_for(&settings)?;
//! let verifier = Verifier::new(settings.issuer(), keys.keyring());
//! # Ok::<(), clerk_gate_core::ConfigErrors>(())
//! ```
//!
//! # What this crate does not do
//! It decides nothing about tokens, knows no framework, keeps nothing on disk, and has no state
//! that two [`Keys`] of one process would share.

mod fetch;
mod keys;
mod schedule;

use std::env;

use clerk_gate_core::{ConfigError, ConfigErrors, KeySet, Settings};

pub use self::fetch::{FetchError, Source};
pub use self::keys::{Keys, Status, connect};
pub use self::schedule::Schedule;

/// Reads the settings from the environment of this process.
///
/// # Errors
/// [`ConfigErrors`] with every mistake in every variable; one whose value is not Unicode is
/// among them.
pub fn settings_from_env() -> Result<Settings, ConfigErrors> {
    // A value that is not Unicode must not pass for a missing one. It arrives with U+FFFD in it,
    // which no variable accepts.
    Settings::parse(&|name| Some(env::var_os(name)?.to_string_lossy().into_owned()))
}

/// The keys that these settings call for, on the default [`Schedule`].
///
/// With a JWT key it is that one, and nothing is fetched. Otherwise the key set comes from the
/// Backend API if there is a secret key, and is the public one of the issuer if there is none.
///
/// # Errors
/// [`ConfigErrors`] if the settings give no usable key or URL.
///
/// # Panics
/// If the operating system cannot start a thread.
pub fn keys_for(settings: &Settings) -> Result<Keys, ConfigErrors> {
    if let Some(der) = settings.jwt_key() {
        let keys = KeySet::from_spki_der(der).map_err(|error| {
            let remedy = "copy the JWT public key again from the dashboard, under API keys";
            ConfigError::new("CLERK_JWT_KEY", error.to_string(), remedy)
        })?;
        return Ok(Keys::fixed(keys));
    }
    let source = match settings.secret_key() {
        Some(secret_key) => Source::backend_api(settings.api_url(), secret_key)?,
        None => Source::public(settings.issuer())?,
    };
    connect(source, Schedule::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: [(&str, &str); 2] = [
        ("CLERK_PUBLISHABLE_KEY", "pk_test_Y2xlcmsuYXBwLnRlc3Qk"),
        ("CLERK_GATE_ORIGINS", "https://app.test"),
    ];

    fn parse(name: &str, value: &str) -> Result<Settings, ConfigErrors> {
        Settings::parse(&|asked| {
            let value = if asked == name {
                value
            } else {
                SETTINGS.iter().find(|(own, _)| *own == asked)?.1
            };
            Some(value.to_owned())
        })
    }

    #[test]
    fn no_variable_accepts_what_is_not_unicode() {
        for name in [
            "CLERK_API_URL",
            "CLERK_GATE_ENVIRONMENT",
            "CLERK_GATE_ORIGINS",
            "CLERK_JWT_KEY",
            "CLERK_PROXY_URL",
            "CLERK_PUBLISHABLE_KEY",
            "CLERK_SECRET_KEY",
            "CLERK_WEBHOOK_SIGNING_SECRET",
        ] {
            for value in ["\u{fffd}", "sk_test_\u{fffd}", "https://app.test/\u{fffd}"] {
                let errors = parse(name, value).err();
                let named = |error: &ConfigError| error.subject().starts_with(name);
                let told = errors.iter().flatten().any(named);
                assert!(told, "{name}={value}: {errors:?}");
            }
        }
    }
}
