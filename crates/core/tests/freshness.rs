//! How lately a user must have shown a factor, row by row as Clerk decides it, and to the second.

use std::sync::Arc;

use clerk_gate_core::{
    Decision, JsonLines, KeySet, Keyring, Level, Policy, Reason, RequestView, Requirement,
    Reverification, Rule, Session, UnixTime, Verifier,
};
use clerk_gate_testkit::{FixedClock, ISSUER, NOW, Signer, Token, gate, key_set};
use serde_json::{Value, json};

fn session(token: &Token) -> Session {
    let keys = KeySet::from_json(key_set(&[Signer::primary()]).as_bytes()).unwrap();
    let verifier = Verifier::new(ISSUER, Keyring::fixed(keys));
    verifier
        .verify_finally(&token.sign(Signer::primary()), NOW)
        .unwrap()
}

fn check(fva: impl Into<Value>, demand: Reverification, seconds_later: i64, met: bool) {
    let fva = fva.into();
    let session = session(&Token::session().claim("fva", fva.clone()));
    let now = NOW.saturating_add(seconds_later);
    assert_eq!(
        demand.is_met(&session, now),
        met,
        "{fva} {demand} {seconds_later}"
    );
}

#[test]
fn the_levels_look_at_their_factors_and_downgrade_as_clerk_does() {
    use Level::{FirstFactor, MultiFactor, SecondFactor};
    for (level, fva, met) in [
        (FirstFactor, [5, -1], true),
        (FirstFactor, [-1, 5], false),
        (FirstFactor, [5, 11], true),
        (FirstFactor, [11, 5], false),
        (SecondFactor, [5, -1], true),
        (SecondFactor, [11, -1], false),
        (SecondFactor, [-1, 5], true),
        (SecondFactor, [11, 5], true),
        (SecondFactor, [5, 11], false),
        (MultiFactor, [5, -1], true),
        (MultiFactor, [-1, 5], false),
        (MultiFactor, [5, 5], true),
        (MultiFactor, [11, 5], false),
        (MultiFactor, [5, 11], false),
        (FirstFactor, [-1, -1], false),
        (SecondFactor, [-1, -1], false),
        (MultiFactor, [-1, -1], false),
    ] {
        check(json!(fva), Reverification::within(level, 10), 0, met);
    }
}

#[test]
fn the_presets_are_clerks() {
    for (demand, fva, met) in [
        (Reverification::STRICT, [5, -1], true),
        (Reverification::STRICT_MFA, [5, -1], true),
        (Reverification::STRICT, [11, 5], true),
        (Reverification::STRICT_MFA, [11, 5], false),
        (Reverification::STRICT, [10, 10], false),
        (Reverification::MODERATE, [99, 59], true),
        (Reverification::MODERATE, [99, 60], false),
        (Reverification::LAX, [9999, 1439], true),
        (Reverification::LAX, [9999, 1440], false),
    ] {
        check(json!(fva), demand, 0, met);
    }
}

#[test]
fn a_demanded_second_factor_is_not_downgraded() {
    let demand = Reverification::STRICT.demanding_second_factor();
    check(json!([0, -1]), demand, 0, false);
    check(json!([0, 0]), demand, 0, true);
}

#[test]
fn the_age_of_the_token_counts_to_the_second() {
    check(json!([0, 9]), Reverification::STRICT, 59, true);
    check(json!([0, 9]), Reverification::STRICT, 60, false);
    // A clock that runs behind Clerk's makes nothing fresher.
    check(json!([0, 10]), Reverification::STRICT, -5, false);
}

#[test]
fn a_session_that_does_not_say_is_not_fresh() {
    let session = session(&Token::session().without("fva"));
    assert!(!Reverification::LAX.is_met(&session, NOW));
}

#[test]
fn a_token_may_be_as_old_as_the_route_allows() {
    let session = session(&Token::session());
    let requirement = Requirement::token_age(60);
    for (seconds, want) in [(0, Ok(())), (60, Ok(())), (61, Err(Reason::SessionTooOld))] {
        assert_eq!(
            requirement.check(&session, NOW.saturating_add(seconds)),
            want,
            "{seconds}"
        );
    }
}

