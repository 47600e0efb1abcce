//! What the gate counts, and when it says that a check may be enforced.

mod support;

use std::io::{self, Cursor};
use std::sync::Arc;

use clerk_gate_core::{
    Check, CheckKind, CheckReadiness, Gate, GateBuilder, JsonLines, Policy, Reason, Requirement,
    Rule,
};
use clerk_gate_testkit::{Signer, Token};

use self::support::{builder, request, summary};

const ORIGIN: (&str, &str) = ("origin", "https://evil.test");

fn start() -> GateBuilder {
    let policy = Policy::builder()
        .public("/")
        .require("/admin", Requirement::role("org:admin"))
        .session("/api/{*rest}")
        .rule(Rule::session("/billing").sensitive());
    builder(policy)
        .with_audit(Arc::new(JsonLines::new(io::sink())))
        .with_pages("https://accounts.app.test/sign-in", "/")
}

fn cookie(token: &Token) -> String {
    format!(
        "__client_uat=1; __session={}",
        token.sign(Signer::primary())
    )
}

fn ask(gate: &Gate, method: &str, path: &str, lines: &[(&str, &str)]) -> String {
    summary(&gate.decide(&request(method, path, lines)))
}

fn readiness(gate: &Gate, kind: CheckKind) -> CheckReadiness {
    let readiness = gate.readiness();
    let mut checks = readiness.checks().iter();
    checks.find(|check| check.kind == kind).unwrap().clone()
}

#[test]
fn every_decision_is_counted_once_by_outcome_and_reason() {
    let gate = start().build().unwrap();
    let member = cookie(&Token::session());
    let cookie = ("cookie", &*member);
    assert_eq!(ask(&gate, "GET", "/", &[]), "proceed");
    assert_eq!(ask(&gate, "GET", "/api/x", &[cookie]), "proceed");
    assert_eq!(
        ask(&gate, "GET", "/", &[("authorization", "Bearer x")]),
        "proceed"
    );
    assert_eq!(ask(&gate, "GET", "/api/x", &[]), "401 session-required");
    assert_eq!(ask(&gate, "GET", "/admin", &[cookie]), "403 missing-role");
    assert_eq!(
        ask(&gate, "GET", "/admin/../x", &[]),
        "400 malformed-target"
    );
    let page = [("sec-fetch-dest", "document")];
    assert!(ask(&gate, "GET", "/api/x", &page).starts_with("307 "));

    let counts = gate.counts();
    assert_eq!(
        (counts.proceeded, counts.refused, counts.redirected),
        (3, 3, 1)
    );
    assert_eq!((counts.preflights, counts.lost_events), (0, 0));
    let reasons: Vec<_> = counts.reasons().collect();
    let want = [
        (Reason::MalformedTarget, 1),
        (Reason::MissingRole, 1),
        (Reason::SessionRequired, 2),
        (Reason::TokenMalformed, 1),
    ];
    assert_eq!(reasons, want);
    assert_eq!(counts.of(Reason::CrossOrigin), 0);
}

#[test]
fn an_event_that_is_lost_is_counted() {
    let full = Arc::new(JsonLines::new(Cursor::new([0; 0])));
    let gate = start().with_audit(full).build().unwrap();
    let admin = cookie(&Token::session().organization("org_1", "acme", "admin"));
    assert_eq!(ask(&gate, "GET", "/", &[]), "proceed");
    assert_eq!(
        ask(&gate, "GET", "/admin", &[("cookie", &admin)]),
        "503 audit-unavailable"
    );
    let counts = gate.counts();
    assert_eq!(
        (counts.proceeded, counts.refused, counts.lost_events),
        (1, 1, 2)
    );
    assert_eq!(counts.of(Reason::AuditUnavailable), 1);
}

#[test]
fn an_observing_check_reports_what_it_would_have_refused_by_route_and_reason() {
    let gate = start()
        .with_authorized_parties(Check::Observe, ["https://app.test"])
        .with_cross_origin(Check::Observe)
        .with_safeguards(Check::Observe)
        .build()
        .unwrap();
    let good = cookie(&Token::session());
    let elsewhere = cookie(&Token::session().claim("azp", "https://evil.test"));
    let stale = cookie(&Token::session().claim("fva", [0, 99]));
    for _ in 0..2 {
        assert_eq!(
            ask(&gate, "POST", "/api/x", &[("cookie", &good), ORIGIN]),
            "proceed"
        );
    }
    assert_eq!(
        ask(&gate, "POST", "/forgotten", &[("cookie", &good), ORIGIN]),
        "proceed"
    );
    assert_eq!(
        ask(&gate, "GET", "/api/x", &[("cookie", &elsewhere)]),
        "proceed"
    );
    assert_eq!(
        ask(&gate, "GET", "/billing", &[("cookie", &stale)]),
        "proceed"
    );
    assert_eq!(ask(&gate, "GET", "/", &[]), "proceed");

    let rows = |kind| {
        let check = readiness(&gate, kind);
        let rows = check.would_refuse.into_iter();
        let rows = rows
            .map(|row| (row.rule, row.reason.code(), row.times))
            .collect::<Vec<_>>();
        (check.made, rows)
    };
    let rule = |text: &str| Some(text.to_owned());
    assert_eq!(
        rows(CheckKind::CrossOrigin),
        (
            5,
            vec![
                (None, "cross-origin", 1),
                (rule("/api/{*rest}"), "cross-origin", 2),
            ]
        )
    );
    assert_eq!(
        rows(CheckKind::AuthorizedParty),
        (5, vec![(rule("/api/{*rest}"), "token-authorized-party", 1)])
    );
    assert_eq!(
        rows(CheckKind::Safeguards),
        (1, vec![(rule("/billing"), "reverification-required", 1)])
    );
    assert_eq!(rows(CheckKind::Https), (0, vec![]));
}

#[test]
fn a_check_is_ready_when_it_was_made_often_and_would_have_refused_nothing() {
    let gate = start().with_cross_origin(Check::Observe).build().unwrap();
    let good = cookie(&Token::session());
    let ready = || readiness(&gate, CheckKind::CrossOrigin).is_ready();
    for _ in 0..999 {
        let _ = ask(&gate, "GET", "/api/x", &[("cookie", &good)]);
    }
    assert!(!ready(), "too few");
    let _ = ask(&gate, "GET", "/api/x", &[("cookie", &good)]);
    assert!(ready());
    let _ = ask(&gate, "POST", "/api/x", &[("cookie", &good), ORIGIN]);
    assert!(!ready());
    assert!(
        readiness(&gate, CheckKind::AuthorizedParty).is_ready(),
        "enforced"
    );
    assert!(!gate.readiness().is_ready());
    assert!(
        start().build().unwrap().readiness().is_ready(),
        "nothing observes"
    );
    assert_eq!(
        gate.readiness().to_string(),
        "\
check             mode          made  would refuse  ready
authorized-party  enforce          0             0  yes
cross-origin      observe       1001             1  no
  cross-origin on /api/{*rest}: 1
https             enforce          0             0  yes
revocation-age    off              0             0  no
safeguards        enforce          0             0  yes
"
    );
}
