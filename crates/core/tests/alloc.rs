//! The allocation budget of a decision. What the cryptography allocates in C is not seen here.

mod support;

use allocation_counter::measure;
use bytes::Bytes;
use clerk_gate_core::webhook::{SignatureVerifier, Signed};
use clerk_gate_core::{Gate, GateBuilder, Policy, RequestView, Requirement, Rule, Secret};
use clerk_gate_testkit::{NOW, Signer, Token, WEBHOOK_SECRET, sign_delivery};

use self::support::{builder, request, summary};

fn gate() -> Gate {
    application().build().unwrap()
}

/// One that verifies every token anew.
fn forgetful() -> Gate {
    application().with_token_cache(0).build().unwrap()
}

fn application() -> GateBuilder {
    let policy = Policy::builder()
        .assets("/assets/{*rest}")
        .public("/")
        .public("/posts/{id}")
        .public("/sign-in/{*rest}")
        .public("/unauthorized")
        .rule(Rule::session("/files/{name}").methods(["GET", "PUT"]))
        .require("/admin/{*rest}", Requirement::role("org:admin"));
    builder(policy)
}

fn bearer(token: &Token) -> String {
    format!("Bearer {}", token.sign(Signer::primary()))
}

/// How often a decision, made and carried out, allocates; `want` is what it decides.
#[track_caller]
fn allocations(gate: &Gate, request: &RequestView<'_>, want: &str) -> u64 {
    // The first decision of its kind may set up what later ones share.
    assert_eq!(summary(&gate.decide(request)), want);
    measure(|| drop(gate.decide(request))).count_total
}

#[test]
fn without_a_token_nothing_is_allocated() {
    let gate = gate();
    let twice = [("cookie", "__session=a; __session=b")];
    let plain = request("GET", "/admin", &[]).with_tls(false);
    assert_eq!(allocations(&gate, &plain, "403 https-required"), 0);
    for (target, lines, want) in [
        ("/assets/css/app.css", &[][..], "proceed"),
        ("/", &[], "proceed"),
        ("/posts/1?page=2", &[("accept", "text/html")], "proceed"),
        ("/admin/users", &[], "401 session-required"),
        ("/not/listed", &[], "401 session-required"),
        ("//admin", &[], "400 malformed-target"),
        ("/a/../admin", &[], "400 malformed-target"),
        ("/admin/x", &twice, "400 ambiguous-credential"),
        ("/", &[("authorization", "Basic YTpi")], "proceed"),
        (
            "/me",
            &[("authorization", "Basic YTpi")],
            "401 invalid-token",
        ),
    ] {
        let request = request("GET", target, lines);
        assert_eq!(allocations(&gate, &request, want), 0, "{target} {want}");
    }
}

#[test]
fn a_token_whose_header_is_refused_allocates_nothing() {
    for token in [
        Token::session().sign_none(),
        Token::session().sign_hs256(b"secret"),
        Token::session()
            .header("crit", ["b64"].as_slice())
            .sign(Signer::primary()),
        Token::session()
            .header("cat", "cl_B7d4PD222AAA")
            .sign(Signer::primary()),
        "a".repeat(8193),
        "a.b".to_owned(),
    ] {
        let bearer = format!("Bearer {token}");
        let request = request("GET", "/me", &[("authorization", &bearer)]);
        assert_eq!(allocations(&gate(), &request, "401 invalid-token"), 0);
    }
}

