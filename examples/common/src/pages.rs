//! The pages: HTML made from values that cannot leave their place in it.

use std::fmt;

use clerk_gate_core::Session;
use serde_json::Value;

use crate::setup::Setup;

/// What all pages share: where Clerk's scripts come from, or the stand-in's.
#[derive(Debug)]
pub struct Pages {
    scripts: String,
    stand_in: Option<String>,
}

impl Pages {
    /// The pages of an application that was set up like this.
    pub fn new(setup: &Setup) -> Self {
        let settings = &setup.settings;
        let scripts = match &setup.local {
            Some(local) => format!(
                r#"<script src="{}/clerk-local.js" async></script>"#,
                local.origin()
            ),
            None => format!(
                r#"<script src="{}/npm/@clerk/clerk-js@5/dist/clerk.browser.js" data-clerk-publishable-key="{}" crossorigin="anonymous" defer></script>
<script src="/assets/clerk.js" defer></script>"#,
                Escaped(settings.issuer()),
                Escaped(settings.publishable_key().as_str()),
            ),
        };
        Self {
            scripts,
            stand_in: setup.local.as_ref().map(|local| local.origin().to_owned()),
        }
    }

    /// The stand-in's own page of this path, if there is a stand-in.
    pub fn stand_in(&self, path: &str, query: Option<&str>) -> Option<String> {
        let origin = self.stand_in.as_ref()?;
        Some(match query {
            Some(query) => format!("{origin}{path}?{query}"),
            None => format!("{origin}{path}"),
        })
    }

    /// Says what each route demands.
    pub fn home(&self, session: Option<&Session>) -> String {
        let greeting = match session {
            Some(_) => r#"<a class="action" href="/dashboard">Open the dashboard</a>"#,
            None => r#"<a class="action" href="/sign-in">Sign in</a>"#,
        };
        let body = format!(
            r#"<h1>One policy in front of every route</h1>
<p>The gate decides before any of this app's code runs. What it demands:</p>
<table>
<thead><tr><th scope="col">Route</th><th scope="col">Demands</th></tr></thead>
<tbody>
<tr><td><a href="/">/</a></td><td>nothing</td></tr>
<tr><td><a href="/dashboard">/dashboard</a></td><td>a session</td></tr>
<tr><td><a href="/admin">/admin</a></td><td>the role <code>org:admin</code></td></tr>
<tr><td><a href="/api/admin/stats">/api/admin/stats</a></td><td>the role <code>org:admin</code>; recorded</td></tr>
<tr><td><a href="/api/billing/plan">/api/billing/plan</a></td><td>a session; recorded</td></tr>
<tr><td>POST /api/protected</td><td>a session, a JSON body</td></tr>
</tbody>
</table>
<p>{greeting}</p>"#
        );
        self.page("Home", session, &body)
    }

    /// The place for Clerk's component; `/assets/clerk.js` puts it there.
    pub fn sign_in(&self, path: &str) -> String {
        let id = path.trim_matches('/');
        let body = format!(
            r#"<div id="{}">
<noscript><p>Clerk's sign-in needs JavaScript.</p></noscript>
</div>"#,
            Escaped(id)
        );
        self.page("Sign in", None, &body)
    }

    /// Says which role is missing.
    pub fn unauthorized(&self, session: &Session) -> String {
        let role = session
            .organization()
            .and_then(|acme| acme.role())
            .map_or_else(
                || "You have no role in an organization.".to_owned(),
                |role| format!("Your role is <code>org:{}</code>.", Escaped(role)),
            );
        let body = format!(
            r#"<h1>Not for this user</h1>
<p>The page you asked for demands the role <code>org:admin</code>. {role}</p>
<p><button class="action" type="button" data-clerk-sign-out="/sign-in">Sign in as somebody else</button></p>"#
        );
        self.page("Unauthorized", Some(session), &body)
    }

    /// Shows what the session token says.
    pub fn dashboard(&self, session: &Session) -> String {
        let organization = session.organization();
        let permissions = match session.permissions() {
            none if none.is_empty() => "none".to_owned(),
            some => some.join(", "),
        };
        let rows: String = [
            ("User", session.user_id()),
            ("Session", session.session_id()),
            (
                "Organization",
                organization.and_then(|acme| acme.slug()).unwrap_or("none"),
            ),
            (
                "Role",
                organization.and_then(|acme| acme.role()).unwrap_or("none"),
            ),
            ("Permissions", &permissions),
        ]
        .map(|(name, value)| format!("<dt>{name}</dt><dd>{}</dd>\n", Escaped(value)))
        .concat();
        let claims = session
            .claims::<Value>()
            .map_or_else(|_| String::new(), |claims| format!("{claims:#}"));
        let body = format!(
            r#"<h1>Dashboard</h1>
<p>What the verified session token says about you:</p>
<dl>
{rows}</dl>
<details><summary>All claims</summary>
<pre>{}</pre>
</details>"#,
            Escaped(&claims)
        );
        self.page("Dashboard", Some(session), &body)
    }

