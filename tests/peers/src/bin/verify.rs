//! Verifying a token or a delivery: clerk-gate and others, in turns with the cryptography alone.
//!
//! `cargo run --release --bin verify`.
//!
//! | Who | What it checks of a token |
//! |---|---|
//! | clerk-gate | signature, key id, form, `exp`, `nbf`, `iat`, `iss`, `azp`, `sts`; parses all claims |
//! | jsonwebtoken | signature, `exp`, `nbf`, `iss`; parses the claims of the struct below |
//! | jwt-authorizer | signature, key id, `exp`, `nbf`, `iss`; the same claims |
//! | clerk-rs | signature, key id, `exp`, `nbf`; parses all claims |

use std::hint::black_box;
use std::sync::Arc;

use anyhow::Result;
use bytes::Bytes;
use clerk_gate_bench::compare;
use clerk_gate_bench::questions::{Question, hmac, rsa};
use clerk_gate_core::webhook::{SignatureVerifier, Signed};
use clerk_gate_core::{Clock, KeySet, Keyring, RequestView, Secret, SystemClock, Verifier};
use clerk_gate_peers::{keys, tokens};
use clerk_gate_testkit::{ISSUER, ORIGIN, Signer, WEBHOOK_SECRET, key_set, sign_delivery};
use clerk_rs::validators::authorizer::validate_jwt;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use jwt_authorizer::JwtAuthorizer;
use serde::Deserialize;
use svix::webhooks::Webhook;
use tokio::runtime;

type Ask = fn(String, bool) -> Result<Question>;

fn main() -> Result<()> {
    let verifiers: [(&str, Ask, Option<f64>, Option<f64>); 4] = [
        (
            "clerk-gate, nothing remembered",
            clerk_gate,
            Some(1.10),
            Some(0.12),
        ),
        ("jsonwebtoken 11", jsonwebtoken, None, None),
        ("jwt-authorizer 0.15", jwt_authorizer, None, None),
        ("clerk-rs 0.5.0", clerk_rs, None, None),
    ];
    let [good, expired] = [tokens::token(), tokens::expired()];
    let [good, expired] = [good, expired].map(|token| token.sign(Signer::primary()));
    for (group, token, is_good) in [
        ("a good token", &good, true),
        ("an expired token", &expired, false),
    ] {
        for (who, ask, goal, goal_expired) in verifiers {
            let turns = compare(&mut ask(token.clone(), is_good)?, &mut rsa());
            let figure = turns.ratio(&format!("peers, {group}"), format!("{who} ÷ raw RSA"));
            match if is_good { goal } else { goal_expired } {
                Some(goal) => figure.at_most(goal).print(),
                None => figure.print(),
            }
        }
    }
    for (kib, goal) in [(1, 1.30), (64, 1.02)] {
        let (size, what) = (kib * 1024, format!("{kib} KiB ÷ raw HMAC"));
        let group = "peers, a delivery";
        let turns = compare(&mut clerk_gate_delivery(size)?, &mut hmac(size));
        let figure = turns.ratio(group, format!("clerk-gate, {what}"));
        figure.at_most(goal).print();
        let turns = compare(&mut svix_delivery(size)?, &mut hmac(size));
        turns.ratio(group, format!("svix 2.9, {what}")).print();
    }
    Ok(())
}

/// What an application reads of a session token.
#[derive(Clone, Debug, Deserialize)]
#[expect(dead_code, reason = "parsing is what is measured")]
struct Claims {
    azp: String,
    exp: u64,
    fva: [i64; 2],
    iat: u64,
    iss: String,
    jti: String,
    nbf: u64,
    sid: String,
    sts: String,
    sub: String,
    v: u8,
    fea: String,
    o: Organization,
}

#[derive(Clone, Debug, Deserialize)]
#[expect(dead_code, reason = "parsing is what is measured")]
struct Organization {
    id: String,
    rol: String,
    slg: String,
}

/// Without the memory for tokens, by the clock on the wall.
fn clerk_gate(token: String, good: bool) -> Result<Question> {
    let keys = KeySet::from_json(key_set(&[Signer::primary()]).as_bytes())?;
    let verifier = Verifier::new(ISSUER, Keyring::fixed(keys)).with_token_cache(0);
    let verifier = verifier.with_authorized_parties(clerk_gate_core::Check::Enforce, [ORIGIN]);
    Ok(Box::new(move || {
        let verified = verifier.verify_finally(black_box(&token), SystemClock.now());
        assert_eq!(black_box(verified).is_ok(), good);
    }))
}

/// As its documentation shows for a key of a key set, which is read once.
fn jsonwebtoken(token: String, good: bool) -> Result<Question> {
    let key = DecodingKey::from_jwk(&serde_json::from_value(Signer::primary().jwk())?)?;
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_nbf = true;
    validation.set_issuer(&[ISSUER]);
    Ok(Box::new(move || {
        let decoded = decode::<Claims>(black_box(&token), &key, &validation);
        assert_eq!(black_box(decoded).is_ok(), good);
    }))
}

/// What its layer calls for every request, with a key set that is already there.
fn jwt_authorizer(token: String, good: bool) -> Result<Question> {
    let keys = key_set(&[Signer::primary()]);
    let validation = jwt_authorizer::Validation::new().iss(&[ISSUER]).nbf(true);
    let builder = JwtAuthorizer::<Claims>::from_jwks_text(&keys).validation(validation);
    let authorizer = pollster::block_on(builder.build())?;
    Ok(Box::new(move || {
        let checked = pollster::block_on(authorizer.check_auth(black_box(&token)));
        assert_eq!(black_box(checked).is_ok(), good);
    }))
}

/// What its middleware calls for every request; the provider has fetched the keys before.
fn clerk_rs(token: String, good: bool) -> Result<Question> {
    let provider = Arc::new(keys::provider()?);
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let warm = tokens::token().sign(Signer::primary());
    runtime.block_on(validate_jwt(&warm, provider.clone()))?;
    Ok(Box::new(move || {
        let validated = validate_jwt(black_box(&token), provider.clone());
        assert_eq!(black_box(pollster::block_on(validated)).is_ok(), good);
    }))
}

/// A delivery's id, timestamp and signature are read from its header lines, as svix does.
fn clerk_gate_delivery(size: usize) -> Result<Question> {
    let verifier = SignatureVerifier::new(&[Secret::new(WEBHOOK_SECRET)])?;
    let body = Bytes::from(vec![b'x'; size]);
    let lines = sign_delivery(WEBHOOK_SECRET, "msg_peers", SystemClock.now(), &body);
    Ok(Box::new(move || {
        let mut view = RequestView::new("POST", "/", None);
        for (name, value) in &lines {
            view.header(name, value.as_bytes());
        }
        let signed = Signed::read(&view).expect("it is signed");
        let verified = verifier.verify(signed, black_box(&body).clone(), SystemClock.now());
        assert!(black_box(verified).is_ok());
    }))
}

/// As its documentation shows.
fn svix_delivery(size: usize) -> Result<Question> {
    let webhook = Webhook::new(WEBHOOK_SECRET)?;
    let body = vec![b'x'; size];
    let lines = sign_delivery(WEBHOOK_SECRET, "msg_peers", SystemClock.now(), &body);
    let mut headers = http::HeaderMap::new();
    for (name, value) in &lines {
        let name = http::HeaderName::from_bytes(name.as_bytes())?;
        headers.insert(name, value.parse()?);
    }
    Ok(Box::new(move || {
        assert!(webhook.verify(black_box(&body), &headers).is_ok());
    }))
}
