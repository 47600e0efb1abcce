//! What the stand-in plays of Clerk: factors, sessions elsewhere, webhooks, support.

use anyhow::{Result, ensure};

use crate::stage::Stage;

/// A sensitive action asks for the second factor, once.
pub(super) fn a_factor_is_asked_for(stage: &Stage) -> Result<()> {
    let (_visitor, page) = stage.signed_in("admin")?;
    page.click("#upgrade")?;
    page.shows("dialog h2", "second factor")?;
    page.complains("status of 403")?;
    page.click("#clerk-local-cancel")?;
    page.shows("#result", "403")?;
    page.shows("#result", "reverification")?;

    page.click("#upgrade")?;
    page.shows("dialog h2", "second factor")?;
    page.click("dialog input")?;
    page.write("000000")?;
    page.click("#clerk-local-confirm")?;
    page.shows("#clerk-local-problem", "not the code")?;
    page.complains("status of 422")?;
    page.write("424242")?;
    page.click("#clerk-local-confirm")?;
    page.shows("#result", "200")?;
    page.shows("#result", "\"upgraded\":true")?;
    page.complains("status of 403")?;

    page.open(&stage.url("/dashboard"))?;
    page.click("#upgrade")?;
    page.shows("#result", "\"upgraded\":true")
}

/// Whoever has no second factor stays outside.
pub(super) fn a_factor_that_is_not_there(stage: &Stage) -> Result<()> {
    let (_visitor, page) = stage.signed_in("solo")?;
    page.click("#upgrade")?;
    page.shows("dialog h2", "second factor")?;
    page.click("dialog input")?;
    page.write("424242")?;
    page.click("#clerk-local-confirm")?;
    page.shows("#clerk-local-problem", "has no second factor")?;
    page.click("#clerk-local-cancel")?;
    page.shows("#result", "403")?;
    page.complains("status of 403")?;
    page.complains("status of 422")
}

/// Signing out everywhere closes the other browser, whose token is still good, at its next step.
pub(super) fn sign_out_everywhere_reaches_other_browsers(stage: &Stage) -> Result<()> {
    let (_one, first) = stage.signed_in("member")?;
    let (other, second) = stage.signed_in("member")?;
    let (_bystander, third) = stage.signed_in("admin")?;
    first.click("#sign-out-everywhere")?;
    first.arrives(&stage.url("/"), "One policy in front of every route")?;

    ensure!(other.cookie("__session")?.is_some());
    second.click("nav a[href='/dashboard']")?;
    second.arrives(
        &stage.stand_in("/sign-in?redirect_url=/dashboard"),
        "Sign in",
    )?;
    third.click("nav a[href='/dashboard']")?;
    third.arrives(&stage.url("/dashboard"), "Dashboard")?;
    third.shows("dl", "user_2local000000000000000000ada")
}

/// Support may look, and not act.
pub(super) fn whoever_acts_in_anothers_place_may_look_only(stage: &Stage) -> Result<()> {
    let visitor = stage.visitor()?;
    let page = visitor.page()?;
    page.open(&stage.url("/dashboard"))?;
    page.click("#impersonate-admin")?;
    page.arrives(&stage.url("/dashboard"), "Dashboard")?;
    page.shows("#impersonated", "acts in the user's place")?;
    page.click("#publish")?;
    page.shows("#result", "403")?;
    page.shows("#result", "impersonated")?;
    page.complains("status of 403")?;

    let (_admin, page) = stage.signed_in("admin")?;
    page.click("#publish")?;
    page.shows("#result", "\"published\":true")
}

/// What is done in the inspector reaches the application by webhook, and is seen in both.
pub(super) fn the_inspector_makes_things_happen(stage: &Stage) -> Result<()> {
    let (member, page) = stage.signed_in("member")?;
    let operator = stage.visitor()?;
    let inspector = operator.page()?;
    inspector.open(&stage.stand_in("/inspector"))?;
    inspector.shows("#sessions", "Ben Baker")?;
    inspector.shows("#audit", "/dashboard")?;

    inspector.click("#role-member")?;
    inspector.shows("#state", "done")?;
    inspector.shows("#users [data-user=member]", "org:admin")?;
    // The page gets the token that says so.
    page.run("Clerk.session.getToken()")?;
    page.open(&stage.url("/admin"))?;
    page.arrives(&stage.url("/admin"), "Admin")?;

    inspector.click("#ban-member")?;
    inspector.shows("#users [data-user=member]", "banned")?;
    inspector.shows("#sessions", "Nothing yet")?;
    inspector.shows("#deliveries", "session.revoked")?;
    inspector.until(
        "the webhooks have arrived",
        "document.querySelectorAll('#deliveries [data-kind=\"session.revoked\"] .good').length > 0",
    )?;
    ensure!(member.cookie("__session")?.is_some());
    page.open(&stage.url("/dashboard"))?;
    page.arrives(
        &stage.stand_in("/sign-in?redirect_url=/dashboard"),
        "Sign in",
    )
}
