//! The pages: HTML made from values that cannot leave their place in it.

use std::fmt;

use clerk_gate_core::Session;
use serde_json::Value;

use crate::setup::Setup;
use crate::users::{Row, Users};

/// What all pages share: where Clerk's scripts come from, or the stand-in's.
#[derive(Debug)]
pub struct Pages {
    scripts: String,
    stand_in: Option<String>,
    users: Users,
}

impl Pages {
    /// The pages of an application that was set up like this.
    pub fn new(setup: &Setup) -> Self {
        let settings = &setup.settings;
        let scripts = match &setup.local {
            Some(local) => format!(
                r#"<script src="{}/clerk-local.js" defer></script>
<script src="/assets/app.js" defer></script>"#,
                local.origin()
            ),
            None => format!(
                r#"<script src="{}/npm/@clerk/clerk-js@5/dist/clerk.browser.js" data-clerk-publishable-key="{}" crossorigin="anonymous" defer></script>
<script src="/assets/clerk.js" defer></script>
<script src="/assets/app.js" defer></script>"#,
                Escaped(settings.issuer()),
                Escaped(settings.publishable_key().as_str()),
            ),
        };
        Self {
            scripts,
            stand_in: setup.local.as_ref().map(|local| local.origin().to_owned()),
            users: setup.users.clone(),
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
<table id="routes">
<thead><tr><th scope="col">Route</th><th scope="col">Demands</th></tr></thead>
<tbody>
<tr><td><a href="/"><code>/</code></a></td><td>nothing</td></tr>
<tr><td><a href="/dashboard"><code>/dashboard</code></a></td><td>a session</td></tr>
<tr><td><a href="/admin"><code>/admin</code></a></td><td>the role <code>org:admin</code></td></tr>
<tr><td><a href="/api/admin/stats"><code>/api/admin/stats</code></a></td><td>the role <code>org:admin</code>; recorded</td></tr>
<tr><td><a href="/api/billing/plan"><code>/api/billing/plan</code></a></td><td>a session; recorded</td></tr>
<tr><td><code>POST /api/admin/reports</code></td><td>the same, and the permission <code>org:reports:manage</code>, in person; recorded</td></tr>
<tr><td><code>POST /api/billing/upgrade</code></td><td>a second factor shown in the last ten minutes; recorded</td></tr>
<tr><td><code>POST /api/protected</code></td><td>a session, a JSON body</td></tr>
<tr><td><code>POST /api/sign-out-everywhere</code></td><td>a session</td></tr>
<tr><td><code>POST /api/webhooks/clerk</code></td><td>a signature</td></tr>
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
        let factors = match session.factor_ages() {
            Some([first, second]) => format!("first {}, second {}", ago(first), ago(second)),
            None => "the token does not say".to_owned(),
        };
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
            ("Factors shown", &factors),
            ("Acting", session.actor_id().unwrap_or("the user")),
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
<details id="claims"><summary>All claims</summary>
<pre>{}</pre>
</details>
<h2>Actions</h2>
<ul class="actions">
<li><button id="upgrade" type="button" data-post="/api/billing/upgrade">Upgrade the plan</button>
<span>demands a second factor shown in the last ten minutes</span></li>
<li><button id="publish" type="button" data-post="/api/admin/reports">Publish the report</button>
<span>demands <code>org:admin</code> and <code>org:reports:manage</code>, in person</span></li>
<li><button id="sign-out-everywhere" type="button" data-post="/api/sign-out-everywhere" data-ends-sessions>Sign out everywhere</button>
<span>ends every session of yours, in every browser, at once</span></li>
</ul>
<output id="result" for="upgrade publish sign-out-everywhere"></output>"#,
            Escaped(&claims)
        );
        self.page("Dashboard", Some(session), &body)
    }

    /// Shows what only an administrator sees.
    pub fn admin(&self, session: &Session) -> String {
        let users: String = self.users.all().iter().map(row).collect();
        let organization = session.organization().and_then(|acme| acme.slug());
        let body = format!(
            r#"<h1>Admin</h1>
<p>Only an <code>org:admin</code> gets here. You administer <strong>{}</strong>.</p>
<p><a class="action" href="/api/admin/stats">Statistics as JSON</a></p>
<h2>Users</h2>
<p>As webhooks have told:</p>
<table id="users">
<thead><tr><th scope="col">User</th><th scope="col">Name</th><th scope="col">State</th></tr></thead>
<tbody>
{users}</tbody>
</table>"#,
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
            Some(_) => {
                r#"<button id="sign-out" type="button" data-clerk-sign-out="/">Sign out</button>"#
            }
            None => r#"<a href="/sign-in">Sign in</a>"#,
        };
        let banner = session.and_then(|own| own.actor_id()).map(|actor| {
            format!(
                r#"<p class="banner" id="impersonated">Impersonation: <code>{}</code> acts in the user's place.</p>
"#,
                Escaped(actor)
            )
        });
        let banner = banner.unwrap_or_default();
        let inspector = self.stand_in.as_ref().map(|origin| {
            format!(
                r#"<footer><a id="inspector" href="{origin}/inspector">Inspector of the stand-in for Clerk</a></footer>
"#
            )
        });
        let inspector = inspector.unwrap_or_default();
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
{banner}<header>
<nav aria-label="Pages">{links}</nav>
{account}
</header>
<main>
{body}
</main>
{inspector}</body>
</html>
"#
        )
    }
}

fn ago(minutes: i64) -> String {
    match minutes {
        ..0 => "never".to_owned(),
        _ => format!("{minutes} min before the token"),
    }
}

fn row((id, row): &(String, Row)) -> String {
    let (name, state) = match &row.known {
        None => ("", "deleted"),
        Some(known) if known.banned => (known.name.as_str(), "banned"),
        Some(known) => (known.name.as_str(), "may sign in"),
    };
    format!(
        "<tr><td><code>{}</code></td><td>{}</td><td>{state}</td></tr>\n",
        Escaped(id),
        Escaped(name)
    )
}

/// The content type and the text of a file below `/assets`.
pub fn asset(name: &str) -> Option<(&'static str, &'static str)> {
    match name {
        "app.js" => Some((JAVASCRIPT, include_str!("../assets/app.js"))),
        "clerk.js" => Some((JAVASCRIPT, include_str!("../assets/clerk.js"))),
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

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

#[cfg(test)]
mod tests {
    use clerk_gate_core::{Decision, Policy, RequestView};
    use clerk_gate_testkit::{Signer, Token};

    use super::*;

    fn pages(stand_in: Option<&str>) -> Pages {
        Pages {
            scripts: String::new(),
            stand_in: stand_in.map(str::to_owned),
            users: Users::default(),
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
