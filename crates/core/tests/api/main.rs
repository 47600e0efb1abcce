//! The public API as an adapter and an application use it: from settings to a decision.

mod audit;
mod config;
mod grant;
mod keys;
#[path = "../support/mod.rs"]
mod support;

use clerk_gate_core::{
    Check, Decision, Gate, Policy, PolicyBuilder, RequestView, Requirement, Rule,
};
use clerk_gate_testkit::{NOW, ORIGIN, Signer, Token};
use serde_json::json;

use self::support::{builder, request, settings, summary};

/// An application with one rule of every kind.
fn policy() -> PolicyBuilder {
    Policy::builder()
        .assets("/assets/{*rest}")
        .public("/")
        .public("/sign-in/{*rest}")
        .public("/unauthorized")
        .rule(Rule::public("/posts/{id}").methods(["GET", "HEAD"]))
        .rule(Rule::session("/files/{name}").opaque_segments())
        .require("/admin/{*rest}", Requirement::role("org:admin"))
        .require("/beta", Requirement::feature("beta"))
        .require("/pro", Requirement::plan("pro"))
        .require("/reports", Requirement::permission("org:reports:read"))
}

fn gate() -> Gate {
    builder(policy()).build().unwrap()
}

/// `Bearer` and a token of the primary key.
fn bearer(token: &Token) -> String {
    format!("Bearer {}", token.sign(Signer::primary()))
}

/// A session cookie with a token of the primary key.
fn cookie(token: &Token) -> String {
    format!(
        "__client_uat=1; __session={}",
        token.sign(Signer::primary())
    )
}

fn admin() -> Token {
    Token::session().organization("org_1", "acme", "admin")
}

#[track_caller]
fn check(gate: &Gate, request: &RequestView<'_>, want: &str) {
    assert_eq!(summary(&gate.decide(request)), want, "{request:?}");
}

#[test]
fn without_a_credential_the_policy_decides() {
    for (method, target, want) in [
        ("GET", "/", "proceed"),
        ("POST", "/", "proceed"),
        ("GET", "/assets/app.css", "proceed"),
        ("GET", "/sign-in/factor-one?x=1", "proceed"),
        ("HEAD", "/posts/1", "proceed"),
        ("POST", "/posts/1", "401 session-required"),
        ("GET", "/posts", "401 session-required"),
        ("GET", "/not/listed", "401 session-required"),
        ("GET", "/files/a%2Fb", "401 session-required"),
        ("GET", "/admin", "401 session-required"),
        ("GET", "/pro", "401 session-required"),
        ("OPTIONS", "*", "401 session-required"),
        ("GET", "//admin", "400 malformed-target"),
        ("GET", "/%61dmin", "400 malformed-target"),
        ("GET", "/assets/..%2fadmin", "400 malformed-target"),
        ("GET", "/assets/a%2Fb", "400 malformed-target"),
    ] {
        check(&gate(), &request(method, target, &[]), want);
    }
}

#[test]
fn a_session_opens_what_its_rights_allow() {
    let plain = Token::session();
    let member = Token::session().organization("org_1", "acme", "member");
    let reader = Token::session()
        .claim("fea", "o:reports,u:beta")
        .claim("pla", "u:pro")
        .claim(
            "o",
            json!({ "id": "org_1", "rol": "member", "per": "read", "fpm": "1" }),
        );
    for (token, target, want) in [
        (&plain, "/me", "proceed"),
        (&plain, "/admin", "403 missing-role"),
        (&plain, "/reports", "403 missing-permission"),
        (&plain, "/beta", "403 missing-feature"),
        (&plain, "/pro", "403 missing-plan"),
        (&member, "/admin/users", "403 missing-role"),
        (&member, "/admin/", "403 missing-role"),
        (&admin(), "/admin/users", "proceed"),
        (&admin(), "/reports", "403 missing-permission"),
        (&reader, "/reports", "proceed"),
        (&reader, "/beta", "proceed"),
        (&reader, "/pro", "proceed"),
        (&reader, "/admin", "403 missing-role"),
    ] {
        let (bearer, cookie) = (bearer(token), cookie(token));
        let lines = [("authorization", &*bearer)];
        check(&gate(), &request("GET", target, &lines), want);
        let lines = [("cookie", &*cookie)];
        check(&gate(), &request("GET", target, &lines), want);
    }
}

