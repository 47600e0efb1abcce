//! Servers under load: what the gate costs a request beside none, by hand, and clerk-rs.
//!
//! `http [--rounds N] [--milliseconds N] [FRAMEWORK…]`, beside the programs `server` and `load`,
//! which it starts. The servers of a framework run all at once on one core; the load generator, on
//! the other, visits one after the other, again and again. Figures compare visits of the same
//! round, because the machine's own speed drifts.

mod load;
mod server;

use std::env;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use clerk_gate_bench::Figure;

use self::load::{Answered, Credentials, Load};
use self::server::Server;

fn main() -> Result<()> {
    let (mut rounds, mut milliseconds, mut frameworks) = (31, 300, Vec::new());
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || {
            let text = arguments.next().unwrap_or_default();
            let number = text
                .parse()
                .ok()
                .filter(|number| (1..=10_000).contains(number));
            number.with_context(|| format!("{argument} takes 1 to 10000, not {text:?}"))
        };
        match &*argument {
            "--rounds" => rounds = number()?,
            "--milliseconds" => milliseconds = number()?,
            "axum" | "actix" | "rocket" => frameworks.push(argument),
            _ => bail!("write: http [--rounds N] [--milliseconds N] [axum] [actix] [rocket]"),
        }
    }
    if frameworks.is_empty() {
        frameworks = ["axum", "actix", "rocket"].map(str::to_owned).to_vec();
    }
    let load = Load::new(milliseconds)?;
    for framework in &frameworks {
        figures(framework, &measure(framework, &load, rounds)?)?;
    }
    Ok(())
}

/// A program that is built together with this one.
fn program(name: &str) -> Result<PathBuf> {
    let program = env::current_exe()?.with_file_name(name);
    let path = program.display();
    ensure!(
        program.is_file(),
        "{path}: is not there; run cargo build --release in tests/peers"
    );
    Ok(program)
}

/// One way to ask one server.
struct Way {
    name: &'static str,
    server: &'static str,
    connections: u32,
    credentials: Credentials,
}

const fn way(name: &'static str, server: &'static str, connections: u32) -> Way {
    let credentials = Credentials::Tokens;
    Way {
        name,
        server,
        connections,
        credentials,
    }
}

/// What follows each other closely is compared.
const WAYS: [Way; 9] = [
    way("bare", "bare", MANY),
    way("gated", "gated", MANY),
    Way {
        name: "refused",
        server: "gated",
        connections: MANY,
        credentials: Credentials::None,
    },
    way("headers", "headers", MANY),
    way("rsa", "rsa", MANY),
    way("cold", "cold", MANY),
    way("clerk-rs", "clerk-rs", MANY),
    way("bare, alone", "bare", 1),
    way("gated, alone", "gated", 1),
];

/// Enough that the server never waits.
const MANY: u32 = 32;

/// One visit.
#[derive(Clone, Copy, Debug)]
struct Visit {
    answered: Answered,
    /// The server's time for one request, in microseconds.
    busy: f64,
}

/// What came of each way, one after the other, in each round.
type Rounds = Vec<[Visit; WAYS.len()]>;

fn measure(framework: &str, load: &Load, rounds: u32) -> Result<Rounds> {
    let kinds = ["bare", "gated", "headers", "cold", "rsa", "clerk-rs"];
    let servers = kinds.map(|kind| Ok((kind, Server::start(framework, kind)?)));
    let servers = servers.into_iter().collect::<Result<Vec<_>>>()?;
    let visit = |way: &Way| {
        let server = servers.iter().find(|(kind, _)| *kind == way.server);
        let (_, server) = server.context("every way has a server")?;
        let before = server.seconds()?;
        let answered = load.ask(server.port, way.connections, way.credentials);
        let answered = answered.with_context(|| format!("{framework}, {}", way.name))?;
        let busy = (server.seconds()? - before) / answered.requests * 1e6;
        Ok(Visit { answered, busy })
    };
    let round = || {
        let visits = WAYS.iter().map(visit).collect::<Result<Vec<_>>>()?;
        visits.try_into().ok().context("one visit for each way")
    };
    // The first round fills caches and is forgotten.
    let _: [Visit; WAYS.len()] = round()?;
    let mut all = Vec::new();
    for number in 1..=rounds {
        eprintln!("{framework}: round {number} of {rounds}");
        all.push(round()?);
    }
    Ok(all)
}

