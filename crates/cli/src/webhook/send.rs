//! `clerk-gate webhook send`: a delivery to an endpoint under development.

use std::error::Error;
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use clap::builder::PossibleValuesParser;
use clerk_gate_core::webhook::SignatureVerifier;
use clerk_gate_core::{Clock, SystemClock, UnixTime};
use clerk_gate_testkit::sign_delivery;
use serde_json::{Value, json};
use ureq::Agent;
use ureq::http::Uri;
use ureq::tls::TlsConfig;

use super::{samples, secrets};
use crate::output::{bad, good, plain};
use crate::{Outcome, WRONG, input};

/// Sends a delivery as Clerk does, and prints the reply
///
/// It is signed with the secret in CLERK_WEBHOOK_SIGNING_SECRET.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Where to: an address of this machine, such as `http://127.0.0.1:3000/api/webhooks`
    url: String,
    /// The type of a built-in sample
    #[arg(
        long,
        value_name = "TYPE",
        default_value = "user.created",
        value_parser = PossibleValuesParser::new(samples::kinds())
    )]
    event: String,
    /// Send this file instead of a sample; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "event")]
    body: Option<PathBuf>,
    /// The message id; a new one unless given
    #[arg(long)]
    id: Option<String>,
    /// Send it up to so many times, until the reply is 2xx; Clerk sends eight, over a day
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    attempts: u32,
    /// Send it once more afterwards, with the same id
    #[arg(long)]
    duplicate: bool,
    /// Send no signature; a refusal is then what should happen
    #[arg(long, conflicts_with_all = ["bad_signature", "duplicate"])]
    unsigned: bool,
    /// Sign with another secret; a refusal is then what should happen
    #[arg(long, conflicts_with = "duplicate")]
    bad_signature: bool,
    /// Sign it as of this moment, in Unix seconds
    #[arg(long, value_name = "TIME")]
    at: Option<i64>,
    /// Send it to an address that is not of this machine
    #[arg(long)]
    anywhere: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    check_address(arguments)?;
    let now = SystemClock.now().as_secs();
    let body = match &arguments.body {
        Some(path) if path == Path::new("-") => input::bytes()?,
        Some(path) => fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?,
        None => samples::body(&arguments.event, now)
            .ok_or("there is no such sample")?
            .into_bytes(),
    };
    let id = arguments.id.clone().unwrap_or_else(new_id);
    let lines = lines(
        arguments,
        &id,
        &body,
        UnixTime::from_secs(arguments.at.unwrap_or(now)),
    )?;

    let agent = agent();
    let mut replies = Vec::new();
    let mut remaining = arguments.attempts;
    while remaining > 0 {
        remaining -= 1;
        let reply = send(&agent, &arguments.url, &lines, &body)?;
        if reply.is_success() {
            remaining = 0;
        }
        replies.push(reply);
    }
    if arguments.duplicate {
        replies.push(send(&agent, &arguments.url, &lines, &body)?);
    }

    let accepted = replies.last().is_some_and(Reply::is_success);
    let wanted = !arguments.unsigned && !arguments.bad_signature;
    print(arguments, &id, &replies, accepted == wanted);
    Ok(if accepted == wanted {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(WRONG)
    })
}

/// A test delivery that reaches somebody else's server is an attack, or a leak.
fn check_address(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let url = &arguments.url;
    let uri: Option<Uri> = url.parse().ok();
    let parts = uri
        .as_ref()
        .and_then(|uri| Some((uri.scheme_str()?, uri.host()?)));
    let Some(("http" | "https", host)) = parts else {
        let form = "is no URL; write one like http://127.0.0.1:3000/api/webhooks";
        return Err(format!("{url:?}: {form}").into());
    };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let loopback = bare
        .parse::<IpAddr>()
        .is_ok_and(|address| address.is_loopback());
    if loopback || bare == "localhost" || arguments.anywhere {
        Ok(())
    } else {
        let remedy = "say --anywhere if that server is yours";
        Err(format!("{host:?}: is not this machine; {remedy}").into())
    }
}

