//! The way of a delivery through the gate, as the sender sees it and as the handler does.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use bytes::Bytes;
use clerk_gate_core::webhook::{
    Begin, BodyWait, Delivery, Endpoint, Handler, Lease, MemoryStore, Retry, Store, StoreError,
    Unfinished,
};
use clerk_gate_core::{
    Decision, Gate, JsonLines, Policy, Reason, Reply, RequestView, Settings, UnixTime,
};
use clerk_gate_testkit::{FixedClock, NOW, ORIGIN, WEBHOOK_SECRET, gate, sign_delivery};

const BODY: &[u8] = b"{\"type\":\"user.created\",\"data\":{\"secret\":\"planted\"}}";
const SUCCESS: (u16, &str) = (200, "{\"success\":true}");
const ALREADY: (u16, &str) = (200, "{\"message\":\"Already processed\"}");
const BUSY: (u16, &str) = (
    409,
    "{\"error\":\"Delivery in progress\",\"code\":\"webhook-busy\"}",
);
const FAILED: (u16, &str) = (
    500,
    "{\"error\":\"Handler failed\",\"code\":\"webhook-handler\"}",
);
const DOWN: (u16, &str) = (
    503,
    "{\"error\":\"Service unavailable\",\"code\":\"store-unavailable\"}",
);

/// What was written to the audit trail.
#[derive(Clone, Debug, Default)]
struct Trail(Arc<Mutex<Vec<u8>>>);

