//! Signing in, out, and staying signed in.

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::stage::Stage;

/// Nobody opens the dashboard, and is there after signing in.
pub(super) fn sign_in_leads_back(stage: &Stage) -> Result<()> {
    let (visitor, page) = stage.signed_in("member")?;
    ensure!(page.document()?.status == 200);
    page.shows("dl", "user_2local000000000000000000ben")?;
    ensure!(visitor.cookie("__session")?.is_some());

    let stranger = stage.visitor()?;
    let page = stranger.page()?;
    page.open(&stage.url("/dashboard"))?;
    page.arrives(
        &stage.stand_in("/sign-in?redirect_url=/dashboard"),
        "Sign in",
    )
}

/// Whoever still has a task to finish at Clerk counts as nobody, and is not sent in circles.
pub(super) fn an_open_task_keeps_the_door_closed(stage: &Stage) -> Result<()> {
    let visitor = stage.visitor()?;
    let page = visitor.page()?;
    page.open(&stage.url("/dashboard"))?;
    page.click("#sign-in-pending")?;
    let sign_in = stage.stand_in("/sign-in?redirect_url=/dashboard");
    page.arrives(&sign_in, "Sign in")?;
    page.shows("#sign-in-pending", "current session")?;
    page.open(&stage.url("/"))?;
    page.shows("header", "Sign in")
}

/// A member is told that he may not; an administrator may.
pub(super) fn a_role_opens_the_door(stage: &Stage) -> Result<()> {
    let (_member, page) = stage.signed_in("member")?;
    page.open(&stage.url("/admin"))?;
    page.arrives(&stage.url("/unauthorized"), "Not for this user")?;
    ensure!(page.document()?.status == 403);
    page.shows("main", "org:member")?;
    page.complains("status of 403")?;

    page.has_its_token()?;
    page.click("main [data-clerk-sign-out]")?;
    page.arrives(&stage.stand_in("/sign-in"), "Sign in")?;
    page.click("#sign-in-admin")?;
    page.arrives(&stage.url("/"), "One policy in front of every route")?;
    page.click("nav a[href='/admin']")?;
    page.arrives(&stage.url("/admin"), "Admin")?;
    ensure!(page.document()?.status == 200);
    page.shows("main strong", "acme")
}

/// Signing out ends the session, and the way back shows nothing of it.
pub(super) fn sign_out_closes_the_door(stage: &Stage) -> Result<()> {
    let (visitor, page) = stage.signed_in("member")?;
    let headers = page.document()?.headers;
    ensure!(
        headers
            .get("cache-control")
            .is_some_and(|value| value.contains("no-store"))
    );

    page.click("header [data-clerk-sign-out]")?;
    page.arrives(&stage.url("/"), "One policy in front of every route")?;
    page.shows("header", "Sign in")?;
    ensure!(visitor.cookie("__session")?.is_none());
    ensure!(visitor.cookie("__client")?.is_none());

    page.go_back()?;
    page.arrives(
        &stage.stand_in("/sign-in?redirect_url=/dashboard"),
        "Sign in",
    )?;
    let shown = page.run("document.documentElement.outerHTML")?;
    ensure!(!shown.as_str().context("a text")?.contains("Factors shown"));
    page.open(&stage.url("/dashboard"))?;
    page.arrives(
        &stage.stand_in("/sign-in?redirect_url=/dashboard"),
        "Sign in",
    )
}

/// A minute later the token in the cookie has expired; the page's script has another by then.
pub(super) fn an_expired_token_is_replaced(stage: &Stage) -> Result<()> {
    let (visitor, page) = stage.signed_in("member")?;
    let session = page.run("Clerk.session.id")?;
    let session = session.as_str().context("a session")?;
    let expired = stage.app.token(&format!("session={session}&age=120"));
    let other = visitor.page()?;

    visitor.set_cookie("__session", &expired, &json!({ "sameSite": "Lax" }))?;
    other.open(&stage.url("/dashboard"))?;
    other.arrives(
        &stage.stand_in("/sign-in?redirect_url=/dashboard"),
        "Sign in",
    )?;
    ensure!(visitor.cookie("__session")?.as_ref() == Some(&expired));

    // The page's clock goes on by a minute, and with it the timer of its script.
    let params = json!({ "policy": "pauseIfNetworkFetchesPending", "budget": 60_000 });
    page.call("Emulation.setVirtualTimePolicy", &params)?;
    let is_fresh = || {
        let cookie = visitor.cookie("__session")?;
        Ok(cookie.filter(|value| *value != expired))
    };
    let fresh = stage.chromium.until(is_fresh)?;
    ensure!(fresh.is_some(), "the page asks for no new token");
    other.open(&stage.url("/dashboard"))?;
    other.arrives(&stage.url("/dashboard"), "Dashboard")?;
    other.shows("dl", session)
}