/// The header lines of the delivery.
fn lines(
    arguments: &Arguments,
    id: &str,
    body: &[u8],
    at: UnixTime,
) -> Result<Vec<(&'static str, String)>, Box<dyn Error>> {
    let ascii = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_graphic());
    if !ascii {
        return Err(format!("--id {id:?}: is no message id; write one like msg_1").into());
    }
    if arguments.unsigned {
        let at = at.as_secs().to_string();
        return Ok(vec![("svix-id", id.to_owned()), ("svix-timestamp", at)]);
    }
    if arguments.bad_signature {
        // Made for this delivery, so that no application can have it.
        let secret = format!("whsec_{}", STANDARD.encode(random()));
        return Ok(sign_delivery(&secret, id, at, body).into());
    }
    let secrets = secrets()?;
    // The signer takes what the verifier takes, and says nothing of what is wrong.
    SignatureVerifier::new(&secrets)?;
    let secret = secrets.first().ok_or("there is no secret")?;
    Ok(sign_delivery(secret.expose(), id, at, body).into())
}

/// An id that no other run has.
fn new_id() -> String {
    format!("msg_test_{}", random())
}

/// Text that no other run has. It guards nothing.
fn random() -> String {
    let number = || RandomState::new().hash_one(());
    format!("{:016x}{:016x}", number(), number())
}

struct Reply {
    status: u16,
    body: Vec<u8>,
}

impl Reply {
    fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

fn send(
    agent: &Agent,
    url: &str,
    lines: &[(&'static str, String)],
    body: &[u8],
) -> Result<Reply, Box<dyn Error>> {
    let mut request = agent.post(url).header("content-type", "application/json");
    for (name, value) in lines {
        request = request.header(*name, value);
    }
    let mut response = request
        .send(body)
        .map_err(|error| format!("{url}: {error}"))?;
    let status = response.status().as_u16();
    let body = response.body_mut().with_config().limit(MAX_REPLY);
    Ok(Reply {
        status,
        body: body.read_to_vec()?,
    })
}

fn agent() -> Agent {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = TlsConfig::builder().unversioned_rustls_crypto_provider(provider);
    Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .timeout_global(Some(Duration::from_secs(30)))
        .tls_config(tls.build())
        .user_agent(concat!("clerk-gate/", env!("CARGO_PKG_VERSION")))
        .build()
        .new_agent()
}

fn print(arguments: &Arguments, id: &str, replies: &[Reply], as_wanted: bool) {
    if arguments.json {
        let replies = replies
            .iter()
            .map(|reply| json!({ "status": reply.status, "body": reply.text() }));
        let replies: Vec<Value> = replies.collect();
        let whole = json!({ "id": id, "ok": as_wanted, "replies": replies });
        anstream::println!("{whole:#}");
        return;
    }
    for (attempt, reply) in replies.iter().enumerate() {
        let last = attempt + 1 == replies.len();
        let status = match reply.status {
            status if last && as_wanted => good(status),
            status => bad(status),
        };
        let text = plain(reply.text().trim_end());
        anstream::println!("{} {id}: {status} {text}", attempt + 1);
    }
}

/// Clerk's sender does not read more of a reply either.
const MAX_REPLY: u64 = 64 * 1024;

const EXAMPLES: &str = "\
Examples:
  clerk-gate webhook send http://127.0.0.1:3000/api/webhooks
  clerk-gate webhook send http://localhost:3000/api/webhooks --event user.deleted --duplicate
  clerk-gate webhook send http://localhost:3000/api/webhooks --bad-signature
  clerk-gate webhook send http://localhost:3000/api/webhooks --body event.json --attempts 5

Ends with 1 where a signed delivery is not answered with 2xx, or one that is not is.";