#[test]
fn a_credential_is_one_and_has_one_reading() {
    let good = Token::session();
    let (bearer, cookie) = (bearer(&good), cookie(&good));
    let bare = good.sign(Signer::primary());
    let suffix = settings().publishable_key().cookie_suffix().to_owned();
    let with_suffix = |suffix: &str| {
        let cookie = cookie.replace("__session", &format!("__session_{suffix}"));
        cookie.replace("__client_uat", &format!("__client_uat_{suffix}"))
    };
    let (suffixed, foreign) = (with_suffix(&suffix), with_suffix("AAAAAAAA"));
    let twice = format!("{cookie}; {cookie}");
    let expired = self::bearer(&Token::session().claim("exp", NOW.as_secs() - 5));
    for (lines, want) in [
        (&[("Authorization", &*bearer)][..], "proceed"),
        (&[("Cookie", &*suffixed)], "proceed"),
        (&[("cookie", "a=1"), ("cookie", &*cookie)], "proceed"),
        (&[("cookie", &*foreign)], "401 session-required"),
        (&[("x-user", "admin")], "401 session-required"),
        (&[("authorization", &*bare)], "401 invalid-token"),
        (&[("authorization", &*expired)], "401 invalid-token"),
        (&[("authorization", "Basic YTpi")], "401 invalid-token"),
        (
            &[("authorization", &*expired), ("cookie", &*cookie)],
            "401 invalid-token",
        ),
        (
            &[("authorization", &*bearer), ("authorization", &*bearer)],
            "400 ambiguous-credential",
        ),
        (&[("cookie", &*twice)], "400 ambiguous-credential"),
        (
            &[("cookie", &*cookie), ("cookie", &*cookie)],
            "400 ambiguous-credential",
        ),
    ] {
        check(&gate(), &request("GET", "/me", lines), want);
    }
    let pending = self::bearer(&Token::session().claim("sts", "pending"));
    let lines = [("authorization", &*pending)];
    check(
        &gate(),
        &request("GET", "/me", &lines),
        "401 session-pending",
    );
}

#[test]
fn what_a_cookie_does_must_come_from_our_own_pages() {
    let (cookie, bearer) = (cookie(&Token::session()), bearer(&Token::session()));
    let evil = ("origin", "https://evil.test");
    let upgrade = ("upgrade", "websocket");
    for (method, lines, want) in [
        ("GET", &[evil][..], "proceed"),
        ("POST", &[("origin", ORIGIN)], "proceed"),
        ("POST", &[("sec-fetch-site", "same-origin")], "proceed"),
        ("POST", &[], "403 cross-origin"),
        ("POST", &[evil], "403 cross-origin"),
        ("DELETE", &[("origin", "null")], "403 cross-origin"),
        (
            "PUT",
            &[("sec-fetch-site", "same-site")],
            "403 cross-origin",
        ),
        ("POST", &[("origin", ORIGIN), evil], "403 cross-origin"),
        ("GET", &[upgrade, evil], "403 cross-origin"),
        ("GET", &[upgrade, ("origin", ORIGIN)], "proceed"),
    ] {
        let mut with_cookie = request(method, "/me", lines);
        with_cookie.header("cookie", cookie.as_bytes());
        check(&gate(), &with_cookie, want);
        let mut with_bearer = request(method, "/me", lines);
        with_bearer.header("authorization", bearer.as_bytes());
        check(&gate(), &with_bearer, "proceed");
    }
}

