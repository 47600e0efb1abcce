//! What the browser tells of a page: answers, and what it complains of.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use serde_json::Value;

use crate::chromium::{Chromium, Event};
use crate::page::text;

/// What the browser has told of a page. Clones are of the same page.
#[derive(Clone)]
pub(crate) struct Record {
    session: String,
    told: Rc<RefCell<Told>>,
}

#[derive(Default)]
struct Told {
    answers: Vec<Answer>,
    complaints: Vec<String>,
    asked: HashMap<String, Asked>,
}

/// What is known of a request whose answer the page may not have.
#[derive(Default)]
struct Asked {
    url: String,
    status: Option<u64>,
    is_withheld: bool,
}

/// What a server has answered, as the browser sees it.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) url: String,
    pub(crate) status: u64,
    /// By their name in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    frame: String,
    is_document: bool,
}

impl Record {
    /// `session` is that of the page.
    pub(crate) fn new(session: &str) -> Self {
        Self {
            session: session.to_owned(),
            told: Rc::default(),
        }
    }

    /// Takes in what has happened.
    pub(crate) fn update(&self, chromium: &Chromium) {
        let told = &mut *self.told.borrow_mut();
        for Event { method, params } in chromium.events(&self.session) {
            match method.as_str() {
                "Network.responseReceived" => {
                    told.asked.remove(&text(&params["requestId"]));
                    told.answers.push(answer(&params));
                }
                "Network.requestWillBeSent" => {
                    told.asked(&params).url = text(&params["request"]["url"]);
                }
                "Network.responseReceivedExtraInfo" => {
                    told.asked(&params).status = params["statusCode"].as_u64();
                    told.keep_withheld(&params);
                }
                "Network.loadingFailed" => {
                    told.asked(&params).is_withheld = true;
                    told.keep_withheld(&params);
                }
                "Runtime.bindingCalled" => told.complaints.push(text(&params["payload"])),
                "Runtime.exceptionThrown" => {
                    let details = &params["exceptionDetails"];
                    told.complaints.push(format!("exception: {details}"));
                }
                "Log.entryAdded" => {
                    let [source, what, url] =
                        ["source", "text", "url"].map(|name| text(&params["entry"][name]));
                    // Where a document names no icon, such as JSON, the browser asks on its own.
                    if url.ends_with("/favicon.ico") {
                        continue;
                    }
                    told.complaints.push(format!("{source}: {what} ({url})"));
                }
                "Runtime.consoleAPICalled" => {
                    told.complaints.push(format!("console: {}", params["args"]));
                }
                _ => {}
            }
        }
    }

    pub(crate) fn answers(&self) -> Vec<Answer> {
        self.told.borrow().answers.clone()
    }

    /// The first answer from this address, which is then forgotten.
    pub(crate) fn take_answer(&self, url: &str) -> Option<Answer> {
        let answers = &mut self.told.borrow_mut().answers;
        let position = answers.iter().position(|own| own.url == url)?;
        Some(answers.remove(position))
    }

    /// Forgets every complaint that contains this, and says whether there was one.
    pub(crate) fn take_complaints(&self, part: &str) -> bool {
        let all = &mut self.told.borrow_mut().complaints;
        let before = all.len();
        all.retain(|own| !own.contains(part));
        all.len() < before
    }

    pub(crate) fn complaints(&self) -> Vec<String> {
        self.told.borrow().complaints.clone()
    }
}

impl Answer {
    /// Whether this is the document in this frame, be it the last or one before.
    pub(crate) fn is_document_of(&self, frame: &str) -> bool {
        self.is_document && self.frame == frame
    }
}

impl Told {
    fn asked(&mut self, params: &Value) -> &mut Asked {
        self.asked.entry(text(&params["requestId"])).or_default()
    }

    /// Keeps an answer that has come, but that the browser keeps from the page. Its parts are told
    /// in any order.
    fn keep_withheld(&mut self, params: &Value) {
        let asked = self.asked(params);
        if let (Some(status), true) = (asked.status, asked.is_withheld) {
            let answer = Answer {
                url: asked.url.clone(),
                status,
                headers: BTreeMap::new(),
                frame: String::new(),
                is_document: false,
            };
            self.answers.push(answer);
        }
    }
}

fn answer(params: &Value) -> Answer {
    let response = &params["response"];
    let headers = response["headers"].as_object().into_iter().flatten();
    Answer {
        url: text(&response["url"]),
        status: response["status"].as_u64().unwrap_or_default(),
        headers: headers
            .map(|(name, value)| (name.to_ascii_lowercase(), text(value)))
            .collect(),
        frame: text(&params["frameId"]),
        is_document: params["type"] == "Document",
    }
}
