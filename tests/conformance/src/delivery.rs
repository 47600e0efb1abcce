//! The header lines of a webhook delivery, signed by the `svix` crate against the fixed time.
//!
//! `{delivery id=msg_1}` stands for three lines, which sign the body that they stand above. The
//! values of arguments may have templates and escapes.
//!
//! | Argument | Effect |
//! |---|---|
//! | `id=msg_1` | the message id, always needed |
//! | `at=-10s` | sent so long before the fixed time, or after it |
//! | `body='{"a":1}'` | signs this instead |
//! | `secret=next` `secret=other` | signed with the secret that is to take over; with one that nobody trusts |
//! | `family=webhook` | the names `webhook-id` and so on |
//! | `-id` `-timestamp` `-signature` | leaves this line out |
//! | `signature='v2,*'` | this list of signatures; `*` stands for the good one in base64 |
//! | `tamper=alphabet` | the good one in the alphabet for URLs |
//! | `tamper=bit` | one bit of it flipped |
//! | `tamper=bits` | its last base64 character with unused bits set |
//! | `tamper=padding` | no padding |
//! | `tamper=short` | the first half of it |

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clerk_gate_core::UnixTime;
use clerk_gate_testkit::{NOW, WEBHOOK_SECRET, sign_delivery};

use crate::webhooks::{NEXT_SECRET, OTHER_SECRET};
use crate::{Result, template};

/// The lines, joined by CRLF, of a delivery of `body`.
///
/// # Errors
/// An argument that is not one of those above, or a body that svix does not sign.
pub fn lines(arguments: &[&str], body: &[u8]) -> Result<Vec<u8>> {
    let (mut id, mut family, mut signatures) =
        (String::new(), "svix".to_owned(), "v1,*".to_owned());
    let (mut at, mut secret, mut body) = (NOW, WEBHOOK_SECRET, body.to_vec());
    let (mut tampered, mut left_out) = (String::new(), Vec::new());
    for argument in arguments {
        let (name, value) = argument.split_once('=').unwrap_or((argument, ""));
        let value = template::expand(value.trim_matches('\''), &[])?;
        let value = String::from_utf8(value).map_err(|_| NOT_TEXT)?;
        match (name, &*value) {
            ("id", _) => id = value,
            ("at", text) => at = moment(text).ok_or_else(|| unknown(argument))?,
            ("body", _) => body = value.into_bytes(),
            ("secret", "next") => secret = NEXT_SECRET,
            ("secret", "other") => secret = OTHER_SECRET,
            ("family", _) => family = value,
            ("signature", _) => signatures = value,
            ("tamper", _) => tampered = value,
            ("-id" | "-timestamp" | "-signature", "") => left_out.push(&name[1..]),
            _ => return Err(unknown(argument)),
        }
    }
    if id.is_empty() {
        return Err("delivery has no id; write {delivery id=msg_1}".into());
    }
    if std::str::from_utf8(&body).is_err() {
        return Err(NOT_TEXT.into());
    }
    let [(_, id), (_, timestamp), (_, good)] = sign_delivery(secret, &id, at, &body);
    let good = tamper(good.trim_start_matches("v1,"), &tampered)?;
    let lines = [
        ("id", id),
        ("timestamp", timestamp),
        ("signature", signatures.replace('*', &good)),
    ];
    let lines = lines.iter().filter(|(name, _)| !left_out.contains(name));
    let lines: Vec<_> = lines
        .map(|(name, value)| format!("{family}-{name}: {value}"))
        .collect();
    Ok(lines.join("\r\n").into_bytes())
}

/// `-10s`: a time relative to the fixed one.
fn moment(text: &str) -> Option<UnixTime> {
    let seconds = text.strip_suffix('s')?;
    Some(NOW.saturating_add(seconds.parse().ok()?))
}

