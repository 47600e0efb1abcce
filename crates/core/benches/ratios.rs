//! What this crate adds to what it cannot do without, as ratios, next to their goals.
//!
//! `cargo bench -p clerk-gate-core --bench ratios`. On a shared machine the time of one and the
//! same operation drifts by half; so each question takes turns with its reference, a fifth of a
//! millisecond each, and the ratio of every turn is taken. Shown are the median and the quartiles of
//! 1001 turns.

mod support;

use std::time::{Duration, Instant};

use self::support::{
    Question, application, beside, cookie, decide, delivery, hmac, live, routes, rsa, rules, token,
    tokens, touch, verify,
};

fn main() {
    println!(
        "| {:<32} | {:>10} | {:>7} | {:>15} | {:>8} | {:<10} |",
        "question", "ns", "ratio", "quartiles", "goal", "to"
    );
    for (name, goal) in [
        ("new", 1.10),
        ("bad-signature", 1.10),
        ("expired", 0.12),
        ("unknown-key", 0.12),
        ("malformed", 0.12),
    ] {
        let mut all = tokens().into_iter();
        let (_, token) = all.find(|(own, _)| *own == name).unwrap();
        let mut question = verify(token, true);
        compare(&format!("verify, {name}"), goal, &mut question, RSA);
    }
    let [(_, good), ..] = tokens();
    compare("verify, again", 0.010, &mut verify(good, false), RSA);
    for (name, own) in [("another", false), ("the same", true)] {
        let name = format!("again, while a thread asks {name}");
        compare(&name, 0.010, &mut beside(own), RSA);
    }
    let mut session = decide(
        application().build().unwrap(),
        "/me",
        Some(cookie(&token())),
    );
    compare("decide, session again", 0.03, &mut session, RSA);
    let mut anonymous = decide(application().build().unwrap(), "/", None);
    compare("decide, no credential", 0.03, &mut anonymous, RSA);

    let (mut asked, mut touched) = (live(LIVE), touch(LIVE));
    let floor = compare("verify, again, 100,000 live", 0.10, &mut asked, RSA);
    let touched = compare("the same, bytes touched only", 1.0, &mut touched, RSA);
    println!("  {:.0} ns above touching; goal 500", floor - touched);

    for count in [10, 100, 1_000, 10_000] {
        let name = format!("decide, {count} routes");
        compare(&name, 2.0, &mut routes(count), ("10 routes", || routes(10)));
    }
    let built = (0..9).map(|_| {
        let (rules, _) = rules(10_000);
        let started = Instant::now();
        let _policy = rules.build().unwrap();
        started.elapsed().as_secs_f64() * 1e3
    });
    let best = built.fold(f64::INFINITY, f64::min);
    println!("  {best:.1} ms to build 10,000 rules, at best of nine; goal 20");

    let reference: Reference = ("hmac", || hmac(1024));
    compare("delivery, 1 KiB", 1.30, &mut delivery(1024), reference);
    let reference: Reference = ("hmac", || hmac(64 * 1024));
    compare(
        "delivery, 64 KiB",
        1.02,
        &mut delivery(64 * 1024),
        reference,
    );
}

/// What a question is compared with.
type Reference = (&'static str, fn() -> Question);

/// Prints how many times the reference `question` takes, and returns its nanoseconds.
fn compare(name: &str, goal: f64, question: &mut Question, (to, reference): Reference) -> f64 {
    let mut reference = reference();
    let (many, references) = (batch(question), batch(&mut reference));
    let (mut times, mut ratios) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        let own = time(question, many);
        ratios.push(own / time(&mut reference, references));
        times.push(own);
    }
    times.sort_by(f64::total_cmp);
    ratios.sort_by(f64::total_cmp);
    let [low, median, high] = [1, 2, 3].map(|quarter| ratios[TURNS * quarter / 4]);
    let nanoseconds = times[TURNS / 2] * 1e9;
    println!(
        "| {name:<32} | {nanoseconds:>10.1} | {median:>7.4} | {low:>6.4} – {high:>6.4} | {goal:>8} | {to:<10} |"
    );
    nanoseconds
}

/// How often `question` can be asked in a turn.
fn batch(question: &mut Question) -> u32 {
    let mut many = 1;
    while time(question, many) * f64::from(many) < TURN.as_secs_f64() {
        many *= 2;
    }
    many
}

/// The seconds that `question` takes, asked `many` times.
fn time(question: &mut Question, many: u32) -> f64 {
    let started = Instant::now();
    for _ in 0..many {
        question();
    }
    started.elapsed().as_secs_f64() / f64::from(many)
}

const RSA: Reference = ("RSA", rsa);

const TURNS: usize = 1001;

const TURN: Duration = Duration::from_micros(200);

const LIVE: usize = 100_000;
