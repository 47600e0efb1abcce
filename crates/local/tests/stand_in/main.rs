//! The stand-in over a real socket, as browsers, command lines and key fetchers see it.

use std::sync::Arc;

use clerk_gate_core::{
    Check, Clock, KeySet, Keyring, Origin, Reason, Session, SystemClock, Verification, Verifier,
};
use clerk_gate_local::{Local, LocalOptions, Persona};
use clerk_gate_testkit::{FixedClock, NOW};
use serde_json::Value;

use self::http::{Answer, send};

mod application;
mod factors;
mod http;
mod inspector;
mod webhooks;

const APP: &str = "http://127.0.0.1:3000";
const OTHER_APP: &str = "http://127.0.0.1:3001";

#[test]
fn tokens_verify_with_the_keys_that_the_settings_lead_to() {
    let options = LocalOptions::new(Origin::parse(APP).expect("an origin"));
    let local = Local::start(options, &|_| None).expect("no production here");
    let settings = local.settings();
    let keys = clerk_gate_jwks::keys_for(&settings).expect("good settings");
    let verifier = Verifier::new(settings.issuer(), keys.keyring())
        .with_authorized_parties(Check::Enforce, [APP]);

    let token = local.token(Persona::Admin);
    let now = SystemClock.now();
    if let Verification::AwaitKeys(wait) = verifier.verify(&token, now) {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.expect("a runtime").block_on(wait);
    }
    let session = verifier.verify_finally(&token, now).expect("a session");
    assert!(session.has_role("org:admin"));
    assert!(keys.status().last_error.is_none(), "{keys:?}");
}

#[test]
fn tokens_say_of_each_user_what_clerk_would() {
    let local = start();
    let check = |persona: Persona, role: Option<&str>, permissions: &[&str]| {
        let session = verify(&local, &local.token(persona), APP).expect("a session");
        assert_eq!(session.organization().and_then(|o| o.role()), role);
        assert_eq!(session.permissions(), permissions);
        assert_eq!(session.factor_ages(), Some([0, -1]));
        assert!(session.has_plan("user:free"));
    };

    let all = [
        "org:reports:read",
        "org:reports:manage",
        "org:invoices:read",
        "org:invoices:manage",
    ];
    check(Persona::Admin, Some("admin"), &all);
    check(Persona::Member, Some("member"), &["org:reports:read"]);
    check(Persona::Solo, None, &[]);
    let pending = verify(&local, &local.token(Persona::Pending), APP);
    assert_eq!(pending.err(), Some(Reason::SessionPending));
}

#[test]
fn the_command_line_gets_tokens_of_any_age() {
    let local = start();
    let check = |query: &str, want: Result<Option<&str>, Reason>| {
        let answer = get(&local, &format!("/v1/local/token?{query}"));
        assert_eq!(answer.status, 200, "{query}");
        assert_eq!(answer.one("content-type"), "text/plain; charset=utf-8");
        let session = verify(&local, &answer.body, APP);
        let role = session.map(|session| match session.organization() {
            Some(organization) => organization.role().map(str::to_owned),
            None => None,
        });
        assert_eq!(role, want.map(|role| role.map(str::to_owned)), "{query}");
    };

    check("user=member", Ok(Some("member")));
    check("user=admin", Ok(Some("admin")));
    check("user=solo", Ok(None));
    check("user=pending", Err(Reason::SessionPending));
    check("user=member&age=50", Ok(Some("member")));
    check("user=member&age=120", Err(Reason::TokenExpired));
    assert_eq!(get(&local, "/v1/local/token?user=nobody").status, 400);
    assert_eq!(get(&local, "/v1/local/token").status, 400);
}

