//! Every page as it is seen, in light and dark.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::page::Page;
use crate::stage::Stage;

/// Every page can be read by everybody; screenshots of all are kept.
pub(super) fn every_page_reads_well(stage: &Stage) -> Result<()> {
    let mut faults = Vec::new();
    let mut look = |page: &Page<'_>, name: &str| -> Result<()> {
        for scheme in ["light", "dark"] {
            page.prefer(scheme)?;
            page.keep(&format!("{name}-{scheme}"))?;
            let found = page.run(CHECKS)?;
            let found = found.as_array().into_iter().flatten();
            faults.extend(found.map(|fault| format!("{name}, {scheme}: {fault}")));
        }
        Ok(())
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
    page.call(
        "Emulation.setDeviceMetricsOverride",
        &json!({
            "width": 1200, "height": 3200, "deviceScaleFactor": 1, "mobile": false,
        }),
    )?;
    look(&page, "inspector-whole")?;

    ensure!(faults.is_empty(), "{}", faults.join("\n"));
    Ok(())
}

const CHECKS: &str = include_str!("checks.js");
