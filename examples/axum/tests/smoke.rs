//! The built program, as a stranger runs it: `example-axum --local`, and requests over a socket.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Stdio};

#[test]
fn every_route_demands_what_the_policy_says() {
    let app = App::start();
    let check = |user: Option<&str>, request: &str, want: u16| {
        let answer = app.send(request, &app.credential(user), "");
        assert_eq!(
            answer.status, want,
            "{request} as {user:?}: {}",
            answer.body
        );
        for name in [
            "content-security-policy",
            "x-content-type-options",
            "x-frame-options",
        ] {
            assert!(
                answer.header(name).is_some(),
                "{request} as {user:?}: {name}"
            );
        }
    };
    let everybody = [
        None,
        Some("admin"),
        Some("member"),
        Some("solo"),
        Some("pending"),
    ];

    for user in everybody {
        check(user, "GET /", 200);
        check(user, "GET /assets/style.css", 200);
        check(user, "GET /assets/nothing", 404);
        check(user, "GET /sign-in", 303);
        check(user, "GET /sign-up", 303);
    }
    for user in [Some("admin"), Some("member"), Some("solo")] {
        check(user, "GET /dashboard", 200);
        check(user, "GET /unauthorized", 403);
        check(user, "GET /api/billing/plan", 200);
        check(user, "GET /api/billing/other", 404);
        check(user, "GET /nothing", 404);
        check(user, "POST /dashboard", 405);
    }
    for user in [None, Some("pending")] {
        check(user, "GET /dashboard", 401);
        check(user, "GET /unauthorized", 401);
        check(user, "GET /api/billing/plan", 401);
        check(user, "GET /api/billing/other", 401);
        check(user, "GET /nothing", 401);
        check(user, "POST /dashboard", 401);
    }
    for path in ["/admin", "/api/admin/stats"] {
        let request = format!("GET {path}");
        check(Some("admin"), &request, 200);
        check(Some("member"), &request, 403);
        check(Some("solo"), &request, 403);
        check(Some("pending"), &request, 401);
        check(None, &request, 401);
    }
    for path in ["/admin/users", "/api/admin/other"] {
        let request = format!("GET {path}");
        check(Some("admin"), &request, 404);
        check(Some("member"), &request, 403);
        check(None, &request, 401);
    }
}

#[test]
fn a_path_with_two_readings_reaches_no_handler() {
    let app = App::start();
    let admin = app.credential(Some("admin"));
    for path in [
        "//admin",
        "/%61dmin",
        "/x/../admin",
        "/admin%2f",
        "/admin/%2e%2e",
        "/admin\\",
    ] {
        let answer = app.send(&format!("GET {path}"), &admin, "");
        assert_eq!(answer.status, 400, "{path}");
    }
}

#[test]
fn a_token_that_is_not_good_is_refused() {
    let app = App::start();
    let good = app.token("user=member");
    let (rest, signature) = good.rsplit_once('.').expect("three parts");
    let flipped = if signature.starts_with('A') { "B" } else { "A" };
    let tampered = format!("{rest}.{flipped}{}", &signature[1..]);
    let check = |token: &str, want: u16| {
        let lines = format!("authorization: Bearer {token}\r\n");
        let answer = app.send("GET /api/billing/plan", &lines, "");
        assert_eq!(answer.status, want, "{token}: {}", answer.body);
    };

    check(&good, 200);
    check(&app.token("user=member&age=30"), 200);
    check(&app.token("user=member&age=120"), 401);
    check(&tampered, 401);
    check(&format!("{rest}."), 401);
    check("token", 401);
}