#[test]
fn the_command_line_gets_tokens_of_a_session_that_a_browser_has() {
    let local = start();
    let answer = sign_in(&local, "member", "", &[]);
    let session = verify(&local, answer.cookie("__session"), APP).expect("a session");
    let id = session.session_id();
    let ask = |query: &str| get(&local, &format!("/v1/local/token?{query}"));

    let fresh = ask(&format!("session={id}")).body;
    let fresh = verify(&local, &fresh, APP).expect("a session");
    assert_eq!(
        (fresh.session_id(), fresh.user_id()),
        (id, session.user_id())
    );
    let aged = ask(&format!("session={id}&age=120")).body;
    assert_eq!(verify(&local, &aged, APP).err(), Some(Reason::TokenExpired));
    assert_eq!(ask("session=sess_none").status, 404);
    assert_eq!(ask(&format!("session={id}&user=member")).status, 400);
}

#[test]
fn the_backend_key_set_is_for_holders_of_the_secret_key() {
    let local = start();
    let public = get(&local, "/.well-known/jwks.json");
    assert_eq!(public.status, 200);
    let environment = local.environment();
    let secret_key = environment
        .iter()
        .find(|(name, _)| name == "CLERK_SECRET_KEY");
    let (_, secret_key) = secret_key.expect("a secret key");
    let check = |line: &[(&str, &str)], status: u16| {
        let answer = send(local.origin(), "GET /v1/jwks", line, "");
        assert_eq!(answer.status, status, "{line:?}");
        assert_eq!(answer.body == public.body, status == 200);
    };

    check(&[("authorization", &format!("Bearer {secret_key}"))], 200);
    check(&[("authorization", &format!("Bearer {secret_key}x"))], 401);
    check(&[("authorization", secret_key)], 401);
    check(&[("authorization", "Bearer ")], 401);
    check(&[], 401);
}

#[test]
fn signing_in_sets_both_cookies_and_leads_back() {
    let local = start();
    let answer = sign_in(&local, "member", "%2Fdashboard", &[]);
    assert_eq!(answer.status, 303);
    assert_eq!(answer.one("location"), format!("{APP}/dashboard"));
    let [session, updated, client] = answer.all("set-cookie")[..] else {
        panic!("three cookies");
    };
    assert!(
        updated.starts_with("__client_uat=1")
            && updated.ends_with("; Path=/; Max-Age=31536000; SameSite=Lax"),
        "{updated}"
    );
    assert!(session.starts_with("__session=ey"), "{session}");
    assert!(
        session.ends_with("; Path=/; Max-Age=31536000; SameSite=Lax"),
        "{session}"
    );
    assert!(client.starts_with("__client=client_"), "{client}");
    assert!(
        client.ends_with("; Path=/; Max-Age=31536000; SameSite=Strict; HttpOnly"),
        "{client}"
    );
    let session = verify(&local, answer.cookie("__session"), APP).expect("a session");
    assert!(session.has_role("org:member"));

    let page = send(
        local.origin(),
        "GET /sign-in",
        &[("cookie", &client_line(&answer))],
        "",
    );
    assert_eq!(page.body.matches("current session</em>").count(), 1);
}

#[test]
fn signing_in_leads_nowhere_but_to_the_applications() {
    let local = start();
    let check = |redirect_url: &str, location: &str, party: &str| {
        let answer = sign_in(&local, "solo", redirect_url, &[]);
        assert_eq!(answer.one("location"), location, "{redirect_url}");
        let session = verify(&local, answer.cookie("__session"), party);
        assert!(session.is_ok(), "{redirect_url}");
    };
    let home = format!("{APP}/");

    check("%2Fa%3Fb%3Dc", &format!("{APP}/a?b=c"), APP);
    check(
        "http%3A%2F%2F127.0.0.1%3A3001%2Fa",
        &format!("{OTHER_APP}/a"),
        OTHER_APP,
    );
    check("", &home, APP);
    check("https%3A%2F%2Fevil.test%2F", &home, APP);
    check("http%3A%2F%2F127.0.0.1%3A3000%40evil.test", &home, APP);
    check("http%3A%2F%2F127.0.0.1%3A3002%2F", &home, APP);
    check("%2F%0D%0Aset-cookie%3A%20a%3Db", &home, APP);
}

