//! Rules about the keys that Clerk publishes.

use crate::doctor::facts::Keys;
use crate::doctor::rule::{Check, Evidence, Outcome, Rule, Severity, Unknown};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "keys-reachable",
        title: "The instance's key set can be fetched",
        severity: Severity::High,
        asvs: "9.1.3",
        source: "Clerk, environment variables",
        how: "fetches {issuer}/.well-known/jwks.json once, as the gate does",
        remedy: "let this machine reach the Frontend API, and check its host in the publishable key or CLERK_PROXY_URL",
        check: Check::Keys(|keys| {
            let public = &keys.public;
            let found = public.result.as_ref().err();
            Ok(found
                .map(|e| Evidence::at(&public.url, e))
                .into_iter()
                .collect())
        }),
    },
    Rule {
        id: "keys-usable",
        title: "Every published key can verify tokens",
        severity: Severity::Low,
        asvs: "9.1.2",
        source: "Clerk, manual JWT verification",
        how: "reads the key set and counts keys that are weak, for something else, or without a kid",
        remedy: "ask Clerk to withdraw the key, or the proxy at CLERK_PROXY_URL to hand on Clerk's own answer",
        check: Check::Keys(|keys| {
            let document = keys.public.result.as_ref().map_err(|_| unreachable())?;
            let skipped = document.keys.skipped().iter();
            Ok(skipped
                .map(|why| Evidence::at(&keys.public.url, why))
                .collect())
        }),
    },
    Rule {
        id: "keys-secret-key",
        title: "The secret key is one of the same instance",
        severity: Severity::High,
        asvs: "",
        source: "beyond the guide",
        how: "fetches the key set with the secret key from the Backend API and compares the kids",
        remedy: "copy both keys from one instance of the Clerk dashboard",
        check: Check::Keys(secret_key),
    },
    Rule {
        id: "keys-jwt-key",
        title: "The key that verifies tokens is one of the instance's",
        severity: Severity::High,
        asvs: "9.1.3",
        source: "Clerk, manual JWT verification",
        how: "looks for the modulus of CLERK_JWT_KEY in the published key set",
        remedy: "copy the JWT public key again, or remove CLERK_JWT_KEY and let the gate fetch the keys",
        check: Check::Keys(|keys| {
            let Some(der) = &keys.jwt_key else {
                return Err(Unknown::NotAsked("no CLERK_JWT_KEY is set".to_owned()));
            };
            let document = keys.public.result.as_ref().map_err(|_| unreachable())?;
            let what = format!("is not among the keys of {}", keys.public.url);
            let found = (!document.has_key(der)).then(|| Evidence::at("CLERK_JWT_KEY", what));
            Ok(found.into_iter().collect())
        }),
    },
];

fn secret_key(keys: &Keys) -> Outcome {
    let Some(backend) = &keys.backend else {
        return Err(Unknown::NotAsked("no CLERK_SECRET_KEY is set".to_owned()));
    };
    let theirs = match &backend.result {
        Ok(document) => document,
        Err(error) => return Ok(vec![Evidence::at("CLERK_SECRET_KEY", error)]),
    };
    let public = keys.public.result.as_ref().map_err(|_| unreachable())?;
    let shared = theirs
        .keys
        .kids()
        .any(|kid| public.keys.kids().any(|own| own == kid));
    if shared {
        return Ok(Vec::new());
    }
    let kids = |document: &crate::doctor::facts::Document| {
        let kids: Vec<_> = document.keys.kids().collect();
        kids.join(", ")
    };
    let what = format!(
        "is of an instance with the keys {}, the publishable key of one with {}",
        kids(theirs),
        kids(public)
    );
    Ok(vec![Evidence::at("CLERK_SECRET_KEY", what)])
}

/// `keys-reachable` tells why.
fn unreachable() -> Unknown {
    Unknown::NotAsked("the key set cannot be fetched".to_owned())
}
