//! One cookie out of the `Cookie` lines (RFC 6265 §5.4), without copying and without decoding.

use memchr::memchr_iter;

use crate::request::{RequestView, Value};

/// The cookies of exactly these names, each in its place, in one pass.
///
/// Names and values are taken as they stand: decoding them, as framework jars do, lets
/// `%5F_session` pass for another cookie. All lines are read together, so a cookie that a
/// sibling subdomain planted beside the real one is a repeat (RFC 6265 §8.6).
pub(crate) fn find<'r, const N: usize>(view: &RequestView<'r>, names: [&str; N]) -> [Value<'r>; N] {
    let mut found = [Value::Absent; N];
    for line in view.cookie_lines() {
        let ends = memchr_iter(b';', line.as_bytes()).chain([line.len()]);
        let mut start = 0;
        for end in ends {
            let pair = line.get(start..end).unwrap_or_default();
            start = end.saturating_add(1);
            let Some((own, value)) = pair.split_once('=') else {
                continue;
            };
            let own = own.trim_matches(BLANK);
            let mut places = names.iter().zip(&mut found);
            if let Some((_, place)) = places.find(|(name, _)| **name == own) {
                *place = match place {
                    Value::Absent => Value::One(value.trim_matches(BLANK)),
                    Value::One(_) | Value::Repeated => Value::Repeated,
                };
            }
        }
    }
    found
}

const BLANK: [char; 2] = [' ', '\t'];

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lines: &[&str], want: Value<'_>) {
        let mut view = RequestView::new("GET", "/", None);
        for line in lines {
            view.header("cookie", line.as_bytes());
        }
        let [found, other] = find(&view, ["__session", "other"]);
        assert_eq!((found, other), (want, Value::Absent), "{lines:?}");
    }

    #[test]
    fn a_cookie_is_found_by_its_exact_name() {
        check(&[], Value::Absent);
        check(&["__session=a.b.c"], Value::One("a.b.c"));
        check(&["x=1; __session=a; y=2"], Value::One("a"));
        check(&["x=1", "__session=a"], Value::One("a"));
        check(&["__session = a "], Value::One("a"));
        check(&["__session=a=b"], Value::One("a=b"));
        check(&["__session=\"a\""], Value::One("\"a\""));
        check(&["__session="], Value::One(""));
        for other in [
            "__Session=a",
            "%5F_session=a",
            "__session_x=a",
            "=__session=a",
            "__session",
            "x=1, __session=a",
            "x=__session=a",
        ] {
            check(&[other], Value::Absent);
        }
    }

    #[test]
    fn two_cookies_of_one_name_are_a_repeat_even_if_equal_or_empty() {
        check(&["__session=a; __session=a"], Value::Repeated);
        check(&["__session=a", "__session=b"], Value::Repeated);
        check(&["__session=; __session=a"], Value::Repeated);
    }
}
