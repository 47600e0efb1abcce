//! The pages: HTML made from values that cannot leave their place in it.

mod inspector;
mod sign_in;

use std::fmt;

use clerk_gate_core::UnixTime;

pub(crate) use self::inspector::inspector;
pub(crate) use self::sign_in::sign_in;

/// A whole page; `head` is what it loads besides the style.
fn page(title: &str, head: &str, body: &str) -> String {
    format!(
        r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · stand-in for Clerk</title>
<link rel="stylesheet" href="/style.css">
{head}</head>
<body>
<p class="banner"><strong>For development only.</strong> This is not Clerk: anybody signs in as anybody.</p>
{body}
</body>
</html>
"#
    )
}

/// The time of day, in UTC: `08:00:00`.
struct TimeOfDay(UnixTime);

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs().rem_euclid(24 * 60 * 60);
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        write!(f, "{hours:02}:{minutes:02}:{:02}", seconds % 60)
    }
}

/// Text that cannot leave its place in HTML: neither an element nor a quoted attribute.
pub(super) struct Escaped<'t>(pub(super) &'t str);

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
    fn the_time_of_day_is_that_of_utc() {
        let time = |seconds| TimeOfDay(UnixTime::from_secs(seconds)).to_string();
        assert_eq!(time(1_800_000_000), "08:00:00");
        assert_eq!(time(-1), "23:59:59");
    }
}
