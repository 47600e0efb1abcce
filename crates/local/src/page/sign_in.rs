//! The page that asks who to sign in as.

use super::{Escaped, page};
use crate::persona::Persona;
use crate::users::User;

/// The page that asks who to sign in as. `current` is who this browser is signed in as.
pub(crate) fn sign_in(way_back: &str, users: &[User], current: Option<Persona>) -> String {
    let way_back = Escaped(way_back);
    let users: String = users
        .iter()
        .map(|own| user(*own, current == Some(own.persona)))
        .collect();
    let body = format!(
        r#"<main class="card">
<h1>Sign in</h1>
<p>Choose a user to continue to <br><code>{way_back}</code></p>
<form method="post" action="/sign-in">
<input type="hidden" name="redirect_url" value="{way_back}">
<ul aria-label="Users">
{users}</ul>
</form>
<p><a id="open-inspector" href="/inspector">Inspector</a>: sessions, tokens, webhooks and decisions as they happen.</p>
</main>"#
    );
    page("Sign in", "", &body)
}

fn user(user: User, is_current: bool) -> String {
    let persona = user.persona;
    let (value, name) = (persona.as_str(), persona.name());
    let description = description(user);
    let initial = name.get(..1).unwrap_or_default();
    let mark = match (user.banned, is_current) {
        (true, _) => " <em>banned</em>",
        (false, true) => " <em>current session</em>",
        (false, false) => "",
    };
    let disabled = if user.banned { " disabled" } else { "" };
    format!(
        r#"<li><button class="user" id="sign-in-{value}" name="user" value="{value}"{disabled}><span class="initial" aria-hidden="true">{initial}</span><span><strong>{name}</strong>{mark}<br>{description}</span></button>
<button class="quiet" id="impersonate-{value}" name="impersonate" value="{value}" aria-label="Impersonate {name}"{disabled}>Impersonate</button></li>
"#
    )
}

fn description(user: User) -> String {
    let role = match (user.persona, user.role) {
        (Persona::Pending, _) => "a task is open: apps see nobody".to_owned(),
        (_, Some(role)) => format!("{role} of acme"),
        (_, None) => "no organization".to_owned(),
    };
    if user.persona.has_second_factor() {
        format!("{role}, two factors")
    } else {
        role
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_stays_in_its_place() {
        let page = sign_in(r#"http://127.0.0.1/"><script>'&"#, &[], None);
        assert!(!page.contains("<script"));
        assert!(page.contains(r#"value="http://127.0.0.1/&quot;&gt;&lt;script&gt;&#39;&amp;""#));
    }
}