/// The signature `good`, changed; without a way, as it is.
fn tamper(good: &str, way: &str) -> Result<String> {
    let mut bytes = STANDARD.decode(good)?;
    Ok(match way {
        "" => good.to_owned(),
        "alphabet" if good.contains(['+', '/']) => good.replace('+', "-").replace('/', "_"),
        "alphabet" => return Err("signature is the same in both alphabets; take another id".into()),
        "bit" => {
            bytes[0] ^= 1;
            STANDARD.encode(bytes)
        }
        // 32 bytes leave two unused bits, so the alphabet has a neighbour that differs in the
        // last of them alone.
        "bits" => {
            let last = good.trim_end_matches('=').chars().last();
            let last = last.ok_or("signature is empty")?;
            let next = char::from_u32(u32::from(last) + 1).ok_or("signature has no neighbour")?;
            good.replace(&format!("{last}="), &format!("{next}="))
        }
        "padding" => good.trim_end_matches('=').to_owned(),
        "short" => STANDARD.encode(&bytes[..16]),
        _ => return Err(unknown(&format!("tamper={way}"))),
    })
}

fn unknown(argument: &str) -> Box<dyn std::error::Error + Send + Sync> {
    format!("delivery argument {argument:?} is not known; see the table in src/delivery.rs").into()
}

const NOT_TEXT: &str = "svix signs nothing but UTF-8; write the lines out";

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "v1,nckqjl4PB/l2mLIoVEo4T25ep+j+XOj5hlDkeuI9pCM=";

    fn text(arguments: &str, body: &str) -> Result<String> {
        let arguments: Vec<_> = arguments.split(' ').collect();
        Ok(String::from_utf8(lines(&arguments, body.as_bytes())?)?)
    }

    #[test]
    fn three_lines_sign_the_body() {
        fn check(arguments: &str, body: &str, wanted: &[&str]) {
            assert_eq!(text(arguments, body).unwrap(), wanted.join("\r\n"));
        }
        let signature = format!("svix-signature: {GOOD}");
        let lines = ["svix-id: msg_1", "svix-timestamp: 1800000000", &signature];
        check("id=msg_1", "{}", &lines);
        check("id=msg_1 body='{}'", "", &lines);
        check("id=msg_1 body='\\x7b}'", "", &lines);
        check("id=msg_1 -timestamp -signature", "{}", &lines[..1]);
        check(
            "id=msg_1 -id -signature family=Webhook at=-10s",
            "{}",
            &["Webhook-timestamp: 1799999990"],
        );
    }

    #[test]
    fn arguments_change_the_signature_alone() {
        fn check(arguments: &str, signature: Option<&str>) {
            let arguments = format!("id=msg_1 -id -timestamp {arguments}");
            let text = text(&arguments, "{}").unwrap();
            let got = text.strip_prefix("svix-signature: ").unwrap();
            match signature {
                Some(signature) => assert_eq!(got, signature, "{arguments}"),
                None => assert!(got != GOOD && got.len() == GOOD.len(), "{arguments}"),
            }
        }
        for other in ["secret=next", "secret=other", "at=1s", "tamper=bit"] {
            check(other, None);
        }
        let code = GOOD.trim_start_matches("v1,");
        check("signature='v2,*'", Some(&format!("v2,{code}")));
        check("signature=", Some(""));
        let head = &GOOD[..GOOD.len() - 2];
        check("tamper=bits", Some(&format!("{head}N=")));
        check("tamper=padding", Some(&format!("{head}M")));
        check(
            "tamper=alphabet",
            Some(&GOOD.replace('+', "-").replace('/', "_")),
        );
        check("tamper=short", Some("v1,nckqjl4PB/l2mLIoVEo4Tw=="));
    }

    #[test]
    fn mistakes_say_what_to_write() {
        fn check(arguments: &str, message: &str) {
            assert_eq!(text(arguments, "").unwrap_err().to_string(), message);
        }
        check("-id", "delivery has no id; write {delivery id=msg_1}");
        check(
            "id=msg_1 at=now",
            "delivery argument \"at=now\" is not known; see the table in src/delivery.rs",
        );
        check(
            "id=msg_1 tamper=all",
            "delivery argument \"tamper=all\" is not known; see the table in src/delivery.rs",
        );
        check("id=msg_1 body=\\xff", NOT_TEXT);
    }
}
