//! What a decision costs, next to the cryptography that it cannot do without.
//!
//! `cargo bench -p clerk-gate-bench --bench decide`. Read ratios within one run: a machine's own
//! speed drifts. The program `decisions` takes them turn by turn.

use clerk_gate_testkit::NOW;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

use clerk_gate_bench::questions::{
    Question, application, cookie, decide, delivery, hmac, routes, rsa, token, tokens, verify,
};

/// Whole decisions: view, path, policy, credential, token, origin; no audit sink.
fn decisions(c: &mut Criterion) {
    let good = cookie(&token());
    let expired = token().claim("iat", NOW.as_secs() - 70);
    let expired = cookie(&expired.claim("exp", NOW.as_secs() - 10));
    let mut group = c.benchmark_group("decide");
    for (name, path, cookie) in [
        ("static", "/assets/app.css", Some(&good)),
        ("public, no credential", "/", None),
        ("refused, no credential", "/me", None),
        ("refused, odd path", "/x/../admin", None),
        ("refused, expired token", "/me", Some(&expired)),
        ("refused, role", "/admin", Some(&good)),
        ("session again", "/me", Some(&good)),
    ] {
        let mut question = decide(application().build().unwrap(), path, cookie.cloned());
        group.bench_function(name, |b| b.iter(&mut question));
    }
    let new = application().with_token_cache(0).build().unwrap();
    let mut question = decide(new, "/me", Some(good));
    group.bench_function("session, new token", |b| b.iter(&mut question));
    for count in [10, 1_000, 10_000] {
        let mut question = routes(count);
        group.bench_function(format!("{count} routes"), |b| b.iter(&mut question));
    }
    group.finish();
}

/// Verifications, and the one RSA operation in them with a key that is parsed already.
fn verifications(c: &mut Criterion) {
    let mut group = c.benchmark_group("verify");
    let mut bench = |name: &str, mut question: Question| {
        group.bench_function(name, |b| b.iter(&mut question));
    };
    bench("raw RSA", rsa());
    for (name, token) in tokens() {
        bench(name, verify(token, true));
    }
    let [(_, good), ..] = tokens();
    bench("again", verify(good, false));
    group.finish();
}

/// A delivery's signature, and the keyed hash over the same bytes.
fn deliveries(c: &mut Criterion) {
    for size in [1024, 64 * 1024] {
        let mut group = c.benchmark_group(format!("webhook {} KiB", size / 1024));
        group.throughput(Throughput::Bytes(u64::try_from(size).unwrap()));
        for (name, mut question) in [("raw HMAC", hmac(size)), ("delivery", delivery(size))] {
            group.bench_function(name, |b| b.iter(&mut question));
        }
        group.finish();
    }
}

criterion_group!(benches, decisions, verifications, deliveries);
criterion_main!(benches);