    /// Shows what only an administrator sees.
    pub fn admin(&self, session: &Session) -> String {
        let organization = session.organization().and_then(|acme| acme.slug());
        let body = format!(
            r#"<h1>Admin</h1>
<p>Only an <code>org:admin</code> gets here. You administer <strong>{}</strong>.</p>
<p><a class="action" href="/api/admin/stats">Statistics as JSON</a></p>"#,
            Escaped(organization.unwrap_or("an organization without a name"))
        );
        self.page("Admin", Some(session), &body)
    }

    fn page(&self, title: &str, session: Option<&Session>, body: &str) -> String {
        let scripts = &self.scripts;
        let links: String = [
            ("/", "Home"),
            ("/dashboard", "Dashboard"),
            ("/admin", "Admin"),
        ]
        .map(|(path, name)| {
            let current = if name == title {
                r#" aria-current="page""#
            } else {
                ""
            };
            format!(r#"<a href="{path}"{current}>{name}</a>"#)
        })
        .concat();
        let account = match session {
            Some(_) => r#"<button type="button" data-clerk-sign-out="/">Sign out</button>"#,
            None => r#"<a href="/sign-in">Sign in</a>"#,
        };
        format!(
            r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · clerk-gate example</title>
<link rel="icon" href="/assets/icon.svg">
<link rel="stylesheet" href="/assets/style.css">
{scripts}
</head>
<body>
<header>
<nav aria-label="Pages">{links}</nav>
{account}
</header>
<main>
{body}
</main>
</body>
</html>
"#
        )
    }
}

/// The content type and the text of a file below `/assets`.
pub fn asset(name: &str) -> Option<(&'static str, &'static str)> {
    match name {
        "clerk.js" => Some((
            "text/javascript; charset=utf-8",
            include_str!("../assets/clerk.js"),
        )),
        "icon.svg" => Some(("image/svg+xml", include_str!("../assets/icon.svg"))),
        "style.css" => Some((
            "text/css; charset=utf-8",
            include_str!("../assets/style.css"),
        )),
        _ => None,
    }
}

/// Text that cannot leave its place in HTML: neither an element nor a quoted attribute.
struct Escaped<'t>(&'t str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                _ => write!(f, "{c}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clerk_gate_core::{Decision, Policy, RequestView};
    use clerk_gate_testkit::{Signer, Token};

    use super::*;

    fn pages(stand_in: Option<&str>) -> Pages {
        Pages {
            scripts: String::new(),
            stand_in: stand_in.map(str::to_owned),
        }
    }

    fn session(slug: &str, role: &str) -> Session {
        let policy = Policy::builder().build().unwrap();
        let gate = clerk_gate_testkit::gate(policy).build().unwrap();
        let token = Token::session().organization("org_1", slug, role);
        let line = format!("Bearer {}", token.sign(Signer::primary()));
        let mut view = RequestView::new("GET", "/", None);
        view.header("authorization", line.as_bytes());
        let Decision::Proceed(grant) = gate.decide(&view) else {
            panic!("the token is good");
        };
        grant.session().unwrap().clone()
    }

    #[test]
    fn the_pages_show_who_is_asking() {
        #[track_caller]
        fn check(page: &str, text: &str) {
            assert!(page.contains(text), "{page}");
        }
        let (pages, member) = (pages(None), session("acme", "member"));

        check(&pages.home(None), "Sign in</a>");
        check(&pages.home(Some(&member)), "Sign out</button>");
        check(&pages.dashboard(&member), "<dt>Role</dt><dd>member</dd>");
        check(&pages.unauthorized(&member), "<code>org:member</code>");
        check(&pages.admin(&member), "<strong>acme</strong>");
    }

    #[test]
    fn what_a_token_says_stays_in_its_place() {
        let session = session("<script>'&\"", "<script>");
        let pages = pages(None);
        for page in [
            pages.admin(&session),
            pages.dashboard(&session),
            pages.unauthorized(&session),
        ] {
            assert!(!page.contains("<script>"), "{page}");
            assert!(page.contains("&lt;script&gt;"), "{page}");
        }
    }

    #[test]
    fn only_a_stand_in_has_pages_of_its_own() {
        let check = |stand_in, query, want: Option<&str>| {
            let url = pages(stand_in).stand_in("/sign-in", query);
            assert_eq!(url.as_deref(), want);
        };
        let origin = Some("http://127.0.0.1:1");

        check(None, None, None);
        check(origin, None, Some("http://127.0.0.1:1/sign-in"));
        check(origin, Some("a=b"), Some("http://127.0.0.1:1/sign-in?a=b"));
    }
}
