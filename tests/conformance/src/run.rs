//! Runs a case against an adapter and compares what happens with what is written.

use std::fmt;
use std::net::SocketAddr;

use crate::case::{Case, Exchange};
use crate::direct::Direct;
use crate::shim::Shim;
use crate::wire::{Answer, Connection};
use crate::{Result, canonical, diff, template};

/// What a case runs against.
#[derive(Debug)]
pub enum Target {
    /// The gate in this process, without a socket.
    Direct(Box<Direct>),
    /// A server started elsewhere; its audit events are not seen.
    Outside(SocketAddr),
    /// A server of our own.
    Shim(Shim),
}

/// What happened in one exchange, in canonical form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The lines of the answer.
    pub answer: Vec<String>,
    /// The audit events, or `None` where they cannot be seen.
    pub events: Option<Vec<String>>,
}

/// What kept a case from passing, for people: the rule, and the difference line by line.
#[derive(Debug)]
pub struct Failure(String);

impl Target {
    /// Plays the exchanges of `case` at the time `now` in seconds since the epoch.
    ///
    /// # Errors
    /// Anything that is not an answer and events: a template nobody knows, broken framing, a
    /// server that hangs or has more to say.
    pub fn play(&mut self, case: &Case, now: i64) -> Result<Vec<Outcome>> {
        let requests = case
            .exchanges
            .iter()
            .map(|exchange| template::request(&exchange.request));
        let requests: Vec<_> = requests.collect::<Result<_>>()?;
        // Whatever an earlier case has left behind is not this one's.
        self.events(now)?;
        if case.pipeline {
            return self.pipelined(case, &requests, now);
        }
        let mut connection = None;
        let mut outcomes = Vec::new();
        for (exchange, request) in case.exchanges.iter().zip(&requests) {
            let answer = match self.address() {
                Some(address) => exchanged(&mut connection, address, exchange, request)?,
                None => self.direct(request)?,
            };
            outcomes.push(Outcome {
                answer: shown(answer.as_ref()),
                events: self.events(now)?,
            });
        }
        connection.map_or(Ok(()), Connection::finish)?;
        Ok(outcomes)
    }

    /// All requests first. Events come in the order of the requests, so each exchange takes as
    /// many as it expects and the last one the rest.
    fn pipelined(&mut self, case: &Case, requests: &[Vec<u8>], now: i64) -> Result<Vec<Outcome>> {
        let answers = match self.address() {
            Some(address) => {
                let mut connection = Connection::open(address)?;
                connection.send(&requests.concat())?;
                let answers = requests
                    .iter()
                    .map(|request| connection.receive(is_head(request)));
                let answers = answers.collect::<Result<Vec<_>>>()?;
                connection.finish()?;
                answers
            }
            None => requests
                .iter()
                .map(|request| self.direct(request))
                .collect::<Result<_>>()?,
        };
        let mut events = self.events(now)?;
        let last = requests.len() - 1;
        let outcomes =
            case.exchanges
                .iter()
                .zip(answers)
                .enumerate()
                .map(|(index, (exchange, answer))| {
                    let taken = events.as_mut().map(|events| {
                        let wanted = exchange.expected.events.len();
                        let count = if index == last {
                            events.len()
                        } else {
                            wanted.min(events.len())
                        };
                        events.drain(..count).collect()
                    });
                    Outcome {
                        answer: shown(answer.as_ref()),
                        events: taken,
                    }
                });
        Ok(outcomes.collect())
    }

    fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Direct(_) => None,
            Self::Outside(address) => Some(*address),
            Self::Shim(shim) => Some(shim.address()),
        }
    }

    fn direct(&mut self, request: &[u8]) -> Result<Option<Answer>> {
        match self {
            Self::Direct(direct) => direct.answer(request),
            Self::Outside(_) | Self::Shim(_) => Err("adapter has a socket".into()),
        }
    }

    fn events(&mut self, now: i64) -> Result<Option<Vec<String>>> {
        let lines = match self {
            Self::Direct(direct) => direct.events(),
            Self::Outside(_) => return Ok(None),
            Self::Shim(shim) => shim.events()?,
        };
        let events = lines.iter().map(|line| canonical::event(line, now));
        Ok(Some(events.collect::<Result<_>>()?))
    }
}

/// Compares what happened with what `case` expects of `adapter`.
///
/// # Errors
/// The first exchange that differs.
pub fn compare(
    case: &Case,
    adapter: &str,
    outcomes: &[Outcome],
    baseline: &[String],
) -> std::result::Result<(), Failure> {
    for (exchange, outcome) in case.exchanges.iter().zip(outcomes) {
        let expected = exchange.expected_of(adapter);
        let events = outcome.events.as_ref().map(|_| expected.events.clone());
        let wanted = Outcome {
            answer: canonical::expected(&expected.answer, baseline),
            events,
        };
        if *outcome != wanted {
            // What is right about the security headers would only hide what is wrong.
            let short = |outcome: &Outcome| {
                Outcome {
                    answer: canonical::blessed(&outcome.answer, baseline),
                    ..outcome.clone()
                }
                .lines()
            };
            let difference = diff::lines(&short(&wanted), &short(outcome));
            let place = case.locate(exchange);
            let rule = &case.rule;
            return Err(Failure(format!(
                "{rule}\n--- {place}\n+++ {adapter}\n{difference}"
            )));
        }
    }
    Ok(())
}

impl Outcome {
    /// As in a case file.
    pub fn lines(&self) -> Vec<String> {
        let answer = self.answer.iter().map(|line| match line.as_str() {
            "" => "<".to_owned(),
            line => format!("< {line}"),
        });
        let events = self
            .events
            .iter()
            .flatten()
            .map(|event| format!("! {event}"));
        answer.chain(events).collect()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

/// One request and its answer over the connection of the case, opened where there is none.
fn exchanged(
    connection: &mut Option<Connection>,
    address: SocketAddr,
    exchange: &Exchange,
    request: &[u8],
) -> Result<Option<Answer>> {
    if exchange.new_connection
        && let Some(old) = connection.take()
    {
        old.finish()?;
    }
    let open = match connection {
        Some(open) => open,
        None => connection.insert(Connection::open(address)?),
    };
    open.send(request)?;
    if exchange.half_close {
        open.half_close()?;
    }
    open.receive(is_head(request))
}

fn shown(answer: Option<&Answer>) -> Vec<String> {
    answer.map_or_else(|| vec!["closed".to_owned()], canonical::answer)
}

fn is_head(request: &[u8]) -> bool {
    request.starts_with(b"HEAD ")
}
