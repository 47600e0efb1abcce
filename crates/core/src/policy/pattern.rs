//! The pattern grammar: `/literal/{name}/{*rest}`, and what to write instead of other grammars.

use crate::error::ConfigError;

/// A parsed pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    pub(super) parts: Vec<Part>,
}

/// What one segment of a path must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Exactly this text, after decoding.
    Literal(Box<str>),
    /// Any one segment.
    Parameter,
    /// All remaining segments, none included. Always last.
    Rest,
}

impl Pattern {
    /// Parses `text`; the error shows a form that works.
    pub(super) fn parse(text: &str) -> Result<Self, ConfigError> {
        let error = |problem: &str, remedy: String| {
            Err(ConfigError::new(
                format!("pattern {text:?}"),
                problem,
                remedy,
            ))
        };
        let Some(inner) = text.strip_prefix('/') else {
            return error(
                "must start with a slash",
                format!("write {:?}", format!("/{text}")),
            );
        };
        if inner.is_empty() {
            return Ok(Self { parts: Vec::new() });
        }
        if let Some(trimmed) = text.strip_suffix('/') {
            let remedy = format!("write {trimmed:?}, which matches both forms");
            return error("a final slash is ignored in requests", remedy);
        }
        if let Some(fixed) = from_other_grammar(text) {
            return error(
                "is written in another router's grammar",
                format!("write {fixed:?}"),
            );
        }
        let mut parts = Vec::new();
        let mut segments = inner.split('/').peekable();
        while let Some(segment) = segments.next() {
            let is_last = segments.peek().is_none();
            match Part::parse(segment, is_last) {
                Ok(part) => parts.push(part),
                Err((problem, remedy)) => return error(problem, remedy),
            }
        }
        Ok(Self { parts })
    }

    /// Reads the pattern of a mounted route, in whichever router's grammar. Whatever is not
    /// plainly literal counts as a parameter.
    pub(super) fn of_route(text: &str) -> Self {
        let part = |segment: &str| {
            let ours = translate(segment);
            match Part::parse(ours.as_deref().unwrap_or(segment), true) {
                Ok(part) => part,
                Err(_) => Part::Parameter,
            }
        };
        let inner = text.trim_matches('/');
        let segments = inner.split('/').filter(|segment| !segment.is_empty());
        Self {
            parts: segments.map(part).collect(),
        }
    }

    /// How many leading segments are literal: an opaque segment may stand only after them.
    pub(super) fn literal_prefix(&self) -> usize {
        self.parts
            .iter()
            .take_while(|part| matches!(part, Part::Literal(_)))
            .count()
    }
}

impl Part {
    fn parse(segment: &str, is_last: bool) -> Result<Self, (&'static str, String)> {
        let braced = segment
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'));
        match braced {
            Some(name) if name.strip_prefix('*').is_some_and(is_name) => {
                if is_last {
                    Ok(Self::Rest)
                } else {
                    Err((
                        "a rest must be the last segment",
                        format!(
                            "write \"{{{}}}\" for one segment",
                            name.trim_start_matches('*')
                        ),
                    ))
                }
            }
            Some(name) if is_name(name) => Ok(Self::Parameter),
            Some(_) => Err((
                "a name is made of letters, digits and underscores",
                "write \"{name}\" for one segment or \"{*rest}\" for all that follow".to_owned(),
            )),
            None => literal(segment),
        }
    }
}

