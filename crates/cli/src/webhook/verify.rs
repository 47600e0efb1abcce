//! `clerk-gate webhook verify`: whether a delivery is genuine.

use std::process::ExitCode;

use bytes::Bytes;
use clap::Args;
use clerk_gate_core::webhook::{Delivery, Event, SignatureVerifier, Signed};
use clerk_gate_core::{Clock, Reason, RequestView, SystemClock, UnixTime};
use serde_json::json;

use super::secrets;
use crate::output::{bad, distance, good, plain};
use crate::{Outcome, WRONG, input};

/// Verifies the signature of a delivery
///
/// The body comes on standard input, the secret is in CLERK_WEBHOOK_SIGNING_SECRET.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// A header line of the delivery; once for each of its three
    #[arg(long, value_name = "NAME: VALUE", required = true, value_parser = line)]
    header: Vec<(String, String)>,
    /// Verify it as of this moment, in Unix seconds
    #[arg(long, value_name = "TIME")]
    at: Option<i64>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let secrets = secrets()?;
    let verifier = SignatureVerifier::new(&secrets)?;
    let now = arguments
        .at
        .map_or_else(|| SystemClock.now(), UnixTime::from_secs);
    let body = Bytes::from(input::bytes()?);
    let mut request = RequestView::new("POST", "/", None);
    for (name, value) in &arguments.header {
        request.header(name, value.as_bytes());
    }
    let verified = Signed::read(&request).and_then(|signed| verifier.verify(signed, body, now));
    print(arguments, &verified, now.as_secs());
    Ok(match verified {
        Ok(_) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(WRONG),
    })
}

fn print(arguments: &Arguments, verified: &Result<Delivery, Reason>, now: i64) {
    let event = |delivery: &Delivery| Event::parse(delivery.body()).ok();
    match verified {
        Ok(delivery) if arguments.json => {
            let kind = event(delivery).map(|event| event.kind().to_owned());
            let (id, sent) = (delivery.id(), delivery.timestamp().as_secs());
            let whole = json!({ "genuine": true, "id": id, "timestamp": sent, "event": kind });
            anstream::println!("{whole:#}");
        }
        Err(reason) if arguments.json => {
            let whole = json!({ "genuine": false, "reason": reason.code() });
            anstream::println!("{whole:#}");
        }
        Ok(delivery) => {
            let sent = distance(delivery.timestamp().as_secs(), now);
            let kind = event(delivery);
            let kind = kind.as_ref().map_or("no event of Clerk's", Event::kind);
            let (id, kind) = (plain(delivery.id()), plain(kind));
            anstream::println!("{}: {id}, {kind}, sent {sent}", good("genuine"));
        }
        Err(reason) => anstream::println!("{}: {}", bad("refused"), reason.code()),
    }
}

fn line(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once(':').ok_or("write \"NAME: VALUE\"")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

const EXAMPLES: &str = "\
Example:
  clerk-gate webhook verify < body.json \\
      --header 'svix-id: msg_1' \\
      --header 'svix-timestamp: 1800000000' \\
      --header 'svix-signature: v1,…'

Ends with 1 where the delivery is not genuine, or not recent.";