/// What a gate with this rule answers at `now`.
fn answer(rule: Rule, token: &Token, now: UnixTime) -> Result<(), Value> {
    let gate = gate(Policy::builder().rule(rule).build().unwrap())
        .with_audit(Arc::new(JsonLines::new(std::io::sink())))
        .with_clock(Arc::new(FixedClock::new(now)));
    let credential = format!("Bearer {}", token.sign(Signer::primary()));
    let mut request = RequestView::new("POST", "/pay", None);
    request.header("authorization", credential.as_bytes());
    match gate.build().unwrap().decide(&request) {
        Decision::Proceed(_) => Ok(()),
        Decision::Respond(reply) => Err(serde_json::from_slice(reply.body()).unwrap()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_refusal_tells_clerks_helpers_what_to_prompt_for() {
    let stale = Token::session().claim("fva", json!([20, 20]));
    for (demand, metadata) in [
        (Reverification::STRICT, json!("strict")),
        (Reverification::STRICT_MFA, json!("strict_mfa")),
        (
            Reverification::within(Level::SecondFactor, 15),
            json!({"level": "second_factor", "afterMinutes": 15}),
        ),
    ] {
        let rule = Rule::require("/pay", Requirement::reverified(demand));
        let body = answer(rule, &stale, NOW).unwrap_err();
        assert_eq!(
            body,
            json!({
                "error": "Please re-authenticate for this action",
                "code": "reverification-required",
                "clerk_error": {
                    "type": "forbidden",
                    "reason": "reverification-error",
                    "metadata": {"reverification": metadata},
                },
            })
        );
    }
}

#[test]
fn the_refusal_names_the_demand_that_is_not_met() {
    let first = Reverification::within(Level::FirstFactor, 60);
    let rule = Rule::require("/pay", Requirement::reverified(first)).sensitive();
    let token = Token::session().claim("fva", json!([5, 30]));
    let body = answer(rule, &token, NOW).unwrap_err();
    let named = &body["clerk_error"]["metadata"]["reverification"];
    assert_eq!(named, "strict", "{body}");
}

#[test]
fn a_sensitive_route_has_safeguards_that_can_be_replaced() {
    let code = |rule: Rule, token: &Token| {
        let answer = answer(rule, token, NOW);
        answer.map_err(|body| body["code"].as_str().unwrap_or_default().to_owned())
    };
    let sensitive = || Rule::session("/pay").sensitive();
    let stale = Token::session().claim("fva", json!([20, -1]));
    let acted = Token::session().claim("act", json!({"sub": "user_helper"}));
    let long = Token::session()
        .claim("iat", NOW.as_secs() - 301)
        .claim("nbf", NOW.as_secs() - 301);
    assert_eq!(code(sensitive(), &Token::session()), Ok(()));
    assert_eq!(
        code(sensitive(), &stale),
        Err("reverification-required".to_owned())
    );
    assert_eq!(code(sensitive(), &acted), Err("impersonated".to_owned()));
    assert_eq!(code(sensitive(), &long), Err("session-too-old".to_owned()));
    let relaxed = || Rule::session("/pay").safeguards(Requirement::token_age(3600));
    for token in [&stale, &acted, &long] {
        assert_eq!(code(relaxed(), token), Ok(()));
    }
}

#[test]
fn adding_a_condition_never_lets_more_through() {
    let tokens = [
        Token::session(),
        Token::session().claim("fva", json!([20, 20])),
        Token::session().organization("org_1", "acme", "admin"),
    ];
    let conditions: [fn(Requirement) -> Requirement; 4] = [
        |r| r.and_role("admin"),
        |r| r.and_reverified(Reverification::STRICT),
        |r| r.and_no_impersonation(),
        |r| r.and_plan("pro"),
    ];
    for token in &tokens {
        let session = session(token);
        for first in conditions {
            for second in conditions {
                let one = first(Requirement::token_age(60));
                let both = second(one.clone());
                let passes = |r: &Requirement| r.check(&session, NOW).is_ok();
                assert!(passes(&one) || !passes(&both), "{both}");
            }
        }
    }
}

#[test]
fn demands_that_nobody_can_meet_are_mistakes() {
    let errors = Policy::builder()
        .require(
            "/a",
            Requirement::reverified(Reverification::within(Level::FirstFactor, 0)),
        )
        .rule(Rule::session("/b").safeguards(Requirement::token_age(30)))
        .require("/c", Requirement::role("org:"))
        .require("/d", Requirement::feature("team:export"))
        .require("/e", Requirement::plan("user:"))
        .require("/f", Requirement::feature("org:export").and_plan("u:pro"))
        .build()
        .unwrap_err();
    let subjects: Vec<_> = errors
        .iter()
        .map(clerk_gate_core::ConfigError::subject)
        .collect();
    assert_eq!(
        subjects,
        [
            "requirement \"first_factor within 0 minutes\"",
            "requirement \"a token of at most 30 s\"",
            "requirement \"role org:\"",
            "requirement \"feature team:export\"",
            "requirement \"plan user:\"",
        ]
    );
}
