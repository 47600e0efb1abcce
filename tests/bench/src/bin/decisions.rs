//! What verifications and decisions take, next to the cryptography that they cannot do without.
//!
//! `cargo run --release -p clerk-gate-bench --bin decisions`.

use clerk_gate_bench::compare;
use clerk_gate_bench::questions::{
    Question, application, beside, cookie, decide, delivery, hmac, rsa, token, tokens, verify,
};

fn main() {
    for (name, what, goal) in [
        ("new", "token never seen before", 1.10),
        ("bad-signature", "bad signature", 1.10),
        ("expired", "expired", 0.12),
        ("unknown-key", "unknown key", 0.12),
        ("malformed", "malformed", 0.12),
    ] {
        let mut all = tokens().into_iter();
        let (_, token) = all.find(|(own, _)| *own == name).unwrap();
        let what = format!("{what} ÷ raw RSA");
        against_rsa("verification", &what, goal, verify(token, true));
    }
    let [(_, good), ..] = tokens();
    let again = "remembered token ÷ raw RSA";
    against_rsa("verification", again, 0.010, verify(good, false));
    for (name, is_same) in [("another", false), ("the same", true)] {
        let what = format!("remembered, while a thread asks for {name} ÷ raw RSA");
        against_rsa("verification", &what, 0.010, beside(is_same));
    }

    for (what, path, cookie) in [
        ("session, remembered token", "/me", Some(cookie(&token()))),
        ("public route, no credential", "/", None),
        ("refused, no credential", "/me", None),
    ] {
        let question = decide(application().build().unwrap(), path, cookie);
        against_rsa("decision", &format!("{what} ÷ raw RSA"), 0.03, question);
    }

    for (kib, goal) in [(1, 1.30), (64, 1.02)] {
        let turns = compare(&mut delivery(kib * 1024), &mut hmac(kib * 1024));
        let what = format!("clerk-gate, {kib} KiB ÷ raw HMAC");
        turns.ratio("webhook", what).at_most(goal).print();
    }
}

fn against_rsa(group: &str, what: &str, goal: f64, mut question: Question) {
    let turns = compare(&mut question, &mut rsa());
    turns.ratio(group, what).at_most(goal).print();
}
