//! The key sets that the settings point at, fetched once.

use std::error::Error;

use clerk_gate_core::{ConfigError, KeySet, Settings};
use clerk_gate_jwks::Source;
use serde_json::Value;

/// What Clerk answers about the instance's keys.
pub(in crate::doctor) struct Keys {
    /// `{issuer}/.well-known/jwks.json`, which everybody may read.
    pub(in crate::doctor) public: Fetched,
    /// The same from the Backend API, for the holder of the secret key.
    pub(in crate::doctor) backend: Option<Fetched>,
    /// The key that tokens are verified with, if one is set, as DER.
    pub(in crate::doctor) jwt_key: Option<Vec<u8>>,
}

/// A key set, or why there is none.
pub(in crate::doctor) struct Fetched {
    pub(in crate::doctor) url: String,
    pub(in crate::doctor) result: Result<Document, String>,
}

/// A key set that was read.
pub(in crate::doctor) struct Document {
    pub(in crate::doctor) keys: KeySet,
    json: Value,
}

impl Keys {
    pub(in crate::doctor) fn gather(settings: &Settings) -> Self {
        let secret_key = settings.secret_key();
        let backend = secret_key.map(|key| {
            let source = Source::backend_api(settings.api_url(), key);
            fetch(format!("{}/v1/jwks", settings.api_url()), source)
        });
        let public = Source::public(settings.issuer());
        Self {
            public: fetch(
                format!("{}/.well-known/jwks.json", settings.issuer()),
                public,
            ),
            backend,
            jwt_key: settings.jwt_key().map(<[u8]>::to_vec),
        }
    }
}

impl Document {
    /// Whether a key of this set has the modulus that stands in `der`, a `SubjectPublicKeyInfo`.
    pub(in crate::doctor) fn has_key(&self, der: &[u8]) -> bool {
        use base64::Engine;
        use base64::engine::general_purpose::URL_SAFE_NO_PAD;

        let keys = self.json["keys"].as_array().into_iter().flatten();
        let mut moduli = keys.filter_map(|key| URL_SAFE_NO_PAD.decode(key["n"].as_str()?).ok());
        // 256 bytes or more: they stand there by no accident.
        moduli.any(|n| n.len() >= 256 && der.windows(n.len()).any(|part| part == n))
    }
}

fn fetch(url: String, source: Result<Source, ConfigError>) -> Fetched {
    let read = |source: Source| {
        let text = source.read().map_err(|error| with_causes(&error))?;
        let keys = KeySet::from_json(&text).map_err(|error| error.to_string())?;
        let json = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
        Ok(Document { keys, json })
    };
    let result = source.map_err(|error| error.to_string()).and_then(read);
    Fetched { url, result }
}

/// An error and what is behind it, in one line.
fn with_causes(error: &dyn Error) -> String {
    let cause = error.source().map(with_causes);
    cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}
