//! `clerk-gate keys`: whether an application would start here, and with which keys.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use clerk_gate_core::{Clock, KeySet, Keyring, Settings, SystemClock, Verification, Verifier};
use clerk_gate_jwks::{keys_for, settings_from_env};
use clerk_gate_testkit::{Signer, Token};
use serde_json::json;

use crate::output::{bad, good, odd};
use crate::{Outcome, WRONG, output};

/// Checks the settings and the keys that verify session tokens
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(CheckArguments),
}

/// Reads the environment as an application does, and fetches the key set
///
/// Each mistake is told with what to write instead.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
struct CheckArguments {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let Command::Check(CheckArguments { json }) = &arguments.command;
    let json = *json;
    let mut mistakes = Vec::new();
    let settings = settings_from_env();
    let keys = settings.as_ref().map(keys_for);
    let keys = match keys {
        Err(errors) => {
            mistakes.extend(errors.clone());
            None
        }
        Ok(Err(errors)) => {
            mistakes.extend(errors);
            None
        }
        Ok(Ok(keys)) => Some(keys),
    };
    let (Ok(settings), Some(keys)) = (&settings, keys) else {
        if json {
            let mistakes = mistakes.iter().map(|mistake| {
                json!({
                    "subject": mistake.subject(),
                    "problem": mistake.problem(),
                    "remedy": mistake.remedy(),
                })
            });
            let mistakes: Vec<_> = mistakes.collect();
            anstream::println!("{:#}", json!({ "usable": false, "mistakes": mistakes }));
        } else {
            for mistake in &mistakes {
                anstream::println!("{} {mistake}", bad("wrong:"));
            }
        }
        return Ok(ExitCode::from(WRONG));
    };

    wait_for_keys(settings, &keys.keyring());
    let set = keys.keyring().current();
    if json {
        let error = keys.status().last_error.map(|error| output::chain(&*error));
        let whole = json!({
            "usable": set.is_some(),
            "environment": settings.environment().to_string(),
            "issuer": settings.issuer(),
            "kids": set.iter().flat_map(|set| set.kids()).collect::<Vec<_>>(),
            "skipped": set.iter().flat_map(|set| set.skipped()).collect::<Vec<_>>(),
            "fetch_error": error,
        });
        anstream::println!("{whole:#}");
    } else {
        print(settings, set.as_deref());
        if let Some(error) = keys.status().last_error {
            let text = output::plain(&output::chain(&*error));
            anstream::println!("{} {text}", bad("wrong:"));
        }
    }
    Ok(match set {
        Some(_) => ExitCode::SUCCESS,
        None => ExitCode::from(WRONG),
    })
}

/// Waits for the first answer as a request does: by a token whose key is not there yet.
fn wait_for_keys(settings: &Settings, keyring: &Keyring) {
    let now = SystemClock.now();
    let token = Token::session()
        .header("kid", "none")
        .claim("exp", now.as_secs().saturating_add(60))
        .claim("iat", now.as_secs())
        .without("nbf")
        .sign(Signer::primary());
    let verifier = Verifier::new(settings.issuer(), keyring.clone());
    if let Verification::AwaitKeys(wait) = verifier.verify(&token, now) {
        pollster::block_on(wait);
    }
}

fn print(settings: &Settings, set: Option<&KeySet>) {
    anstream::println!("environment  {}", settings.environment());
    anstream::println!("issuer       {}", settings.issuer());
    let Some(set) = set else { return };
    let kids: Vec<_> = set.kids().collect();
    if kids.is_empty() {
        anstream::println!("{}           the JWT key, for every kid", good("key"));
    }
    for kid in kids {
        anstream::println!("{}          {}", good("key"), output::plain(kid));
    }
    for skipped in set.skipped() {
        anstream::println!("{}      {}", odd("skipped"), output::plain(skipped));
    }
}

const EXAMPLES: &str = "\
Examples:
  clerk-gate keys check
  CLERK_PUBLISHABLE_KEY=pk_test_… CLERK_GATE_ORIGINS=http://localhost:3000 clerk-gate keys check

Reads CLERK_PUBLISHABLE_KEY, CLERK_GATE_ORIGINS, CLERK_SECRET_KEY, CLERK_JWT_KEY and the others
that applications read. Ends with 1 if one is wrong, or if there are no keys. Prints no secret.";
