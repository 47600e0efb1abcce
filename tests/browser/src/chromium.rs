//! The browser: a process, and the DevTools protocol over its pipe.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A running browser with an empty profile. It ends when this is dropped, and when this process
/// ends in any other way: its pipe closes then.
pub(crate) struct Chromium {
    connection: Mutex<Connection>,
    process: Child,
    _profile: TempDir,
}

struct Connection {
    /// `None` once the browser shall end.
    orders: Option<ChildStdin>,
    messages: Receiver<Value>,
    last_id: u64,
    /// What has happened, by session, until somebody takes it.
    events: HashMap<String, Vec<Event>>,
}

/// Something that the browser tells unasked.
pub(crate) struct Event {
    pub(crate) method: String,
    pub(crate) params: Value,
}

impl Chromium {
    /// Starts `program` and waits until it answers.
    pub(crate) fn start(program: &Path) -> Result<Self> {
        let profile = tempfile::tempdir()?;
        // It complains of everything that a machine without a screen lacks: nobody reads that,
        // unless it does not start.
        let log = profile.path().join("stderr.log");
        // Chromium reads orders from descriptor 3 and writes answers to 4; a shell moves them there.
        let mut process = Command::new("sh")
            .args(["-c", r#"exec "$0" "$@" 3<&0 4>&1 0</dev/null 1>&2"#])
            .arg(program)
            .args(FLAGS)
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&log)?)
            .spawn()
            .context("sh: cannot be started")?;
        let messages = messages(process.stdout.take().context("a pipe")?);
        let connection = Connection {
            orders: process.stdin.take(),
            messages,
            last_id: 0,
            events: HashMap::new(),
        };
        let chromium = Self {
            connection: Mutex::new(connection),
            process,
            _profile: profile,
        };
        let version = chromium.call("", "Browser.getVersion", &json!({}));
        if let Err(error) = version {
            let said = fs::read_to_string(&log).unwrap_or_default();
            let program = program.display();
            bail!("{program}: is no browser that starts here: {error:#}\n{said}");
        }
        Ok(chromium)
    }

    /// Calls a method of the protocol; `session` is that of a page, or empty for the browser.
    pub(crate) fn call(&self, session: &str, method: &str, params: &Value) -> Result<Value> {
        self.lock()
            .call(session, method, params)
            .context(method.to_owned())
    }

    /// What has happened in a session since it was last asked.
    pub(crate) fn events(&self, session: &str) -> Vec<Event> {
        self.lock().events.remove(session).unwrap_or_default()
    }

    /// Looks again and again, whenever something has happened in the browser and at least every
    /// [`PAUSE`], until there is something to see; `None` if there is nothing for too long.
    pub(crate) fn until<T>(
        &self,
        mut look: impl FnMut() -> Result<Option<T>>,
    ) -> Result<Option<T>> {
        let started = Instant::now();
        loop {
            let found = look()?;
            if found.is_some() || started.elapsed() > PATIENCE {
                return Ok(found);
            }
            self.lock().hear(PAUSE)?;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        self.lock().orders = None;
        let started = Instant::now();
        while !matches!(self.process.try_wait(), Ok(Some(_))) {
            if started.elapsed() > PATIENCE {
                let _ = self.process.kill();
                let _ = self.process.wait();
                return;
            }
            thread::sleep(PAUSE);
        }
    }
}

impl Connection {
    fn call(&mut self, session: &str, method: &str, params: &Value) -> Result<Value> {
        self.last_id += 1;
        let id = self.last_id;
        let mut order = json!({ "id": id, "method": method, "params": params });
        if !session.is_empty() {
            order["sessionId"] = session.into();
        }
        let orders = self.orders.as_mut().context("the browser ends")?;
        let sent = orders.write_all(format!("{order}\0").as_bytes());
        sent.context("the browser has ended")?;
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            let Some(mut answer) = self.hear(PATIENCE)? else {
                continue;
            };
            if answer["id"] != id {
                continue;
            }
            if let Some(error) = answer.get("error") {
                bail!("{}", error["message"].as_str().unwrap_or_default());
            }
            return Ok(answer["result"].take());
        }
        bail!("the browser does not answer")
    }

    /// The next answer, if one comes in time. Keeps events for whom they concern.
    fn hear(&mut self, patience: Duration) -> Result<Option<Value>> {
        let mut message = match self.messages.recv_timeout(patience) {
            Ok(message) => message,
            Err(RecvTimeoutError::Timeout) => return Ok(None),
            Err(RecvTimeoutError::Disconnected) => bail!("the browser has ended"),
        };
        let Some(method) = message["method"].as_str().map(str::to_owned) else {
            return Ok(Some(message));
        };
        let session = message["sessionId"].as_str().unwrap_or_default().to_owned();
        let params = message["params"].take();
        let events = self.events.entry(session).or_default();
        events.push(Event { method, params });
        Ok(None)
    }
}

/// Messages end with a zero byte. A thread reads them, because a pipe cannot be read for a limited
/// time.
fn messages(pipe: ChildStdout) -> Receiver<Value> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for message in BufReader::new(pipe).split(0).map_while(Result::ok) {
            let message = serde_json::from_slice(&message).unwrap_or_default();
            if sender.send(message).is_err() {
                return;
            }
        }
    });
    receiver
}

/// As root there is no sandbox; all pages are ours. Nothing here asks for anything off this machine.
const FLAGS: [&str; 14] = [
    "--headless",
    "--no-startup-window",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-breakpad",
    "--disable-extensions",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--remote-debugging-pipe",
];

/// Much longer than anything here takes, on a machine that has a lot else to do.
const PATIENCE: Duration = Duration::from_secs(20);

const PAUSE: Duration = Duration::from_millis(20);
