//! The variables of an application: from an env file, or from this process.

use std::env;
use std::fs;
use std::path::Path;

use clerk_gate_core::{ConfigErrors, Settings};

use crate::doctor::rule::{Evidence, Unknown};

/// Variables as an application would read them, and what core makes of them.
///
/// Has secrets in it: nothing here is printed but names.
pub(in crate::doctor) struct Environment {
    /// The env file, as it was named.
    pub(in crate::doctor) file: Option<String>,
    text: String,
    pub(in crate::doctor) variables: Vec<(String, String)>,
    /// Numbers of lines that no loader reads as `NAME=value`.
    pub(in crate::doctor) broken: Vec<usize>,
    pub(in crate::doctor) settings: Result<Settings, ConfigErrors>,
}

impl Environment {
    /// Reads an env file.
    pub(in crate::doctor) fn read(path: &Path) -> Result<Self, Unknown> {
        let name = path.display().to_string();
        let text = fs::read_to_string(path)
            .map_err(|error| Unknown::Failed(format!("env file \"{name}\": {error}")))?;
        let mut variables = Vec::new();
        let mut broken = Vec::new();
        for entry in dotenvy::from_read_iter(text.as_bytes()) {
            match entry {
                Ok(pair) => variables.push(pair),
                // The error quotes the line, which may hold a secret.
                Err(dotenvy::Error::LineParse(line, _)) => {
                    let first = line.lines().next().unwrap_or_default();
                    broken.push(number_of(&text, |own| own.contains(first)).unwrap_or(1));
                }
                Err(_) => broken.push(1),
            }
        }
        Ok(Self::new(Some(name), text, variables, broken))
    }

    /// The variables of this process, if any of them is meant for the gate.
    pub(in crate::doctor) fn of_process() -> Result<Self, Unknown> {
        let lossy = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
        let variables: Vec<_> = env::vars_os().map(|(n, v)| (lossy(n), lossy(v))).collect();
        if !variables.iter().any(|(name, _)| name.contains("CLERK_")) {
            let what = "no --env-file, and no variable of this process is for Clerk";
            return Err(Unknown::NotAsked(what.to_owned()));
        }
        Ok(Self::new(None, String::new(), variables, Vec::new()))
    }

    fn new(
        file: Option<String>,
        text: String,
        variables: Vec<(String, String)>,
        broken: Vec<usize>,
    ) -> Self {
        let settings = Settings::parse(&|name| {
            let own = variables.iter().find(|(own, _)| own == name);
            own.map(|(_, value)| value.clone())
        });
        Self {
            file,
            text,
            variables,
            broken,
            settings,
        }
    }

    /// Evidence about a variable, with the line that sets it.
    pub(in crate::doctor) fn about(&self, name: &str, what: impl Into<String>) -> Evidence {
        match &self.file {
            Some(file) => {
                let line = self.lines_of(name).next();
                Evidence::in_file(file, line, format!("{name} {}", what.into()))
            }
            None => Evidence::at(name, what),
        }
    }

    /// The numbers of the lines that set `name`.
    pub(in crate::doctor) fn lines_of<'s>(
        &'s self,
        name: &'s str,
    ) -> impl Iterator<Item = usize> + 's {
        let sets = move |line: &str| {
            let line = line.trim_start();
            let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
            let rest = line.strip_prefix(name).map(str::trim_start);
            rest.is_some_and(|rest| rest.starts_with('='))
        };
        let lines = (1..).zip(self.text.lines());
        lines.filter_map(move |(number, line)| sets(line).then_some(number))
    }
}

fn number_of(text: &str, is_it: impl Fn(&str) -> bool) -> Option<usize> {
    Some(text.lines().position(is_it)? + 1)
}