impl Trail {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Trail {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a handler was given.
type Seen = Arc<Mutex<Vec<Delivery>>>;

fn settings(secret: Option<&str>) -> Settings {
    let parsed = Settings::parse(&|name| match name {
        "CLERK_PUBLISHABLE_KEY" => Some("pk_live_Y2xlcmsuYXBwLnRlc3Qk".to_owned()),
        "CLERK_GATE_ORIGINS" => Some(ORIGIN.to_owned()),
        "CLERK_WEBHOOK_SIGNING_SECRET" => secret.map(str::to_owned),
        _ => None,
    });
    parsed.unwrap()
}

fn noting(seen: &Seen) -> impl Handler + 'static {
    let seen = Arc::clone(seen);
    move |delivery: Delivery| {
        let seen = Arc::clone(&seen);
        async move {
            seen.lock().unwrap().push(delivery);
            Ok(())
        }
    }
}

fn endpoint(store: Arc<dyn Store>, handler: impl Handler + 'static) -> Endpoint {
    Endpoint::new(&settings(Some(WEBHOOK_SECRET)), store, handler).unwrap()
}

fn build(endpoint: Endpoint, trail: &Trail) -> Gate {
    let policy = Policy::builder().build().unwrap();
    let gate = gate(policy)
        .with_webhook("/webhooks/clerk", endpoint)
        .with_audit(Arc::new(JsonLines::new(trail.clone())));
    gate.build().unwrap()
}

fn begin(gate: &Gate, method: &str, lines: &[(&str, String)]) -> Result<BodyWait, Reply> {
    let mut request = RequestView::new(method, "/webhooks/clerk/", None);
    for (name, value) in lines {
        request.header(name, value.as_bytes());
    }
    match gate.decide(&request) {
        Decision::CollectBody(wait) => Ok(wait),
        Decision::Respond(reply) => Err(reply),
        other => panic!("{other:?}"),
    }
}

fn signed(id: &str) -> [(&'static str, String); 3] {
    sign_delivery(WEBHOOK_SECRET, id, NOW, BODY)
}

/// Memory needs no runtime: what is not ready at once waits for the test.
fn now_or_never<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

fn told(reply: &Reply) -> (u16, &str) {
    (reply.status(), std::str::from_utf8(reply.body()).unwrap())
}

fn deliver(gate: &Gate, id: &str) -> Reply {
    let wait = begin(gate, "POST", &signed(id)).unwrap();
    now_or_never(wait.deliver(Bytes::from_static(BODY))).unwrap()
}

#[test]
fn a_delivery_is_handled_once_and_acknowledged_each_time() {
    let (seen, trail) = (Seen::default(), Trail::default());
    let gate = build(
        endpoint(Arc::new(MemoryStore::default()), noting(&seen)),
        &trail,
    );
    assert_eq!(told(&deliver(&gate, "msg_1")), SUCCESS);
    assert_eq!(told(&deliver(&gate, "msg_1")), ALREADY);
    assert_eq!(told(&deliver(&gate, "msg_2")), SUCCESS);
    let seen = seen.lock().unwrap();
    let ids: Vec<_> = seen.iter().map(Delivery::id).collect();
    assert_eq!(ids, ["msg_1", "msg_2"]);
    assert!(seen.iter().all(|delivery| delivery.body() == BODY));
    let lines = trail.text();
    assert!(lines.contains("\"delivery\":\"msg_1\""), "{lines}");
    for secret in ["planted", "v1,", WEBHOOK_SECRET] {
        assert!(!lines.contains(secret), "{lines}");
        assert!(!format!("{seen:?}").contains(secret));
    }
}

#[test]
fn what_is_not_genuine_never_reaches_the_handler() {
    let (seen, trail) = (Seen::default(), Trail::default());
    let gate = build(
        endpoint(Arc::new(MemoryStore::default()), noting(&seen)),
        &trail,
    );
    let headers = (
        400,
        "{\"error\":\"Missing svix headers\",\"code\":\"webhook-headers\"}",
    );
    let signature = (
        400,
        "{\"error\":\"Invalid signature\",\"code\":\"webhook-signature\"}",
    );
    let old = sign_delivery(WEBHOOK_SECRET, "msg_1", NOW.saturating_add(-301), BODY);
    let foreign = sign_delivery("whsec_b3RoZXItc2VjcmV0LW9mLXRlc3Rz", "msg_1", NOW, BODY);
    let other = sign_delivery(WEBHOOK_SECRET, "msg_1", NOW, b"{}");
    for (lines, want) in [
        (&signed("msg_1")[1..], headers),
        (&old[..], signature),
        (&foreign[..], signature),
        (&other[..], signature),
    ] {
        let wait = begin(&gate, "POST", lines).unwrap();
        let reply = now_or_never(wait.deliver(Bytes::from_static(BODY))).unwrap();
        assert_eq!(told(&reply), want, "{lines:?}");
    }
    assert!(seen.lock().unwrap().is_empty());
}

#[test]
fn another_method_is_told_which_one_to_use() {
    let store = Arc::new(MemoryStore::default());
    let gate = build(endpoint(store, noting(&Seen::default())), &Trail::default());
    let reply = begin(&gate, "GET", &[]).unwrap_err();
    assert_eq!(reply.status(), 405);
    assert!(
        reply
            .lines()
            .any(|line| (line.name(), line.value()) == ("allow", "POST"))
    );
}

#[test]
fn a_body_that_is_too_long_or_broke_off_is_told_so() {
    let store = Arc::new(MemoryStore::default());
    let endpoint = endpoint(store, noting(&Seen::default())).with_max_bytes(9);
    let gate = build(endpoint, &Trail::default());
    let wait = begin(&gate, "POST", &signed("msg_1")).unwrap();
    assert_eq!(wait.limit(), 9);
    assert_eq!(wait.clone().too_large().status(), 413);
    assert_eq!(wait.incomplete().status(), 400);
}

#[test]
fn without_a_secret_every_delivery_is_our_fault() {
    let store = Arc::new(MemoryStore::default());
    let endpoint = Endpoint::new(&settings(None), store, noting(&Seen::default())).unwrap();
    let gate = build(endpoint, &Trail::default());
    let want = (
        500,
        "{\"error\":\"Configuration error\",\"code\":\"webhook-secret\"}",
    );
    assert_eq!(told(&deliver(&gate, "msg_1")), want);
}

#[test]
fn a_delivery_that_is_being_handled_is_busy_until_it_is_done_or_given_up() {
    let store = Arc::new(MemoryStore::default());
    let endless = |_: Delivery| std::future::pending::<Result<(), Retry>>();
    let gate = build(endpoint(store.clone(), endless), &Trail::default());
    let mut first = pin!(
        begin(&gate, "POST", &signed("msg_1"))
            .unwrap()
            .deliver(Bytes::from_static(BODY))
    );
    let mut context = Context::from_waker(Waker::noop());
    assert!(first.as_mut().poll(&mut context).is_pending());
    let busy = deliver(&gate, "msg_1");
    assert_eq!(told(&busy), BUSY);
    assert!(
        busy.lines()
            .any(|line| (line.name(), line.value()) == ("retry-after", "5"))
    );
    // A client that goes away takes its future with it.
    first.set(begin(&gate, "POST", &[]).unwrap().deliver(Bytes::new()));
    let seen = Seen::default();
    let patient = build(endpoint(store, noting(&seen)), &Trail::default());
    assert_eq!(told(&deliver(&patient, "msg_1")), SUCCESS);
}

#[test]
fn a_lease_that_ran_out_is_taken_over_and_cannot_be_finished_by_its_old_holder() {
    let store = MemoryStore::default();
    let delivery = Delivery::new("msg_1", NOW, Bytes::from_static(BODY));
    let fresh = |now| match now_or_never(store.begin(&delivery, 60, now))
        .unwrap()
        .unwrap()
    {
        Begin::Fresh(lease) => lease,
        other => panic!("{other:?}"),
    };
    let old = fresh(NOW);
    let new = fresh(NOW.saturating_add(60));
    assert_eq!((old.attempt(), new.attempt()), (1, 2));
    let finish = |lease: &Lease| now_or_never(store.finish(lease, NOW)).unwrap();
    assert!(finish(&old).is_err_and(|error| error.is_lease_lost()));
    assert!(finish(&new).is_ok());
}

#[test]
fn a_handler_that_fails_or_panics_is_retried_and_its_words_are_kept() {
    for panics in [false, true] {
        let (store, broken) = (
            Arc::new(MemoryStore::default()),
            Arc::new(AtomicBool::new(true)),
        );
        let flag = Arc::clone(&broken);
        let handler = move |_: Delivery| {
            let broken = flag.load(Ordering::SeqCst);
            async move {
                assert!(!(broken && panics), "out of paper");
                if broken {
                    Err(Retry::because("out of paper"))
                } else {
                    Ok(())
                }
            }
        };
        let endpoint = endpoint(store.clone(), handler);
        let gate = build(endpoint.clone(), &Trail::default());
        assert_eq!(told(&deliver(&gate, "msg_1")), FAILED);
        assert_eq!(told(&deliver(&gate, "msg_1")), FAILED);
        let list = now_or_never(store.unfinished(9)).unwrap().unwrap();
        let [
            Unfinished {
                attempts: 2,
                leased_until: None,
                failure: Some(failure),
                ..
            },
        ] = &list[..]
        else {
            panic!("{list:?}");
        };
        assert!(failure.contains("out of paper"), "{failure}");

        broken.store(false, Ordering::SeqCst);
        let clock = FixedClock::new(NOW);
        let replay = |id| now_or_never(endpoint.replay(id, &clock)).unwrap();
        assert_eq!(replay("msg_2"), Err(Reason::WebhookUnknown));
        assert_eq!(replay("msg_1"), Ok(()));
        assert_eq!(replay("msg_1"), Err(Reason::WebhookUnknown));
        assert_eq!(told(&deliver(&gate, "msg_1")), ALREADY);
    }
}

/// A store that is down for some calls.
#[derive(Debug)]
struct Faulty {
    inner: MemoryStore,
    begin: bool,
    finish: bool,
    release: bool,
}

#[async_trait]
impl Store for Faulty {
    async fn begin(
        &self,
        delivery: &Delivery,
        lease: i64,
        now: UnixTime,
    ) -> Result<Begin, StoreError> {
        if self.begin {
            return Err(StoreError::transient("down"));
        }
        self.inner.begin(delivery, lease, now).await
    }

    async fn finish(&self, lease: &Lease, now: UnixTime) -> Result<(), StoreError> {
        if self.finish {
            return Err(StoreError::transient("down"));
        }
        self.inner.finish(lease, now).await
    }

    async fn release(&self, lease: &Lease, failure: &str, now: UnixTime) -> Result<(), StoreError> {
        if self.release {
            return Err(StoreError::transient("down"));
        }
        self.inner.release(lease, failure, now).await
    }

    async fn purge(&self, before: UnixTime) -> Result<u64, StoreError> {
        self.inner.purge(before).await
    }

    async fn unfinished(&self, limit: usize) -> Result<Vec<Unfinished>, StoreError> {
        self.inner.unfinished(limit).await
    }

    async fn recall(&self, id: &str) -> Result<Option<Delivery>, StoreError> {
        self.inner.recall(id).await
    }
}

#[test]
fn a_store_that_cannot_answer_means_neither_handling_nor_acknowledging() {
    for (begin, finish, handled) in [(true, false, 0), (false, true, 1)] {
        let (seen, inner) = (Seen::default(), MemoryStore::default());
        let store = Arc::new(Faulty {
            inner,
            begin,
            finish,
            release: false,
        });
        let gate = build(endpoint(store, noting(&seen)), &Trail::default());
        let reply = deliver(&gate, "msg_1");
        assert_eq!(told(&reply), DOWN);
        assert!(
            reply
                .lines()
                .any(|line| (line.name(), line.value()) == ("retry-after", "5"))
        );
        assert_eq!(seen.lock().unwrap().len(), handled);
    }
}

#[test]
fn a_handler_that_fails_together_with_the_store_is_the_stores_outage() {
    let store = Arc::new(Faulty {
        inner: MemoryStore::default(),
        begin: false,
        finish: false,
        release: true,
    });
    let failing = |_: Delivery| async { Err(Retry::because("the connection broke")) };
    let gate = build(endpoint(store, failing), &Trail::default());
    assert_eq!(told(&deliver(&gate, "msg_1")), DOWN);
}

#[test]
fn a_webhook_in_the_way_of_a_rule_is_a_mistake() {
    let endpoint = || endpoint(Arc::new(MemoryStore::default()), noting(&Seen::default()));
    let policy = Policy::builder().public("/hook").build().unwrap();
    let errors = gate(policy)
        .with_webhook("/hook", endpoint())
        .with_webhook("/a/{id}", endpoint())
        .with_webhook("/b", endpoint())
        .with_webhook("/b", endpoint())
        .build()
        .unwrap_err();
    let subjects: Vec<_> = errors
        .iter()
        .map(clerk_gate_core::ConfigError::subject)
        .collect();
    assert_eq!(
        subjects,
        ["webhook \"/hook\"", "webhook \"/a/{id}\"", "webhook \"/b\""]
    );
}
