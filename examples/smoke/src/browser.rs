//! A browser: it keeps its connections and its cookies, and says what it is doing.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;

use clerk_gate_conformance::wire::{Answer, Connection};

use crate::app::App;

/// Opens the dashboard of `program`, signs in on the way, and signs out.
///
/// # Panics
/// If that does not work as it should, or if the program closes the connection on the way.
pub fn a_browser_signs_in_and_out(program: &str) {
    let app = App::start(program);
    let (origin, stand_in) = (
        format!("http://{}", app.address),
        format!("http://{}", app.stand_in),
    );
    let mut browser = Browser::default();

    let away = browser.open(app.address, "/dashboard");
    assert_eq!(away.status, 307);
    let way = text(&away, "location");
    assert_eq!(way, "/sign-in?redirect_url=/dashboard");

    let on = browser.open(app.address, way);
    assert_eq!(on.status, 303);
    let way = text(&on, "location").strip_prefix(&stand_in);
    assert_eq!(way, Some("/sign-in?redirect_url=/dashboard"));

    let choice = browser.open(app.stand_in, way.unwrap_or_default());
    assert_eq!(choice.status, 200);
    let page = String::from_utf8_lossy(&choice.body);
    let back = format!("{origin}/dashboard");
    assert!(page.contains(&format!(r#"name="redirect_url" value="{back}""#)));

    let form = format!("redirect_url={back}&user=member");
    let signed_in = browser.post(app.stand_in, "/sign-in", &stand_in, &form);
    assert_eq!(signed_in.status, 303);
    assert_eq!(text(&signed_in, "location"), back);

    let dashboard = browser.open(app.address, "/dashboard");
    assert_eq!(dashboard.status, 200);
    assert!(String::from_utf8_lossy(&dashboard.body).contains("<dd>acme</dd>"));
    let admin = browser.open(app.address, "/admin");
    assert_eq!(admin.status, 307);
    assert_eq!(text(&admin, "location"), "/unauthorized");
    assert_eq!(browser.open(app.address, "/unauthorized").status, 403);

    let signed_out = browser.post(app.stand_in, "/sign-out", &origin, "");
    assert_eq!(signed_out.status, 204);
    assert_eq!(browser.cookies.len(), 1);
    assert_eq!(browser.cookies["__client_uat"], "0");
    assert_eq!(browser.open(app.address, "/").status, 200);
    assert_eq!(browser.open(app.address, "/dashboard").status, 307);
}

/// A browser of its own.
#[derive(Default)]
pub(crate) struct Browser {
    /// One for each server, which must keep it open.
    connections: HashMap<SocketAddr, Connection>,
    /// For all servers: cookies do not tell ports apart (RFC 6265 §8.5).
    pub(crate) cookies: BTreeMap<String, String>,
}

impl Browser {
    /// Goes to a page.
    pub(crate) fn open(&mut self, server: SocketAddr, target: &str) -> Answer {
        let lines = "accept: text/html\r\nsec-fetch-dest: document\r\nsec-fetch-mode: navigate\r\n";
        self.ask(server, "GET", target, lines, "")
    }

    /// Sends a form from a page of `origin`.
    pub(crate) fn post(
        &mut self,
        server: SocketAddr,
        target: &str,
        origin: &str,
        form: &str,
    ) -> Answer {
        let kind = "application/x-www-form-urlencoded";
        let lines = format!("origin: {origin}\r\ncontent-type: {kind}\r\n");
        self.ask(server, "POST", target, &lines, form)
    }

    fn ask(
        &mut self,
        server: SocketAddr,
        method: &str,
        target: &str,
        lines: &str,
        body: &str,
    ) -> Answer {
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let cookies = match cookies.join("; ") {
            none if none.is_empty() => none,
            some => format!("cookie: {some}\r\n"),
        };
        let length = body.len();
        let request = format!(
            "{method} {target} HTTP/1.1\r\nhost: {server}\r\n\
             content-length: {length}\r\n{lines}{cookies}\r\n{body}"
        );
        let connection = self
            .connections
            .entry(server)
            .or_insert_with(|| Connection::open(server).expect("it listens"));
        connection.send(request.as_bytes()).expect("it reads");
        let answer = connection.receive(false).expect("a whole answer");
        let answer = answer.expect("the connection is kept");
        self.keep_cookies(&answer);
        answer
    }

    fn keep_cookies(&mut self, answer: &Answer) {
        for line in answer.header("set-cookie") {
            let line = String::from_utf8_lossy(line);
            let (cookie, attributes) = line.split_once(';').unwrap_or((&line, ""));
            let (name, value) = cookie.split_once('=').expect("a name and a value");
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

/// The value of the first header line called `name`.
pub(crate) fn text<'a>(answer: &'a Answer, name: &str) -> &'a str {
    let value = answer.header(name).next().unwrap_or_default();
    std::str::from_utf8(value).expect("a text")
}
