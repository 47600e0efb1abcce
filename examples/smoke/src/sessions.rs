//! Sessions that end at once, factors that are asked for, and somebody in a user's place.

use std::net::SocketAddr;

use clerk_gate_conformance::wire::Answer;

use crate::app::App;
use crate::browser::{Browser, text};

/// Signs a user in from two browsers and out of both from one of them.
///
/// # Panics
/// If the other browser, whose token is still good, is let in by its next request; or if anybody
/// else is not.
pub fn signing_out_everywhere_reaches_every_browser(program: &str) {
    let app = App::start(program);
    let mut browsers = [(), ()].map(|()| sign_in(&app, "user=member"));
    let mut other = sign_in(&app, "user=solo");
    for browser in &mut browsers {
        assert_eq!(browser.open(app.address, "/dashboard").status, 200);
    }

    let [first, second] = &mut browsers;
    let foreign = first.post(app.address, EVERYWHERE, "https://evil.test", "");
    assert_eq!(foreign.status, 403);
    assert_eq!(second.open(app.address, "/dashboard").status, 200);

    let origin = format!("http://{}", app.address);
    let done = first.post(app.address, EVERYWHERE, &origin, "");
    assert_eq!(
        (done.status, body(&done)),
        (200, r#"{"success":true}"#.to_owned())
    );
    for browser in &mut browsers {
        let away = browser.open(app.address, "/dashboard");
        assert_eq!(text(&away, "location"), "/sign-in?redirect_url=/dashboard");
        let refused = browser.post(app.address, EVERYWHERE, &origin, "");
        assert_eq!(refused.status, 401);
        assert!(body(&refused).contains(r#""code":"session-revoked""#));
    }
    assert_eq!(other.open(app.address, "/dashboard").status, 200);
}

/// Bans a user at the stand-in, who is signed in.
///
/// # Panics
/// If the webhooks do not end the session, or if the table of users does not tell.
pub fn a_ban_at_clerk_reaches_the_application(program: &str) {
    let app = App::start(program);
    let mut member = sign_in(&app, "user=member");
    let mut admin = sign_in(&app, "user=admin");
    assert_eq!(member.open(app.address, "/dashboard").status, 200);

    let inspector = format!("http://{}", app.stand_in);
    let pressed = admin.post(app.stand_in, "/inspector", &inspector, "do=ban:member");
    assert_eq!(pressed.status, 303);
    admin.open_until(app.address, "/admin", "<td>Ben Baker</td><td>banned</td>");
    member.open_until_refused(app.address, "/dashboard");
    assert_eq!(admin.open(app.address, "/dashboard").status, 200);
}

/// Asks for an upgrade, shows the second factor, and asks again.
///
/// # Panics
/// If the first attempt passes, or the second does not.
pub fn a_factor_is_asked_for_and_shown(program: &str) {
    let app = App::start(program);
    let origin = format!("http://{}", app.address);
    let mut browser = sign_in(&app, "user=member");
    let page = body(&browser.open(app.address, "/dashboard"));
    let (_, rest) = page.split_once("<dt>Session</dt><dd>").expect("a session");
    let (session, _) = rest.split_once('<').expect("its end");
    let client = format!("/v1/client/sessions/{session}");

    let refused = browser.post(app.address, UPGRADE, &origin, "");
    assert_eq!(refused.status, 403);
    let clerks = r#""clerk_error":{"type":"forbidden","reason":"reverification-error","metadata":{"reverification":"strict"}}"#;
    assert!(body(&refused).contains(clerks), "{}", body(&refused));

    let verify = format!("{client}/verify");
    let shown = browser.post(app.stand_in, &verify, &origin, "factor=second&code=424242");
    assert_eq!(shown.status, 204);
    // Only a new token says so.
    assert_eq!(browser.post(app.address, UPGRADE, &origin, "").status, 403);
    let token = browser.post(app.stand_in, &format!("{client}/tokens"), &origin, "");
    let token = body(&token);
    let token = token
        .strip_prefix(r#"{"jwt":""#)
        .and_then(|rest| rest.strip_suffix(r#""}"#));
    let token = token.expect("a token").to_owned();
    browser.cookies.insert("__session".to_owned(), token);
    assert_eq!(browser.post(app.address, UPGRADE, &origin, "").status, 200);
}

/// Acts in an administrator's place.
///
/// # Panics
/// If a page does not say so, or if the action that is the administrator's own is done.
pub fn whoever_acts_in_a_users_place_may_look_only(program: &str) {
    let app = App::start(program);
    let origin = format!("http://{}", app.address);
    let mut actor = sign_in(&app, "impersonate=admin");
    let mut admin = sign_in(&app, "user=admin");

    let page = actor.open(app.address, "/admin");
    assert_eq!(page.status, 200);
    assert!(body(&page).contains(r#"id="impersonated""#));
    let refused = actor.post(app.address, REPORTS, &origin, "");
    assert_eq!(refused.status, 403);
    assert!(body(&refused).contains(r#""code":"impersonated""#));

    assert!(!body(&admin.open(app.address, "/admin")).contains(r#"id="impersonated""#));
    assert_eq!(admin.post(app.address, REPORTS, &origin, "").status, 200);
}

/// A browser of its own, signed in at the stand-in; `user` is what its button says.
fn sign_in(app: &App, user: &str) -> Browser {
    let mut browser = Browser::default();
    let stand_in = format!("http://{}", app.stand_in);
    let answer = browser.post(app.stand_in, "/sign-in", &stand_in, user);
    assert_eq!(answer.status, 303);
    browser
}

impl Browser {
    /// Reloads a page until it has this text: webhooks take their time.
    fn open_until(&mut self, server: SocketAddr, target: &str, text: &str) {
        let has_it = (0..MAX_RELOADS).any(|_| body(&self.open(server, target)).contains(text));
        assert!(has_it, "{target}: {text}");
    }

    /// Reloads a page until the browser is sent away.
    fn open_until_refused(&mut self, server: SocketAddr, target: &str) {
        let is_refused = (0..MAX_RELOADS).any(|_| self.open(server, target).status == 307);
        assert!(is_refused, "{target}");
    }
}

fn body(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

const EVERYWHERE: &str = "/api/sign-out-everywhere";
const REPORTS: &str = "/api/admin/reports";
const UPGRADE: &str = "/api/billing/upgrade";

/// Many times more than a delivery takes.
const MAX_RELOADS: usize = 20_000;
