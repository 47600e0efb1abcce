//! What the programs ask, each question made ready once.

use std::fmt::Write;
use std::hint::black_box;
use std::ops::Range;
use std::sync::Arc;
use std::thread;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use aws_lc_rs::{hmac, signature};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use clerk_gate_core::revocation::Revocations;
use clerk_gate_core::webhook::{SignatureVerifier, Signed};
use clerk_gate_core::{
    Decision, Gate, GateBuilder, KeySet, Keyring, Policy, PolicyBuilder, RequestView, Requirement,
    Secret, Verifier,
};
use clerk_gate_testkit::{
    FixedClock, ISSUER, NOW, Signer, Token, WEBHOOK_SECRET, gate, key_set, sign_delivery,
};

/// Something to measure.
pub type Question = Box<dyn FnMut()>;

/// An application whose clock stands.
pub fn application() -> GateBuilder {
    let policy = Policy::builder()
        .public("/")
        .assets("/assets/{*rest}")
        .session("/me")
        .require("/admin/{*rest}", Requirement::role("org:admin"));
    gate(policy.build().unwrap()).with_clock(Arc::new(FixedClock::new(NOW)))
}

/// What a browser sends, with a credential if there is one.
pub fn request<'r>(path: &'r str, credential: Option<&'r Credential>) -> RequestView<'r> {
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
    if let Some((name, value)) = credential {
        view.header(name, value.as_bytes());
    }
    view
}

/// A member's token, as long as Clerk's are.
pub fn token() -> Token {
    let token = Token::session().organization("org_2test0acme", "acme", "member");
    token.claim("fea", "o:reservations,o:dashboard,u:beta")
}

