//! The gate of all frameworks, in the shape of production.

use std::sync::Arc;

use anyhow::Result;
use clerk_gate_core::{Check, Gate, GateBuilder, Policy, Requirement, Rule, SystemClock};
use clerk_gate_testkit::gate;

/// It remembers the tokens that it has verified.
pub(crate) fn warm() -> Result<Arc<Gate>> {
    Ok(Arc::new(builder()?.build()?))
}

/// It keeps so few tokens that none comes again while it is still there.
pub(crate) fn cold() -> Result<Arc<Gate>> {
    Ok(Arc::new(builder()?.with_token_cache(FEW).build()?))
}

/// Ten rules, the preset's header lines, no audit sink; behind a proxy that ends TLS.
fn builder() -> Result<GateBuilder> {
    let policy = Policy::builder()
        .public("/")
        .public("/about")
        .public("/sign-in/{*rest}")
        .assets("/assets/{*rest}")
        .session("/me")
        .session("/api/orders/{id}")
        .rule(Rule::session("/files/{name}").methods(["GET", "PUT"]))
        .session("/api/billing/{*rest}")
        .require("/admin/{*rest}", Requirement::role("org:admin"))
        .require(
            "/reports/{*rest}",
            Requirement::permission("org:reports:read"),
        )
        .build()?;
    Ok(gate(policy)
        .with_clock(Arc::new(SystemClock))
        .with_https(Check::Enforce)
        .with_trusted_proxies(["127.0.0.1"]))
}

const FEW: usize = 8;
