//! What one flow plays on: a running example, a foreign site, and browsers of their own for whoever
//! comes.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use example_smoke::App;
use serde_json::{Value, json};

use crate::chromium::Chromium;
use crate::foreign::Foreign;
use crate::page::Page;
use crate::record::Record;

/// Made anew for each flow, so that none sees what another has left.
pub(crate) struct Stage {
    pub(crate) chromium: Arc<Chromium>,
    pub(crate) app: App,
    pub(crate) foreign: Foreign,
    /// Where screenshots go.
    pub(crate) folder: PathBuf,
    records: RefCell<Vec<Record>>,
}

/// One person's browser: cookies that nobody else has.
pub(crate) struct Visitor<'s> {
    pub(crate) stage: &'s Stage,
    context: String,
}

impl Stage {
    /// Starts `program` beside a browser that runs.
    pub(crate) fn new(chromium: Arc<Chromium>, program: &str, folder: PathBuf) -> Result<Self> {
        Ok(Self {
            chromium,
            app: App::start(program),
            foreign: Foreign::start()?,
            folder,
            records: RefCell::default(),
        })
    }

    /// A page of the application.
    pub(crate) fn url(&self, path: &str) -> String {
        url(self.app.address, path)
    }

    /// A page of the stand-in for Clerk.
    pub(crate) fn stand_in(&self, path: &str) -> String {
        url(self.app.stand_in, path)
    }

    /// Somebody who has never been here.
    pub(crate) fn visitor(&self) -> Result<Visitor<'_>> {
        let made = self
            .chromium
            .call("", "Target.createBrowserContext", &json!({}))?;
        let context = made["browserContextId"].as_str().context("a context")?;
        Ok(Visitor {
            stage: self,
            context: context.to_owned(),
        })
    }

    /// Somebody who has just signed in and is on the dashboard, with that page. `user` is what the
    /// stand-in calls him.
    pub(crate) fn signed_in(&self, user: &str) -> Result<(Visitor<'_>, Page<'_>)> {
        let visitor = self.visitor()?;
        let page = visitor.page()?;
        page.open(&self.url("/dashboard"))?;
        page.arrives(
            &self.stand_in("/sign-in?redirect_url=/dashboard"),
            "Sign in",
        )?;
        page.click(&format!("#sign-in-{user}"))?;
        page.arrives(&self.url("/dashboard"), "Dashboard")?;
        page.has_its_token()?;
        Ok((visitor, page))
    }

    pub(crate) fn watch(&self, record: Record) {
        self.records.borrow_mut().push(record);
    }

    /// Whether every page of this flow was quiet: no violation of a policy, no error in a script,
    /// nothing that the browser complains of.
    pub(crate) fn is_quiet(&self) -> Result<()> {
        let mut all = Vec::new();
        for record in self.records.take() {
            record.update(&self.chromium);
            all.extend(record.complaints());
        }
        ensure!(all.is_empty(), "the browser complains:\n{}", all.join("\n"));
        Ok(())
    }
}

impl<'s> Visitor<'s> {
    /// A new tab.
    pub(crate) fn page(&self) -> Result<Page<'s>> {
        Page::new(self.stage, &self.context)
    }

    /// The value of a cookie of the application and its stand-in, which share a host.
    pub(crate) fn cookie(&self, name: &str) -> Result<Option<String>> {
        let params = json!({ "browserContextId": self.context });
        let all = self
            .stage
            .chromium
            .call("", "Storage.getCookies", &params)?;
        let mut all = all["cookies"].as_array().into_iter().flatten();
        let found = all.find(|cookie| cookie["name"] == name);
        Ok(found.and_then(|cookie| cookie["value"].as_str().map(str::to_owned)))
    }

    /// Sets a cookie of the application; `attributes` are added to name, value and place.
    pub(crate) fn set_cookie(&self, name: &str, value: &str, attributes: &Value) -> Result<()> {
        let mut cookie = json!({ "name": name, "value": value, "url": self.stage.url("/") });
        if let (Some(cookie), Some(more)) = (cookie.as_object_mut(), attributes.as_object()) {
            cookie.extend(more.clone());
        }
        let params = json!({ "cookies": [cookie], "browserContextId": self.context });
        self.stage
            .chromium
            .call("", "Storage.setCookies", &params)?;
        Ok(())
    }
}

impl Drop for Visitor<'_> {
    fn drop(&mut self) {
        let params = json!({ "browserContextId": self.context });
        // Where this fails the browser has ended, and the flow has said so.
        let _ = self
            .stage
            .chromium
            .call("", "Target.disposeBrowserContext", &params);
    }
}

fn url(address: SocketAddr, path: &str) -> String {
    format!("http://{address}{path}")
}
