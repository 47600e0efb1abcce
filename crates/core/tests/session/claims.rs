//! The claims: their types, their times, and what the configuration demands of them.

use clerk_gate_core::{Check, Reason, UnixTime};
use clerk_gate_testkit::{ISSUER, NOW, ORIGIN, Token};
use serde_json::{Value, json};

use super::{check, check_with, session, sign, verifier};

#[test]
fn a_claim_that_is_missing_denies() {
    for (name, want) in [
        ("exp", Err(Reason::TokenClaims)),
        ("iat", Err(Reason::TokenClaims)),
        ("iss", Err(Reason::TokenIssuer)),
        ("sid", Err(Reason::TokenClaims)),
        ("sub", Err(Reason::TokenSubject)),
    ] {
        check(&sign(&Token::session().without(name)), want);
    }
}

#[test]
fn a_claim_of_another_type_denies() {
    let wrong = [
        json!(null),
        json!(true),
        json!([]),
        json!({}),
        json!([null]),
        json!({ "sub": 1 }),
    ];
    let text = ["azp", "iss", "jti", "sid", "sts", "sub", "fea", "pla"];
    let number = ["exp", "iat", "nbf", "v"];
    for (names, also) in [(&text[..], json!(7)), (&number[..], json!("1800000000"))] {
        for name in names {
            for value in wrong.iter().chain([&also]) {
                let token = Token::session().claim(name, value.clone());
                check(&sign(&token), Err(Reason::TokenClaims));
            }
        }
    }
}

#[test]
fn a_claim_out_of_range_denies() {
    for (name, value) in [
        ("exp", json!(-1)),
        ("exp", json!(1e300)),
        ("exp", json!(-1e300)),
        ("exp", json!(i64::MAX)),
        ("exp", json!(u64::MAX)),
        ("exp", json!(253_402_300_800_i64)),
        ("nbf", json!(-1)),
        ("nbf", json!(1e300)),
        ("iat", json!(i64::MIN)),
        ("iat", json!(-1e300)),
        ("v", json!(-2)),
        ("v", json!(2.5)),
        ("fva", json!([1])),
        ("fva", json!([0, -2])),
        ("fva", json!([0, 1.5])),
        ("act", json!({})),
        ("act", json!({ "sub": null })),
        ("aud", json!(["api", 5])),
        ("aud", json!(5)),
        ("aud", json!(null)),
    ] {
        let token = Token::session().claim(name, value);
        check(&sign(&token), Err(Reason::TokenClaims));
    }
}

#[test]
fn the_payload_is_one_object_without_repeats() {
    let times = "\"exp\":1800000060,\"iat\":1800000000";
    for payload in [
        String::new(),
        "null".to_owned(),
        "[]".to_owned(),
        "\"text\"".to_owned(),
        "\u{feff}{}".to_owned(),
        format!("{{{times}}}{{}}"),
        format!("{{{times},\"sub\":\"user_1\",\"sub\":\"user_2\"}}"),
        format!("{{{times},\"sub\":\"user_1\",\"s\\u0075b\":\"user_2\"}}"),
        format!("{{{times},\"exp\":1800000060}}"),
        format!("{{{times},\"x\":1,\"x\":1}}"),
        format!("{{{times},\"o\":{{\"id\":\"org_1\",\"id\":\"org_2\"}}}}"),
        format!("{{{times},\"sub\":\"\\ud800\"}}"),
    ] {
        let token = Token::session().raw_payload(payload);
        check(&sign(&token), Err(Reason::TokenClaims));
    }
}

/// Clerk's own SDKs: expired if `exp <= now - leeway`, too early if `nbf > now + leeway` or
/// `iat > now + leeway`.
#[test]
fn times_hold_to_the_exact_second() {
    const EXPIRED: Result<(), Reason> = Err(Reason::TokenExpired);
    const EARLY: Result<(), Reason> = Err(Reason::TokenNotYetValid);
    const FUTURE: Result<(), Reason> = Err(Reason::TokenIssuedInFuture);
    for (claim, moved, leeway, last, border, beyond) in [
        ("exp", 60, 0, 59, 60, EXPIRED),
        ("exp", 60, 5, 64, 65, EXPIRED),
        ("exp", 60, 60, 119, 120, EXPIRED),
        ("nbf", 20, 0, 20, 19, EARLY),
        ("nbf", 20, 5, 15, 14, EARLY),
        ("nbf", 20, 60, -40, -41, EARLY),
        ("iat", 0, 0, 0, -1, FUTURE),
        ("iat", 0, 5, -5, -6, FUTURE),
        ("iat", 0, 60, -60, -61, FUTURE),
    ] {
        let token = Token::session().claim("nbf", 0);
        let token = sign(&token.claim(claim, NOW.as_secs() + moved));
        let verifier = verifier().with_leeway(leeway);
        check_with(&verifier, &token, NOW.saturating_add(last), Ok(()));
        check_with(&verifier, &token, NOW.saturating_add(border), beyond);
    }
}

#[test]
fn the_leeway_is_five_seconds_and_at_most_sixty() {
    let token = sign(&Token::session());
    for (leeway, last) in [
        (None, 64),
        (Some(0), 59),
        (Some(-1), 59),
        (Some(i64::MIN), 59),
        (Some(61), 119),
        (Some(i64::MAX), 119),
    ] {
        let verifier = leeway.map_or_else(verifier, |leeway| verifier().with_leeway(leeway));
        let (last, next) = (NOW.saturating_add(last), NOW.saturating_add(last + 1));
        check_with(&verifier, &token, last, Ok(()));
        check_with(&verifier, &token, next, Err(Reason::TokenExpired));
    }
}

