//! Faults of servers, each with the one rule that it breaks.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::response::Response;

use super::server::{Asked, Fault, PROTECTED, WEBHOOK};

pub(crate) fn browser_faults() -> Vec<(&'static str, Fault)> {
    let cookie = |rule, line: &'static str| on_home(rule, "set-cookie", line);
    let policy = |rule, line: &'static str| on_home(rule, "content-security-policy", line);
    vec![
        fault("https-redirect", |asked, response| {
            if !asked.has("x-forwarded-proto") {
                *response.status_mut() = StatusCode::OK;
            }
        }),
        fault("https-redirect", |asked, response| {
            if !asked.has("x-forwarded-proto") {
                redirect(response, "http://app.test/");
            }
        }),
        without("hsts", "strict-transport-security"),
        with(
            "hsts",
            "strict-transport-security",
            "max-age=3600; includeSubDomains",
        ),
        with("hsts", "strict-transport-security", "max-age=63072000"),
        with("clock", "date", "Thu, 01 Jan 2026 00:00:00 GMT"),
        without("header-nosniff", "x-content-type-options"),
        without("header-frame", "x-frame-options"),
        with("header-frame", "x-frame-options", "ALLOWALL"),
        without("header-referrer", "referrer-policy"),
        with("header-referrer", "referrer-policy", "unsafe-url"),
        without("header-permissions", "permissions-policy"),
        with("header-opener", "cross-origin-opener-policy", "unsafe-none"),
        with(
            "header-resource",
            "cross-origin-resource-policy",
            "cross-origin",
        ),
        without("csp", "content-security-policy"),
        policy(
            "csp-script",
            concat_csp!("script-src 'self' 'unsafe-inline'"),
        ),
        policy("csp-script", concat_csp!("script-src 'self' 'unsafe-eval'")),
        policy("csp-script", concat_csp!("script-src https:")),
        policy(
            "csp-object",
            "default-src 'self'; connect-src https:; base-uri 'none'; frame-ancestors 'none'",
        ),
        policy(
            "csp-base",
            "default-src 'self'; connect-src https:; object-src 'none'; frame-ancestors 'none'",
        ),
        policy(
            "csp-frame",
            "default-src 'self'; connect-src https:; object-src 'none'; base-uri 'none'",
        ),
        policy(
            "csp-clerk",
            "default-src 'self' https://*.protect.clerk.com:*; object-src 'none'; base-uri 'none'; frame-ancestors 'none'",
        ),
        fault("csp-protect", |asked, response| {
            let own = response.headers().get("content-security-policy");
            let own = own.and_then(|own| own.to_str().ok()).unwrap_or_default();
            let line = own.replace("https://*.protect.clerk.com:*", "");
            if asked.path == "/" {
                set(response, "content-security-policy", &line);
            }
        }),
        fault("cookie-size", |asked, response| {
            if asked.path == "/" {
                let line = format!("big={}; Secure; HttpOnly; SameSite=Lax", "x".repeat(4096));
                set(response, "set-cookie", &line);
            }
        }),
        cookie("cookie-secure", "sid=1; HttpOnly; SameSite=Lax"),
        cookie("cookie-http-only", "sid=1; Secure; SameSite=Strict"),
        cookie("cookie-same-site", "sid=1; Secure; HttpOnly"),
        cookie("cookie-same-site", "sid=1; Secure; HttpOnly; SameSite=None"),
        cookie(
            "cookie-development",
            "__clerk_db_jwt=dvb_1; Secure; SameSite=Lax",
        ),
    ]
}

pub(crate) fn route_faults() -> Vec<(&'static str, Fault)> {
    vec![
        fault("route-open", |asked, response| {
            let bare = !["authorization", "cookie", "origin", "x-forwarded-host"]
                .iter()
                .any(|name| asked.has(name));
            if asked.is(&Method::GET, PROTECTED) && bare {
                *response.status_mut() = StatusCode::OK;
            }
        }),
        fault("route-policy", |asked, response| {
            if asked.is(&Method::GET, "/api/reports") {
                *response.status_mut() = StatusCode::NOT_FOUND;
            }
        }),
        fault("route-policy", |asked, response| {
            if asked.is(&Method::GET, "/api/billing") {
                redirect(response, "https://app.test/api/billing/");
            }
        }),
        fault("route-policy", |asked, response| {
            // The doctor's unknown path, and no other spelling of a known one.
            if asked.path.starts_with("/doctor") && !asked.path.contains("..") {
                *response.status_mut() = StatusCode::NOT_FOUND;
            }
        }),
        fault("route-forged", |asked, response| {
            if asked.value("authorization").ends_with('.') {
                *response.status_mut() = StatusCode::OK;
            }
        }),
        fault("route-forged", |asked, response| {
            if asked.is(&Method::GET, PROTECTED) && asked.has("cookie") {
                *response.status_mut() = StatusCode::OK;
            }
        }),
        fault("route-forms", |asked, response| {
            if asked.path == "//api/protected" {
                *response.status_mut() = StatusCode::OK;
            }
        }),
        fault("route-forms", |asked, response| {
            if asked.path == "/api/protected/" {
                *response.status_mut() = StatusCode::OK;
            }
        }),
        fault("route-cache", |asked, response| {
            if asked.path == PROTECTED {
                set(response, "cache-control", "public, max-age=60");
            }
        }),
        fault("route-forwarded-host", |asked, response| {
            if asked.has("x-forwarded-host") {
                let host = asked.value("x-forwarded-host").to_owned();
                redirect(response, &format!("https://{host}/sign-in"));
            }
        }),
        fault("origin-foreign", |asked, response| {
            if asked.is(&Method::POST, PROTECTED) {
                *response.status_mut() = StatusCode::OK;
            }
        }),
        fault("cors-foreign", |asked, response| {
            if asked.has("origin") {
                set(
                    response,
                    "access-control-allow-origin",
                    asked.value("origin"),
                );
            }
        }),
        fault("cors-foreign", |asked, response| {
            if asked.value("origin") == "null" {
                set(response, "access-control-allow-origin", "null");
            }
        }),
        fault("cors-foreign", |asked, response| {
            if asked.value("origin").starts_with("https://app.test") {
                set(
                    response,
                    "access-control-allow-origin",
                    asked.value("origin"),
                );
            }
        }),
        fault("cors-wildcard", |asked, response| {
            if asked.path == PROTECTED {
                set(response, "access-control-allow-origin", "*");
            }
        }),
    ]
}

