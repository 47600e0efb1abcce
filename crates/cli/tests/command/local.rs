//! `clerk-gate local`, with an application that listens for its webhooks.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use clerk_gate_core::webhook::{SignatureVerifier, Signed};
use clerk_gate_core::{Clock, RequestView, Settings, SystemClock};

use crate::run;

/// The running command, ended when dropped.
struct StandIn(Child);

impl StandIn {
    fn start(arguments: &[&str]) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_clerk-gate"))
            .arg("local")
            .args(arguments)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        Self(child.expect("the command starts"))
    }

    /// The variables that it prints, once it listens.
    fn environment(&mut self) -> HashMap<String, String> {
        let lines = BufReader::new(self.0.stdout.take().expect("a pipe")).lines();
        let lines = lines.map(|line| line.expect("text"));
        let variable = |line: String| {
            let (name, value) = line.strip_prefix("export ")?.split_once('=')?;
            let value = value.strip_prefix('\'')?.strip_suffix('\'')?;
            Some((name.to_owned(), value.to_owned()))
        };
        // It goes on running, and prints nothing more than these.
        let printed = lines.take(VARIABLES.len()).map(variable);
        printed
            .map(|variable| variable.expect("a variable"))
            .collect()
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        // The end of its standard input ends it.
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

#[test]
fn webhooks_go_to_the_path_that_is_named_and_the_environment_is_all_that_is_needed() {
    for (named, path) in [
        (None, "/api/webhooks/clerk"),
        (Some("/hooks/clerk"), "/hooks/clerk"),
    ] {
        let application = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = application.local_addr().expect("an address");
        let origin = format!("http://{address}");
        let mut arguments = vec!["--app", &*origin];
        arguments.extend(named.iter().flat_map(|path| ["--webhook-path", path]));
        let mut stand_in = StandIn::start(&arguments);
        let environment = stand_in.environment();
        let mut names: Vec<_> = environment.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, VARIABLES);
        let settings = Settings::parse(&|name| environment.get(name).cloned());
        let settings = settings.expect("all that a gate needs");

        sign_in(settings.issuer());
        let (line, headers, body) = receive(&application);
        assert_eq!(line, format!("POST {path} HTTP/1.1"));
        let verifier = SignatureVerifier::new(settings.webhook_secrets()).expect("a secret");
        let mut view = RequestView::new("POST", path, None);
        for (name, value) in &headers {
            view.header(name, value.as_bytes());
        }
        let signed = Signed::read(&view).expect("the header lines of a delivery");
        let delivery = verifier.verify(signed, body.into(), SystemClock.now());
        assert!(delivery.is_ok(), "{:?}", delivery.err());
    }
}

#[test]
fn a_path_that_is_none_is_refused_with_what_to_write() {
    let run = run(&["local", "--webhook-path", "hooks"], &[], b"");
    assert_eq!((run.code, &*run.out), (Some(2), ""), "{run:?}");
    let remedy = "webhook path \"hooks\": is not a path; write it like \"/api/webhooks/clerk\"";
    assert!(run.err.contains(remedy), "{run:?}");
}

/// Signs a user in, which the stand-in tells the application.
fn sign_in(stand_in: &str) {
    let authority = stand_in.strip_prefix("http://").expect("plain HTTP");
    let mut stream = TcpStream::connect(authority).expect("it listens");
    let form = "user=member";
    let request = format!(
        "POST /sign-in HTTP/1.1\r\nhost: {authority}\r\norigin: {stand_in}\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n{form}",
        form.len()
    );
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
}

/// The next request to the application: its first line, header lines and body.
fn receive(application: &TcpListener) -> (String, Vec<(String, String)>, Vec<u8>) {
    let (stream, _) = application.accept().expect("a delivery");
    let mut reader = BufReader::new(stream);
    let mut lines = reader.by_ref().lines().map(|line| line.expect("text"));
    let first = lines.next().expect("a request line");
    let headers: Vec<_> = lines
        .map_while(|line| {
            let (name, value) = line.split_once(": ")?;
            Some((name.to_ascii_lowercase(), value.to_owned()))
        })
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.and_then(|(_, value)| value.parse().ok());
    let mut body = vec![0; length.expect("a length")];
    reader.read_exact(&mut body).expect("a whole body");
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    reader.into_inner().write_all(answer).expect("an answer");
    (first, headers, body)
}

const VARIABLES: [&str; 5] = [
    "CLERK_API_URL",
    "CLERK_GATE_ORIGINS",
    "CLERK_PUBLISHABLE_KEY",
    "CLERK_SECRET_KEY",
    "CLERK_WEBHOOK_SIGNING_SECRET",
];