#[test]
fn only_the_own_page_signs_in() {
    let local = start();
    let check = |origin: &[(&str, &str)]| {
        let form = [("content-type", "application/x-www-form-urlencoded")];
        let lines = [&form[..], origin].concat();
        let answer = send(local.origin(), "POST /sign-in", &lines, "user=admin");
        assert_eq!(answer.status, 403, "{origin:?}");
        assert!(answer.all("set-cookie").is_empty());
    };

    check(&[]);
    check(&[("origin", "null")]);
    check(&[("origin", APP)]);
    check(&[("origin", "https://evil.test")]);
}

#[test]
fn a_fresh_token_needs_the_cookie_and_a_page_of_an_application() {
    let clock = Arc::new(FixedClock::default());
    let local = start_at(Arc::clone(&clock));
    let signed_in = sign_in(&local, "member", "%2F", &[]);
    let client = client_line(&signed_in);
    let first = verify(&local, signed_in.cookie("__session"), APP).expect("a session");
    let target = format!("POST /v1/client/sessions/{}/tokens", first.session_id());
    let check = |target: &str, cookie: &str, origin: &str, status: u16| {
        let lines = [("cookie", cookie), ("origin", origin)];
        let answer = send(local.origin(), target, &lines, "");
        assert_eq!(answer.status, status, "{target} {cookie} {origin}");
        let readable = answer.all("access-control-allow-origin");
        assert_eq!(readable.is_empty(), status == 403);
        answer
    };

    check(&target, &client, "https://evil.test", 403);
    check(&target, &client, local.origin(), 403);
    check(&target, &client, "null", 403);
    check(&target, "a=b", APP, 404);
    check(&target, "__client=client_guess", APP, 404);
    check(
        "POST /v1/client/sessions/sess_other/tokens",
        &client,
        APP,
        404,
    );

    clock.advance(125);
    let answer = check(&target, &format!("a=b; {client}"), OTHER_APP, 200);
    assert_eq!(answer.one("access-control-allow-origin"), OTHER_APP);
    assert_eq!(answer.one("access-control-allow-credentials"), "true");
    assert_eq!(answer.one("vary"), "origin");
    let body: Value = serde_json::from_str(&answer.body).expect("JSON");
    let token = body["jwt"].as_str().expect("a token");
    let verifier = verifier(&local, OTHER_APP);
    let next = verifier
        .verify_finally(token, clock.now())
        .expect("a session");
    assert_eq!(next.session_id(), first.session_id());
    assert_eq!(next.issued_at(), clock.now());
    assert_eq!(next.factor_ages(), Some([2, -1]));
    assert_ne!(next.token_id(), first.token_id());
}

#[test]
fn signing_out_ends_the_session_and_is_for_pages_of_the_applications() {
    let local = start();
    let signed_in = sign_in(&local, "admin", "%2F", &[]);
    let client = client_line(&signed_in);
    let session = verify(&local, signed_in.cookie("__session"), APP).expect("a session");
    let target = format!("POST /v1/client/sessions/{}/tokens", session.session_id());
    let refresh = || {
        let lines = [("cookie", &*client), ("origin", APP)];
        send(local.origin(), &target, &lines, "").status
    };
    let sign_out = |origin: &str| {
        let lines = [("cookie", &*client), ("origin", origin)];
        send(local.origin(), "POST /sign-out", &lines, "")
    };

    assert_eq!(sign_out("https://evil.test").status, 403);
    assert_eq!(refresh(), 200);
    let answer = sign_out(APP);
    assert_eq!(answer.status, 204);
    assert_eq!(answer.cookie("__session"), "");
    assert_eq!(answer.cookie("__client_uat"), "0");
    assert_eq!(answer.cookie("__client"), "");
    assert_eq!(refresh(), 404);
}

