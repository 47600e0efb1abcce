//! What a decision costs, next to the cryptography that it cannot do without.
//!
//! `cargo bench -p clerk-gate-core`. Read ratios within one run: a machine's own speed drifts.

use std::hint::black_box;
use std::sync::Arc;

use aws_lc_rs::{hmac, signature};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use clerk_gate_core::webhook::{SignatureVerifier, Signed};
use clerk_gate_core::{Gate, KeySet, Keyring, Policy, RequestView, Requirement, Secret, Verifier};
use clerk_gate_testkit::{
    FixedClock, ISSUER, NOW, Signer, Token, WEBHOOK_SECRET, gate, key_set, sign_delivery,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn application() -> Gate {
    let policy = Policy::builder()
        .public("/")
        .assets("/assets/{*rest}")
        .session("/me")
        .require("/admin/{*rest}", Requirement::role("org:admin"));
    let gate = gate(policy.build().unwrap()).with_clock(Arc::new(FixedClock::new(NOW)));
    gate.build().unwrap()
}

fn request<'r>(path: &'r str, cookie: Option<&'r str>) -> RequestView<'r> {
    let mut view = RequestView::new("GET", path, None);
    for (name, value) in [
        ("host", "app.test"),
        ("accept", "application/json"),
        ("accept-encoding", "gzip, br"),
        ("accept-language", "en"),
        ("sec-fetch-site", "same-origin"),
        ("user-agent", "bench"),
    ] {
        view.header(name, value.as_bytes());
    }
    if let Some(cookie) = cookie {
        view.header("cookie", cookie.as_bytes());
    }
    view
}

/// Whole decisions: view, path, policy, credential, token, origin; no audit sink.
fn decide(c: &mut Criterion) {
    let gate = application();
    let member = Token::session().organization("org_1", "acme", "member");
    let cookie = |token: &Token| {
        format!(
            "__client_uat=1; __session={}",
            token.sign(Signer::primary())
        )
    };
    let (good, expired) = (
        cookie(&member),
        cookie(&member.clone().claim("exp", 1_799_999_000)),
    );
    let mut group = c.benchmark_group("decide");
    for (name, path, cookie) in [
        ("static", "/assets/app.css", Some(&good)),
        ("public, no credential", "/", None),
        ("refused, no credential", "/me", None),
        ("refused, odd path", "/x/../admin", None),
        ("refused, expired token", "/me", Some(&expired)),
        ("refused, role", "/admin", Some(&good)),
        ("session", "/me", Some(&good)),
    ] {
        group.bench_function(name, |b| {
            b.iter(|| gate.decide(&request(black_box(path), cookie.map(String::as_str))));
        });
    }
    group.finish();
}

/// A cold verification, and the one RSA operation in it with a key that is parsed already.
fn verify(c: &mut Criterion) {
    let token = Token::session().sign(Signer::primary());
    let keys = KeySet::from_json(key_set(&[Signer::primary()]).as_bytes()).unwrap();
    let verifier = Verifier::new(ISSUER, Keyring::fixed(keys));
    let (signed, encoded) = token.rsplit_once('.').unwrap();
    let raw = URL_SAFE_NO_PAD.decode(encoded).unwrap();
    let pem: String = Signer::primary().public_pem();
    let der: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let algorithm = &signature::RSA_PKCS1_2048_8192_SHA256;
    let der = STANDARD.decode(der).unwrap();
    let key = signature::ParsedPublicKey::new(algorithm, &der).unwrap();

    let mut group = c.benchmark_group("verify");
    group.bench_function("raw RSA", |b| {
        b.iter(|| key.verify_sig(black_box(signed.as_bytes()), &raw).unwrap());
    });
    group.bench_function("session token", |b| {
        b.iter(|| verifier.verify_finally(black_box(&token), NOW).unwrap());
    });
    group.finish();
}

/// A delivery's signature, and the keyed hash over the same bytes.
fn webhook(c: &mut Criterion) {
    let secret = STANDARD
        .decode(WEBHOOK_SECRET.trim_start_matches("whsec_"))
        .unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
    let verifier = SignatureVerifier::new(&[Secret::new(WEBHOOK_SECRET)]).unwrap();
    for size in [1024, 64 * 1024] {
        let body = Bytes::from(vec![b'x'; size]);
        let lines = sign_delivery(WEBHOOK_SECRET, "msg_bench", NOW, &body);
        let mut view = RequestView::new("POST", "/", None);
        for (name, value) in &lines {
            view.header(name, value.as_bytes());
        }
        let signed = Signed::read(&view).unwrap();

        let mut group = c.benchmark_group(format!("webhook {} KiB", size / 1024));
        group.throughput(Throughput::Bytes(u64::try_from(size).unwrap()));
        group.bench_function("raw HMAC", |b| {
            b.iter(|| hmac::sign(&key, black_box(&body)))
        });
        group.bench_function("delivery", |b| {
            b.iter_batched(
                || (signed.clone(), body.clone()),
                |(signed, body)| verifier.verify(signed, body, NOW).unwrap(),
                criterion::BatchSize::SmallInput,
            );
        });
        group.finish();
    }
}

criterion_group!(benches, decide, verify, webhook);
criterion_main!(benches);
