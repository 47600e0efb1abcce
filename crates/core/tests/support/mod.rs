//! The application that the tests secure: in production, with one key and a clock that stands.

use std::sync::Arc;

use clerk_gate_core::{
    Decision, Gate, GateBuilder, KeySet, Keyring, PolicyBuilder, RequestView, Settings,
};
use clerk_gate_testkit::{FixedClock, ORIGIN, Signer, key_set};

/// The instance of `clerk.app.test`.
const PUBLISHABLE_KEY: &str = "pk_live_Y2xlcmsuYXBwLnRlc3Qk";

pub(crate) fn settings() -> Settings {
    let settings = Settings::parse(&|name| match name {
        "CLERK_PUBLISHABLE_KEY" => Some(PUBLISHABLE_KEY.to_owned()),
        "CLERK_GATE_ORIGINS" => Some(ORIGIN.to_owned()),
        _ => None,
    });
    settings.unwrap()
}

pub(crate) fn keys(signer: &Signer) -> KeySet {
    KeySet::from_json(key_set(&[signer]).as_bytes()).unwrap()
}

/// A gate of the application that holds the primary key.
pub(crate) fn builder(policy: PolicyBuilder) -> GateBuilder {
    let keyring = Keyring::fixed(keys(Signer::primary()));
    Gate::builder(&settings(), keyring, policy.build().unwrap())
        .with_clock(Arc::new(FixedClock::default()))
}

/// A request that came over TLS; `target` may have a query.
pub(crate) fn request<'r>(
    method: &'r str,
    target: &'r str,
    lines: &[(&str, &'r str)],
) -> RequestView<'r> {
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    let mut view = RequestView::new(method, path, query).with_tls(true);
    for (name, value) in lines {
        view.header(name, value.as_bytes());
    }
    view
}

/// A decision in a few words: `proceed`, `wait`, `collect`, the status and code of a refusal, or the status
/// of a redirect and where it leads.
pub(crate) fn summary(decision: &Decision) -> String {
    let reply = match decision {
        Decision::Proceed(_) => return "proceed".to_owned(),
        Decision::Await(_) => return "wait".to_owned(),
        Decision::CollectBody(_) => return "collect".to_owned(),
        Decision::Respond(reply) => reply,
    };
    if let Some(location) = reply.lines().find(|line| line.name() == "location") {
        return format!("{} {}", reply.status(), location.value());
    }
    let body: serde_json::Value = serde_json::from_slice(reply.body()).unwrap();
    let code = body["code"].as_str().unwrap();
    format!("{} {code}", reply.status())
}
