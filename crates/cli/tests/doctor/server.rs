//! A real application behind the gate, and faults that a proxy in front of it may have.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, Method};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{get, post};
use clerk_gate_axum::{GateLayer, Session};
use clerk_gate_core::webhook::{Delivery, Endpoint, MemoryStore, Retry};
use clerk_gate_core::{Cors, Gate, KeySet, Keyring, Policy, Settings};
use clerk_gate_testkit::{Signer, key_set};

use super::project::{serve, variables};

/// What was asked, as a fault looks at it.
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
}

impl Asked {
    pub(crate) fn has(&self, name: &str) -> bool {
        self.headers.contains_key(name)
    }

    pub(crate) fn value(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    pub(crate) fn is(&self, method: &Method, path: &str) -> bool {
        self.method == *method && self.path == path
    }
}

/// What stands between the gate and the network, and should not.
pub(crate) type Fault = Arc<dyn Fn(&Asked, &mut Response) + Send + Sync>;

/// A server whose fault can be mended while it runs.
pub(crate) struct Server {
    pub(crate) url: String,
    broken: Arc<AtomicBool>,
}

impl Server {
    /// The good application behind `fault`.
    pub(crate) fn with(fault: Fault) -> Self {
        let broken = Arc::new(AtomicBool::new(true));
        let switch = Arc::clone(&broken);
        let layer = from_fn(move |request: Request, next: Next| {
            let fault = switch.load(Ordering::SeqCst).then(|| Arc::clone(&fault));
            async move {
                let asked = Asked {
                    method: request.method().clone(),
                    path: request.uri().path().to_owned(),
                    headers: request.headers().clone(),
                };
                let mut response = next.run(request).await;
                if let Some(fault) = fault {
                    fault(&asked, &mut response);
                }
                response
            }
        });
        let app = Router::new().fallback_service(application()).layer(layer);
        Self {
            url: serve(app),
            broken,
        }
    }

    /// The good application.
    pub(crate) fn good() -> Self {
        Self::with(Arc::new(|_, _| ()))
    }

    pub(crate) fn mend(&self) {
        self.broken.store(false, Ordering::SeqCst);
    }
}

fn application() -> clerk_gate_axum::Gated {
    let variables = variables();
    let settings = Settings::parse(&|name| {
        let own = variables.iter().find(|(own, _)| *own == name);
        own.map(|(_, value)| value.clone())
    });
    let settings = settings.expect("good settings");
    let keys = key_set(&[Signer::primary()]);
    let keys = KeySet::from_json(keys.as_bytes()).expect("good keys");
    let policy = Policy::builder()
        .public("/")
        .public("/sign-in")
        .session("/unauthorized");
    let policy = policy.build().expect("a good policy");
    let handler = async |_: Delivery| Ok::<(), Retry>(());
    let endpoint = Endpoint::new(&settings, Arc::new(MemoryStore::default()), handler);
    let gate = Gate::builder(&settings, Keyring::fixed(keys), policy)
        .with_cors(Cors::default())
        .with_trusted_proxies(["127.0.0.1"])
        .with_webhook(WEBHOOK, endpoint.expect("a good endpoint"))
        .build();
    let router = Router::new()
        .route("/", get(home))
        .route(PROTECTED, post(own).get(own));
    GateLayer::new(Arc::new(gate.expect("a good gate"))).layer(router)
}

async fn home() -> Response<Body> {
    Response::builder()
        .header("content-type", "text/html; charset=utf-8")
        .header(
            "set-cookie",
            "__Host-seen=1; Path=/; Secure; HttpOnly; SameSite=Lax",
        )
        .body(Body::from("<!doctype html><title>Home</title>"))
        .expect("a good response")
}

async fn own(session: Session) -> String {
    session.user_id().to_owned()
}

/// A route that needs a session.
pub(crate) const PROTECTED: &str = "/api/protected";
/// Where deliveries go.
pub(crate) const WEBHOOK: &str = "/api/webhooks/clerk";
