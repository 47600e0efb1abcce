//! A gate to test an application with.

use std::sync::Arc;

use clerk_gate_core::{Check, Gate, GateBuilder, KeySet, Keyring, Policy, Settings};

use crate::{FixedClock, NOW, ORIGIN, Signer, key_set};

/// Starts a gate that accepts what [`Token::session`](crate::Token::session) mints, signed by
/// [`Signer::primary`]: the production instance of [`ISSUER`](crate::ISSUER), pages of
/// [`ORIGIN`], the clock at [`NOW`], plain HTTP allowed, no pages to redirect to.
///
/// ```
/// use clerk_gate_core::{Decision, Policy, RequestView};
/// use clerk_gate_testkit::{Signer, Token, gate};
///
/// let gate = gate(Policy::builder().build()?).build()?;
/// let credential = format!("Bearer {}", Token::session().sign(Signer::primary()));
/// let mut request = RequestView::new("GET", "/me", None);
/// request.header("authorization", credential.as_bytes());
/// assert!(matches!(gate.decide(&request), Decision::Proceed(_)));
/// # Ok::<(), clerk_gate_core::ConfigErrors>(())
/// ```
///
/// # Panics
/// Never: the settings and the keys are this crate's own.
pub fn gate(policy: Policy) -> GateBuilder {
    let settings = Settings::parse(&|name| match name {
        "CLERK_PUBLISHABLE_KEY" => Some(PUBLISHABLE_KEY.to_owned()),
        "CLERK_GATE_ORIGINS" => Some(ORIGIN.to_owned()),
        _ => None,
    });
    let keys = KeySet::from_json(key_set(&[Signer::primary()]).as_bytes());
    let (Ok(settings), Ok(keys)) = (settings, keys) else {
        unreachable!("the test settings and keys have a mistake");
    };
    Gate::builder(&settings, Keyring::fixed(keys), policy)
        .with_clock(Arc::new(FixedClock::new(NOW)))
        .with_https(Check::Off)
        .without_pages()
}

/// `clerk.app.test`, in production.
const PUBLISHABLE_KEY: &str = "pk_live_Y2xlcmsuYXBwLnRlc3Qk";
