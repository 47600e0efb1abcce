//! `clerk-gate token mint`: a token that only test keys vouch for.

use std::error::Error;
use std::process::ExitCode;

use clap::Args;
use clerk_gate_core::{Clock, SystemClock};
use clerk_gate_testkit::{Signer, Token};
use serde_json::Value;

use crate::Outcome;
use crate::output::odd;

/// Makes a session token for tests
///
/// It is signed with the published key of clerk-gate-testkit. No real gate accepts it.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The user (`sub`)
    #[arg(
        long,
        value_name = "ID",
        default_value = "user_2test0user0000000000000000000"
    )]
    user: String,
    /// The active organization
    #[arg(long, value_name = "ID")]
    organization: Option<String>,
    /// The user's role in the organization, without `org:`
    #[arg(long)]
    role: Option<String>,
    /// How many seconds ago it was issued; it lives for 60
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 0,
        allow_negative_numbers = true
    )]
    age: i64,
    /// Set a claim to a JSON value, or to a text where it is none; may be given again
    #[arg(long, value_name = "NAME=VALUE", value_parser = claim)]
    claim: Vec<(String, Value)>,
    /// Leave a claim out; may be given again
    #[arg(long, value_name = "NAME")]
    without: Vec<String>,
    /// Pretend that it is this moment, in Unix seconds
    #[arg(long, value_name = "TIME")]
    at: Option<i64>,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let now = arguments.at.unwrap_or_else(|| SystemClock.now().as_secs());
    let issued = now.saturating_sub(arguments.age);
    let mut token = Token::session()
        .claim("sub", &*arguments.user)
        .claim("iat", issued)
        .claim("nbf", issued.saturating_sub(10))
        .claim("exp", issued.saturating_add(60));
    if arguments.organization.is_some() || arguments.role.is_some() {
        let id = arguments.organization.as_deref().unwrap_or(ORGANIZATION);
        let role = arguments.role.as_deref().unwrap_or("member");
        token = token.organization(id, "acme", role.trim_start_matches("org:"));
    }
    for (name, value) in &arguments.claim {
        token = token.claim(name, value.clone());
    }
    for name in &arguments.without {
        token = token.without(name);
    }
    println!("{}", token.sign(Signer::primary()));
    let note = odd("for tests:");
    anstream::eprintln!(
        "{note} signed with a published key; only --test-keys and tests believe it"
    );
    Ok(ExitCode::SUCCESS)
}

fn claim(text: &str) -> Result<(String, Value), Box<dyn Error + Send + Sync>> {
    let (name, value) = text
        .split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .ok_or("write NAME=VALUE, such as plan=gold or fva=[0,-1]")?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
    Ok((name.to_owned(), value))
}

const ORGANIZATION: &str = "org_2test0acme0000000000000000000";

const EXAMPLES: &str = "\
Examples:
  clerk-gate token mint --role admin | clerk-gate token inspect --test-keys
  clerk-gate token mint --age 120 | clerk-gate explain GET /me --test-keys
  clerk-gate token mint --claim 'act={\"sub\":\"user_9\"}' --claim fva=[0,-1] --without azp";
