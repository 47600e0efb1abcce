//! The form of a token: its parts, its encoding, its header, its signature.

use clerk_gate_core::Reason;
use clerk_gate_testkit::{Signer, Token};
use serde_json::{Value, json};

use super::{check, sign};

#[test]
fn a_token_has_three_parts() {
    let token = sign(&Token::session());
    let [header, payload, signature] = token.split('.').collect::<Vec<_>>()[..] else {
        unreachable!("a token has three parts");
    };
    for malformed in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "...".to_owned(),
        ".".repeat(8192),
        header.to_owned(),
        format!("{header}.{payload}"),
        format!(".{token}"),
        format!("{token}."),
        format!("{token}.{signature}"),
        format!("{header}..{payload}.{signature}"),
        format!(".{payload}.{signature}"),
        token.replace('.', ","),
    ] {
        check(&malformed, Err(Reason::TokenMalformed));
    }
    check(&format!("{header}..{signature}"), Err(Reason::TokenClaims));
    check(&format!("{header}.{payload}."), Err(Reason::TokenSignature));
}

#[test]
fn a_token_is_at_most_8_kib_long() {
    let padded = |length: usize| sign(&Token::session().claim("x", "a".repeat(length)));
    let room = (8192 - padded(0).len()) / 4 * 3;
    let mut candidates = (room - 3..=room + 3).map(padded);
    let longest = candidates.find(|token| token.len() == 8192);
    check(&longest.unwrap(), Ok(()));
    check(&"a".repeat(8192), Err(Reason::TokenMalformed));
    check(&"a".repeat(8193), Err(Reason::TokenTooLong));
    check(&".".repeat(1 << 20), Err(Reason::TokenTooLong));
}

#[test]
fn base64url_is_read_strictly() {
    let token = token_with_spare_bits();
    for part in 0..3 {
        let changed = |change: &dyn Fn(&str) -> String| {
            let mut parts: Vec<_> = token.split('.').map(str::to_owned).collect();
            parts[part] = change(&parts[part]);
            parts.join(".")
        };
        for text in [
            changed(&|part| format!("{part}=")),
            changed(&|part| format!("{part}==")),
            changed(&|part| format!("{part} ")),
            changed(&|part| format!(" {part}")),
            changed(&|part| format!("{part}\r\n")),
            changed(&|part| format!("{}\t{}", &part[..8], &part[8..])),
            changed(&|part| format!("{}+{}", &part[..8], &part[9..])),
            changed(&|part| format!("{}/{}", &part[..8], &part[9..])),
            changed(&|part| format!("{}é{}", &part[..8], &part[10..])),
            changed(&|part| format!("{}%3D", part)),
            changed(&with_spare_bits),
        ] {
            check(&text, Err(Reason::TokenMalformed));
        }
    }
}

#[test]
fn header_and_payload_are_utf8_and_the_header_is_a_short_object() {
    let token = Token::session();
    for header in [
        &b""[..],
        b"\xff",
        b"\xef\xbb\xbf{\"alg\":\"RS256\"}",
        b"null",
        b"[]",
        b"\"RS256\"",
        b"{\"alg\":\"RS256\"",
        b"{\"alg\":\"RS256\"}{}",
        b"{\"alg\":\"RS256\",}",
        b"{\"alg\":\"RS256\",\"alg\":\"RS256\"}",
        b"{\"alg\":\"none\",\"al\\u0067\":\"RS256\"}",
        b"{\"alg\":\"RS256\",\"x\":1,\"x\":1}",
    ] {
        let bad = sign(&token.clone().raw_header(header));
        check(&bad, Err(Reason::TokenMalformed));
    }
    let long = token.clone().header("x", "a".repeat(1024));
    check(&sign(&long), Err(Reason::TokenMalformed));
    let latin1 = token.raw_payload(&b"{\"sub\":\"\xe9\"}"[..]);
    check(&sign(&latin1), Err(Reason::TokenMalformed));
}

#[test]
fn the_header_says_rs256_and_no_more() {
    for (name, value, want) in [
        ("alg", json!("RS256"), Ok(())),
        ("alg", json!("none"), Err(Reason::TokenAlgorithm)),
        ("alg", json!("None"), Err(Reason::TokenAlgorithm)),
        ("alg", json!(""), Err(Reason::TokenAlgorithm)),
        ("alg", json!("rs256"), Err(Reason::TokenAlgorithm)),
        ("alg", json!("HS256"), Err(Reason::TokenAlgorithm)),
        ("alg", json!("RS384"), Err(Reason::TokenAlgorithm)),
        ("alg", json!("RS512"), Err(Reason::TokenAlgorithm)),
        ("alg", json!("PS256"), Err(Reason::TokenAlgorithm)),
        ("alg", json!("ES256"), Err(Reason::TokenAlgorithm)),
        ("alg", json!(null), Err(Reason::TokenMalformed)),
        ("alg", json!(["RS256"]), Err(Reason::TokenMalformed)),
        ("typ", json!("JWT"), Ok(())),
        ("typ", json!("jwt"), Err(Reason::TokenCategory)),
        ("typ", json!("at+jwt"), Err(Reason::TokenCategory)),
        ("typ", json!(""), Err(Reason::TokenCategory)),
        ("typ", json!(null), Err(Reason::TokenMalformed)),
        ("crit", json!(["exp"]), Err(Reason::TokenCritical)),
        ("crit", json!(["b64"]), Err(Reason::TokenCritical)),
        ("crit", json!([]), Err(Reason::TokenCritical)),
        ("crit", json!(null), Err(Reason::TokenCritical)),
        ("b64", json!(true), Ok(())),
        ("oiat", json!(1), Ok(())),
    ] {
        check(&sign(&Token::session().header(name, value)), want);
    }
    let missing = sign(&Token::session().without_header("alg"));
    check(&missing, Err(Reason::TokenAlgorithm));
}