pub(crate) fn webhook_faults() -> Vec<(&'static str, Fault)> {
    let seen = Mutex::new(HashSet::new());
    vec![
        fault("webhook-session", |asked, response| {
            if asked.path == WEBHOOK {
                *response.status_mut() = StatusCode::UNAUTHORIZED;
            }
        }),
        fault("webhook-unsigned", |asked, response| {
            if asked.is(&Method::POST, WEBHOOK) && !asked.has("svix-id") {
                *response.status_mut() = StatusCode::OK;
            }
        }),
        fault("webhook-unsigned", |asked, response| {
            if asked.is(&Method::POST, WEBHOOK) && !asked.has("svix-id") {
                *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            }
        }),
        fault("webhook-unsigned", |asked, response| {
            if asked.is(&Method::POST, WEBHOOK) && !asked.has("svix-id") {
                *response.status_mut() = StatusCode::NOT_FOUND;
            }
        }),
        fault("webhook-signature", |asked, response| {
            if asked.has("svix-id") && !is_old(asked) {
                *response.status_mut() = StatusCode::OK;
            }
        }),
        fault("webhook-stale", |asked, response| {
            if asked.has("svix-id") && is_old(asked) {
                *response.status_mut() = StatusCode::OK;
            }
        }),
        fault("webhook-genuine", |asked, response| {
            if asked.has("svix-id") && response.status().is_success() {
                *response.status_mut() = StatusCode::UNAUTHORIZED;
            }
        }),
        fault("webhook-duplicate", move |asked, response| {
            let id = asked.value("svix-id").to_owned();
            if response.status().is_success()
                && !id.is_empty()
                && !seen.lock().expect("no panic").insert(id)
            {
                *response.status_mut() = StatusCode::CONFLICT;
            }
        }),
        fault("webhook-method", |asked, response| {
            if asked.is(&Method::GET, WEBHOOK) {
                *response.status_mut() = StatusCode::OK;
            }
        }),
    ]
}

pub(crate) fn leak_faults() -> Vec<(&'static str, Fault)> {
    vec![
        fault("leak-files", |asked, response| {
            if asked.path == "/.env" {
                *response.status_mut() = StatusCode::OK;
                body(response, "CLERK_SECRET_KEY=planted\n");
            }
        }),
        fault("leak-files", |asked, response| {
            if asked.path == "/.git/HEAD" {
                *response.status_mut() = StatusCode::OK;
                body(response, "ref: refs/heads/main\n");
            }
        }),
        with("leak-version", "server", "nginx/1.18.0"),
        with("leak-version", "x-powered-by", "Express"),
        fault("leak-reflection", |asked, response| {
            if asked.path.starts_with("/doctor") {
                body(response, format!("Cannot GET {}", asked.path));
            }
        }),
        fault("leak-trace", |asked, response| {
            if asked.path.starts_with("/doctor") {
                let insides = "thread 'main' panicked at src/main.rs:7";
                body(response, insides);
            }
        }),
        fault("leak-method-trace", |asked, response| {
            if asked.method == Method::TRACE {
                *response.status_mut() = StatusCode::OK;
                let line = format!("x-doctor: {}", asked.value("x-doctor"));
                body(response, line);
            }
        }),
    ]
}

pub(crate) fn fault(
    rule: &'static str,
    fault: impl Fn(&Asked, &mut Response) + Send + Sync + 'static,
) -> (&'static str, Fault) {
    (rule, Arc::new(fault))
}

fn without(rule: &'static str, name: &'static str) -> (&'static str, Fault) {
    fault(rule, move |_, response| {
        response.headers_mut().remove(name);
    })
}

fn with(rule: &'static str, name: &'static str, value: &'static str) -> (&'static str, Fault) {
    fault(rule, move |_, response| set(response, name, value))
}

fn on_home(rule: &'static str, name: &'static str, value: &'static str) -> (&'static str, Fault) {
    fault(rule, move |asked, response| {
        if asked.path == "/" {
            set(response, name, value);
        }
    })
}

fn set(response: &mut Response, name: &str, value: &str) {
    let name: HeaderName = name.parse().expect("a name");
    let value = HeaderValue::from_str(value).expect("a value");
    response.headers_mut().insert(name, value);
}

/// Replaces the body, and the length that went with it.
fn body(response: &mut Response, text: impl Into<Body>) {
    *response.body_mut() = text.into();
    response.headers_mut().remove("content-length");
}

fn redirect(response: &mut Response, to: &str) {
    *response.status_mut() = StatusCode::FOUND;
    set(response, "location", to);
}

fn is_old(asked: &Asked) -> bool {
    let now = clerk_gate_core::Clock::now(&clerk_gate_core::SystemClock).as_secs();
    let sent: i64 = asked.value("svix-timestamp").parse().unwrap_or(now);
    now - sent > 300
}

/// A policy that is good but for `$script`.
macro_rules! concat_csp {
    ($script:literal) => {
        concat!(
            $script,
            "; connect-src https:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
        )
    };
}
use concat_csp;
