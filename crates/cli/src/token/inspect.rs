//! `clerk-gate token inspect`: header and claims, each with what the gate makes of it.

use std::error::Error;
use std::process::ExitCode;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Args;
use clerk_gate_core::{Clock, Keyring, Reason, Settings, SystemClock, UnixTime, Verification};
use serde_json::{Map, Value, json};

use super::judge::{Judge, Mark};
use crate::output::{bad, distance, good, odd, plain};
use crate::trust::Trust;
use crate::{Outcome, WRONG, input};

/// Shows what is in a session token, and what the gate makes of each part
///
/// The token comes on standard input and is sent nowhere.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    trust: Trust,
    /// Verify the signature with the keys that applications here would have; fetches a key set
    #[arg(long, conflicts_with_all = ["jwks", "test_keys"])]
    fetch: bool,
    /// Judge it as of this moment, in Unix seconds
    #[arg(long, value_name = "TIME")]
    at: Option<i64>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let settings = settings(arguments)?;
    let now = arguments.at.unwrap_or_else(|| SystemClock.now().as_secs());
    let judge = Judge {
        settings: settings.as_ref(),
        now,
    };
    let token = input::token()?;
    let parts: Vec<&str> = token.split('.').collect();
    let bytes = |part: usize| {
        let bytes = URL_SAFE_NO_PAD.decode(parts.get(part)?).ok()?;
        let object = serde_json::from_slice::<Map<String, Value>>(&bytes).ok()?;
        Some((bytes, object))
    };
    let (Some((header, parameters)), Some((payload, claims)), 3) =
        (bytes(0), bytes(1), parts.len())
    else {
        // Its form is what is wrong, and no key could mend that.
        let (keyring, _) = Keyring::fed(|| {});
        let verified = judge
            .verifier("", keyring)
            .verify_finally(&token, UnixTime::from_secs(now));
        let reason = verified.err().unwrap_or(Reason::TokenMalformed);
        refuse(arguments, reason);
        return Ok(ExitCode::from(WRONG));
    };

    let signature = match &settings {
        Some(settings) if arguments.trust.is_given() || arguments.fetch => {
            let keys = arguments.trust.keys(settings)?;
            let verify = |at| {
                let verifier = judge.verifier(settings.issuer(), keys.keyring());
                if let Verification::AwaitKeys(wait) = verifier.verify(&token, at) {
                    pollster::block_on(wait);
                }
                verifier.verify_finally(&token, at).map(|_| ()).err()
            };
            // An expired token's signature is never looked at: go back to when it was issued.
            let issued = claims.get("iat").and_then(Value::as_i64).unwrap_or(now);
            Signature::of(verify(UnixTime::from_secs(issued)))
        }
        _ => Signature::NoKeys,
    };
    let whole = judge.whole(&header, &payload).err();
    let report = Report {
        signature,
        verdict: signature.refusal().or(whole),
        rows: [
            rows(&parameters, |name, value| {
                let mark = judge.parameter(name, value);
                if name == "kid" && mark == Mark::Good {
                    signature.of_kid()
                } else {
                    mark
                }
            }),
            rows(&claims, |name, _| judge.claim(name, &claims)),
        ],
    };
    if arguments.json {
        report.print_json();
    } else {
        report.print(now);
    }
    Ok(match report.verdict {
        Some(_) => ExitCode::from(WRONG),
        None => ExitCode::SUCCESS,
    })
}

/// The settings, where there are any: whoever only wants to look needs none.
fn settings(arguments: &Arguments) -> Result<Option<Settings>, Box<dyn Error>> {
    let wanted = arguments.trust.is_given() || arguments.fetch;
    let some = ["CLERK_PUBLISHABLE_KEY", "NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY"];
    if wanted || some.iter().any(|name| std::env::var_os(name).is_some()) {
        Ok(Some(arguments.trust.settings()?))
    } else {
        Ok(None)
    }
}

/// What is known of the signature.
#[derive(Clone, Copy)]
enum Signature {
    Good,
    NoKeys,
    /// The token is refused before its signature is looked at.
    Unseen,
    Bad(Reason),
}

impl Signature {
    fn of(refusal: Option<Reason>) -> Self {
        match refusal {
            Some(
                reason @ (Reason::TokenSignature
                | Reason::TokenUnknownKey
                | Reason::KeysUnavailable),
            ) => Self::Bad(reason),
            // These are compared with the configuration, which comes after the signature.
            None
            | Some(
                Reason::SessionPending
                | Reason::TokenAudience
                | Reason::TokenAuthorizedParty
                | Reason::TokenIssuer
                | Reason::TokenSubject,
            ) => Self::Good,
            Some(_) => Self::Unseen,
        }
    }

    fn refusal(self) -> Option<Reason> {
        match self {
            Self::Bad(reason) => Some(reason),
            _ => None,
        }
    }

