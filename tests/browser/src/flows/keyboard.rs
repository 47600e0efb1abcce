//! Everything works without a mouse.

use anyhow::{Result, ensure};

use crate::page::Page;
use crate::stage::Stage;

/// Signs in, shows a factor and signs out with Tab and Enter alone, and sees where the focus is.
pub(super) fn the_keyboard_is_enough(stage: &Stage) -> Result<()> {
    let visitor = stage.visitor()?;
    let page = visitor.page()?;
    page.open(&stage.url("/"))?;
    enter(&page, "main a[href='/sign-in']")?;
    page.arrives(&stage.stand_in("/sign-in"), "Sign in")?;
    enter(&page, "#sign-in-admin")?;
    page.arrives(&stage.url("/"), "One policy in front of every route")?;
    enter(&page, "nav a[href='/dashboard']")?;
    page.arrives(&stage.url("/dashboard"), "Dashboard")?;

    enter(&page, "#upgrade")?;
    page.until(
        "the prompt has the focus",
        "document.activeElement?.matches('dialog input')",
    )?;
    page.write("424242")?;
    page.press_enter()?;
    page.shows("#result", "200")?;
    page.complains("status of 403")?;

    enter(&page, "header [data-clerk-sign-out]")?;
    page.arrives(&stage.url("/"), "One policy in front of every route")?;
    page.shows("header", "Sign in")
}

/// Goes there with Tab, where the focus must be seen, and presses Enter.
fn enter(page: &Page<'_>, selector: &str) -> Result<()> {
    page.tab_to(selector)?;
    let outline = page.run(
        "(() => {
            const style = getComputedStyle(document.activeElement);
            return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1;
        })()",
    )?;
    ensure!(
        outline == true,
        "{selector}: has the focus, and nobody sees it"
    );
    page.press_enter()
}
