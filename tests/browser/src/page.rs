//! One tab: what somebody does there, and what the browser shows and tells.

use std::fs;

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::record::{Answer, Record};
use crate::stage::Stage;

/// A tab, closed with the browser of its visitor.
pub(crate) struct Page<'s> {
    stage: &'s Stage,
    session: String,
    /// The tab, and the frame in it that is no frame of a page.
    target: String,
    record: Record,
}

impl<'s> Page<'s> {
    pub(crate) fn new(stage: &'s Stage, context: &str) -> Result<Self> {
        let chromium = &stage.chromium;
        let params = json!({ "url": "about:blank", "browserContextId": context });
        let made = chromium.call("", "Target.createTarget", &params)?;
        let target = text(&made["targetId"]);
        let params = json!({ "targetId": target, "flatten": true });
        let attached = chromium.call("", "Target.attachToTarget", &params)?;
        let session = text(&attached["sessionId"]);
        let record = Record::new(&session);
        stage.watch(record.clone());
        let page = Self {
            stage,
            session,
            target,
            record,
        };
        for domain in ["Page", "Runtime", "Network", "Log"] {
            page.call(&format!("{domain}.enable"), &json!({}))?;
        }
        page.call("Runtime.addBinding", &json!({ "name": BINDING }))?;
        let params = json!({ "source": REPORT_VIOLATIONS });
        page.call("Page.addScriptToEvaluateOnNewDocument", &params)?;
        // Every tab believes itself to be the one in front.
        let params = json!({ "enabled": true });
        page.call("Emulation.setFocusEmulationEnabled", &params)?;
        page.resize(1200, 900)?;
        Ok(page)
    }

    /// Goes to `url`, as if it was typed, and waits for what is there in the end.
    pub(crate) fn open(&self, url: &str) -> Result<()> {
        let gone = self.call("Page.navigate", &json!({ "url": url }))?;
        if let Some(error) = gone["errorText"].as_str() {
            bail!("{url}: {error}");
        }
        self.until(
            &format!("{url} is loaded"),
            "document.readyState === 'complete'",
        )
    }

    /// Waits for a page that something else has opened, by its address and its heading.
    pub(crate) fn arrives(&self, url: &str, heading: &str) -> Result<()> {
        let (url, heading) = (quoted(url), quoted(heading));
        let condition = format!(
            "location.href === {url} && document.readyState === 'complete' \
             && document.querySelector('h1')?.textContent === {heading}"
        );
        self.until(&format!("{heading} at {url}"), &condition)
    }

    /// Waits until the page's script has got its first fresh token, which it does on its own, and
    /// one more: nothing of that comes later and changes cookies.
    pub(crate) fn has_its_token(&self) -> Result<()> {
        let session = text(&self.run("Clerk.session.id")?);
        let path = format!("/v1/client/sessions/{session}/tokens");
        let tokens = self.stage.stand_in(&path);
        self.answer(&tokens)?;
        self.run("Clerk.session.getToken()")?;
        // Forgotten as well, or the next page would take it for its own.
        self.answer(&tokens)?;
        Ok(())
    }

    /// Waits for the text of an element to contain this.
    pub(crate) fn shows(&self, selector: &str, part: &str) -> Result<()> {
        let (selector, part) = (quoted(selector), quoted(part));
        let condition = format!("document.querySelector({selector})?.innerText.includes({part})");
        self.until(&format!("{selector} shows {part}"), &condition)
    }

    /// Waits for a condition in JavaScript. A document on its way out does not fulfil any.
    pub(crate) fn until(&self, what: &str, condition: &str) -> Result<()> {
        let condition = format!("Promise.resolve({condition}).then(Boolean)");
        let holds = || {
            let holds = self.run(&condition).is_ok_and(|value| value == true);
            Ok(holds.then_some(()))
        };
        if self.stage.chromium.until(holds)?.is_none() {
            let shown = "`${location.href}\n${document.body?.innerText}`";
            let shown = self.run(shown).unwrap_or_default();
            bail!("{what}: is waited for in vain at {}", text(&shown));
        }
        Ok(())
    }

    /// The value of an expression in JavaScript, or of the promise that it makes.
    pub(crate) fn run(&self, expression: &str) -> Result<Value> {
        let params = json!({
            "expression": expression,
            "awaitPromise": true,
            "returnByValue": true,
            "userGesture": true,
        });
        let mut done = self.call("Runtime.evaluate", &params)?;
        if let Some(exception) = done.get("exceptionDetails") {
            bail!("{expression}: {}", exception["exception"]["description"]);
        }
        Ok(done["result"]["value"].take())
    }