#[test]
fn another_user_takes_the_place_of_the_first() {
    let local = start();
    let first = sign_in(&local, "admin", "%2F", &[]);
    let client = client_line(&first);
    let second = sign_in(&local, "member", "%2F", &[("cookie", &client)]);
    let page = send(local.origin(), "GET /sign-in", &[("cookie", &client)], "");
    assert!(
        !page.body.contains("current session</em>"),
        "the first has ended"
    );
    let session = verify(&local, second.cookie("__session"), APP).expect("a session");
    assert!(session.has_role("org:member"));
}

#[test]
fn every_answer_says_what_it_may_load_and_who_may_load_it() {
    let local = start();
    for path in [
        "/sign-in",
        "/sign-up",
        "/clerk-local.js",
        "/style.css",
        "/nothing",
    ] {
        let answer = get(&local, path);
        let policy = answer.one("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; "), "{path}");
        assert!(
            policy.ends_with(&format!("form-action 'self' {APP} {OTHER_APP}")),
            "{path}"
        );
        let readers = if path == "/clerk-local.js" {
            "cross-origin"
        } else {
            "same-origin"
        };
        assert_eq!(answer.one("cross-origin-resource-policy"), readers);
        assert_eq!(answer.one("x-content-type-options"), "nosniff");
        assert!(!answer.body.contains("<script"), "{path}");
    }
}

#[test]
fn another_host_name_leads_nowhere() {
    let local = start();
    for host in ["evil.test", "localhost", "127.0.0.1"] {
        let answer = send(
            local.origin(),
            "GET /v1/local/token?user=admin",
            &[("host", host)],
            "",
        );
        assert_eq!(answer.status, 421, "{host}");
        assert_eq!(answer.body, "", "{host}");
    }
}

#[test]
fn production_is_refused() {
    let options = LocalOptions::new(Origin::parse(APP).expect("an origin"));
    let result = Local::start(options, &|name| {
        (name == "CLERK_GATE_ENVIRONMENT").then(|| "production".to_owned())
    });
    let message = result.expect_err("a refusal").to_string();
    assert!(
        message.contains("CLERK_GATE_ENVIRONMENT: says production; "),
        "{message}"
    );
}

fn start() -> Local {
    start_at(Arc::new(FixedClock::default()))
}

fn start_at(clock: Arc<FixedClock>) -> Local {
    let [app, other] = [APP, OTHER_APP].map(|text| Origin::parse(text).expect("an origin"));
    let options = LocalOptions::new(app).with_origin(other).with_clock(clock);
    Local::start(options, &|_| None).expect("no production here")
}

fn get(local: &Local, path: &str) -> Answer {
    send(local.origin(), &format!("GET {path}"), &[], "")
}

/// Presses a button of the sign-in page. `redirect_url` is percent-encoded.
fn sign_in(local: &Local, user: &str, redirect_url: &str, lines: &[(&str, &str)]) -> Answer {
    let form = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("origin", local.origin()),
    ];
    let body = format!("user={user}&redirect_url={redirect_url}");
    send(
        local.origin(),
        "POST /sign-in",
        &[&form[..], lines].concat(),
        &body,
    )
}

/// The line with which the browser proves itself from now on.
fn client_line(answer: &Answer) -> String {
    format!("__client={}", answer.cookie("__client"))
}

/// Verifies a token at [`NOW`] with the public key set.
fn verify(local: &Local, token: &str, party: &str) -> Result<Session, Reason> {
    verifier(local, party).verify_finally(token, NOW)
}

fn verifier(local: &Local, party: &str) -> Verifier {
    let answer = get(local, "/.well-known/jwks.json");
    let keys = KeySet::from_json(answer.body.as_bytes()).expect("a key set");
    Verifier::new(local.origin(), Keyring::fixed(keys))
        .with_authorized_parties(Check::Enforce, [party])
}
