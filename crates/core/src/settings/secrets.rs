//! Keys that never leave the server.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::variable::Variable;
use super::{DASHBOARD, InstanceKind};
use crate::error::{ConfigError, ConfigErrors};
use crate::secret::Secret;

/// Parses the instance's secret key. `test_` and `live_` are spellings of old instances.
pub(super) fn secret_key(variable: &Variable) -> Result<(InstanceKind, Secret), ConfigError> {
    let text = variable.text();
    let remedy = format!("copy the secret key from {DASHBOARD}");
    if text.starts_with("pk_") {
        return Err(variable.mistake("is a publishable key", remedy));
    }
    let bare = text.strip_prefix("sk_").unwrap_or(text);
    let kind = if bare.starts_with("live_") {
        InstanceKind::Production
    } else if bare.starts_with("test_") {
        InstanceKind::Development
    } else {
        let problem = "begins with neither \"sk_test_\" nor \"sk_live_\"";
        return Err(variable.mistake(problem, remedy));
    };
    if !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(variable.mistake("has characters that no key has", remedy));
    }
    Ok((kind, Secret::new(text)))
}

/// Parses webhook secrets, separated by spaces or commas: while one is replaced, two are live
/// (Standard Webhooks, secret rotation).
pub(super) fn webhook_secrets(variable: &Variable) -> Result<Vec<Secret>, ConfigErrors> {
    let mut secrets = Vec::new();
    let mut mistakes = Vec::new();
    let parts = variable
        .text()
        .split([' ', ','])
        .filter(|part| !part.is_empty());
    for (number, part) in (1_usize..).zip(parts) {
        match webhook_problem(part) {
            None => secrets.push(Secret::new(part)),
            Some(problem) => mistakes.push(variable.mistake(
                format!("secret {number} {problem}"),
                "copy the signing secret from the endpoint's page in the Clerk dashboard",
            )),
        }
    }
    ConfigErrors::check(mistakes, secrets)
}

fn webhook_problem(secret: &str) -> Option<&'static str> {
    let Some(base64) = secret.strip_prefix("whsec_") else {
        return Some("does not begin with \"whsec_\"");
    };
    match STANDARD.decode(base64).map(Zeroizing::new) {
        Err(_) => Some("is not base64 after \"whsec_\""),
        Ok(key) if key.len() < MIN_WEBHOOK_KEY => Some("is shorter than 16 bytes"),
        Ok(_) => None,
    }
}

/// Standard Webhooks asks for 24 to 64 bytes; below 16 a key can be guessed.
const MIN_WEBHOOK_KEY: usize = 16;
