//! What is printed, and how it is marked. Colours are for terminals, and none with `NO_COLOR`.

use std::error::Error;
use std::fmt::Display;

use anstyle::{AnsiColor, Style};

/// Something is as it should be.
pub(crate) fn good(text: impl Display) -> String {
    styled(AnsiColor::Green, text)
}

/// Something is wrong.
pub(crate) fn bad(text: impl Display) -> String {
    styled(AnsiColor::Red, text)
}

/// Something is not what one may think.
pub(crate) fn odd(text: impl Display) -> String {
    styled(AnsiColor::Yellow, text)
}

/// Prints what kept a command from doing its work.
pub(crate) fn complain(error: &dyn Error) {
    anstream::eprintln!("{} {}", bad("error:"), plain(&chain(error)));
}

/// An error and the causes behind it.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Text from outside, in which no control character can steer the terminal. Line breaks stay.
pub(crate) fn plain(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '\n' || !(c.is_control() || is_direction(c)) {
            safe.push(c);
        } else {
            safe.extend(c.escape_default());
        }
    }
    safe
}

/// `40 s ago`, `in 3 min`: the distance of a moment from now, both in seconds.
pub(crate) fn distance(moment: i64, now: i64) -> String {
    let seconds = moment.abs_diff(now);
    let time = match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    };
    if moment > now {
        format!("in {time}")
    } else {
        format!("{time} ago")
    }
}

fn styled(color: AnsiColor, text: impl Display) -> String {
    let style = Style::new().fg_color(Some(color.into()));
    format!("{style}{text}{style:#}")
}

/// Marks that change the direction in which text is shown.
fn is_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_steers_no_terminal() {
        assert_eq!(
            plain("a\x1b[31mb\u{202e}c\nd é"),
            "a\\u{1b}[31mb\\u{202e}c\nd é"
        );
    }

    #[test]
    fn distances_are_in_the_unit_that_people_would_use() {
        for (moment, want) in [
            (0, "0 s ago"),
            (40, "in 40 s"),
            (-119, "119 s ago"),
            (-120, "2 min ago"),
            (7200, "in 2 h"),
            (-172_800, "2 days ago"),
        ] {
            assert_eq!(distance(moment, 0), want);
        }
    }
}