fn literal(segment: &str) -> Result<Part, (&'static str, String)> {
    if segment.is_empty() {
        return Err((
            "has an empty segment, and such paths are refused",
            "remove one slash".to_owned(),
        ));
    }
    if matches!(segment, "." | "..") {
        return Err((
            "has a dot segment, and such paths are refused",
            "write the resolved path".to_owned(),
        ));
    }
    if segment.contains('%') {
        return Err((
            "has a percent escape, but patterns are matched after decoding",
            "write the decoded text".to_owned(),
        ));
    }
    if segment.contains(['{', '}']) {
        return Err((
            "mixes text and a name in one segment",
            "write \"{name}\" alone between slashes".to_owned(),
        ));
    }
    let forbidden =
        |c: char| c.is_control() || matches!(c, '\\' | '?' | '#' | '*' | '(' | ')' | '<' | '>');
    if let Some(c) = segment.chars().find(|c| forbidden(*c)) {
        let problem = "has a character that no literal may have";
        return Err((
            problem,
            format!("remove {c:?}; a literal is matched as it stands"),
        ));
    }
    Ok(Part::Literal(segment.into()))
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// The same pattern in our grammar, if it is written for path-to-regexp, Rocket or actix.
fn from_other_grammar(text: &str) -> Option<String> {
    let segments = || text.split('/').skip(1);
    if segments().all(|segment| translate(segment).is_none()) {
        return None;
    }
    let mut fixed = String::new();
    for segment in segments() {
        fixed.push('/');
        fixed.push_str(translate(segment).as_deref().unwrap_or(segment));
    }
    Some(fixed)
}

fn translate(segment: &str) -> Option<String> {
    for suffix in ["(.*)", "*"] {
        if let Some(text) = segment.strip_suffix(suffix) {
            return Some(match text {
                "" | "*" => "{*rest}".to_owned(),
                _ if text.starts_with(':') => "{*rest}".to_owned(),
                text => format!("{text}/{{*rest}}"),
            });
        }
    }
    if let Some(name) = segment.strip_prefix(':').filter(|name| is_name(name)) {
        return Some(format!("{{{name}}}"));
    }
    if let Some(name) = segment
        .strip_prefix('<')
        .and_then(|rest| rest.strip_suffix('>'))
    {
        return Some(match name.strip_suffix("..") {
            Some(_) => "{*rest}".to_owned(),
            None => format!("{{{name}}}"),
        });
    }
    // actix: `{tail:.*}` takes slashes, `{id:\d+}` is a parameter with a condition.
    let inner = segment.strip_prefix('{')?.strip_suffix('}')?;
    let (name, expression) = inner.split_once(':')?;
    Some(match expression {
        ".*" | ".+" => format!("{{*{name}}}"),
        _ => format!("{{{name}}}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_is_literals_parameters_and_one_rest() {
        let literal = |text: &str| Part::Literal(text.into());
        for (text, want) in [
            ("/", vec![]),
            ("/admin", vec![literal("admin")]),
            (
                "/a/{id}/b",
                vec![literal("a"), Part::Parameter, literal("b")],
            ),
            ("/a/{*rest}", vec![literal("a"), Part::Rest]),
            ("/{*rest}", vec![Part::Rest]),
            ("/über/a b", vec![literal("über"), literal("a b")]),
            ("/a;b/c@d:e", vec![literal("a;b"), literal("c@d:e")]),
        ] {
            assert_eq!(Pattern::parse(text), Ok(Pattern { parts: want }), "{text}");
        }
    }

    #[test]
    fn mistakes_say_what_to_write() {
        for (text, remedy) in [
            ("admin", "write \"/admin\""),
            ("", "write \"/\""),
            ("/admin/", "write \"/admin\", which matches both forms"),
            ("/admin(.*)", "write \"/admin/{*rest}\""),
            ("/admin/(.*)", "write \"/admin/{*rest}\""),
            ("/admin/*", "write \"/admin/{*rest}\""),
            ("/admin*", "write \"/admin/{*rest}\""),
            ("/admin/:path*", "write \"/admin/{*rest}\""),
            ("/users/:id", "write \"/users/{id}\""),
            ("/users/<id>", "write \"/users/{id}\""),
            ("/files/<path..>", "write \"/files/{*rest}\""),
            ("/files/{tail:.*}", "write \"/files/{*tail}\""),
            ("/users/{id:\\d+}", "write \"/users/{id}\""),
            ("/a/{*rest}/b", "write \"{rest}\" for one segment"),
            (
                "/a/{}",
                "write \"{name}\" for one segment or \"{*rest}\" for all that follow",
            ),
            (
                "/a/{b-c}",
                "write \"{name}\" for one segment or \"{*rest}\" for all that follow",
            ),
            ("/a/x{id}", "write \"{name}\" alone between slashes"),
            ("/a//b", "remove one slash"),
            ("/a/../b", "write the resolved path"),
            ("/a%20b", "write the decoded text"),
            ("/a?b", "remove '?'; a literal is matched as it stands"),
            ("/a\\b", "remove '\\\\'; a literal is matched as it stands"),
        ] {
            let error = Pattern::parse(text);
            assert_eq!(
                error.as_ref().err().map(ConfigError::remedy),
                Some(remedy),
                "{text}"
            );
        }
    }
}