#[test]
fn other_classes_of_token_are_signed_with_the_same_key_and_refused() {
    for (category, want) in [
        (json!("cl_B7d4PD111AAA"), Ok(())),
        (json!("cl_I7d4PD111III"), Ok(())),
        (json!("cl_B7d4PD222AAA"), Err(Reason::TokenCategory)),
        (json!("cl_B7d4PD333AAA"), Err(Reason::TokenCategory)),
        (json!("cl_B7d4PD999AAA"), Err(Reason::TokenCategory)),
        (json!("cl_b7d4pd111aaa"), Err(Reason::TokenCategory)),
        (json!(""), Err(Reason::TokenCategory)),
        (json!(null), Err(Reason::TokenMalformed)),
        (json!(["cl_B7d4PD111AAA"]), Err(Reason::TokenMalformed)),
    ] {
        check(&sign(&Token::session().header("cat", category)), want);
    }
}

/// RFC 8725 §2.1: the public key is no secret to sign with.
#[test]
fn the_public_key_is_no_secret_and_no_signature_is_none() {
    let pem = Signer::primary().public_pem();
    let modulus = Signer::primary().jwk()["n"].to_string();
    let rs256 = Token::session().raw_header(header_json());
    for secret in [pem.as_str(), pem.trim_end(), modulus.trim_matches('"'), ""] {
        let honest = Token::session().sign_hs256(secret.as_bytes());
        check(&honest, Err(Reason::TokenAlgorithm));
        let disguised = rs256.sign_hs256(secret.as_bytes());
        check(&disguised, Err(Reason::TokenSignature));
    }
    check(&Token::session().sign_none(), Err(Reason::TokenAlgorithm));
    check(&rs256.sign_none(), Err(Reason::TokenSignature));
}

/// CVE-2018-0114.
#[test]
fn keys_in_the_header_are_not_looked_at() {
    let jwk = Signer::other().jwk();
    for (name, value) in [
        ("jwk", jwk),
        ("jku", json!("https://evil.test/jwks.json")),
        ("x5u", json!("https://evil.test/chain.pem")),
        ("x5c", json!(["MIIB"])),
        ("x5t", json!("AAAA")),
    ] {
        let token = Token::session().header(name, value);
        check(&sign(&token), Ok(()));
        check(&token.sign(Signer::other()), Err(Reason::TokenSignature));
    }
}

#[test]
fn one_changed_byte_breaks_the_signature() {
    let token = sign(&Token::session());
    let other = sign(&Token::session().claim("sub", "user_2other"));
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (other_signed, other_signature) = other.rsplit_once('.').unwrap();
    let (zeros, ones) = ("A".repeat(342), "_".repeat(341) + "w");
    for (signed, signature) in [
        (signed, other_signature),
        (other_signed, signature),
        (signed, &signature[4..]),
        (signed, &signature[..336]),
        (signed, &zeros),
        (signed, &ones),
        (signed, &format!("AAAA{signature}")),
        (
            signed,
            &format!("{}AAAA{}", &signature[..4], &signature[8..]),
        ),
    ] {
        let forged = format!("{signed}.{signature}");
        check(&forged, Err(Reason::TokenSignature));
    }
    let huge = format!("{signed}.{}", "A".repeat(2000));
    check(&huge, Err(Reason::TokenMalformed));
}

/// The header of [`Token::session`] as JSON.
fn header_json() -> String {
    let kid = Signer::primary().kid();
    json!({ "alg": "RS256", "kid": kid, "typ": "JWT" }).to_string()
}

/// A token in which the last character of every part has bits that stand for nothing.
fn token_with_spare_bits() -> String {
    let padded = |header: usize, payload: usize| {
        let token = Token::session().header("x", "a".repeat(header));
        sign(&token.claim("x", Value::from("a".repeat(payload))))
    };
    let mut tokens = (0..9).map(|n| padded(n / 3, n % 3));
    let spare = |token: &String| token.split('.').all(|part| part.len() % 4 != 0);
    tokens.find(spare).unwrap()
}

/// Sets the last bit of a text in base64url, which [`token_with_spare_bits`] leaves unused.
fn with_spare_bits(part: &str) -> String {
    let (rest, last) = part.split_at(part.len() - 1);
    let place = ALPHABET.find(last).unwrap();
    rest.to_owned() + &ALPHABET[place + 1..place + 2]
}

/// RFC 4648 §5.
const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
