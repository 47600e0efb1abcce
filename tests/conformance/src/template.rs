//! Request lines as bytes: escapes, and templates that sign tokens and deliveries.
//!
//! | Written | Sent |
//! |---|---|
//! | `\xNN` `\r` `\n` `\t` `\\` | that byte |
//! | `{length}` | the length of the body in bytes |
//! | `{repeat 3 ab}` `{repeat 2 '{'}` | `ababab`, `{{` |
//! | `{token}` | a good session token |
//! | `{token argument…}` | one that differs in what the arguments say |
//! | `{delivery id=msg_1 argument…}` | the header lines of a webhook delivery; see `src/delivery.rs` |
//!
//! | Argument | Effect on the token |
//! |---|---|
//! | `iat=-120s` | `exp`, `iat` or `nbf` relative to the fixed time |
//! | `exp=-120s` | `iat` and `nbf` go with it, so that it is a token that was good once |
//! | `azp="x"` `sub=7` `o={"id":"org_1"}` | a claim; what is no JSON is a string as it stands |
//! | `-sid` | removes a claim |
//! | `h.kid=x` `-h.kid` | the same for header parameters |
//! | `v1` | claims of version 1; stands before `org` |
//! | `org=admin` | an active organization, with this role in it |
//! | `pad=5000` | a claim of that many characters |
//! | `payload='{"a":1}'` `header='…'` | these bytes instead, escapes as above |
//! | `key=other` | signed by a key that the key set does not have |
//! | `sign=none` `sign=hs256` | unsigned; signed with the public key as an HMAC secret |
//! | `tamper=header` `tamper=payload` | another byte, the same meaning, the old signature |
//! | `tamper=signature` | one bit of the signature flipped |
//! | `tamper=strip` | no signature, the header as it was |
//! | `tamper=bits` | the same signature, its last base64 character with unused bits set |
//! | `tamper=short` | the first half of the signature |
//! | `part=header` `part=payload` `part=signature` | that part alone, without a dot |

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clerk_gate_core::UnixTime;
use clerk_gate_testkit::{NOW, Signer, Token};
use serde_json::Value;

use crate::{Result, delivery};

/// The bytes of a request: its lines up to the first empty one end with CRLF each, the lines
/// of the body below are joined by CRLF.
///
/// # Errors
/// A template or an escape that is not one of those above.
pub fn request(lines: &[String]) -> Result<Vec<u8>> {
    let (head, body) = match lines.iter().position(String::is_empty) {
        Some(end) => (&lines[..=end], &lines[end + 1..]),
        None => (lines, &[][..]),
    };
    let body = body
        .iter()
        .map(|line| expand(line, &[]))
        .collect::<Result<Vec<_>>>()?;
    let body = body.join(&b"\r\n"[..]);
    let mut bytes = Vec::new();
    for line in head {
        bytes.extend(expand(line, &body)?);
        bytes.extend(b"\r\n");
    }
    bytes.extend(body);
    Ok(bytes)
}

/// One line as bytes; `body` is what `{length}` measures and `{delivery}` signs.
pub(crate) fn expand(line: &str, body: &[u8]) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = line;
    while let Some(at) = rest.find(['\\', '{']) {
        bytes.extend(rest[..at].bytes());
        rest = &rest[at..];
        if rest.starts_with('\\') {
            let (byte, width) = escape(rest)?;
            bytes.push(byte);
            rest = &rest[width..];
        } else if TEMPLATES.iter().any(|name| rest[1..].starts_with(name)) {
            let (words, after) = words(&rest[1..])?;
            bytes.extend(template(&words, body)?);
            rest = after;
        } else {
            bytes.push(b'{');
            rest = &rest[1..];
        }
    }
    bytes.extend(rest.bytes());
    Ok(bytes)
}

