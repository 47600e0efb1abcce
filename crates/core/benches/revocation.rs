//! What a million revocations cost a decision: read the ratio within one run.
//!
//! `cargo bench -p clerk-gate-core --bench revocation`.

use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use clerk_gate_core::revocation::Revocations;
use clerk_gate_core::{Gate, Policy, RequestView};
use clerk_gate_testkit::{Signer, Token, gate};
use criterion::{Criterion, criterion_group, criterion_main};

/// A gate that has `sessions` revocations, one of a user, and one of a membership.
fn application(sessions: Option<u32>) -> Gate {
    let gate = gate(Policy::builder().build().unwrap());
    let Some(sessions) = sessions else {
        return gate.build().unwrap();
    };
    let revocations = Revocations::local();
    for n in 0..sessions {
        done(revocations.revoke_session(&format!("sess_{n}")));
    }
    done(revocations.revoke_user("user_revoked"));
    done(revocations.revoke_membership("user_revoked", "org_1"));
    gate.with_revocations(Arc::new(revocations))
        .build()
        .unwrap()
}

/// Memory does not wait.
fn done<T>(future: impl Future<Output = T>) {
    let polled = pin!(future).poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(polled, Poll::Ready(_)));
}

/// Whole decisions about a thousand sessions in turn, so that what is looked up is not at hand.
fn revocations(c: &mut Criterion) {
    let tokens: Vec<String> = (0..1000)
        .map(|n| {
            let token = Token::session().claim("sid", format!("sess_live_{n}"));
            let token = token.organization("org_1", "acme", "member");
            format!("Bearer {}", token.sign(Signer::primary()))
        })
        .collect();
    let mut group = c.benchmark_group("revocations");
    for (name, sessions) in [
        ("none, no list", None),
        ("a list of none", Some(0)),
        ("a list of 1,000,000", Some(1_000_000)),
    ] {
        let gate = application(sessions);
        let mut turn = 0;
        group.bench_function(name, |b| {
            b.iter(|| {
                turn = (turn + 1) % tokens.len();
                let mut view = RequestView::new("GET", black_box("/me"), None);
                view.header("authorization", tokens[turn].as_bytes());
                gate.decide(&view)
            });
        });
    }
    group.finish();
}

criterion_group!(benches, revocations);
criterion_main!(benches);
