//! Every page as it is seen: in light, in dark, on a telephone.

use anyhow::{Result, ensure};

use crate::page::Page;
use crate::stage::Stage;

/// Every page can be read by everybody; screenshots of all are kept.
pub(super) fn every_page_reads_well(stage: &Stage) -> Result<()> {
    let mut faults = Vec::new();
    let mut look = |page: &Page<'_>, name: &str| -> Result<()> {
        for (how, scheme, width) in [
            ("light", "light", 1200),
            ("dark", "dark", 1200),
            ("narrow", "light", 360),
        ] {
            page.prefer(scheme)?;
            page.resize(width, 900)?;
            page.keep(&format!("{name}-{how}"))?;
            let found = page.run(CHECKS)?;
            let found = found.as_array().into_iter().flatten();
            faults.extend(found.map(|fault| format!("{name}, {how}: {fault}")));
        }
        page.resize(1200, 900)
    };

    let nobody = stage.visitor()?;
    let page = nobody.page()?;
    page.open(&stage.url("/"))?;
    look(&page, "home-nobody")?;
    page.open(&stage.url("/dashboard"))?;
    look(&page, "sign-in")?;

    let (_member, page) = stage.signed_in("member")?;
    look(&page, "dashboard")?;
    page.click("#claims summary")?;
    look(&page, "dashboard-claims")?;
    page.open(&stage.url("/"))?;
    look(&page, "home-member")?;
    page.open(&stage.url("/admin"))?;
    page.complains("status of 403")?;
    look(&page, "unauthorized")?;
    page.open(&stage.stand_in("/sign-in"))?;
    look(&page, "sign-in-current")?;

    let (_admin, page) = stage.signed_in("admin")?;
    page.click("#upgrade")?;
    page.shows("dialog h2", "second factor")?;
    page.complains("status of 403")?;
    look(&page, "dashboard-prompt")?;
    page.click("#clerk-local-cancel")?;
    page.shows("#result", "403")?;
    look(&page, "dashboard-result")?;
    page.open(&stage.url("/admin"))?;
    page.shows("#users", "Ben Baker")?;
    look(&page, "admin")?;

    let support = stage.visitor()?;
    let page = support.page()?;
    page.open(&stage.url("/dashboard"))?;
    page.click("#impersonate-admin")?;
    page.arrives(&stage.url("/dashboard"), "Dashboard")?;
    look(&page, "dashboard-impersonated")?;

    page.open(&stage.stand_in("/inspector"))?;
    page.shows("#state", "Live")?;
    look(&page, "inspector")?;
    page.resize(1200, 3200)?;
    page.keep("inspector-whole-light")?;

    ensure!(faults.is_empty(), "{}", faults.join("\n"));
    Ok(())
}

const CHECKS: &str = include_str!("checks.js");
