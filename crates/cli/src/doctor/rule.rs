//! What a rule is, and what becomes of one.

use super::facts::{Environment, Keys, Policy, Repository, Server};

/// One item of the checklist that a program can check.
pub(super) struct Rule {
    /// Stable: reports, `--accept` and dashboards name it.
    pub(super) id: &'static str,
    /// What holds where nothing is found.
    pub(super) title: &'static str,
    pub(super) severity: Severity,
    /// A requirement of the OWASP ASVS, version 5.0.0; empty where it has none for this.
    pub(super) asvs: &'static str,
    pub(super) source: &'static str,
    pub(super) how: &'static str,
    pub(super) remedy: &'static str,
    pub(super) check: Check,
}

/// How bad it is where a rule does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Severity {
    /// Accounts or data are open to others.
    High,
    /// One more mistake, and they are.
    Medium,
    /// Helps an attacker, or hides a mistake.
    Low,
}

impl Severity {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
        }
    }
}

/// A pure function of what was gathered in one area.
#[derive(Clone, Copy)]
pub(super) enum Check {
    Environment(fn(&Environment) -> Outcome),
    Keys(fn(&Keys) -> Outcome),
    Policy(fn(&Policy) -> Outcome),
    Repository(fn(&Repository) -> Outcome),
    Server(fn(&Server) -> Outcome),
}

impl Check {
    pub(super) const fn area(self) -> Area {
        match self {
            Self::Environment(_) => Area::Environment,
            Self::Keys(_) => Area::Keys,
            Self::Policy(_) => Area::Policy,
            Self::Repository(_) => Area::Repository,
            Self::Server(_) => Area::Server,
        }
    }
}

/// Where the facts of a rule come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Area {
    Repository,
    Environment,
    Keys,
    Policy,
    Server,
}

impl Area {
    pub(super) const ALL: [Self; 5] = [
        Self::Repository,
        Self::Environment,
        Self::Keys,
        Self::Policy,
        Self::Server,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Repository => "repository",
            Self::Environment => "environment",
            Self::Keys => "keys",
            Self::Policy => "policy",
            Self::Server => "server",
        }
    }
}

/// What was found; nothing, if the rule holds.
pub(super) type Outcome = Result<Vec<Evidence>, Unknown>;

/// Why it is not known whether a rule holds. Never the same as that it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unknown {
    /// It should have been checked and could not be.
    Failed(String),
    /// Nobody asked for it, or there is nothing here that it speaks of.
    NotAsked(String),
}

/// One place where a rule does not hold. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Evidence {
    pub(super) place: Place,
    pub(super) what: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    File {
        path: String,
        line: Option<usize>,
        /// The abbreviated commit that added it, for what is in the history.
        commit: Option<String>,
    },
    /// A variable of the process, a URL, a request: no file has it.
    Named(String),
}

impl Evidence {
    pub(super) fn at(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            place: Place::Named(place.into()),
            what: what.into(),
        }
    }

    pub(super) fn in_file(
        path: impl Into<String>,
        line: Option<usize>,
        what: impl Into<String>,
    ) -> Self {
        Self {
            place: Place::File {
                path: path.into(),
                line,
                commit: None,
            },
            what: what.into(),
        }
    }
}

/// `src/config.js:3`, behind `3f2a91c0:` in the history; `GET /api/protected`.
impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Named(name) => f.write_str(name),
            Self::File { path, line, commit } => {
                if let Some(commit) = commit {
                    write!(f, "{commit}:")?;
                }
                f.write_str(path)?;
                line.map_or(Ok(()), |line| write!(f, ":{line}"))
            }
        }
    }
}

/// One item of the checklist that only people can check.
pub(super) struct ForPeople {
    pub(super) title: &'static str,
    pub(super) look_at: &'static str,
    pub(super) asvs: &'static str,
    pub(super) source: &'static str,
}

/// The release of the ASVS that all numbers are of.
pub(super) const ASVS: &str = "5.0.0";
