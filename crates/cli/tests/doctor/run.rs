//! Runs the command and reads its report.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// A finished run of `clerk-gate doctor`.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    /// Runs in `directory`, without any variable but those that programs need.
    pub(crate) fn new(directory: &Path, arguments: &[&str]) -> Self {
        Self::with(directory, arguments, &[])
    }

    /// The same, with these variables.
    pub(crate) fn with(directory: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let output: Output = Command::new(env!("CARGO_BIN_EXE_clerk-gate"))
            .arg("doctor")
            .args(arguments)
            .current_dir(directory)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("GIT_CEILING_DIRECTORIES", std::env::temp_dir())
            .envs(variables.iter().copied())
            .output()
            .expect("the command runs");
        let text = |bytes| String::from_utf8(bytes).expect("reports are UTF-8");
        Self {
            code: output.status.code().expect("no signal ended it"),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| {
            let (stdout, stderr) = (&self.stdout, &self.stderr);
            unreachable!("no JSON: {error}\n{stdout}\n{stderr}")
        })
    }

    /// The rules of which the report says `verdict`.
    pub(crate) fn rules(&self, verdict: &str) -> BTreeSet<String> {
        let report = self.json();
        let rules = report["rules"].as_array().into_iter().flatten();
        let own = rules.filter(|rule| rule["verdict"] == verdict);
        own.filter_map(|rule| Some(rule["id"].as_str()?.to_owned()))
            .collect()
    }

    /// Asserts that exactly `rules` are broken, each with evidence and a remedy.
    #[track_caller]
    pub(crate) fn finds(&self, rules: &[&str], what: &str) {
        let want: BTreeSet<_> = rules.iter().map(|rule| (*rule).to_owned()).collect();
        let (stderr, report) = (&self.stderr, self.json());
        assert_eq!(self.rules("found"), want, "{what}\n{stderr}{report:#}");
        assert_eq!(self.rules("failed"), BTreeSet::new(), "{what}\n{report:#}");
        assert_eq!(self.code, i32::from(!want.is_empty()), "{what}");
        let broken = report["rules"].as_array().into_iter().flatten();
        for rule in broken.filter(|rule| rule["verdict"] == "found") {
            assert!(
                rule["remedy"].as_str().is_some_and(|text| text.len() > 10),
                "{rule}"
            );
            assert!(!rule["evidence"][0]["place"].is_null(), "{rule}");
        }
    }
}
