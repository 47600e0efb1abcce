//! How many instructions a decision takes: a figure that no busy machine disturbs.
//!
//! `cargo xtask instructions` runs this under callgrind, one question at a time, and compares.
//! Alone it lists the questions.

use std::env;

use clerk_gate_bench::questions::{
    Credential, Question, application, bearer, build, cookie, decide, delivery, hmac, routes, rsa,
    token, tokens, verify,
};
use clerk_gate_testkit::Token;

fn main() {
    let wanted = env::args()
        .skip(1)
        .find(|argument| !argument.starts_with("--"));
    for (name, make) in questions() {
        match &wanted {
            Some(wanted) if *wanted == name => {
                let mut question = make();
                // What is set up by the first is not what is asked.
                question();
                measured(&mut question);
                return;
            }
            Some(_) => {}
            None => println!("{name}"),
        }
    }
    assert_eq!(wanted, None, "nobody knows this question");
}

/// Callgrind counts what happens in here.
#[inline(never)]
fn measured(question: &mut Question) {
    for _ in 0..100 {
        question();
    }
}

fn questions() -> Vec<(String, Box<dyn Fn() -> Question>)> {
    let mut all: Vec<(String, Box<dyn Fn() -> Question>)> = vec![
        ("rsa".to_owned(), Box::new(rsa)),
        ("hmac-1k".to_owned(), Box::new(|| hmac(1024))),
        ("webhook-1k".to_owned(), Box::new(|| delivery(1024))),
    ];
    for (name, token) in tokens() {
        let make = move || verify(token.clone(), true);
        all.push((format!("verify-{name}"), Box::new(make)));
    }
    let (_, good) = tokens()[0].clone();
    let again = move || verify(good.clone(), false);
    all.push(("verify-again".to_owned(), Box::new(again)));
    let carried: [(_, _, Option<Carry>); 5] = [
        ("static", "/assets/app.css", Some(cookie)),
        ("anonymous", "/", None),
        ("refused", "/me", None),
        ("session", "/me", Some(cookie)),
        ("bearer", "/me", Some(bearer)),
    ];
    for (name, path, carry) in carried {
        let make = move || {
            let gate = application().build().unwrap();
            decide(gate, path, carry.map(|carry| carry(&token())))
        };
        all.push((format!("decide-{name}"), Box::new(make)));
    }
    for count in [10, 1_000, 10_000] {
        all.push((format!("routes-{count}"), Box::new(move || routes(count))));
    }
    all.push(("build-1000".to_owned(), Box::new(|| build(1_000))));
    all
}

/// How a request carries a token.
type Carry = fn(&Token) -> Credential;