/// Two: the decoded payload, and the session that shares it. To remember it takes one for the
/// token, and sometimes one for its place.
#[test]
fn a_token_allocates_when_it_is_new_and_never_again() {
    let admin = Token::session().organization("org_1", "acme", "admin");
    let custom = Token::session()
        .claim("plan_name", "gold")
        .claim("fea", "o:a,u:b");
    for (what, token) in [
        ("plain", Token::session()),
        ("admin", admin),
        ("custom", custom),
    ] {
        let sent = bearer(&token);
        let cookie = sent.replace("Bearer ", "__client_uat=1; __session=");
        for line in [("authorization", &*sent), ("cookie", &*cookie)] {
            let request = request("GET", "/me", &[line]);
            let forgetful = forgetful();
            let count = allocations(&forgetful, &request, "proceed");
            println!("{what} session by {}: {count}", line.0);
            assert_eq!(count, 2, "{what} session by {}", line.0);
            let gate = gate();
            // The first of all tokens teaches the gate what headers look like.
            let other = bearer(&Token::session().claim("sid", "sess_0"));
            let lines = [("authorization", &*other)];
            drop(gate.decide(&support::request("GET", "/me", &lines)));
            let first = measure(|| drop(gate.decide(&request))).count_total;
            assert!(
                (3..=4).contains(&first),
                "{what} session by {}: {first}",
                line.0
            );
            assert_eq!(allocations(&gate, &request, "proceed"), 0);
        }
    }
}

#[test]
fn what_is_refused_after_its_signature_allocates_no_more_than_a_session() {
    let cookie = bearer(&Token::session()).replace("Bearer ", "__client_uat=1; __session=");
    let foreign = [("cookie", &*cookie), ("origin", "https://evil.test")];
    let post = request("POST", "/me", &foreign);
    assert_eq!(allocations(&forgetful(), &post, "403 cross-origin"), 2);
    assert_eq!(allocations(&gate(), &post, "403 cross-origin"), 0);
    let member = bearer(&Token::session());
    let admin = request("GET", "/admin", &[("authorization", &member)]);
    assert_eq!(allocations(&forgetful(), &admin, "403 missing-role"), 2);
    assert_eq!(allocations(&gate(), &admin, "403 missing-role"), 0);
    let forged = format!("Bearer {}", Token::session().sign(Signer::other()));
    let forged = request("GET", "/me", &[("authorization", &forged)]);
    assert_eq!(allocations(&gate(), &forged, "401 invalid-token"), 1);
}

#[test]
fn a_redirect_allocates_for_its_location_alone() {
    let page = ("sec-fetch-dest", "document");
    for (target, want) in [
        ("/me", "307 /sign-in?redirect_url=/me"),
        ("/me?a=b", "307 /sign-in?redirect_url=/me%3Fa%3Db"),
    ] {
        let request = request("GET", target, &[page]);
        let count = allocations(&gate(), &request, want);
        println!("redirect of {target}: {count}");
        assert!(count <= 8, "{target}: {count}");
    }
}

#[test]
fn a_delivery_is_verified_where_it_lies() {
    let verifier = SignatureVerifier::new(&[Secret::new(WEBHOOK_SECRET)]).unwrap();
    for (size, genuine) in [(0, true), (64 * 1024, true), (1024, false)] {
        let body = Bytes::from(vec![b'x'; size]);
        let lines = sign_delivery(WEBHOOK_SECRET, "msg_1", NOW, &body);
        let mut view = request("POST", "/", &[]);
        for (name, value) in &lines {
            view.header(name, value.as_bytes());
        }
        let signed = Signed::read(&view).unwrap();
        let body = if genuine {
            body
        } else {
            Bytes::from_static(b"else")
        };
        let mut verified = None;
        let count = measure(|| verified = Some(verifier.verify(signed, body, NOW))).count_total;
        assert_eq!(verified.unwrap().is_ok(), genuine);
        assert_eq!(count, 0, "{size} {genuine}");
    }
}

#[test]
fn among_many_rules_nothing_is_allocated() {
    let rules = (0..1_000).fold(Policy::builder(), |policy, n| {
        policy
            .assets(format!("/a/{n}/{{id}}"))
            .assets(format!("/b/{n}/{{*rest}}"))
    });
    let gate = builder(rules).without_pages().build().unwrap();
    for target in ["/a/7/x", "/b/999/x/y/z", "/c"] {
        let request = request("GET", target, &[]);
        let want = if target == "/c" {
            "401 session-required"
        } else {
            "proceed"
        };
        assert_eq!(allocations(&gate, &request, want), 0, "{target}");
    }
}