    /// Clicks with the mouse in the middle of an element, which nothing may cover.
    pub(crate) fn click(&self, selector: &str) -> Result<()> {
        let place = self.run(&format!(
            "(() => {{
                const element = document.querySelector({});
                if (!element) return 'is not there';
                element.scrollIntoView({{ block: 'center', behavior: 'instant' }});
                const box = element.getBoundingClientRect();
                const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
                if (!element.contains(document.elementFromPoint(x, y))) return 'is covered';
                return [x, y];
            }})()",
            quoted(selector)
        ))?;
        let Some([x, y]) = place.as_array().map(Vec::as_slice) else {
            bail!("{selector}: {}", text(&place));
        };
        for kind in ["mousePressed", "mouseReleased"] {
            let params = json!({ "type": kind, "x": x, "y": y, "button": "left", "clickCount": 1 });
            self.call("Input.dispatchMouseEvent", &params)?;
        }
        Ok(())
    }

    /// Presses Tab until the focus is on an element, as somebody without a mouse does.
    pub(crate) fn tab_to(&self, selector: &str) -> Result<()> {
        for _ in 0..MAX_TABS {
            self.press("Tab", 9, "")?;
            let is_there = format!("document.activeElement?.matches({})", quoted(selector));
            if self.run(&is_there)? == true {
                return Ok(());
            }
        }
        bail!("{selector}: is not reached with {MAX_TABS} times Tab")
    }

    pub(crate) fn press_enter(&self) -> Result<()> {
        self.press("Enter", 13, "\r")
    }

    /// Types into what has the focus.
    pub(crate) fn write(&self, text: &str) -> Result<()> {
        self.call("Input.insertText", &json!({ "text": text }))?;
        Ok(())
    }

    fn press(&self, key: &str, code: u8, text: &str) -> Result<()> {
        for kind in ["keyDown", "keyUp"] {
            let params = json!({
                "type": kind,
                "key": key,
                "code": key,
                "windowsVirtualKeyCode": code,
                "text": if kind == "keyDown" { text } else { "" },
            });
            self.call("Input.dispatchKeyEvent", &params)?;
        }
        Ok(())
    }

    /// The button of the browser.
    pub(crate) fn go_back(&self) -> Result<()> {
        let history = self.call("Page.getNavigationHistory", &json!({}))?;
        let position = history["currentIndex"].as_u64().context("a position")?;
        let last = usize::try_from(position)?.checked_sub(1);
        let last = last.context("there is no way back")?;
        let params = json!({ "entryId": history["entries"][last]["id"] });
        self.call("Page.navigateToHistoryEntry", &params)?;
        Ok(())
    }

    /// What the server has answered to the page that is shown.
    pub(crate) fn document(&self) -> Result<Answer> {
        let answers = self.answers();
        let mut answers = answers.into_iter().rev();
        answers
            .find(|own| own.is_document_of(&self.target))
            .context("no document has come")
    }

    /// All answers to this page, its parts and its scripts, since it is there.
    pub(crate) fn answers(&self) -> Vec<Answer> {
        self.record.update(&self.stage.chromium);
        self.record.answers()
    }

    /// Waits for an answer from this address, and forgets it.
    pub(crate) fn answer(&self, url: &str) -> Result<Answer> {
        let answer = || {
            self.record.update(&self.stage.chromium);
            Ok(self.record.take_answer(url))
        };
        let found = self.stage.chromium.until(answer)?;
        found.with_context(|| format!("{url}: does not answer"))
    }

    /// Waits for a complaint of the browser that contains this, and takes it and all others that do:
    /// the flow has meant it to complain.
    pub(crate) fn complains(&self, part: &str) -> Result<()> {
        let complaint = || {
            self.record.update(&self.stage.chromium);
            Ok(self.record.take_complaints(part).then_some(()))
        };
        let found = self.stage.chromium.until(complaint)?;
        found.with_context(|| {
            let all = self.record.complaints();
            format!("no complaint of {part:?}, only of {all:?}")
        })
    }

    /// What is in the first frame of the page: what it was asked for, or an error of the browser's.
    pub(crate) fn framed_url(&self) -> Result<String> {
        let tree = self.call("Page.getFrameTree", &json!({}))?;
        if let Some(own) = tree["frameTree"]["childFrames"].get(0) {
            return Ok(text(&own["frame"]["url"]));
        }
        // A frame of another site is a target of its own, under the address that was asked for.
        let targets = self.call("Target.getTargets", &json!({}))?;
        let mut targets = targets["targetInfos"].as_array().into_iter().flatten();
        let frame = targets.find(|own| own["parentId"] == self.target.as_str());
        let frame = frame.context("there is no frame")?;
        let params = json!({ "targetId": frame["targetId"], "flatten": true });
        let attached = self.call("Target.attachToTarget", &params)?;
        let params = json!({ "expression": "location.href" });
        let session = text(&attached["sessionId"]);
        let chromium = &self.stage.chromium;
        let shown = chromium.call(&session, "Runtime.evaluate", &params)?;
        Ok(text(&shown["result"]["value"]))
    }

    /// Makes the window as large as this, in pixels.
    pub(crate) fn resize(&self, width: u32, height: u32) -> Result<()> {
        let params = json!({
            "width": width,
            "height": height,
            "deviceScaleFactor": 1,
            "mobile": false,
        });
        self.call("Emulation.setDeviceMetricsOverride", &params)?;
        Ok(())
    }

    /// Light or dark, as the visitor prefers.
    pub(crate) fn prefer(&self, scheme: &str) -> Result<()> {
        let feature = json!({ "name": "prefers-color-scheme", "value": scheme });
        self.call(
            "Emulation.setEmulatedMedia",
            &json!({ "features": [feature] }),
        )?;
        Ok(())
    }

    /// Keeps what is shown as `NAME.png` in the folder of the stage.
    pub(crate) fn keep(&self, name: &str) -> Result<()> {
        let shot = self.call(
            "Page.captureScreenshot",
            &json!({ "optimizeForSpeed": true }),
        )?;
        let image = STANDARD.decode(text(&shot["data"]))?;
        let folder = &self.stage.folder;
        fs::create_dir_all(folder)?;
        fs::write(folder.join(name).with_extension("png"), image)?;
        Ok(())
    }

    pub(crate) fn call(&self, method: &str, params: &Value) -> Result<Value> {
        self.stage.chromium.call(&self.session, method, params)
    }
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A text as JavaScript writes it.
pub(crate) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// More than any page has places for the focus.
const MAX_TABS: usize = 40;

const BINDING: &str = "clerkGateReport";

/// Whatever a policy forbids a page is told to the flow, from the first moment on.
const REPORT_VIOLATIONS: &str = "addEventListener('securitypolicyviolation', (event) => \
    clerkGateReport(`violation: ${event.effectiveDirective} forbids ${event.blockedURI}`));";
