//! Mistakes in the configuration: all of them at once, each with what to write instead.

use std::error::Error;
use std::fmt;

/// One mistake in the configuration.
///
/// Displays as `subject: problem; remedy`. The offending value is quoted in the subject unless
/// it is a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    subject: String,
    problem: String,
    remedy: String,
}

impl ConfigError {
    /// A mistake in `subject`: what is wrong with it, and what to write instead.
    pub fn new(
        subject: impl Into<String>,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            subject: subject.into(),
            problem: problem.into(),
            remedy: remedy.into(),
        }
    }

    /// What the mistake is in: a variable's name, or a quoted value.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// What is wrong.
    pub fn problem(&self) -> &str {
        &self.problem
    }

    /// What to write instead.
    pub fn remedy(&self) -> &str {
        &self.remedy
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.subject, self.problem, self.remedy)
    }
}

impl Error for ConfigError {}

/// Every mistake found in one configuration, in the order of discovery; never empty.
///
/// `Debug` prints what `Display` does, because a `main` that returns an error prints it so.
#[derive(Clone, PartialEq, Eq)]
pub struct ConfigErrors(Vec<ConfigError>);

impl ConfigErrors {
    /// `Ok` with `value` if there are no `errors`, all of them otherwise.
    ///
    /// # Errors
    /// The collected mistakes, if there are any.
    pub fn check<T>(errors: Vec<ConfigError>, value: T) -> Result<T, Self> {
        if errors.is_empty() {
            Ok(value)
        } else {
            Err(Self(errors))
        }
    }

    /// `Ok` with `value` if there are no `errors`. It may be `None` only where there are some.
    pub(crate) fn complete<T>(errors: Vec<ConfigError>, value: Option<T>) -> Result<T, Self> {
        match value {
            Some(value) if errors.is_empty() => Ok(value),
            _ => Err(Self(errors)),
        }
    }

    /// The mistakes, one by one.
    pub fn iter(&self) -> std::slice::Iter<'_, ConfigError> {
        self.0.iter()
    }
}

impl From<ConfigError> for ConfigErrors {
    fn from(error: ConfigError) -> Self {
        Self(vec![error])
    }
}

impl IntoIterator for ConfigErrors {
    type Item = ConfigError;
    type IntoIter = std::vec::IntoIter<ConfigError>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a ConfigErrors {
    type Item = &'a ConfigError;
    type IntoIter = std::slice::Iter<'a, ConfigError>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in the configuration", Count(self.0.len()))?;
        for error in &self.0 {
            write!(f, "\n  - {error}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for ConfigErrors {}

/// `1 mistake`, `2 mistakes`.
struct Count(usize);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("1 mistake"),
            n => write!(f, "{n} mistakes"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_mistakes_are_listed_each_with_its_remedy() {
        let errors = ConfigErrors::check(
            vec![
                ConfigError::new("A", "is missing", "set it"),
                ConfigError::new("B \"x\"", "has a path", "write \"y\""),
            ],
            (),
        );
        let text = errors.map_err(|e| e.to_string());
        assert_eq!(
            text,
            Err("2 mistakes in the configuration\n  - A: is missing; set it\n  - B \"x\": has a path; write \"y\"".to_owned())
        );
    }
}