#[test]
fn navigations_are_led_and_programs_are_told() {
    let app = App::start();
    let page = "accept: text/html\r\nsec-fetch-dest: document\r\n";
    let check = |user: Option<&str>, path: &str, location: &str| {
        let lines = format!("{page}{}", app.credential(user));
        let answer = app.send(&format!("GET {path}"), &lines, "");
        assert_eq!(answer.status, 307, "{path}");
        assert_eq!(answer.header("location"), Some(location), "{path}");
    };

    check(None, "/dashboard", "/sign-in?redirect_url=/dashboard");
    check(None, "/admin?a=b", "/sign-in?redirect_url=/admin%3Fa%3Db");
    check(Some("member"), "/admin", "/unauthorized");

    let program = app.send("GET /api/billing/plan", "accept: application/json\r\n", "");
    assert_eq!(program.status, 401);
    assert_eq!(program.header("content-type"), Some("application/json"));
    assert!(program.header("www-authenticate").is_some());
    assert!(
        program.body.contains(r#""error":"Unauthorized""#),
        "{}",
        program.body
    );

    let sign_in = app.send("GET /sign-in?redirect_url=/dashboard", page, "");
    let location = sign_in.header("location").expect("the stand-in's page");
    assert_eq!(
        location,
        format!("{}/sign-in?redirect_url=/dashboard", app.stand_in)
    );
}

#[test]
fn a_json_body_is_taken_and_anything_else_is_not() {
    let app = App::start();
    let check = |kind: &str, body: &str, status: u16, text: &str| {
        let member = app.credential(Some("member"));
        let lines = format!("content-type: {kind}\r\n{member}");
        let answer = app.send("POST /api/protected", &lines, body);
        assert_eq!(answer.status, status, "{kind} {body}: {}", answer.body);
        assert!(answer.body.contains(text), "{kind} {body}: {}", answer.body);
    };
    let json = "application/json";

    check(json, r#"{"item":"tea"}"#, 200, r#""success":true"#);
    check(json, r#"{"item":1}"#, 400, "Invalid JSON");
    check(json, "{", 400, "Invalid JSON");
    check(
        "text/plain",
        r#"{"item":"tea"}"#,
        400,
        "Invalid content type",
    );
}

#[test]
fn the_pages_show_who_is_asking() {
    let app = App::start();
    let check = |user: Option<&str>, path: &str, text: &str| {
        let answer = app.send(&format!("GET {path}"), &app.credential(user), "");
        assert!(answer.body.contains(text), "{path}: {}", answer.body);
    };

    check(None, "/", "Sign in</a>");
    check(Some("solo"), "/", "Sign out</button>");
    check(Some("member"), "/dashboard", "<dd>org:reports:read</dd>");
    check(Some("member"), "/unauthorized", "<code>org:member</code>");
    check(Some("admin"), "/admin", "<strong>acme</strong>");
}

#[test]
fn a_command_line_that_cannot_work_says_why() {
    let check = |arguments: &[&str], text: &str| {
        let output = program()
            .args(arguments)
            .env("CLERK_GATE_ENVIRONMENT", "production")
            .output()
            .expect("the program runs");
        let error = String::from_utf8(output.stderr).expect("a text");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert!(error.contains(text), "{arguments:?}: {error}");
    };
    let missing = "CLERK_PUBLISHABLE_KEY: is missing; ";

    check(&["--port", "0"], missing);
    check(&["--port", "0"], "CLERK_GATE_ORIGINS: is missing; ");
    check(
        &["--port", "0", "--local"],
        "CLERK_GATE_ENVIRONMENT: says production; ",
    );
    check(&["--port", "tea"], "--port \"tea\": is not a port; ");
    check(&["--tea"], "argument \"--tea\": is not known; ");
}

/// The running program, ended when dropped.
struct App {
    child: Child,
    address: String,
    stand_in: String,
    /// Held open: a program whose output nobody takes may end.
    _output: BufReader<ChildStdout>,
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl App {
    fn start() -> Self {
        let mut child = program()
            .args(["--local", "--port", "0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let mut output = BufReader::new(child.stdout.take().expect("an output"));
        let mut lines = output.by_ref().lines().map_while(|line| line.ok());
        let first = lines.next().expect("a first line");
        let address = first.strip_prefix("listening ").expect("an address");
        let stand_in = lines
            .find_map(|line| {
                Some(
                    line.split_once("curl -s '")?
                        .1
                        .split_once("/v1/")?
                        .0
                        .to_owned(),
                )
            })
            .expect("a line to paste");
        Self {
            child,
            address: address.to_owned(),
            stand_in,
            _output: output,
        }
    }

    /// A token of the stand-in; `query` says whose.
    fn token(&self, query: &str) -> String {
        let authority = self.stand_in.strip_prefix("http://").expect("an origin");
        send(authority, &format!("GET /v1/local/token?{query}"), "", "").body
    }

    /// The header line with which a user asks, or none.
    fn credential(&self, user: Option<&str>) -> String {
        user.map_or_else(String::new, |user| {
            let token = self.token(&format!("user={user}"));
            format!("authorization: Bearer {token}\r\n")
        })
    }

    fn send(&self, request: &str, lines: &str, body: &str) -> Answer {
        send(&self.address, request, lines, body)
    }
}

impl Drop for App {
    fn drop(&mut self) {
        // It may have ended already; there is nobody to tell.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find_map(|(own, value)| (own == name).then_some(value))
    }
}

/// The built program, with nothing of Clerk in its environment.
fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_example-axum"));
    command.env_clear();
    command
}

/// Sends a request with these further header lines; the target goes out as it stands.
fn send(authority: &str, request: &str, lines: &str, body: &str) -> Answer {
    let length = body.len();
    let mut stream = TcpStream::connect(authority).expect("it listens");
    write!(
        stream,
        "{request} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n\
         content-length: {length}\r\n{lines}\r\n{body}"
    )
    .expect("the request is sent");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("a whole answer");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).expect("a status line");
    Answer {
        status: status.parse().expect("a status"),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}
