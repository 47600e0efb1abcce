//! What goes on in the stand-in, and buttons that make things happen.

use clerk_gate_core::UnixTime;
use serde_json::Value;

use super::{Escaped, TimeOfDay, page};
use crate::instance::Instance;
use crate::outbox::{Attempt, Delivery};
use crate::persona::{Persona, SUPPORT};
use crate::sessions::Session;
use crate::users::User;

/// The inspector. Its script fetches it again and again and swaps what has changed.
pub(crate) fn inspector(instance: &Instance) -> String {
    let sessions = instance.sessions();
    let now = instance.now();
    let sections = [
        section(
            "users",
            "Users",
            "Everybody who can sign in. A change is told to the application by webhook.",
            &table(
                &["User", "Role", "Sessions", "Actions"],
                instance.users.all().iter().map(|own| user(*own, &sessions)),
            ),
        ),
        section(
            "sessions",
            "Sessions",
            "Who is signed in, in which browser. An ended session gets no more tokens; a factor that is shown makes the next token say so.",
            &table(
                &["Session", "User", "Since", "Factors shown", "Actions"],
                sessions.iter().map(|own| session(own, now)),
            ),
        ),
        section(
            "tokens",
            "Session tokens",
            "The last ones that were signed. The token itself is not kept.",
            &list(instance.minted().iter().enumerate().map(token)),
        ),
        section(
            "deliveries",
            "Webhooks",
            "Signed, and tried again until the application answers with 2xx.",
            &list(instance.deliveries().iter().map(delivery)),
        ),
        section(
            "audit",
            "Audit trail",
            "What the gate of the application decided, where its sink is watched.",
            &table(
                &["Time", "Outcome", "Request", "Rule", "User"],
                instance.trail.all().iter().map(event),
            ),
        ),
    ]
    .concat();
    let links = [
        ("users", "Users"),
        ("sessions", "Sessions"),
        ("tokens", "Tokens"),
        ("deliveries", "Webhooks"),
        ("audit", "Audit"),
    ]
    .map(|(id, name)| format!(r##"<a href="#{id}">{name}</a>"##))
    .concat();
    let body = format!(
        r#"<header><h1>Inspector</h1>
<nav aria-label="Sections">{links}<a href="/sign-in">Sign in</a></nav>
<p id="state" role="status">Times are in UTC.</p></header>
<main>
<form id="actions" method="post" action="/inspector">
{sections}</form>
</main>"#
    );
    let script = "<script src=\"/inspector.js\" defer></script>\n";
    page("Inspector", script, &body)
}

fn section(id: &str, title: &str, explanation: &str, content: &str) -> String {
    format!(
        r#"<section id="{id}" aria-labelledby="{id}-title">
<h2 id="{id}-title" tabindex="-1">{title}</h2>
<p>{explanation}</p>
{content}</section>
"#
    )
}

fn table(columns: &[&str], rows: impl Iterator<Item = String>) -> String {
    let rows: String = rows.collect();
    if rows.is_empty() {
        return NOTHING.to_owned();
    }
    let columns: String = columns
        .iter()
        .map(|name| {
            let class = if *name == "Actions" {
                r#" class="buttons""#
            } else {
                ""
            };
            format!(r#"<th scope="col"{class}>{name}</th>"#)
        })
        .collect();
    format!(
        r#"<div class="scroll"><table>
<thead><tr>{columns}</tr></thead>
<tbody>
{rows}</tbody>
</table></div>
"#
    )
}

fn list(items: impl Iterator<Item = String>) -> String {
    let items: String = items.collect();
    if items.is_empty() {
        NOTHING.to_owned()
    } else {
        items
    }
}

/// A button that does `verb` to `object`; it is found by the id `verb-object`.
fn button(verb: &str, object: &str, text: &str) -> String {
    switch(verb, verb, object, text)
}

/// A button that keeps its id while what it does goes to and fro, and so keeps the focus.
fn switch(id: &str, verb: &str, object: &str, text: &str) -> String {
    format!(
        r#"<button id="{id}-{object}" name="do" value="{verb}:{object}">{text}</button>
"#
    )
}

fn user(user: User, sessions: &[Session]) -> String {
    let persona = user.persona;
    let id = persona.as_str();
    let count = sessions.iter().filter(|s| s.persona == persona).count();
    let role = match (user.role, user.banned) {
        (_, true) => r#"<strong class="bad">banned</strong>"#.to_owned(),
        (Some(role), _) => format!("<code>{role}</code>"),
        (None, _) => "none".to_owned(),
    };
    let change = user.role.map(|role| role.other().as_str());
    let change = change.map(|role| {
        let verb = format!("make-{role}");
        switch("role", &verb, id, &format!("Make {role}"))
    });
    let ban = if user.banned {
        switch("ban", "unban", id, "Lift the ban")
    } else {
        button("ban", id, "Ban")
    };
    let everywhere = button("sign-out", id, "Sign out everywhere");
    format!(
        r#"<tr data-user="{id}"><td><strong>{}</strong><br><code>{}</code></td><td>{role}</td><td>{count}</td><td class="buttons">{}{everywhere}{ban}</td></tr>
"#,
        persona.name(),
        persona.user_id(),
        change.unwrap_or_default(),
    )
}

fn session(session: &Session, now: UnixTime) -> String {
    let id = &session.id;
    let [first, second] = session.factor_ages(now);
    let actor = if session.impersonated {
        format!(r#"<br><span class="mark">impersonated by</span> <code>{SUPPORT}</code>"#)
    } else {
        String::new()
    };
    let verify_second = if session.persona.has_second_factor() {
        button("verify-second", id, "Second factor")
    } else {
        String::new()
    };
    format!(
        r#"<tr data-session="{id}"><td class="whole"><code>{id}</code></td><td>{}{actor}</td><td>{}</td><td class="whole">first: {}<br>second: {}</td><td class="buttons">{}{}{verify_second}</td></tr>
"#,
        session.persona.name(),
        TimeOfDay(session.since),
        ago(first),
        ago(second),
        button("revoke", id, "End"),
        button("verify-first", id, "First factor"),
    )
}

fn ago(minutes: i64) -> String {
    match minutes {
        ..0 => "never".to_owned(),
        0 => "just now".to_owned(),
        _ => format!("{minutes} min ago"),
    }
}

/// The newest is open at first.
fn token((position, claims): (usize, &Value)) -> String {
    let text = |name: &str| claims[name].as_str().unwrap_or_default();
    let time = |name: &str| UnixTime::from_secs(claims[name].as_i64().unwrap_or_default());
    let open = if position == 0 { " open" } else { "" };
    let rows: String = claims
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| {
            let written = value.to_string();
            format!(
                r#"<tr><th scope="row"><code>{}</code></th><td><code>{}</code></td><td>{}</td></tr>
"#,
                Escaped(name),
                Escaped(&written),
                meaning(name, value),
            )
        })
        .collect();
    format!(
        r#"<details id="token-{}"{open}><summary><strong>{}</strong> <span>issued {}</span> <span class="countdown" data-until="{}">expires {}</span></summary>
<div class="scroll"><table>
<thead><tr><th scope="col">Claim</th><th scope="col">Value</th><th scope="col">Meaning</th></tr></thead>
<tbody>
{rows}</tbody>
</table></div></details>
"#,
        Escaped(text("jti")),
        name(text("sub")),
        TimeOfDay(time("iat")),
        time("exp").as_secs(),
        TimeOfDay(time("exp")),
    )
}

fn meaning(claim: &str, value: &Value) -> String {
    let at = |what: &str| {
        let time = UnixTime::from_secs(value.as_i64().unwrap_or_default());
        format!("{what} {}", TimeOfDay(time))
    };
    match claim {
        "act" => "who acts in the user's place".to_owned(),
        "azp" => "the page it was issued for".to_owned(),
        "exp" => at("expires at"),
        "fea" => "features of the organization (o) and the user (u)".to_owned(),
        "fva" => {
            let age = |position: usize| ago(value[position].as_i64().unwrap_or(-1));
            format!("first factor shown {}, second {}", age(0), age(1))
        }
        "iat" => at("issued at"),
        "iss" => "who issued it".to_owned(),
        "jti" => "the id of this token".to_owned(),
        "nbf" => at("not good before"),
        "o" => "the active organization, the role and the permissions in it".to_owned(),
        "pla" => "plans of the organization (o) and the user (u)".to_owned(),
        "sid" => "the session".to_owned(),
        "sts" => "whether the session counts yet".to_owned(),
        "sub" => "the user".to_owned(),
        "v" => "the version of the claims".to_owned(),
        _ => String::new(),
    }
}

fn delivery(delivery: &Delivery) -> String {
    let id = &delivery.id;
    let body: Value = serde_json::from_str(&delivery.body).unwrap_or_default();
    let whose = [
        "/data/user_id",
        "/data/public_user_data/user_id",
        "/data/id",
    ]
    .into_iter()
    .find_map(|pointer| body.pointer(pointer)?.as_str())
    .map(name)
    .unwrap_or_default();
    let body = format!("{body:#}");
    let state = match (delivery.attempts.last(), delivery.is_pending) {
        (Some(last), false) if last.is_success() => r#"<span class="good">delivered</span>"#,
        (_, false) => r#"<span class="bad">given up</span>"#,
        (None, true) => "<span>sending</span>",
        (Some(_), true) => r#"<span class="mark">trying again</span>"#,
    };
    let attempts: String = delivery.attempts.iter().map(attempt).collect();
    let count = delivery.attempts.len();
    let attempts_word = if count == 1 { "attempt" } else { "attempts" };
    let time = TimeOfDay(delivery.at);
    format!(
        r#"<details id="delivery-{id}" data-kind="{}"><summary><strong>{}</strong> {state} <span>{whose}</span> <span>{time}</span> <span>{count} {attempts_word}</span></summary>
<p><code>{id}</code> to <code>{}</code></p>
<ol>
{attempts}</ol>
<pre tabindex="0" role="region" aria-label="Body">{}</pre>
<p>{}</p></details>
"#,
        delivery.kind,
        delivery.kind,
        Escaped(&delivery.url),
        Escaped(&body),
        button("replay", id, "Send again"),
    )
}

fn attempt(attempt: &Attempt) -> String {
    let class = if attempt.is_success() { "good" } else { "bad" };
    let result = match &attempt.result {
        Ok(status) => status.to_string(),
        Err(error) => error.clone(),
    };
    let time = TimeOfDay(attempt.at);
    format!(
        "<li>{time} <span class=\"{class}\">{}</span></li>\n",
        Escaped(&result)
    )
}

fn event(event: &Value) -> String {
    let text = |name: &str| event[name].as_str().unwrap_or_default();
    let time = UnixTime::from_secs(event["time"].as_i64().unwrap_or_default());
    let class = match text("outcome") {
        "proceed" | "preflight" => "good",
        "refuse" => "bad",
        _ => "mark",
    };
    let reason = match text("reason") {
        "" => String::new(),
        reason => format!("<br><code>{}</code>", Escaped(reason)),
    };
    let sensitive = if event["sensitive"] == true {
        r#" <span class="mark">sensitive</span>"#
    } else {
        ""
    };
    let who = match (text("user"), text("actor"), text("delivery")) {
        ("", _, "") => "nobody".to_owned(),
        ("", _, delivery) => format!("<code>{}</code>", Escaped(delivery)),
        (user, "", _) => name(user),
        (user, _, _) => format!(
            r#"{}<br><span class="mark">impersonated</span>"#,
            name(user)
        ),
    };
    format!(
        r#"<tr><td>{}</td><td><span class="{class}">{}</span>{reason}</td><td><code>{} {}</code></td><td><code>{}</code>{sensitive}</td><td class="whole">{who}</td></tr>
"#,
        TimeOfDay(time),
        Escaped(text("outcome")),
        Escaped(text("method")),
        Escaped(text("path")),
        Escaped(text("rule")),
    )
}

/// What a user is called, by the user id.
fn name(user_id: &str) -> String {
    let mut known = Persona::ALL.into_iter();
    let known = known.find(|own| own.user_id() == user_id);
    known.map_or_else(
        || format!("<code>{}</code>", Escaped(user_id)),
        |persona| persona.name().to_owned(),
    )
}

const NOTHING: &str = "<p class=\"nothing\">Nothing yet.</p>\n";