/// The byte that an escape at the start of `text` means, and the length of the escape.
fn escape(text: &str) -> Result<(u8, usize)> {
    let byte = match text.as_bytes().get(1) {
        Some(b'r') => b'\r',
        Some(b'n') => b'\n',
        Some(b't') => b'\t',
        Some(b'\\') => b'\\',
        Some(b'x') => {
            let digits = text
                .get(2..4)
                .and_then(|digits| u8::from_str_radix(digits, 16).ok());
            return Ok((
                digits.ok_or(r"escape \x has no two hex digits; write \x00 to \xff")?,
                4,
            ));
        }
        _ => return Err(r"escape is not known; write one of \r, \n, \t, \\, \xNN".into()),
    };
    Ok((byte, 2))
}

/// Splits `text` at spaces that stand in no quotes, braces or brackets, up to the brace that
/// closes the template; what follows it comes back too.
fn words(text: &str) -> Result<(Vec<&str>, &str)> {
    let (mut words, mut start, mut depth, mut quote) = (Vec::new(), 0, 0, None);
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match (quote, char) {
            (Some('"'), '\\') => drop(chars.next()),
            (Some(open), _) if open == char => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(char),
            (None, '{' | '[') => depth += 1,
            (None, ' ' | '}') if depth == 0 => {
                words.push(&text[start..at]);
                start = at + 1;
                if char == '}' {
                    return Ok((words, &text[start..]));
                }
            }
            (None, '}' | ']') => depth -= 1,
            (None, _) => {}
        }
    }
    Err(format!("template \"{{{text}\" is not closed; write \"}}\" behind it").into())
}

fn template(words: &[&str], body: &[u8]) -> Result<Vec<u8>> {
    match words {
        ["length"] => Ok(body.len().to_string().into_bytes()),
        ["repeat", count, text] => Ok(text.trim_matches('\'').repeat(count.parse()?).into_bytes()),
        ["token", arguments @ ..] => Ok(token(arguments)?.into_bytes()),
        ["delivery", arguments @ ..] => delivery::lines(arguments, body),
        _ => {
            let text = words.join(" ");
            Err(format!("template \"{{{text}}}\" is not known; write one of {KNOWN}").into())
        }
    }
}

fn token(arguments: &[&str]) -> Result<String> {
    let mut token = Token::session();
    let mut sign: fn(&Token) -> String = |token| token.sign(Signer::primary());
    let (mut tampered, mut wanted) = (None, None);
    for argument in arguments {
        let (name, value) = argument.split_once('=').unwrap_or((argument, ""));
        token = match (name, value) {
            ("v1", "") => token.v1(),
            ("org", role) => token.organization("org_2test0acme0000000000000000000", "acme", role),
            ("pad", count) => token.claim("pad", "x".repeat(count.parse()?)),
            ("payload", raw) => token.raw_payload(expand(raw.trim_matches('\''), &[])?),
            ("header", raw) => token.raw_header(expand(raw.trim_matches('\''), &[])?),
            ("key" | "sign", way) => {
                sign = match way {
                    "other" => |token| token.sign(Signer::other()),
                    "none" => Token::sign_none,
                    "hs256" => |token| token.sign_hs256(Signer::primary().public_pem().as_bytes()),
                    _ => return Err(unknown(argument)),
                };
                token
            }
            ("tamper", part) => {
                tampered = Some(part);
                token
            }
            ("part", part) => {
                wanted = Some(PARTS.iter().position(|own| *own == part));
                token
            }
            _ => change(token, argument)?,
        };
    }
    let mut text = sign(&token);
    if let Some(part) = tampered {
        text = tamper(&text, part)?;
    }
    match wanted {
        None => Ok(text),
        Some(index) => {
            let part = index.and_then(|index| text.split('.').nth(index));
            Ok(part.ok_or_else(|| unknown("part=…"))?.to_owned())
        }
    }
}

