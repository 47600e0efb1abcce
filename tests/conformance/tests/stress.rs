//! Many requests at once, good and hostile mixed: every answer is still the expected one.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use clerk_gate_conformance::case::Case;
use clerk_gate_conformance::shim::Shim;
use clerk_gate_conformance::wire::{Answer, Connection};
use clerk_gate_conformance::{Result, canonical, diff, profiles, template};
use clerk_gate_testkit::NOW;

#[test]
fn answers_do_not_depend_on_what_else_is_asked() {
    for (adapter, program) in SHIMS {
        let mut shim = Shim::start(program, PROFILE, NOW.as_secs()).unwrap();
        let exchanges = exchanges(adapter).unwrap();
        assert!(exchanges.len() > 10, "{adapter}");
        let (address, next) = (shim.address(), AtomicUsize::new(0));
        thread::scope(|scope| {
            let clients = (0..CONNECTIONS).map(|_| scope.spawn(|| ask(address, &exchanges, &next)));
            for client in clients.collect::<Vec<_>>() {
                client
                    .join()
                    .unwrap()
                    .unwrap_or_else(|error| panic!("{adapter}: {error}"));
            }
        });
        let mut wanted = HashMap::new();
        for index in 0..REQUESTS / SHIMS.len() {
            for event in &exchanges[index % exchanges.len()].events {
                *wanted.entry(event.clone()).or_insert(0) += 1;
            }
        }
        let mut written = HashMap::new();
        for line in shim.events().unwrap() {
            *written
                .entry(canonical::event(&line, NOW.as_secs()).unwrap())
                .or_insert(0) += 1;
        }
        assert_eq!(written, wanted, "{adapter}");
    }
}

/// One request, and what must follow.
struct Exchange {
    name: String,
    request: Vec<u8>,
    answer: Vec<String>,
    events: Vec<String>,
}

/// The exchanges of those cases that have one and need no connection of a special kind.
fn exchanges(adapter: &str) -> Result<Vec<Exchange>> {
    let baseline = profiles::baseline(PROFILE)?;
    let mut exchanges = Vec::new();
    for case in Case::load_all(Path::new("cases"))? {
        let [exchange] = &case.exchanges[..] else {
            continue;
        };
        if case.profile == PROFILE && !case.socket_only && !exchange.half_close {
            let expected = exchange.expected_of(adapter);
            exchanges.push(Exchange {
                request: template::request(&exchange.request)?,
                answer: canonical::expected(&expected.answer, &baseline),
                events: expected.events.clone(),
                name: case.name,
            });
        }
    }
    Ok(exchanges)
}

/// Takes the next exchange until there are none, all over one connection as long as it lasts.
fn ask(address: SocketAddr, exchanges: &[Exchange], next: &AtomicUsize) -> Result<()> {
    let mut connection = None;
    loop {
        let index = next.fetch_add(1, Ordering::Relaxed);
        if index >= REQUESTS / SHIMS.len() {
            return Ok(());
        }
        let exchange = &exchanges[index % exchanges.len()];
        let answer = answer(&mut connection, address, &exchange.request)?;
        let got = answer
            .as_ref()
            .map_or_else(|| vec!["closed".to_owned()], canonical::answer);
        if got != exchange.answer {
            let difference = diff::lines(&exchange.answer, &got);
            return Err(format!("{}\n{difference}", exchange.name).into());
        }
    }
}

/// A server may close a connection after any answer; the client then opens another.
fn answer(
    connection: &mut Option<Connection>,
    address: SocketAddr,
    request: &[u8],
) -> Result<Option<Answer>> {
    let is_head = request.starts_with(b"HEAD ");
    if let Some(open) = connection {
        open.send(request)?;
        if let Some(answer) = open.receive(is_head)? {
            return Ok(Some(answer));
        }
    }
    let open = connection.insert(Connection::open(address)?);
    open.send(request)?;
    open.receive(is_head)
}

/// Most cases are about this one.
const PROFILE: &str = "session";

/// Over all adapters.
const REQUESTS: usize = 20_000;

const CONNECTIONS: usize = 32;

const SHIMS: [(&str, &str); 5] = [
    ("tower", env!("CARGO_BIN_EXE_shim-tower")),
    ("axum", env!("CARGO_BIN_EXE_shim-axum")),
    ("actix", env!("CARGO_BIN_EXE_shim-actix")),
    ("rocket", env!("CARGO_BIN_EXE_shim-rocket")),
    ("hyper", env!("CARGO_BIN_EXE_shim-hyper")),
];
