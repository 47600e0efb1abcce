//! Security headers, as they come out of the browser's own network stack.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};

use crate::record::Answer;
use crate::stage::Stage;

/// Every answer of the application carries the headers that the conformance suite pins, be it a
/// page, a style, an error or a refusal.
pub(super) fn headers_are_on_every_answer(stage: &Stage) -> Result<()> {
    let (_visitor, page) = stage.signed_in("member")?;
    page.open(&stage.url("/unauthorized"))?;
    page.complains("Failed to load resource")?;
    let statuses = page.run(
        "Promise.all(['/api/billing/plan', '/api/admin/stats', '/no-such-page', '//admin'].map(
            (path) => fetch(location.origin + path).then((answer) => answer.status)
        ))",
    )?;
    ensure!(
        statuses == serde_json::json!([200, 403, 404, 400]),
        "{statuses}"
    );
    page.complains("Failed to load resource")?;

    let own = stage.url("");
    let answers: Vec<_> = page.answers();
    let answers: Vec<_> = answers.iter().filter(|a| a.url.starts_with(&own)).collect();
    let statuses: BTreeSet<_> = answers.iter().map(|answer| answer.status).collect();
    ensure!(statuses == [200, 400, 403, 404].into(), "{statuses:?}");
    let assets = answers.iter().filter(|a| a.url.contains("/assets/"));
    ensure!(assets.count() >= 2, "{answers:?}");
    for answer in answers {
        for line in BASELINE.lines() {
            let line = line.replace("{stand-in}", &stage.stand_in(""));
            let (name, want) = line.split_once(": ").unwrap_or_default();
            let got = answer.headers.get(name);
            ensure!(has(answer, name, want), "{}: {name}: {got:?}", answer.url);
        }
    }
    Ok(())
}

/// Directives may come in any order.
fn has(answer: &Answer, name: &str, want: &str) -> bool {
    let directives = |value: &str| -> BTreeSet<String> {
        value.split(';').map(|own| own.trim().to_owned()).collect()
    };
    let value = answer.headers.get(name);
    value.is_some_and(|value| directives(value) == directives(want))
}

const BASELINE: &str = include_str!("../../../conformance/cases/baselines/examples.headers");
