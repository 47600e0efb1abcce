//! The webhook sender: signs as Clerk's does, tries until the application says 2xx, gives up.

use std::sync::Arc;
use std::time::Duration;

use clerk_gate_core::{Clock, Secret, UnixTime};
use clerk_gate_testkit::sign_delivery;
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use ureq::Agent;

use crate::key::{random_id, webhook_secret};
use crate::recent::Recent;

/// What is sent, and what has become of it. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Outbox(Arc<Inner>);

struct Inner {
    secret: Secret,
    urls: Vec<String>,
    clock: Arc<dyn Clock>,
    agent: Agent,
    deliveries: Recent<Delivery>,
}

/// One message to one application.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    /// The message id, the same for every attempt.
    pub(crate) id: String,
    pub(crate) kind: &'static str,
    /// When it happened.
    pub(crate) at: UnixTime,
    pub(crate) url: String,
    pub(crate) body: String,
    pub(crate) attempts: Vec<Attempt>,
    /// Whether another attempt follows if the next one fails, or is running.
    pub(crate) is_pending: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) at: UnixTime,
    /// The status of the answer, or why there was none.
    pub(crate) result: Result<u16, String>,
}

impl Attempt {
    pub(crate) fn is_success(&self) -> bool {
        matches!(self.result, Ok(200..300))
    }
}

impl Outbox {
    pub(crate) fn new(urls: Vec<String>, clock: Arc<dyn Clock>) -> Self {
        // The applications are on this machine: no proxy, and no way to anywhere else.
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .timeout_global(Some(PATIENCE))
            .user_agent("Svix-Webhooks/stand-in")
            .build();
        Self(Arc::new(Inner {
            secret: webhook_secret(),
            urls,
            clock,
            agent: agent.into(),
            deliveries: Recent::new(MAX_DELIVERIES),
        }))
    }

    pub(crate) fn secret(&self) -> &Secret {
        &self.0.secret
    }

    /// Newest first.
    pub(crate) fn deliveries(&self) -> Vec<Delivery> {
        self.0.deliveries.all()
    }

    /// Sends one event to every application, in the background of the runtime that calls.
    pub(crate) fn send(&self, kind: &'static str, body: &str) {
        for url in &self.0.urls {
            let delivery = Delivery {
                id: random_id("msg_"),
                kind,
                at: self.0.clock.now(),
                url: url.clone(),
                body: body.to_owned(),
                attempts: Vec::new(),
                is_pending: true,
            };
            self.0.deliveries.add(delivery.clone());
            tokio::spawn(self.clone().deliver(delivery, &PAUSES));
        }
    }

    /// Sends a delivery once more, as the button in Clerk's dashboard does; `false` if it is
    /// forgotten.
    pub(crate) fn replay(&self, id: &str) -> bool {
        let delivery = self
            .0
            .deliveries
            .change(|own| own.id == id, |own| own.is_pending = true);
        let is_known = delivery.is_some();
        if let Some(delivery) = delivery {
            tokio::spawn(self.clone().deliver(delivery, &[]));
        }
        is_known
    }

    async fn deliver(self, delivery: Delivery, pauses: &'static [Duration]) {
        let mut pauses = pauses.iter();
        loop {
            let (own, message) = (self.clone(), delivery.clone());
            let attempt = spawn_blocking(move || own.attempt(&message)).await;
            // The runtime is ending.
            let Ok(attempt) = attempt else { return };
            let pause = pauses.next().filter(|_| !attempt.is_success());
            self.0.deliveries.change(
                |own| own.id == delivery.id,
                |own| {
                    own.is_pending = pause.is_some();
                    if own.attempts.len() < MAX_ATTEMPTS {
                        own.attempts.push(attempt);
                    }
                },
            );
            match pause {
                Some(pause) => sleep(*pause).await,
                None => return,
            }
        }
    }

    fn attempt(&self, delivery: &Delivery) -> Attempt {
        let at = self.0.clock.now();
        let (secret, body) = (self.0.secret.expose(), delivery.body.as_bytes());
        let mut request = self.0.agent.post(&delivery.url);
        for (name, value) in sign_delivery(secret, &delivery.id, at, body) {
            request = request.header(name, value);
        }
        let answer = request.content_type("application/json").send(body);
        Attempt {
            at,
            result: match answer {
                Ok(answer) => Ok(answer.status().as_u16()),
                Err(error) => Err(error.to_string()),
            },
        }
    }
}

/// For the answer to one attempt.
const PATIENCE: Duration = Duration::from_secs(15);

/// Between attempts: six in half a minute, where Clerk goes on for days.
const PAUSES: [Duration; 5] = [
    Duration::from_millis(500),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
    Duration::from_secs(16),
];

/// What the inspector shows.
const MAX_DELIVERIES: usize = 100;
const MAX_ATTEMPTS: usize = 20;