#[test]
fn a_fraction_of_a_second_counts_against_the_token() {
    let now = 1_800_000_000.0;
    for (claim, value, at, want) in [
        ("exp", now + 60.9, 64, Ok(())),
        ("exp", now + 60.9, 65, Err(Reason::TokenExpired)),
        ("iat", now + 5.1, 0, Err(Reason::TokenIssuedInFuture)),
        ("iat", now + 5.0, 0, Ok(())),
        ("nbf", now + 5.1, 0, Err(Reason::TokenNotYetValid)),
        ("nbf", now + 5.0, 0, Ok(())),
    ] {
        let token = sign(&Token::session().claim(claim, value));
        check_with(&verifier(), &token, NOW.saturating_add(at), want);
    }
}

#[test]
fn a_lifetime_is_positive_and_at_most_two_days() {
    let now = NOW.as_secs();
    for (issued, expires, want) in [
        (now, now + 172_800, Ok(())),
        (now, now + 172_801, Err(Reason::TokenClaims)),
        (now, now * 1000, Err(Reason::TokenClaims)),
        (0, now + 60, Err(Reason::TokenClaims)),
        (now + 2, now + 2, Ok(())),
        (now + 2, now + 1, Err(Reason::TokenClaims)),
    ] {
        let token = Token::session().claim("iat", issued).claim("exp", expires);
        check(&sign(&token), want);
    }
}

#[test]
fn a_clock_far_away_denies() {
    let token = sign(&Token::session());
    for (now, want) in [
        (i64::MIN, Reason::TokenNotYetValid),
        (0, Reason::TokenNotYetValid),
        (1 << 32, Reason::TokenExpired),
        (i64::MAX, Reason::TokenExpired),
    ] {
        check_with(&verifier(), &token, UnixTime::from_secs(now), Err(want));
    }
}

#[test]
fn the_issuer_is_this_instance_letter_by_letter() {
    for issuer in [
        "",
        "https://clerk.evil.test",
        "https://clerk.app.test/",
        "http://clerk.app.test",
        "https://CLERK.app.test",
        "https://clerk.app.test.evil.test",
        "clerk.app.test",
    ] {
        let token = Token::session().claim("iss", issuer);
        check(&sign(&token), Err(Reason::TokenIssuer));
    }
}

#[test]
fn a_subject_is_a_user_with_a_session() {
    for (name, value, want) in [
        ("sub", "", Err(Reason::TokenSubject)),
        ("sub", "mch_2test", Err(Reason::TokenSubject)),
        ("sub", "mch_", Err(Reason::TokenSubject)),
        ("sid", "", Err(Reason::TokenClaims)),
        ("sts", "active", Ok(())),
        ("sts", "pending", Err(Reason::SessionPending)),
        ("sts", "Active", Err(Reason::SessionPending)),
        ("sts", "", Err(Reason::SessionPending)),
        ("sts", "revoked", Err(Reason::SessionPending)),
    ] {
        check(&sign(&Token::session().claim(name, value)), want);
    }
}

#[test]
fn an_audience_is_demanded_where_one_is_configured() {
    let strict = || verifier().with_audience(["api", "admin"]);
    for (audience, want) in [
        (json!("api"), Ok(())),
        (json!("admin"), Ok(())),
        (json!(["web", "admin"]), Ok(())),
        (json!("web"), Err(Reason::TokenAudience)),
        (json!("API"), Err(Reason::TokenAudience)),
        (json!("api "), Err(Reason::TokenAudience)),
        (json!(""), Err(Reason::TokenAudience)),
        (json!([]), Err(Reason::TokenAudience)),
        (json!(["web"]), Err(Reason::TokenAudience)),
    ] {
        let token = sign(&Token::session().claim("aud", audience));
        check_with(&strict(), &token, NOW, want);
        check(&token, Ok(()));
    }
    let without = sign(&Token::session());
    check_with(&strict(), &without, NOW, Err(Reason::TokenAudience));
}

#[test]
fn a_party_is_authorized_letter_by_letter() {
    const FOREIGN: Result<(), Reason> = Err(Reason::TokenAuthorizedParty);
    for (party, want) in [
        (Some(ORIGIN), Ok(())),
        (Some("https://other.test"), Ok(())),
        (None, FOREIGN),
        (Some(""), FOREIGN),
        (Some("null"), FOREIGN),
        (Some("https://app.test/"), FOREIGN),
        (Some("https://app.test:443"), FOREIGN),
        (Some("https://APP.test"), FOREIGN),
        (Some("http://app.test"), FOREIGN),
        (Some("https://app.test.evil.test"), FOREIGN),
    ] {
        let token = match party {
            Some(party) => Token::session().claim("azp", party),
            None => Token::session().without("azp"),
        };
        let token = sign(&token);
        for (mode, want) in [
            (Check::Enforce, want),
            (Check::Observe, Ok(())),
            (Check::Off, Ok(())),
        ] {
            let parties = [ORIGIN, "https://other.test"];
            let verifier = verifier().with_authorized_parties(mode, parties);
            check_with(&verifier, &token, NOW, want);
        }
    }
}

/// A custom claim that nests deeply is skipped without recursion, and no type is made of it.
#[test]
fn a_deep_claim_is_an_error_of_whoever_reads_it() {
    let deep = format!("{}{}", "[".repeat(2500), "]".repeat(2500));
    let token = Token::session().raw_payload(format!(
        r#"{{"exp":1800000060,"iat":1800000000,"iss":"{ISSUER}","sid":"sess_1","sub":"user_1","x":{deep}}}"#
    ));
    assert!(session(&token).claims::<Value>().is_err());
}
