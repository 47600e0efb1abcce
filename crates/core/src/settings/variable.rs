//! Variables: found by name, freed of paste errors, never printed.

use zeroize::Zeroizing;

use crate::error::{ConfigError, ConfigErrors};
use crate::secret::Secret;

/// A variable that is set to something worth parsing.
pub(super) struct Variable {
    name: &'static str,
    /// Every value is kept as a secret: people paste the wrong one.
    value: Secret,
}

impl Variable {
    pub(super) fn text(&self) -> &str {
        self.value.expose()
    }

    /// A mistake in this variable. The texts must not quote a value that may be a secret.
    pub(super) fn mistake(
        &self,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> ConfigError {
        ConfigError::new(self.name, problem, remedy)
    }

    /// A mistake in one entry of this variable.
    pub(super) fn within(&self, entry: &ConfigError) -> ConfigError {
        let subject = format!("{}: {}", self.name, entry.subject());
        ConfigError::new(subject, entry.problem(), entry.remedy())
    }
}

/// Reads variables and collects every mistake in them.
pub(super) struct Reader<'s> {
    source: &'s dyn Fn(&str) -> Option<String>,
    mistakes: Vec<ConfigError>,
}

impl<'s> Reader<'s> {
    pub(super) fn new(source: &'s dyn Fn(&str) -> Option<String>) -> Self {
        Self {
            source,
            mistakes: Vec::new(),
        }
    }

    /// Parses the variable with the first of `names` that is set; the others are its aliases.
    ///
    /// `None` if none is set, or if its value is a mistake.
    pub(super) fn read<T, E: Into<ConfigErrors>>(
        &mut self,
        names: &[&'static str],
        parse: impl FnOnce(&Variable) -> Result<T, E>,
    ) -> Option<T> {
        let found = self.find(names)?;
        let variable = self.clean(&found)?;
        parse(&variable)
            .map_err(|mistakes| self.mistakes.extend(mistakes.into()))
            .ok()
    }

    /// Like [`read`](Self::read), but it is a mistake if none of `names` is set.
    pub(super) fn require<T, E: Into<ConfigErrors>>(
        &mut self,
        names: &[&'static str],
        remedy: &str,
        parse: impl FnOnce(&Variable) -> Result<T, E>,
    ) -> Option<T> {
        if let Some(name) = names.first()
            && names.iter().all(|name| (self.source)(name).is_none())
        {
            self.mistakes
                .push(ConfigError::new(*name, "is missing", remedy));
        }
        self.read(names, parse)
    }

    /// Refuses the secret key under a name that bundlers copy into what browsers load.
    pub(super) fn refuse_public(&mut self, name: &str) {
        for prefix in PUBLIC_PREFIXES {
            let public = format!("{prefix}{name}");
            if (self.source)(&public).is_some() {
                self.mistakes.push(ConfigError::new(
                    public,
                    "hands the secret key to every browser",
                    format!("remove it, replace the key in the Clerk dashboard, and set {name}"),
                ));
            }
        }
    }

    /// The mistakes, in the order of reading.
    pub(super) fn into_mistakes(self) -> Vec<ConfigError> {
        self.mistakes
    }

    fn find(&mut self, names: &[&'static str]) -> Option<Variable> {
        let source = self.source;
        let mut set = names.iter().filter_map(|name| {
            let value = Secret::new(source(name)?);
            Some(Variable { name, value })
        });
        let first = set.next()?;
        for other in set.filter(|other| other.value != first.value) {
            self.mistakes.push(other.mistake(
                format!("differs from {}", first.name),
                "remove one of the two",
            ));
        }
        Some(first)
    }

    fn clean(&mut self, found: &Variable) -> Option<Variable> {
        let text = found.text();
        let inner = text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\''));
        if inner.is_empty() {
            self.mistakes
                .push(found.mistake("is empty", "set it, or remove the variable"));
            return None;
        }
        // A PEM text ends with a line break (RFC 7468 §2).
        if inner.len() != text.len() && !text.starts_with("-----BEGIN ") {
            self.mistakes.push(found.mistake(
                "begins or ends with white space or a quotation mark",
                "remove it",
            ));
        }
        if is_placeholder(inner) {
            self.mistakes
                .push(found.mistake("is a placeholder", "write the real value"));
            return None;
        }
        let value = Secret::new(inner);
        Some(Variable {
            name: found.name,
            value,
        })
    }
}

/// Whether this is what templates and documentation put where a value belongs.
fn is_placeholder(text: &str) -> bool {
    let bare = PREFIXES
        .iter()
        .find_map(|prefix| text.strip_prefix(prefix))
        .unwrap_or(text);
    let rest = Zeroizing::new(bare.to_ascii_lowercase());
    rest.is_empty()
        || ["...", "…", "<"].iter().any(|mark| rest.contains(mark))
        || ["your_", "your-"].iter().any(|word| rest.starts_with(word))
        || ["changeme", "change_me", "change-me"].contains(&rest.as_str())
        || (rest.len() >= 3 && rest.bytes().all(|b| b == b'x'))
}

/// Names with these prefixes end up in the browser (Clerk, environment variables).
const PUBLIC_PREFIXES: [&str; 5] = [
    "NEXT_PUBLIC_",
    "VITE_",
    "PUBLIC_",
    "NUXT_PUBLIC_",
    "EXPO_PUBLIC_",
];

const PREFIXES: [&str; 5] = ["pk_live_", "pk_test_", "sk_live_", "sk_test_", "whsec_"];
