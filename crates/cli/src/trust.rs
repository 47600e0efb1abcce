//! Whose tokens are believed: the settings and the keys, as applications have them.

use std::error::Error;
use std::fs;
use std::path::PathBuf;

use clap::Args;
use clerk_gate_core::{ConfigErrors, KeySet, Settings};
use clerk_gate_jwks::{Keys, keys_for, settings_from_env};
use clerk_gate_testkit::{ORIGIN, Signer, key_set};

/// Where the keys come from. Without an option they are those of the environment.
#[derive(Args, Debug)]
pub(crate) struct Trust {
    /// Take the keys from this file, a JSON Web Key Set, and fetch none
    #[arg(long, value_name = "FILE")]
    jwks: Option<PathBuf>,
    /// Believe the tokens of `clerk-gate token mint` and the test kit, and read no environment
    #[arg(long, conflicts_with = "jwks")]
    test_keys: bool,
}

impl Trust {
    /// Whether an option says where the keys come from.
    pub(crate) fn is_given(&self) -> bool {
        self.test_keys || self.jwks.is_some()
    }

    /// The settings: those of the environment, or those that the test kit's tokens are for.
    ///
    /// # Errors
    /// Every mistake in the environment.
    pub(crate) fn settings(&self) -> Result<Settings, ConfigErrors> {
        if !self.test_keys {
            return settings_from_env();
        }
        Settings::parse(&|name| match name {
            "CLERK_PUBLISHABLE_KEY" => Some(TEST_INSTANCE.to_owned()),
            "CLERK_GATE_ORIGINS" => Some(ORIGIN.to_owned()),
            _ => None,
        })
    }

    /// The keys. Those of an instance are fetched from now on.
    ///
    /// # Errors
    /// If the file cannot be read or has no usable key.
    pub(crate) fn keys(&self, settings: &Settings) -> Result<Keys, Box<dyn Error>> {
        if self.test_keys {
            let keys = key_set(&[Signer::primary()]);
            return Ok(Keys::fixed(KeySet::from_json(keys.as_bytes())?));
        }
        let Some(path) = &self.jwks else {
            return Ok(keys_for(settings)?);
        };
        let name = path.display();
        let text = fs::read(path).map_err(|error| format!("{name}: {error}"))?;
        let keys = KeySet::from_json(&text).map_err(|error| format!("{name}: {error}"))?;
        Ok(Keys::fixed(keys))
    }
}

/// `clerk.app.test`, the issuer of the test kit's tokens.
const TEST_INSTANCE: &str = "pk_live_Y2xlcmsuYXBwLnRlc3Qk";