    /// What is known of a `kid` that has the right form.
    fn of_kid(self) -> Mark {
        match self {
            Self::NoKeys => Mark::Unknown("no keys are given"),
            Self::Unseen => Mark::Unknown("the token is refused before its key is looked for"),
            Self::Bad(reason @ Reason::TokenUnknownKey) => Mark::Refused(reason),
            Self::Bad(Reason::KeysUnavailable) => Mark::Unknown("there are no keys"),
            Self::Good | Self::Bad(_) => Mark::Good,
        }
    }

    fn code(self) -> &'static str {
        match self {
            Self::Good => "verified",
            Self::NoKeys => "not verified",
            Self::Unseen => "not reached",
            Self::Bad(reason) => reason.code(),
        }
    }
}

struct Row {
    name: String,
    value: Value,
    mark: Mark,
}

fn rows(object: &Map<String, Value>, judge: impl Fn(&str, &Value) -> Mark) -> Vec<Row> {
    let rows = object.iter().map(|(name, value)| Row {
        name: name.clone(),
        value: value.clone(),
        mark: judge(name, value),
    });
    rows.collect()
}

struct Report {
    signature: Signature,
    verdict: Option<Reason>,
    /// Of the header and of the claims.
    rows: [Vec<Row>; 2],
}

impl Report {
    fn print(&self, now: i64) {
        anstream::println!("{}", self.signature_line());
        for (title, rows) in ["header", "claims"].iter().zip(&self.rows) {
            anstream::println!("\n{title}");
            let width = rows.iter().map(|row| row.name.chars().count()).max();
            let width = width.unwrap_or_default();
            for row in rows {
                let (name, value) = (plain(&row.name), plain(&row.value.to_string()));
                anstream::println!(
                    "  {name:width$}  {}  {value}{}",
                    said(row.mark),
                    when(row, now)
                );
            }
        }
        anstream::println!("\n{}", self.verdict_line());
    }

    fn signature_line(&self) -> String {
        match self.signature {
            Signature::Good => format!("{}: the signature is verified", good("signature")),
            Signature::NoKeys => format!(
                "{}: NOT verified, for want of keys; anybody can have written what follows",
                odd("signature")
            ),
            Signature::Unseen => format!(
                "{}: NOT verified; the token is refused before anybody looks at it",
                odd("signature")
            ),
            Signature::Bad(reason) => {
                format!("{}: refused: {}", bad("signature"), reason.code())
            }
        }
    }

    fn verdict_line(&self) -> String {
        match (self.verdict, self.signature) {
            (Some(reason), _) => {
                format!("the gate {} this token: {}", bad("refuses"), reason.code())
            }
            (None, Signature::Good) => format!("the gate {} this token", good("accepts")),
            (None, _) => "the gate accepts this token if its signature is good".to_owned(),
        }
    }

    fn print_json(&self) {
        let [header, claims] = &self.rows;
        let rows = |rows: &[Row]| {
            let members = rows.iter().map(|row| {
                let mut member = json!({ "value": row.value, "verdict": verdict(row.mark) });
                match row.mark {
                    Mark::Refused(reason) => member["reason"] = reason.code().into(),
                    Mark::Unknown(why) => member["reason"] = why.into(),
                    Mark::Good | Mark::Ignored => {}
                }
                (row.name.clone(), member)
            });
            members.collect::<Map<_, _>>()
        };
        let whole = json!({
            "signature": self.signature.code(),
            "refused": self.verdict.map(Reason::code),
            "header": rows(header),
            "claims": rows(claims),
        });
        anstream::println!("{whole:#}");
    }
}

fn verdict(mark: Mark) -> &'static str {
    match mark {
        Mark::Good => "ok",
        Mark::Ignored => "ignored",
        Mark::Refused(_) => "refused",
        Mark::Unknown(_) => "not judged",
    }
}

fn said(mark: Mark) -> String {
    match mark {
        Mark::Good => good("ok"),
        Mark::Ignored => "ignored".to_owned(),
        Mark::Refused(reason) => bad(format_args!("refused because of {}", reason.code())),
        Mark::Unknown(why) => odd(format_args!("not judged: {why}")),
    }
}

/// How far away the moment of a date is.
fn when(row: &Row, now: i64) -> String {
    match (&*row.name, row.value.as_i64()) {
        ("exp" | "iat" | "nbf", Some(moment)) => format!("  ({})", distance(moment, now)),
        _ => String::new(),
    }
}

fn refuse(arguments: &Arguments, reason: Reason) {
    if arguments.json {
        let whole = json!({ "signature": "not reached", "refused": reason.code() });
        anstream::println!("{whole:#}");
    } else {
        let code = reason.code();
        anstream::println!(
            "this is no session token; the gate {} it: {code}",
            bad("refuses")
        );
    }
}

const EXAMPLES: &str = "\
Examples:
  clerk-gate token inspect < token.txt
  clerk-gate token inspect --fetch < token.txt
  clerk-gate token inspect --jwks keys.json --json < token.txt
  clerk-gate token mint --age 120 | clerk-gate token inspect --test-keys

Without keys the signature is not verified, and the first line says so. Issuer and authorized
party are compared with the settings of the environment, where there are any. Ends with 1 where
the gate would refuse the token.";