/// Sets or removes one claim or header parameter.
fn change(token: Token, argument: &str) -> Result<Token> {
    if let Some((name, value)) = argument.split_once('=') {
        return Ok(match (name.strip_prefix("h."), moment(name, value)) {
            (Some(name), _) => token.header(name, json(value)),
            (None, Some(time)) if name == "exp" => {
                let issued = time.saturating_add(-60).min(NOW);
                token
                    .claim("iat", issued.as_secs())
                    .claim("nbf", issued.saturating_add(-10).as_secs())
                    .claim("exp", time.as_secs())
            }
            (None, Some(time)) => token.claim(name, time.as_secs()),
            (None, None) => token.claim(name, json(value)),
        });
    }
    let name = argument
        .strip_prefix('-')
        .ok_or_else(|| unknown(argument))?;
    Ok(match name.strip_prefix("h.") {
        Some(name) => token.without_header(name),
        None => token.without(name),
    })
}

/// `exp=-120s`: a time relative to the fixed one.
fn moment(name: &str, value: &str) -> Option<UnixTime> {
    let seconds = value
        .strip_suffix('s')
        .filter(|_| matches!(name, "exp" | "iat" | "nbf"))?;
    Some(NOW.saturating_add(seconds.parse().ok()?))
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

fn tamper(token: &str, part: &str) -> Result<String> {
    let mut parts: Vec<_> = token.split('.').map(str::to_owned).collect();
    let [header, payload, signature] = &mut parts[..] else {
        return Err(format!("token {token:?} has not three parts").into());
    };
    match part {
        "header" => *header = reencode(header, |json| json.insert(1, b' '))?,
        "payload" => *payload = reencode(payload, |json| json.insert(1, b' '))?,
        "signature" => *signature = reencode(signature, |bytes| bytes[0] ^= 1)?,
        "short" => *signature = reencode(signature, |bytes| bytes.truncate(128))?,
        "strip" => signature.clear(),
        // 256 bytes leave four unused bits, so the alphabet has a neighbour that differs in
        // the last of them alone.
        "bits" => {
            let last = signature.pop().ok_or("signature is empty")?;
            signature
                .push(char::from_u32(u32::from(last) + 1).ok_or("signature has no neighbour")?);
        }
        _ => return Err(unknown(&format!("tamper={part}"))),
    }
    Ok(parts.join("."))
}

fn reencode(part: &str, change: impl FnOnce(&mut Vec<u8>)) -> Result<String> {
    let mut bytes = URL_SAFE_NO_PAD.decode(part)?;
    change(&mut bytes);
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

fn unknown(argument: &str) -> Box<dyn std::error::Error + Send + Sync> {
    format!("token argument {argument:?} is not known; see the table in src/template.rs").into()
}

/// What makes a brace the start of a template; bodies are full of others.
const TEMPLATES: [&str; 4] = ["length}", "repeat ", "token", "delivery"];

/// The parts of a token, in order.
const PARTS: [&str; 3] = ["header", "payload", "signature"];

const KNOWN: &str = "{length}, {repeat COUNT TEXT}, {token ARGUMENTS}, {delivery ARGUMENTS}";

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|&line| line.to_owned()).collect()
    }

    #[test]
    fn lines_become_the_bytes_that_are_sent() {
        fn check(text: &[&str], bytes: &[u8]) {
            assert_eq!(request(&lines(text)).unwrap(), bytes, "{text:?}");
        }
        check(&["GET / HTTP/1.1", ""], b"GET / HTTP/1.1\r\n\r\n");
        check(&["GET / HTTP/1.1"], b"GET / HTTP/1.1\r\n");
        check(
            &["a: {length}", "", "{\"x\":", "1}"],
            b"a: 9\r\n\r\n{\"x\":\r\n1}",
        );
        check(&[r"\xffb\n\t\\"], b"\xffb\n\t\\\r\n");
        check(&["{repeat 3 ab}{x}é"], "ababab{x}é\r\n".as_bytes());
        check(&["{repeat 2 '['}{repeat 2 ']'}"], b"[[]]\r\n");
        check(
            &["", "5", "hello", "0", "", ""],
            b"\r\n5\r\nhello\r\n0\r\n\r\n",
        );
    }

    #[test]
    fn mistakes_say_what_to_write() {
        fn check(text: &str, message: &str) {
            assert_eq!(request(&lines(&[text])).unwrap_err().to_string(), message);
        }
        check(
            r"\q",
            r"escape is not known; write one of \r, \n, \t, \\, \xNN",
        );
        check(
            r"\x1",
            r"escape \x has no two hex digits; write \x00 to \xff",
        );
        check(
            "{token a='}",
            "template \"{token a='}\" is not closed; write \"}\" behind it",
        );
        check(
            "{tokens}",
            &format!("template \"{{tokens}}\" is not known; write one of {KNOWN}"),
        );
        check(
            "{token x}",
            "token argument \"x\" is not known; see the table in src/template.rs",
        );
    }

    /// The header and the claims of a minted token.
    fn minted(template: &str) -> [Value; 2] {
        let bytes = expand(template, &[]).unwrap();
        let token = String::from_utf8(bytes).unwrap();
        let mut parts = token.split('.').map(|part| {
            let bytes = URL_SAFE_NO_PAD.decode(part).unwrap();
            serde_json::from_slice(&bytes).unwrap_or_default()
        });
        [parts.next().unwrap(), parts.next().unwrap()]
    }

    #[test]
    fn arguments_change_what_they_name() {
        fn check(arguments: &str, part: usize, pointer: &str, json: &str) {
            let parts = minted(&format!("{{token {arguments}}}"));
            let got = parts[part]
                .pointer(pointer)
                .map(Value::to_string)
                .unwrap_or_default();
            assert_eq!(got, json, "{arguments}");
        }
        check("exp=-120s", 1, "/exp", "1799999880");
        check("exp=-120s", 1, "/iat", "1799999820");
        check("exp=+3600s", 1, "/iat", "1800000000");
        check("nbf=+5s iat=2s", 1, "/nbf", "1800000005");
        check("exp=1.5", 1, "/exp", "1.5");
        check("sub=7", 1, "/sub", "7");
        check("azp=https://evil.test", 1, "/azp", "\"https://evil.test\"");
        check("azp=\"a } b\" sub=x", 1, "/azp", "\"a } b\"");
        check("o={\"id\": [\"a b\"]}", 1, "/o/id/0", "\"a b\"");
        check("-sid", 1, "/sid", "");
        check("h.kid=x", 0, "/kid", "\"x\"");
        check("-h.kid", 0, "/kid", "");
        check("org=admin", 1, "/o/rol", "\"admin\"");
        check("v1 org=admin", 1, "/org_role", "\"org:admin\"");
        check("pad=3", 1, "/pad", "\"xxx\"");
        check("payload='{\"a\": {\"b\": 1}}'", 1, "/a/b", "1");
        check("sign=none", 0, "/alg", "\"none\"");
        check("sign=hs256", 0, "/alg", "\"HS256\"");
    }

    #[test]
    fn tampering_changes_the_bytes_and_keeps_the_meaning() {
        let good = token(&[]).unwrap();
        let parts: Vec<_> = good.split('.').collect();
        for (index, part) in ["header", "payload", "signature"].into_iter().enumerate() {
            let bad = tamper(&good, part).unwrap();
            let differing: Vec<_> = bad
                .split('.')
                .enumerate()
                .filter(|(i, p)| parts[*i] != *p)
                .collect();
            assert_eq!(differing.len(), 1, "{part}");
            assert_eq!(differing[0].0, index, "{part}");
        }
        assert_eq!(minted("{token tamper=header}"), minted("{token}"));
        assert_eq!(minted("{token tamper=payload}"), minted("{token}"));
        assert!(tamper(&good, "strip").unwrap().ends_with('.'));
        let short = tamper(&good, "short").unwrap();
        assert_eq!(short.rsplit('.').next().unwrap().len(), 171);
        let apart = PARTS.map(|part| token(&[&format!("part={part}")]).unwrap());
        assert_eq!(apart.join("."), good);
        let loose = tamper(&good, "bits").unwrap();
        assert!(loose != good && loose.len() == good.len());
    }
}