fn figures(framework: &str, rounds: &Rounds) -> Result<()> {
    let of = |name: &str, measure: fn(&Visit) -> f64| {
        let place = WAYS.iter().position(|way| way.name == name);
        let place = place.unwrap_or_else(|| unreachable!("no way {name}"));
        rounds
            .iter()
            .map(move |round| measure(&round[place]))
            .collect::<Vec<_>>()
    };
    let ratio = |group: &str, what: &str, (own, to), measure| {
        let (own, to) = (of(own, measure), of(to, measure));
        let ratios = own.iter().zip(to).map(|(own, to)| own / to).collect();
        Figure::new(&format!("http {framework}, {group}"), what, ratios)
    };

    let (hits, bare) = (("gated", "bare"), "gated ÷ bare");
    let figure = ratio("hits", &format!("{bare}, requests/s"), hits, PER_SECOND);
    figure.at_least(0.95).print();
    let figure = ratio("hits", &format!("{bare}, CPU"), hits, BUSY);
    figure.at_most(1.15).print();
    let (by_hand, what) = (("gated", "headers"), "gated ÷ header lines by hand");
    ratio("hits", &format!("{what}, requests/s"), by_hand, PER_SECOND).print();
    ratio("hits", &format!("{what}, CPU"), by_hand, BUSY).print();
    let what = "gated ÷ clerk-rs, requests/s";
    ratio("hits", what, ("gated", "clerk-rs"), PER_SECOND).print();

    let what = "no credential ÷ bare, requests/s";
    let figure = ratio("refused", what, ("refused", "bare"), PER_SECOND);
    figure.at_least(1.0).print();
    let what = "no credential ÷ bare, CPU";
    ratio("refused", what, ("refused", "bare"), BUSY).print();

    let what = "new tokens ÷ bare with one raw RSA, requests/s";
    let figure = ratio("new tokens", what, ("cold", "rsa"), PER_SECOND);
    figure.at_least(0.9).print();
    let what = "new tokens ÷ bare with one raw RSA, CPU";
    ratio("new tokens", what, ("cold", "rsa"), BUSY).print();
    let what = "new tokens ÷ clerk-rs, requests/s";
    let figure = ratio("new tokens", what, ("cold", "clerk-rs"), PER_SECOND);
    figure.at_least(1.3).print();
    let what = "new tokens ÷ clerk-rs, CPU";
    ratio("new tokens", what, ("cold", "clerk-rs"), BUSY).print();
    let what = "clerk-rs ÷ bare, requests/s";
    ratio("new tokens", what, ("clerk-rs", "bare"), PER_SECOND).print();

    let (own, to) = (of("gated, alone", P50), of("bare, alone", P50));
    let beyond = own.iter().zip(to).map(|(own, to)| own - to).collect();
    let group = format!("http {framework}, one connection");
    let figure = Figure::new(&group, "p50, gated − bare", beyond);
    figure.unit("µs").at_most(5.0).print();

    for way in &WAYS {
        let group = format!("http {framework}, CPU of the server for a request");
        Figure::new(&group, way.name, of(way.name, BUSY))
            .unit("µs")
            .print();
    }

    let median = |name| {
        let mut all = of(name, BUSY);
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    };
    let (bare, cold, rsa) = (median("bare"), median("cold"), median("rsa"));
    ensure!(
        cold - bare > (rsa - bare) / 2.0,
        "{framework}: the cold server takes {cold:.1} µs for a request, too little for a signature; \
        it must have remembered tokens"
    );
    Ok(())
}

const PER_SECOND: fn(&Visit) -> f64 = |visit| visit.answered.per_second;

const BUSY: fn(&Visit) -> f64 = |visit| visit.busy;

const P50: fn(&Visit) -> f64 = |visit| visit.answered.p50;
