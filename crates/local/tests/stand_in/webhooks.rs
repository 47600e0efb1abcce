//! What happens at the stand-in is told to the application.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clerk_gate_core::webhook::{SignatureVerifier, Signed};
use clerk_gate_core::{Clock, ConfigErrors, Origin, RequestView, SystemClock};
use clerk_gate_local::{Local, LocalOptions, Persona};
use serde_json::Value;

use crate::application::{Application, Received};
use crate::http::{Answer, send};

#[test]
fn a_sign_in_and_a_sign_out_are_told() {
    let application = Application::start(&[200]);
    let local = start(&application);
    let client = sign_in(&local, "user=member");
    let created = application.next();
    assert_eq!(created.target, "POST /api/webhooks/clerk HTTP/1.1");
    let body = verify(&local, created);
    assert_eq!(body["type"], "session.created");
    assert_eq!(body["data"]["status"], "active");
    assert_eq!(body["data"]["user_id"], Persona::Member.user_id());
    assert_eq!(body["data"]["user"]["banned"], false);
    assert!(
        !body
            .to_string()
            .contains(client.split_once('=').expect("a cookie").1)
    );

    let lines = [("cookie", &*client), ("origin", &*application.origin)];
    assert_eq!(
        send(local.origin(), "POST /sign-out", &lines, "").status,
        204
    );
    let removed = application.next_events(1);
    assert_eq!(removed[0].0, "session.removed");
    assert_eq!(removed[0].1["id"], body["data"]["id"]);
}

#[test]
fn a_delivery_is_tried_again_under_the_same_id_until_it_is_taken() {
    let application = Application::start(&[500, 200, 201]);
    let local = start(&application);
    sign_in(&local, "user=solo");
    let first = application.next();
    let second = application.next();
    assert_eq!(first.header("svix-id"), second.header("svix-id"));
    assert_eq!(first.body, second.body);

    let id = second.header("svix-id").to_owned();
    verify(&local, second);
    assert_eq!(act(&local, &format!("replay:{id}")).status, 303);
    assert_eq!(application.next().header("svix-id"), id);
    assert_eq!(act(&local, "replay:msg_unknown").status, 404);
}

#[test]
fn a_page_of_an_application_ends_the_sessions_of_its_user_and_no_others() {
    let application = Application::start(&[200]);
    let local = start(&application);
    let own = sign_in(&local, "user=member");
    let elsewhere = sign_in(&local, "user=member");
    let other = sign_in(&local, "user=solo");
    let created = application.next_events(3);
    let id_of = |user: Persona| {
        let mine = created
            .iter()
            .find(|(_, data)| data["user_id"] == user.user_id());
        mine.expect("a session").1["id"]
            .as_str()
            .expect("an id")
            .to_owned()
    };
    let ask = |request: &str, client: &str, origin: &str| {
        send(
            local.origin(),
            request,
            &[("cookie", client), ("origin", origin)],
            "",
        )
    };
    let list = |client: &str| {
        let answer = ask("GET /v1/me/sessions/active", client, &application.origin);
        assert_eq!(answer.status, 200);
        let sessions: Value = serde_json::from_str(&answer.body).expect("JSON");
        sessions.as_array().expect("a list").len()
    };
    assert_eq!([list(&own), list(&other), list("a=b")], [2, 1, 0]);

    let foreign = format!("POST /v1/me/sessions/{}/revoke", id_of(Persona::Solo));
    assert_eq!(ask(&foreign, &own, &application.origin).status, 404);
    let mine = format!("POST /v1/me/sessions/{}/revoke", id_of(Persona::Member));
    assert_eq!(ask(&mine, &own, "https://evil.test").status, 403);
    assert_eq!(
        ask("GET /v1/me/sessions/active", &own, "https://evil.test").status,
        403
    );
    assert_eq!(list(&own) + list(&other), 3);

    assert_eq!(ask(&mine, &other, &application.origin).status, 404);
    // Either browser may end it; one of the two is gone then.
    assert_eq!(ask(&mine, &own, &application.origin).status, 204);
    let revoked = application.next_events(1);
    assert_eq!(revoked[0].0, "session.revoked");
    assert_eq!(revoked[0].1["id"], id_of(Persona::Member));
    assert_eq!(list(&own) + list(&elsewhere), 1);
}

