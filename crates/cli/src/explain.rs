//! `clerk-gate explain`: which rule decides, and what the gate would do.

use std::error::Error;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use clap::{Args, ValueEnum};
use clerk_gate_core::{
    Decision, Event, Explanation, Gate, JsonLines, Policy, Reason, RequestView, Sink,
};
use clerk_gate_jwks::Keys;
use serde_json::{Value, json};

use crate::output::{bad, good, plain};
use crate::trust::Trust;
use crate::{Outcome, WRONG, input, output};

/// Tells which rule of a policy decides about a request, and why
///
/// With a session token on standard input, it also asks the gate what it would do, and names the
/// exact reason. The token is sent nowhere.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The method, in upper case
    method: String,
    /// The path as it is sent, still percent-encoded; a query takes no part
    path: String,
    /// The policy, in TOML
    #[arg(long, value_name = "FILE", default_value = "policy.toml")]
    policy: PathBuf,
    /// Where the token comes from; left out, standard input is read unless it is a terminal
    #[arg(long)]
    token: Option<Source>,
    #[command(flatten)]
    trust: Trust,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Source {
    /// Standard input
    #[value(name = "-")]
    Input,
    /// None: only the rule is explained
    None,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let policy = read(&arguments.policy)?;
    let token = match arguments.token {
        Some(Source::None) => None,
        None if input::is_terminal() => None,
        Some(Source::Input) => Some(input::token()?),
        None => Some(input::token()?).filter(|token| !token.is_empty()),
    };
    let (method, path) = (&*arguments.method, &*arguments.path);
    match token {
        None => {
            // Whom it trusts makes no difference to the rule.
            let sink = Arc::new(JsonLines::new(io::sink()));
            let gate = clerk_gate_testkit::gate(policy).with_audit(sink).build()?;
            let explanation = gate.explain(method, path);
            print(arguments, &explanation, None);
            Ok(match explanation.access() {
                Some(_) => ExitCode::SUCCESS,
                None => ExitCode::from(WRONG),
            })
        }
        Some(token) => {
            let settings = arguments.trust.settings()?;
            let keys = arguments.trust.keys(&settings)?;
            let events = Arc::new(Last::default());
            let gate = Gate::builder(&settings, keys.keyring(), policy)
                .with_audit(Arc::clone(&events) as Arc<dyn Sink>)
                .without_pages()
                .build()?;
            let verdict = ask(&gate, &events, method, path, &token)?;
            print(arguments, &gate.explain(method, path), Some(&verdict));
            verdict.code(&keys)
        }
    }
}

fn read(path: &Path) -> Result<Policy, Box<dyn Error>> {
    let name = path.display();
    let text = fs::read_to_string(path)
        .map_err(|error| format!("{name}: {error}; name the policy with --policy"))?;
    Policy::from_toml(&text).map_err(|errors| format!("{name}: {errors}").into())
}

/// What the gate decides about a request with a token.
struct Verdict {
    /// The status of the reply; `None` where the application is called.
    status: Option<u16>,
    reason: Option<Reason>,
    event: Value,
}

impl Verdict {
    /// A gate without keys has not judged the token.
    fn code(&self, keys: &Keys) -> Outcome {
        match (self.reason, self.status) {
            (Some(Reason::KeysUnavailable), _) => {
                if let Some(error) = keys.status().last_error {
                    output::complain(&*error);
                }
                Ok(ExitCode::from(2))
            }
            (_, Some(_)) => Ok(ExitCode::from(WRONG)),
            (_, None) => Ok(ExitCode::SUCCESS),
        }
    }
}

/// Asks the gate, with the token as a bearer token, over HTTPS.
fn ask(
    gate: &Gate,
    events: &Last,
    method: &str,
    path: &str,
    token: &str,
) -> Result<Verdict, Box<dyn Error>> {
    let (path, query) = match path.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (path, None),
    };
    let credential = format!("Bearer {token}");
    let mut request = RequestView::new(method, path, query).with_tls(true);
    request.header("authorization", credential.as_bytes());
    let mut decision = gate.decide(&request);
    while let Decision::Await(wait) = decision {
        let waited = pollster::block_on(wait);
        decision = gate.resume(&request, waited);
    }
    let status = match decision {
        Decision::Proceed(_) => None,
        Decision::Respond(reply) => Some(reply.status()),
        other => return Err(format!("the gate waits for more than keys: {other:?}").into()),
    };
    let (reason, event) = events.take().ok_or("the gate has recorded no event")?;
    let event = serde_json::from_str(&event)?;
    Ok(Verdict {
        status,
        reason,
        event,
    })
}

fn print(arguments: &Arguments, explanation: &Explanation<'_>, verdict: Option<&Verdict>) {
    if arguments.json {
        let decision = verdict.map(|verdict| {
            json!({
                "proceeds": verdict.status.is_none(),
                "status": verdict.status,
                "reason": verdict.reason.map(Reason::code),
                "event": verdict.event,
            })
        });
        let rule = explanation.rule();
        let mut whole = json!({
            "method": arguments.method,
            "path": arguments.path,
            "rule": rule.map(|rule| rule.pattern()),
            "access": explanation.access().map(ToString::to_string),
            "sensitive": rule.is_some_and(|rule| rule.is_sensitive()),
            "explanation": explanation.to_string(),
        });
        if let Some(decision) = decision {
            whole["decision"] = decision;
        }
        anstream::println!("{whole:#}");
        return;
    }
    anstream::println!("{}", plain(&explanation.to_string()));
    let Some(verdict) = verdict else { return };
    let user = verdict.event["user"].as_str();
    let who = user.map_or_else(|| "nobody".to_owned(), plain);
    let reason = verdict.reason.map_or("", Reason::code);
    match verdict.status {
        Some(status) => {
            anstream::println!("{} with {status}: {reason}", bad("refused"));
        }
        None if reason.is_empty() => anstream::println!("{} as {who}", good("proceeds")),
        // A bad token is no worse than none where none is needed.
        None => anstream::println!("{} as {who}: {reason}", good("proceeds")),
    }
}

/// A sink that keeps the last event: only there the exact reason stands.
#[derive(Debug, Default)]
struct Last(Mutex<Option<(Option<Reason>, String)>>);

impl Last {
    fn take(&self) -> Option<(Option<Reason>, String)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Sink for Last {
    fn record(&self, event: &Event<'_>) -> io::Result<()> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *last = Some((event.reason, event.to_json()));
        Ok(())
    }
}

const EXAMPLES: &str = "\
Examples:
  clerk-gate explain GET /admin
  clerk-gate explain POST /api/billing --policy deploy/policy.toml --json
  clerk-gate explain GET /admin < token.txt
  clerk-gate token mint --role admin | clerk-gate explain GET /admin --test-keys

Ends with 1 where the request would be refused.";