/// The header line that carries a token.
pub type Credential = (&'static str, String);

/// `token` as browsers send it.
pub fn cookie(token: &Token) -> Credential {
    let token = token.sign(Signer::primary());
    ("cookie", format!("__client_uat=1; __session={token}"))
}

/// `token` as programs send it.
pub fn bearer(token: &Token) -> Credential {
    let token = token.sign(Signer::primary());
    ("authorization", format!("Bearer {token}"))
}

/// The one RSA operation of a verification, its key parsed and its signature decoded before.
pub fn rsa() -> Question {
    let token = token().sign(Signer::primary());
    let (signed, encoded) = token.rsplit_once('.').unwrap();
    let signed = signed.to_owned();
    let raw = URL_SAFE_NO_PAD.decode(encoded).unwrap();
    let pem = Signer::primary().public_pem();
    let der: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let algorithm = &signature::RSA_PKCS1_2048_8192_SHA256;
    let der = STANDARD.decode(der).unwrap();
    let key = signature::ParsedPublicKey::new(algorithm, &der).unwrap();
    Box::new(move || key.verify_sig(black_box(signed.as_bytes()), &raw).unwrap())
}

/// What becomes of `token`, asked often by a verifier that has seen a good one before. It
/// remembers no tokens if `is_new`.
pub fn verify(token: String, is_new: bool) -> Question {
    let keys = KeySet::from_json(key_set(&[Signer::primary()]).as_bytes()).unwrap();
    let mut verifier = Verifier::new(ISSUER, Keyring::fixed(keys));
    if is_new {
        verifier = verifier.with_token_cache(0);
    }
    let [(_, good), ..] = tokens();
    verifier.verify_finally(&good, NOW).unwrap();
    Box::new(move || drop(black_box(verifier.verify_finally(black_box(&token), NOW))))
}

/// A good token, and the same one with one fault each.
pub fn tokens() -> [(&'static str, String); 5] {
    let good = token().sign(Signer::primary());
    let expired = token().claim("exp", NOW.as_secs() - 10);
    let expired = expired.claim("iat", NOW.as_secs() - 70);
    let foreign = token().header("kid", Signer::other().kid());
    let (signed, _) = good.rsplit_once('.').unwrap();
    [
        ("new", good.clone()),
        ("expired", expired.sign(Signer::primary())),
        ("unknown-key", foreign.sign(Signer::other())),
        ("malformed", format!("{signed}!")),
        ("bad-signature", token().sign(Signer::other())),
    ]
}

/// The tokens of `count` users, each with a session of its own.
///
/// The key is parsed once for all of them, so that a million is a matter of minutes.
pub fn crowd(count: usize) -> Arc<[String]> {
    let pattern = token()
        .claim("sub", "user_2crowd")
        .claim("sid", "sess_2crowd");
    let pattern = pattern.sign(Signer::primary());
    let (header, rest) = pattern.split_once('.').unwrap();
    let (payload, _) = rest.split_once('.').unwrap();
    let payload = String::from_utf8(URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    let pem = PRIVATE.lines().skip_while(|line| !line.starts_with('-'));
    let der: String = pem.filter(|line| !line.starts_with('-')).collect();
    let key = RsaKeyPair::from_der(&STANDARD.decode(der).unwrap()).unwrap();
    let random = SystemRandom::new();
    let signed = |n: usize| {
        let payload = payload.replace("2crowd", &format!("2crowd{n:021}"));
        let message = format!("{header}.{}", URL_SAFE_NO_PAD.encode(payload));
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(
            &RSA_PKCS1_SHA256,
            &random,
            message.as_bytes(),
            &mut signature,
        )
        .unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    };
    thread::scope(|scope| {
        let half = |range: Range<usize>| scope.spawn(|| range.map(signed).collect());
        let halves: [_; 2] = [half(0..count / 2), half(count / 2..count)];
        let halves: [Vec<String>; 2] = halves.map(|half| half.join().unwrap());
        halves.concat().into()
    })
}

/// A verifier that remembers all of `tokens`.
pub fn remembering(tokens: &[String]) -> Verifier {
    let keys = KeySet::from_json(key_set(&[Signer::primary()]).as_bytes()).unwrap();
    let verifier = Verifier::new(ISSUER, Keyring::fixed(keys)).with_token_cache(2 * tokens.len());
    for token in tokens {
        verifier.verify_finally(token, NOW).unwrap();
    }
    verifier
}

/// One of `tokens` after the other, all of them remembered.
pub fn live(tokens: &Arc<[String]>) -> Question {
    let (tokens, verifier) = (Arc::clone(tokens), remembering(tokens));
    let mut next = 0;
    Box::new(move || {
        next = (next + STRIDE) % tokens.len();
        drop(black_box(verifier.verify_finally(&tokens[next], NOW)));
    })
}

/// The same without a verifier: every byte of the token is read. It starts elsewhere, so that it
/// does not find in the processor's cache what the other has just left there.
pub fn touch(tokens: &Arc<[String]>) -> Question {
    let tokens = Arc::clone(tokens);
    let mut next = tokens.len() / 2;
    Box::new(move || {
        next = (next + STRIDE) % tokens.len();
        let bytes = black_box(&tokens[next]).bytes().map(u64::from);
        black_box(bytes.sum::<u64>());
    })
}

/// Whole decisions about the sessions of `tokens` in turn, where as many others are revoked, and
/// with them a user and a membership; or where nothing is ever revoked.
pub fn revoked(tokens: &Arc<[String]>, sessions: Option<u32>) -> Question {
    let tokens = Arc::clone(tokens);
    let mut gate = application();
    if let Some(sessions) = sessions {
        let revocations = Revocations::local();
        pollster::block_on(async {
            for n in 0..sessions {
                revocations
                    .revoke_session(&format!("sess_{n}"))
                    .await
                    .unwrap();
            }
            revocations.revoke_user("user_revoked").await.unwrap();
            let membership = revocations.revoke_membership("user_revoked", "org_1");
            membership.await.unwrap();
        });
        gate = gate.with_revocations(Arc::new(revocations));
    }
    let gate = gate.build().unwrap();
    let mut next = 0;
    Box::new(move || {
        next = (next + 1) % tokens.len();
        let mut view = RequestView::new("GET", black_box("/me"), None).with_tls(true);
        view.header("cookie", tokens[next].as_bytes());
        let decision = gate.decide(&view);
        assert!(matches!(decision, Decision::Proceed(_)));
    })
}

/// A remembered token, asked about while another thread asks all the time: about the same one, or
/// about another.
pub fn beside(same: bool) -> Question {
    let keys = KeySet::from_json(key_set(&[Signer::primary()]).as_bytes()).unwrap();
    let verifier = Verifier::new(ISSUER, Keyring::fixed(keys));
    let [own, other] = ["user_2own", "user_2other"].map(|user| {
        let token = token().claim("sub", user).sign(Signer::primary());
        verifier.verify_finally(&token, NOW).unwrap();
        token
    });
    let (alive, watched) = (Arc::new(()), verifier.clone());
    let token = if same { own.clone() } else { other };
    let owner = Arc::downgrade(&alive);
    thread::spawn(move || {
        while owner.strong_count() > 0 {
            for _ in 0..1_000 {
                drop(black_box(watched.verify_finally(black_box(&token), NOW)));
            }
        }
    });
    Box::new(move || {
        let _alive = &alive;
        drop(black_box(verifier.verify_finally(black_box(&own), NOW)));
    })
}

/// Prime to all counts: what follows does not lie next to it in memory.
const STRIDE: usize = 7919;

/// A whole decision: view, path, policy, credential, token, origin; no audit sink.
pub fn decide(gate: Gate, path: &'static str, credential: Option<Credential>) -> Question {
    Box::new(move || {
        drop(black_box(
            gate.decide(&request(black_box(path), credential.as_ref())),
        ));
    })
}

/// `count` rules for static routes, and a path for each: one in four has a parameter, one in four a
/// rest.
pub fn rules(count: usize) -> (PolicyBuilder, Vec<String>) {
    let mut paths = Vec::new();
    let mut policy = Policy::builder();
    for n in 0..count {
        let mut path = format!("/api/v1/resource-{n}");
        let pattern = match n % 4 {
            0 => format!("{path}/{{id}}"),
            1 => format!("{path}/items/{{*rest}}"),
            _ => path.clone(),
        };
        match n % 4 {
            0 => path += "/42",
            1 => write!(path, "/items/{n}/x").unwrap(),
            _ => {}
        }
        policy = policy.assets(pattern);
        paths.push(path);
    }
    (policy, paths)
}

/// The making of a policy of `count` rules, which have been written down before.
pub fn build(count: usize) -> Question {
    let mut ready: Vec<_> = (0..101).map(|_| rules(count).0).collect();
    Box::new(move || drop(black_box(ready.pop().unwrap().build().unwrap())))
}

/// Decisions about `count` static routes, one after the other.
pub fn routes(count: usize) -> Question {
    let (policy, paths) = rules(count);
    let gate = gate(policy.build().unwrap()).without_pages();
    let gate = gate.with_clock(Arc::new(FixedClock::new(NOW)));
    let gate = gate.build().unwrap();
    let mut next = 0;
    Box::new(move || {
        next = (next + STRIDE) % count;
        let view = RequestView::new("GET", black_box(&paths[next]), None).with_tls(true);
        let decision = gate.decide(&view);
        assert!(matches!(decision, Decision::Proceed(_)));
    })
}

/// The keyed hash over a body of `size` bytes, its key ready.
pub fn hmac(size: usize) -> Question {
    let secret = WEBHOOK_SECRET.trim_start_matches("whsec_");
    let key = hmac::Key::new(hmac::HMAC_SHA256, &STANDARD.decode(secret).unwrap());
    let body = vec![b'x'; size];
    Box::new(move || {
        black_box(hmac::sign(&key, black_box(&body)));
    })
}

/// The verification of a delivery with a body of `size` bytes.
pub fn delivery(size: usize) -> Question {
    let verifier = SignatureVerifier::new(&[Secret::new(WEBHOOK_SECRET)]).unwrap();
    let body = Bytes::from(vec![b'x'; size]);
    let lines = sign_delivery(WEBHOOK_SECRET, "msg_bench", NOW, &body);
    let mut view = RequestView::new("POST", "/", None);
    for (name, value) in &lines {
        view.header(name, value.as_bytes());
    }
    let mut signed = Some(Signed::read(&view).unwrap());
    Box::new(move || {
        // What a delivery is told again is a copy; its texts are short.
        let again = signed.clone().unwrap();
        let signed = signed.replace(again).unwrap();
        drop(black_box(
            verifier.verify(signed, body.clone(), NOW).unwrap(),
        ));
    })
}

const PRIVATE: &str = include_str!("../../../crates/testkit/keys/test-only-primary.private.pem");
