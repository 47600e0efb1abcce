//! What becomes of a decision as rules, sessions and revocations grow, and what they take of memory.
//!
//! `cargo run --release -p clerk-gate-bench --bin growth`. Signing the tokens of a million sessions
//! takes some minutes; `growth 100000` ends with that many.

use std::env;
use std::fs;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use clerk_gate_bench::questions::{crowd, live, remembering, revoked, routes, rules, touch};
use clerk_gate_bench::{Figure, compare};

fn main() -> Result<()> {
    let most = env::args().nth(1);
    let most = most.map_or(Ok(1_000_000), |most| most.parse());
    let most: usize = most.context("want at most one argument, the largest number of sessions")?;

    memory()?;
    rules_grow();
    revocations_grow();
    sessions_grow(most);
    Ok(())
}

/// In the first place, as what others leave behind would be counted, too.
fn memory() -> Result<()> {
    let tokens = crowd(SESSIONS);
    let before = resident()?;
    let verifier = remembering(&tokens);
    let grown = resident()? - before;
    drop(verifier);
    let what = "100,000 remembered sessions";
    let figure = Figure::new("memory", what, vec![grown / 1e6]);
    figure.unit("MB").print();
    let what = "a remembered session ÷ its token";
    let length: usize = tokens.iter().map(String::len).sum();
    let length = length.to_string().parse::<f64>()?;
    Figure::new("memory", what, vec![grown / length]).print();
    Ok(())
}

/// The bytes of this process that are in memory.
fn resident() -> Result<f64> {
    let status = fs::read_to_string("/proc/self/status").context("/proc: needs Linux")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let kilobytes: f64 = kilobytes.context("VmRSS")?.trim().parse()?;
    Ok(kilobytes * 1024.0)
}

fn rules_grow() {
    let goals = [(10, 100.0), (100, 100.0), (1_000, 100.0), (10_000, 1_000.0)];
    for (count, goal) in goals {
        let turns = compare(&mut routes(count), &mut routes(1));
        let beyond = turns.beyond("rules", "whole decision − one of a single rule");
        beyond.at(count as u64).at_most(goal).print();
    }
    let built = (0..9).map(|_| {
        let (rules, _) = rules(10_000);
        let started = Instant::now();
        let _policy = rules.build().unwrap();
        started.elapsed().as_secs_f64() * 1e3
    });
    let built = Figure::new("rules", "built", built.collect()).at(10_000);
    built.unit("ms").at_most(20.0).print();
}

fn revocations_grow() {
    let tokens = crowd(std::env::var("SOME").map_or(SOME, |s| s.parse().unwrap()));
    let cookie = |token| format!("__client_uat=1; __session={token}");
    let cookies: Arc<[String]> = tokens.iter().map(cookie).collect();
    for count in [1, 1_000, 1_000_000] {
        let (some, none) = (Some(count), None);
        let turns = compare(&mut revoked(&cookies, some), &mut revoked(&cookies, none));
        let ratio = turns.ratio("revocations", "whole decision ÷ one without a list");
        ratio.at(count.into()).at_most(1.1).print();
    }
}

fn sessions_grow(most: usize) {
    for count in [1, 100, 10_000, SESSIONS, 1_000_000] {
        if count > most {
            continue;
        }
        eprintln!("signing {count} tokens");
        let tokens = crowd(count);
        let turns = compare(&mut live(&tokens), &mut touch(&tokens));
        let what = "remembered token − reading its bytes";
        let beyond = turns.beyond("sessions", what).at(count as u64);
        match count {
            SESSIONS => beyond.at_most(500.0).print(),
            _ => beyond.print(),
        }
    }
}

const SESSIONS: usize = 100_000;

/// In turn. With a thousand, the processor's cache is what would be measured.
const SOME: usize = 100;
