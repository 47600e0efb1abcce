//! Keys over real sockets: what is fetched, when, and what happens when it fails.
//!
//! Nothing here sleeps. Attempts follow one another, so the arrival of a request proves that the
//! one before it has been dealt with.

mod lifecycle;
mod request;
mod server;

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use clerk_gate_core::{KeyWait, Verification, Verifier};
use clerk_gate_jwks::{Keys, Schedule, Source, connect};
use clerk_gate_testkit::{ISSUER, NOW, Signer, Token};

use self::server::Server;

/// Attempts follow one another at once.
const EAGER: Schedule = Schedule {
    refresh: Duration::from_millis(1),
    rest: Duration::ZERO,
    retry: Duration::from_millis(1),
    max_retry: Duration::from_millis(1),
    max_age: Duration::from_secs(3600),
};

fn start(server: &Server, schedule: Schedule) -> (Keys, Verifier) {
    let source = Source::public(&server.origin("http")).expect("a loopback source");
    let keys = connect(source, schedule).expect("a good schedule");
    let verifier = Verifier::new(ISSUER, keys.keyring());
    (keys, verifier)
}

fn token(signer: &Signer) -> String {
    Token::session().header("kid", signer.kid()).sign(signer)
}

#[track_caller]
fn waiting(verifier: &Verifier, token: &str) -> KeyWait {
    match verifier.verify(token, NOW) {
        Verification::AwaitKeys(wait) => wait,
        other => panic!("wanted a wait, got {other:?}"),
    }
}

fn block_on(wait: KeyWait) {
    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut wait = pin!(wait);
    while wait
        .as_mut()
        .poll(&mut Context::from_waker(&waker))
        .is_pending()
    {
        thread::park();
    }
}
