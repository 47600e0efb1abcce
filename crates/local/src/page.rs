//! The sign-in page.

use std::fmt;

use crate::persona::Persona;

/// The page that asks who to sign in as. `current` is who this browser is signed in as.
pub(crate) fn sign_in(way_back: &str, current: Option<Persona>) -> String {
    let way_back = Escaped(way_back);
    let users: String = Persona::ALL
        .map(|persona| user(persona, current == Some(persona)))
        .concat();
    format!(
        r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign in · stand-in for Clerk</title>
<link rel="stylesheet" href="/style.css">
</head>
<body>
<p class="banner"><strong>For development only.</strong> This is not Clerk: anybody signs in as anybody.</p>
<main>
<h1>Sign in</h1>
<p>Choose a user to continue to <br><code>{way_back}</code></p>
<form method="post" action="/sign-in">
<input type="hidden" name="redirect_url" value="{way_back}">
<ul aria-label="Users">
{users}</ul>
</form>
</main>
</body>
</html>
"#
    )
}

fn user(persona: Persona, is_current: bool) -> String {
    let value = persona.as_str();
    let name = persona.name();
    let description = persona.description();
    let initial = name.get(..1).unwrap_or_default();
    let mark = if is_current {
        " <em>current session</em>"
    } else {
        ""
    };
    format!(
        r#"<li><button name="user" value="{value}"><span class="initial" aria-hidden="true">{initial}</span><span><strong>{name}</strong>{mark}<br>{description}</span></button></li>
"#
    )
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
    use super::*;

    #[test]
    fn the_way_back_stays_in_its_place() {
        let page = sign_in(r#"http://127.0.0.1/"><script>'&"#, None);
        assert!(!page.contains("<script"));
        assert!(page.contains(r#"value="http://127.0.0.1/&quot;&gt;&lt;script&gt;&#39;&amp;""#));
    }
}
