//! Reads TOML values of a wanted type, and collects what is wrong with the others.

use toml::de::{DeTable, DeValue};

use crate::error::ConfigError;

/// A text, and the mistakes found in it so far.
pub(super) struct Reader<'t> {
    text: &'t str,
    /// Each with its place.
    mistakes: Vec<(usize, ConfigError)>,
}

/// A key with its value, or an item of an array under the array's key.
pub(super) struct Entry<'t> {
    pub(super) name: String,
    /// The place of the key, in bytes.
    pub(super) at: usize,
    pub(super) value: DeValue<'t>,
}

impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            text,
            mistakes: Vec::new(),
        }
    }

    /// The entries of the file; none where it is no TOML.
    pub(super) fn parse(&mut self) -> Vec<Entry<'t>> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        for error in &errors {
            let at = error.span().map_or(0, |span| span.start);
            let problem = error.message().replace('\n', ", ");
            let remedy = "correct it; patterns stand in quotes: \"/me\" = \"session\"";
            let error = ConfigError::new("TOML", problem, remedy);
            self.refuse(at, &error);
        }
        if errors.is_empty() {
            entries(table.into_inner())
        } else {
            Vec::new()
        }
    }

    /// Every mistake, from the first line to the last.
    pub(super) fn into_mistakes(mut self) -> Vec<ConfigError> {
        self.mistakes.sort_by_key(|(at, _)| *at);
        self.mistakes.into_iter().map(|(_, error)| error).collect()
    }

    /// Notes a mistake that somebody else has found, with the line of the place `at`.
    pub(super) fn refuse(&mut self, at: usize, error: &ConfigError) {
        let before = self.text.bytes().take(at);
        let line = before
            .filter(|byte| *byte == b'\n')
            .count()
            .saturating_add(1);
        let subject = format!("line {line}, {}", error.subject());
        let error = ConfigError::new(subject, error.problem(), error.remedy());
        self.mistakes.push((at, error));
    }

    pub(super) fn mistake(
        &mut self,
        entry: &Entry<'_>,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let subject = format!("{:?}", entry.name);
        self.refuse(entry.at, &ConfigError::new(subject, problem, remedy));
    }

    /// Notes a word that is none of `known`, and suggests the nearest if one is near.
    pub(super) fn mistake_near(
        &mut self,
        entry: &Entry<'_>,
        problem: String,
        word: &str,
        known: &[&[&str]],
        otherwise: &str,
    ) {
        let remedy = nearest(word, known).map(|near| format!("write {near:?}"));
        self.mistake(
            entry,
            problem,
            remedy.unwrap_or_else(|| otherwise.to_owned()),
        );
    }

    /// Notes a key that nobody reads: what it says would not happen.
    pub(super) fn unknown(&mut self, entry: &Entry<'_>, owner: &str, known: &[&[&str]]) {
        let mut names: Vec<_> = known.iter().copied().flatten().copied().collect();
        names.sort_unstable();
        let otherwise = format!("write one of {}", names.join(", "));
        let problem = format!("is no key of {owner}");
        self.mistake_near(entry, problem, &entry.name, known, &otherwise);
    }

    pub(super) fn text(&mut self, entry: &Entry<'_>, example: &str) -> Option<String> {
        match &entry.value {
            DeValue::String(text) => Some(text.clone().into_owned()),
            _ => self.wrong_type(entry, &format!("{example:?}")),
        }
    }

    pub(super) fn flag(&mut self, entry: &Entry<'_>) -> Option<bool> {
        match &entry.value {
            DeValue::Boolean(flag) => Some(*flag),
            _ => self.wrong_type(entry, "true"),
        }
    }

    pub(super) fn integer(&mut self, entry: &Entry<'_>, example: &str) -> Option<i64> {
        let DeValue::Integer(number) = &entry.value else {
            return self.wrong_type(entry, example);
        };
        let found = i64::from_str_radix(number.as_str(), number.radix()).ok();
        if found.is_none() {
            let remedy = format!("write {} = {example}", entry.name);
            self.mistake(entry, "is too large", remedy);
        }
        found
    }

    pub(super) fn table<'v>(&mut self, entry: &Entry<'v>, example: &str) -> Option<Vec<Entry<'v>>> {
        match &entry.value {
            DeValue::Table(table) => Some(entries(table.clone())),
            _ => self.wrong_type(entry, example),
        }
    }

    /// The items of an array.
    pub(super) fn items<'v>(entry: &Entry<'v>) -> Vec<Entry<'v>> {
        let items = entry
            .value
            .as_array()
            .into_iter()
            .flat_map(|items| items.iter());
        let items = items.map(|item| Entry {
            name: entry.name.clone(),
            at: item.span().start,
            value: item.get_ref().clone(),
        });
        items.collect()
    }

    fn wrong_type<T>(&mut self, entry: &Entry<'_>, example: &str) -> Option<T> {
        let problem = format!("is of type {}", entry.value.type_str());
        let name = &entry.name;
        let bare = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        let remedy = match bare {
            true => format!("write {name} = {example}"),
            false => format!("write {name:?} = {example}"),
        };
        self.mistake(entry, problem, remedy);
        None
    }
}

/// The entries of a table in the order in which they are written.
fn entries(table: DeTable<'_>) -> Vec<Entry<'_>> {
    let entries = table.into_iter().map(|(key, value)| Entry {
        at: key.span().start,
        name: key.into_inner().into_owned(),
        value: value.into_inner(),
    });
    let mut entries: Vec<_> = entries.collect();
    entries.sort_by_key(|entry| entry.at);
    entries
}

/// The known word that somebody meant who wrote `word`.
fn nearest<'k>(word: &str, known: &[&[&'k str]]) -> Option<&'k str> {
    let word = word.to_ascii_lowercase().replace('-', "_");
    let known = known.iter().copied().flatten().copied();
    let measured = known.map(|name| (strsim::osa_distance(&word, name), name));
    let (distance, name) = measured.min()?;
    (distance <= name.len().div_euclid(3).max(1)).then_some(name)
}
