//! Servers with one fault each.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{Method, StatusCode};
use axum::response::Html;
use axum::routing::any;

use super::faults::{browser_faults, fault, leak_faults, route_faults, webhook_faults};
use super::project::{POLICY, Project, env_text, serve, variables};
use super::run::Run;
use super::server::{Fault, PROTECTED, Server, WEBHOOK};

#[test]
fn every_fault_that_browsers_suffer_from_is_found_and_can_be_mended() {
    check(browser_faults());
}

#[test]
fn every_fault_of_protected_routes_is_found_and_can_be_mended() {
    check(route_faults());
}

#[test]
fn every_fault_of_a_webhook_endpoint_is_found_and_can_be_mended() {
    check(webhook_faults());
}

#[test]
fn every_leak_of_a_server_is_found_and_can_be_mended() {
    check(leak_faults());
}

/// The rules that a fault here breaks.
pub(crate) fn seeded() -> Vec<&'static str> {
    let faults = [
        browser_faults(),
        route_faults(),
        webhook_faults(),
        leak_faults(),
    ];
    let rules = faults.iter().flatten().map(|(rule, _)| *rule);
    rules.chain(["https-served"]).collect()
}

/// Each fault breaks one rule, and no other, until it is mended.
fn check(faults: Vec<(&'static str, Fault)>) {
    let project = Project::new();
    let file = project.write(".env.good", &env_text(&variables()));
    let file = file.display().to_string();
    for (rule, fault) in faults {
        let server = Server::with(fault);
        doctor(&project, &server.url, &file).finds(&[rule], rule);
        server.mend();
        doctor(&project, &server.url, &file).finds(&[], rule);
    }
}

#[test]
fn a_server_is_asked_little_and_nothing_that_acts() {
    let project = Project::new();
    let file = project.write(".env.good", &env_text(&variables()));
    let file = file.display().to_string();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (_, spy) = fault("", {
        let asked = Arc::clone(&asked);
        move |request, _| {
            let length = request.value("content-length").to_owned();
            let request = (request.method.clone(), request.path.clone(), length);
            asked.lock().expect("no panic").push(request);
        }
    });
    let server = Server::with(spy);
    let paths: Vec<_> = (1..=16).map(|n| format!("/api/route{n}")).collect();
    let mut arguments = vec!["--url", &server.url, "--env-file", &file, "--behind-proxy"];
    arguments.extend(["--webhook", WEBHOOK, "--pause", "0", "--format", "json"]);
    arguments.extend(paths.iter().flat_map(|path| ["--protected", path]));
    let routes = (1..=9).map(|n| format!("'/api/other{n}' = 'session'\n"));
    let policy = format!("[routes]\n{}", routes.collect::<String>());
    project.write("policy.toml", &policy);
    arguments.extend(["--policy", "policy.toml"]);
    assert_eq!(Run::new(project.path(), &arguments).code, 0);
    let asked = asked.lock().expect("no panic");
    assert_eq!(asked.len(), 60);
    for (method, path, length) in asked.iter() {
        let is_quiet = [Method::GET, Method::OPTIONS, Method::TRACE].contains(method);
        let is_empty = ["", "0"].contains(&length.as_str());
        assert!(
            is_quiet || path == WEBHOOK || is_empty,
            "{method} {path} {length}"
        );
    }
    arguments.extend(["--protected", "/one/more"]);
    let run = Run::new(project.path(), &arguments);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("more than 16 paths"), "{}", run.stderr);
}

#[test]
fn plain_http_beyond_this_machine_is_found() {
    let project = Project::new();
    let server = Server::good();
    // Not loopback by name, and this machine all the same.
    let url = server.url.replace("127.0.0.1", "0.0.0.0");
    let run = Run::new(
        project.path(),
        &["--url", &url, "--pause", "0", "--format", "json"],
    );
    assert!(run.rules("found").contains("https-served"));
    let run = Run::new(
        project.path(),
        &["--url", &server.url, "--pause", "0", "--format", "json"],
    );
    assert!(run.rules("passed").contains("https-served"));
    assert!(run.rules("not_checked").contains("hsts"));
}

#[test]
fn a_server_that_does_not_answer_cannot_be_checked() {
    let project = Project::new();
    let url = "http://127.0.0.1:1";
    let run = Run::new(project.path(), &["--url", url, "--format", "json"]);
    assert_eq!(run.code, 2);
    assert!(run.rules("failed").contains("hsts"));
    assert!(run.rules("passed").is_empty());
}

#[test]
fn an_application_that_serves_one_page_for_every_path_is_no_way_in() {
    let project = Project::new();
    let page = || Html("<!doctype html><title>App</title>");
    let app = Router::new()
        .route(PROTECTED, any(|| async { StatusCode::UNAUTHORIZED }))
        .fallback(move || async move { page() });
    let url = serve(app);
    let run = Run::new(
        project.path(),
        &["--url", &url, "--pause", "0", "--format", "json"],
    );
    let found = run.rules("found");
    assert!(found.contains("csp"), "{found:?}");
    for rule in ["route-forms", "leak-files", "route-open"] {
        assert!(!found.contains(rule), "{rule}");
    }
}

#[test]
fn what_cannot_be_asked_is_said_before_anything_is_sent() {
    let project = Project::new();
    for (arguments, said) in [
        (["--url", "ftp://app.test"], "neither https nor http"),
        (["--url", "app.test"], "neither https nor http"),
        (
            ["--url", "https://user:planted@app.test"],
            "password is not allowed",
        ),
        (
            ["--url", "https://app.test/login"],
            "a path or query is not allowed",
        ),
        (["--protected", "api"], "write a path"),
        (["--webhook", "/a?b"], "write a path"),
        (["--accept", "no-such-rule"], "there is no rule"),
    ] {
        let run = Run::new(project.path(), &arguments);
        assert_eq!(run.code, 2, "{arguments:?}");
        assert!(run.stderr.contains(said), "{arguments:?}: {}", run.stderr);
    }
}

fn doctor(project: &Project, url: &str, file: &str) -> Run {
    project.write("policy.toml", POLICY);
    let arguments = [
        "--policy",
        "policy.toml",
        "--protected",
        PROTECTED,
        "--url",
        url,
        "--behind-proxy",
        "--env-file",
        file,
        "--webhook",
        WEBHOOK,
        "--pause",
        "0",
        "--format",
        "json",
    ];
    Run::new(project.path(), &arguments)
}