#[test]
fn production_is_encrypted_and_only_a_trusted_proxy_can_say_so() {
    let plain = builder(policy()).build().unwrap();
    let behind_proxy = builder(policy()).with_trusted_proxies(["10.0.0.0/8"]);
    let behind_proxy = behind_proxy.build().unwrap();
    let check = |gate: &Gate, peer: &str, lines: &[(&str, &'static str)], want: &str| {
        let peer = peer.parse().unwrap();
        let view = request("GET", "/?a=1", lines).with_tls(false);
        check(gate, &view.with_peer(Some(peer)), want);
    };
    let forwarded = ("x-forwarded-proto", "https");
    check(&plain, "10.0.0.7", &[forwarded], "403 https-required");
    check(&behind_proxy, "10.0.0.7", &[forwarded], "proceed");
    check(&behind_proxy, "10.0.0.7", &[], "403 https-required");
    check(&behind_proxy, "8.8.8.8", &[forwarded], "403 https-required");
    let page = [("sec-fetch-dest", "document")];
    check(&plain, "8.8.8.8", &page, "307 https://app.test/?a=1");
}

#[test]
fn people_are_sent_on_and_programs_are_told() {
    let member = bearer(&Token::session());
    let expired = cookie(&Token::session().claim("exp", NOW.as_secs() - 5));
    let person = ("sec-fetch-dest", "document");
    for (method, target, lines, want) in [
        (
            "GET",
            "/me/a?x=1&__clerk_ticket=t",
            &[person][..],
            "307 /sign-in?redirect_url=/me/a%3Fx%3D1",
        ),
        (
            "HEAD",
            "/me",
            &[("accept", "text/html,*/*;q=0.8")],
            "307 /sign-in?redirect_url=/me",
        ),
        (
            "GET",
            "/me",
            &[person, ("cookie", &expired)],
            "307 /sign-in?redirect_url=/me",
        ),
        (
            "GET",
            "/admin",
            &[person, ("authorization", &member)],
            "307 /unauthorized",
        ),
        ("POST", "/me", &[person], "401 session-required"),
        ("GET", "/me", &[("accept", "*/*")], "401 session-required"),
        ("GET", "//evil.test", &[person], "400 malformed-target"),
        (
            "GET",
            "/me",
            &[person, ("cookie", "__session=a; __session=a")],
            "400 ambiguous-credential",
        ),
    ] {
        check(&gate(), &request(method, target, lines), want);
    }

    let page = request("GET", "/me?a=1", &[person]);
    let api = builder(policy()).without_pages().build().unwrap();
    check(&api, &page, "401 session-required");
    let portal = builder(policy()).with_pages("https://accounts.app.test/sign-in?a=b", "/");
    check(
        &portal.build().unwrap(),
        &page,
        "307 https://accounts.app.test/sign-in?a=b&redirect_url=https%3A//app.test/me%3Fa%3D1",
    );
}

#[test]
fn a_refusal_is_complete() {
    let bad = bearer(&Token::session().claim("iss", "https://clerk.evil.test"));
    let member = bearer(&Token::session());
    let json = ("content-type", "application/json");
    let no_store = ("cache-control", "no-store");
    for (target, lines, status, headers, body) in [
        (
            "/me",
            &[][..],
            401,
            &[no_store, json, ("www-authenticate", "Bearer")][..],
            r#"{"error":"Unauthorized","code":"session-required"}"#,
        ),
        (
            "/me",
            &[("authorization", &*bad)],
            401,
            &[
                no_store,
                json,
                ("www-authenticate", "Bearer error=\"invalid_token\""),
            ],
            r#"{"error":"Unauthorized","code":"invalid-token"}"#,
        ),
        (
            "/admin",
            &[("authorization", &*member)],
            403,
            &[no_store, json],
            r#"{"error":"Forbidden","code":"missing-role"}"#,
        ),
        (
            "/me",
            &[("sec-fetch-dest", "document")],
            307,
            &[no_store, ("location", "/sign-in?redirect_url=/me")],
            "",
        ),
    ] {
        let Decision::Respond(reply) = gate().decide(&request("GET", target, lines)) else {
            panic!("{target} is not refused");
        };
        assert_eq!(reply.status(), status);
        let lines = reply.lines().map(|line| (line.name(), line.value()));
        assert_eq!(lines.collect::<Vec<_>>(), headers);
        assert_eq!(reply.body(), body);
    }
}

#[test]
fn a_check_can_be_off_or_only_watch() {
    let token = cookie(&Token::session().claim("azp", "https://evil.test"));
    let post = request("POST", "/me", &[("cookie", &token)]).with_tls(false);
    for (https, party, origin, want) in [
        (
            Check::Enforce,
            Check::Enforce,
            Check::Enforce,
            "403 https-required",
        ),
        (
            Check::Observe,
            Check::Enforce,
            Check::Enforce,
            "401 invalid-token",
        ),
        (
            Check::Off,
            Check::Observe,
            Check::Enforce,
            "403 cross-origin",
        ),
        (Check::Off, Check::Off, Check::Enforce, "403 cross-origin"),
        (Check::Observe, Check::Observe, Check::Observe, "proceed"),
        (Check::Off, Check::Off, Check::Off, "proceed"),
    ] {
        let gate = builder(policy())
            .with_https(https)
            .with_authorized_parties(party, [ORIGIN])
            .with_cross_origin(origin)
            .build()
            .unwrap();
        check(&gate, &post, want);
    }
}