#[test]
fn a_ban_ends_the_sessions_and_keeps_the_user_out() {
    let application = Application::start(&[200]);
    let local = start(&application);
    sign_in(&local, "user=member");
    application.next();
    assert_eq!(act(&local, "ban:member").status, 303);
    let told = application.next_events(2);
    assert_eq!(
        (&*told[0].0, &*told[1].0),
        ("session.revoked", "user.updated")
    );
    assert_eq!(told[1].1["banned"], true);
    assert_eq!(
        post(&local, "/sign-in", local.origin(), "user=member").status,
        403
    );

    assert_eq!(act(&local, "unban:member").status, 303);
    assert_eq!(application.next_events(1)[0].1["banned"], false);
    sign_in(&local, "user=member");
}

#[test]
fn a_change_of_role_is_told_and_stands_in_the_next_token() {
    let application = Application::start(&[200]);
    let local = start(&application);
    assert_eq!(act(&local, "make-admin:member").status, 303);
    let told = application.next_events(1);
    assert_eq!(told[0].0, "organizationMembership.updated");
    assert_eq!(told[0].1["role"], "org:admin");
    assert_eq!(claims(&local.token(Persona::Member))["o"]["rol"], "admin");

    // Whoever is in no organization has no role to change.
    assert_eq!(act(&local, "make-admin:solo").status, 303);
    assert_eq!(claims(&local.token(Persona::Solo))["o"], Value::Null);
}

#[test]
fn signing_out_everywhere_ends_the_sessions_of_one_user() {
    let application = Application::start(&[200]);
    let local = start(&application);
    for form in ["user=admin", "user=admin", "user=solo"] {
        sign_in(&local, form);
    }
    application.next_events(3);
    assert_eq!(act(&local, "sign-out:admin").status, 303);
    for (kind, data) in application.next_events(2) {
        assert_eq!(kind, "session.revoked");
        assert_eq!(data["user_id"], Persona::Admin.user_id());
    }
}

#[test]
fn only_the_own_page_acts() {
    let application = Application::start(&[200]);
    let local = start(&application);
    for origin in ["null", "https://evil.test", &application.origin] {
        let answer = post(&local, "/inspector", origin, "do=make-admin:member");
        assert_eq!(answer.status, 403, "{origin}");
    }
    assert_eq!(claims(&local.token(Persona::Member))["o"]["rol"], "member");
    for nonsense in ["", "ban", "ban:nobody", "tea:member"] {
        assert_eq!(act(&local, nonsense).status, 400, "{nonsense}");
    }
    assert_eq!(act(&local, "revoke:sess_unknown").status, 404);
}

#[test]
fn a_webhook_path_that_leads_elsewhere_is_refused() {
    let check = |path: &str| -> Result<Local, ConfigErrors> {
        let origin = Origin::parse("http://127.0.0.1:3000").expect("an origin");
        let options = LocalOptions::new(origin).with_webhook_path(path);
        Local::start(options, &|_| None)
    };
    for path in ["", "webhooks", ".evil.test/", "/a b", "@evil.test/"] {
        let message = check(path).expect_err("a refusal").to_string();
        assert!(message.contains("is not a path"), "{message}");
    }
    assert!(check("/webhooks").is_ok());
}

fn start(application: &Application) -> Local {
    let origin = Origin::parse(&application.origin).expect("an origin");
    Local::start(LocalOptions::new(origin), &|_| None).expect("no production here")
}

fn post(local: &Local, path: &str, origin: &str, form: &str) -> Answer {
    let lines = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("origin", origin),
    ];
    send(local.origin(), &format!("POST {path}"), &lines, form)
}

/// Presses a button of the inspector.
fn act(local: &Local, action: &str) -> Answer {
    post(local, "/inspector", local.origin(), &format!("do={action}"))
}

/// Signs in from a browser of its own, and gives the line with which it proves itself.
fn sign_in(local: &Local, form: &str) -> String {
    let answer = post(local, "/sign-in", local.origin(), form);
    assert_eq!(answer.status, 303, "{form}");
    format!("__client={}", answer.cookie("__client"))
}

/// The body of a delivery, if it is signed with the secret of the settings.
fn verify(local: &Local, received: Received) -> Value {
    let settings = local.settings();
    let verifier = SignatureVerifier::new(settings.webhook_secrets()).expect("a secret");
    let mut view = RequestView::new("POST", "/api/webhooks/clerk", None);
    for (name, value) in &received.headers {
        view.header(name, value.as_bytes());
    }
    let signed = Signed::read(&view).expect("the header lines of a delivery");
    let delivery = verifier.verify(signed, received.body.into(), SystemClock.now());
    serde_json::from_slice(delivery.expect("a good signature").body()).expect("JSON")
}

/// What a token says. That it verifies is tested elsewhere.
fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).expect("a payload");
    let json = URL_SAFE_NO_PAD.decode(payload);
    serde_json::from_slice(&json.expect("base64")).expect("JSON")
}
