//! Which rule decides about a request, and why: for people, tests and tools.

use std::fmt;

use super::Gate;
use crate::path::Path;
use crate::policy::{Access, Rule};
use crate::reason::Reason;

/// What the policy says about one method and path. Displays as a sentence.
#[derive(Clone, Debug)]
pub struct Explanation<'g> {
    method: String,
    path: String,
    verdict: Result<(&'g Access, Option<&'g Rule>), Reason>,
}

impl Gate {
    /// Tells which rule decides about `method` and `path`, whoever asks. `path` is raw, as in a
    /// request line, and may have a query, which takes no part.
    pub fn explain(&self, method: &str, path: &str) -> Explanation<'_> {
        let raw = path.split_once('?').map_or(path, |(raw, _)| raw);
        let verdict = Path::parse(raw, method)
            .and_then(|parsed| self.policy.find(&parsed, method))
            .map(|found| (found.access, found.rule));
        Explanation {
            method: method.to_owned(),
            path: raw.to_owned(),
            verdict,
        }
    }
}

impl<'g> Explanation<'g> {
    /// What is demanded; `None` for a path that is refused before any rule is looked up.
    pub fn access(&self) -> Option<&'g Access> {
        self.verdict.as_ref().ok().map(|(access, _)| *access)
    }

    /// The rule that decides; `None` for the default.
    pub fn rule(&self) -> Option<&'g Rule> {
        self.verdict.as_ref().ok().and_then(|(_, rule)| *rule)
    }
}

impl fmt::Display for Explanation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {}: ",
            self.method.escape_default(),
            self.path.escape_default()
        )?;
        match self.verdict {
            Err(reason) => write!(
                f,
                "refused ({}), because routers could read this path in more than one way",
                reason.code()
            ),
            Ok((access, Some(rule))) => {
                write!(
                    f,
                    "rule {:?} demands {access}, being the most specific that matches",
                    rule.pattern()
                )?;
                match rule.demands() {
                    Some(demands) => write!(f, "; sensitive, so it also demands {demands}"),
                    None => Ok(()),
                }
            }
            Ok((access, None)) => write!(f, "no rule matches; the default demands {access}"),
        }
    }
}
