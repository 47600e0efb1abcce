//! How often a gate has decided what, and what its observing checks would have refused.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::audit::Outcome;
use crate::reason::Reason;
use crate::session::Check;

/// A check that can be off, observe or enforce.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum CheckKind {
    /// Who has obtained the token (`azp`).
    AuthorizedParty,
    /// Which page has sent a request with the cookie.
    CrossOrigin,
    /// Whether the request came over HTTPS.
    Https,
    /// Whether the store of the revocations is heard.
    RevocationAge,
    /// What sensitive routes demand of a session.
    Safeguards,
}

/// How often a gate has decided what since it was made.
///
/// Webhook deliveries count when they have been answered. For metrics: read it now and then, and
/// report the differences.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Preflights of trusted origins that were answered.
    pub preflights: u64,
    /// Requests for which the application was called.
    pub proceeded: u64,
    /// Navigations that were sent elsewhere.
    pub redirected: u64,
    /// Requests that were refused.
    pub refused: u64,
    /// Audit events that could not be written.
    pub lost_events: u64,
    reasons: Vec<u64>,
}

/// Whether the checks that only observe may be enforced. Displays as a table for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readiness(Vec<CheckReadiness>);

/// What one check has seen.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckReadiness {
    /// Which check.
    pub kind: CheckKind,
    /// What becomes of requests that it does not let pass.
    pub mode: Check,
    /// How often it was made while it observed.
    pub made: u64,
    /// What it would have refused, by route and reason.
    pub would_refuse: Vec<WouldRefuse>,
}

/// What an observing check would have refused on one route.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WouldRefuse {
    /// The pattern of the rule or the webhook; `None` for the default.
    pub rule: Option<String>,
    /// Why.
    pub reason: Reason,
    /// How often.
    pub times: u64,
}

impl Counts {
    /// How often `reason` has ended a request, or has made one anonymous on a public route.
    pub fn of(&self, reason: Reason) -> u64 {
        self.reasons.get(reason as usize).copied().unwrap_or(0)
    }

    /// Every reason that has occurred, and how often.
    pub fn reasons(&self) -> impl Iterator<Item = (Reason, u64)> + '_ {
        let all = Reason::ALL.iter().map(|reason| (*reason, self.of(*reason)));
        all.filter(|(_, times)| *times > 0)
    }
}

impl Readiness {
    /// The checks, one by one.
    pub fn checks(&self) -> &[CheckReadiness] {
        &self.0
    }

    /// Whether every check that observes may be enforced: see [`CheckReadiness::is_ready`].
    pub fn is_ready(&self) -> bool {
        let mut observing = self.0.iter().filter(|check| check.mode == Check::Observe);
        observing.all(CheckReadiness::is_ready)
    }
}

impl CheckReadiness {
    /// Whether enforcing it would change nothing that has come so far, and enough has come to
    /// tell: it was made at least 1,000 times and would have refused nothing. A check that is
    /// enforced is ready; one that is off is not, for it has seen nothing.
    pub fn is_ready(&self) -> bool {
        match self.mode {
            Check::Enforce => true,
            Check::Observe => self.made >= ENOUGH && self.would_refuse.is_empty(),
            Check::Off => false,
        }
    }

    /// How many requests it would have refused.
    pub fn refusals(&self) -> u64 {
        let times = self.would_refuse.iter().map(|row| row.times);
        times.fold(0, u64::saturating_add)
    }
}

/// What the gate counts into.
#[derive(Debug)]
pub(crate) struct Counters {
    preflights: AtomicU64,
    proceeded: AtomicU64,
    redirected: AtomicU64,
    refused: AtomicU64,
    lost_events: AtomicU64,
    reasons: Vec<AtomicU64>,
    observed: Mutex<Observed>,
}

/// As large as the policy, whatever is sent.
#[derive(Debug, Default)]
struct Observed {
    made: BTreeMap<CheckKind, u64>,
    /// By pattern; the default's is empty, which no rule's is.
    refused: BTreeMap<Box<str>, BTreeMap<(CheckKind, Reason), u64>>,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            preflights: AtomicU64::default(),
            proceeded: AtomicU64::default(),
            redirected: AtomicU64::default(),
            refused: AtomicU64::default(),
            lost_events: AtomicU64::default(),
            reasons: Reason::ALL.iter().map(|_| AtomicU64::default()).collect(),
            observed: Mutex::default(),
        }
    }
}

impl Counters {
    pub(crate) fn decide(&self, outcome: Outcome, reason: Option<Reason>) {
        add_one(match outcome {
            Outcome::Preflight => &self.preflights,
            Outcome::Proceed => &self.proceeded,
            Outcome::Redirect => &self.redirected,
            Outcome::Refuse => &self.refused,
        });
        if let Some(count) = reason.and_then(|reason| self.reasons.get(reason as usize)) {
            add_one(count);
        }
    }

    pub(crate) fn lose_event(&self) {
        add_one(&self.lost_events);
    }

    /// Counts the observing checks that were `made` on a route, and for which reasons those in
    /// `by` would have refused.
    pub(crate) fn observe(
        &self,
        rule: Option<&str>,
        made: &[CheckKind],
        by: &[CheckKind],
        reasons: &[Reason],
    ) {
        // Where nothing observes nothing is locked.
        if made.is_empty() {
            return;
        }
        let mut observed = self.observed.lock().unwrap_or_else(PoisonError::into_inner);
        for kind in made {
            let count = observed.made.entry(*kind).or_default();
            *count = count.saturating_add(1);
        }
        let rule = rule.unwrap_or_default();
        for key in by.iter().copied().zip(reasons.iter().copied()) {
            if !observed.refused.contains_key(rule) {
                observed.refused.insert(rule.into(), BTreeMap::new());
            }
            if let Some(counts) = observed.refused.get_mut(rule) {
                let count = counts.entry(key).or_default();
                *count = count.saturating_add(1);
            }
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Counts {
            preflights: read(&self.preflights),
            proceeded: read(&self.proceeded),
            redirected: read(&self.redirected),
            refused: read(&self.refused),
            lost_events: read(&self.lost_events),
            reasons: self.reasons.iter().map(read).collect(),
        }
    }

    pub(crate) fn readiness(&self, modes: &[(CheckKind, Check)]) -> Readiness {
        let observed = self.observed.lock().unwrap_or_else(PoisonError::into_inner);
        let checks = modes.iter().map(|(kind, mode)| {
            let rows = observed.refused.iter().flat_map(|(rule, counts)| {
                counts.iter().map(move |((own, reason), times)| {
                    let rule = (!rule.is_empty()).then(|| rule.to_string());
                    (
                        *own,
                        WouldRefuse {
                            rule,
                            reason: *reason,
                            times: *times,
                        },
                    )
                })
            });
            let own = rows.filter(|(own, _)| own == kind).map(|(_, row)| row);
            CheckReadiness {
                kind: *kind,
                mode: *mode,
                made: observed.made.get(kind).copied().unwrap_or(0),
                would_refuse: own.collect(),
            }
        });
        Readiness(checks.collect())
    }
}

fn add_one(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}

impl fmt::Display for CheckKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::AuthorizedParty => "authorized-party",
            Self::CrossOrigin => "cross-origin",
            Self::Https => "https",
            Self::RevocationAge => "revocation-age",
            Self::Safeguards => "safeguards",
        })
    }
}

impl fmt::Display for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<17} {:<8} {:>9} {:>13}  ready",
            "check", "mode", "made", "would refuse"
        )?;
        for check in &self.0 {
            let mode = match check.mode {
                Check::Off => "off",
                Check::Observe => "observe",
                Check::Enforce => "enforce",
            };
            let ready = if check.is_ready() { "yes" } else { "no" };
            writeln!(
                f,
                "{:<17} {mode:<8} {:>9} {:>13}  {ready}",
                check.kind,
                check.made,
                check.refusals(),
            )?;
            for row in &check.would_refuse {
                let rule = row.rule.as_deref().unwrap_or("the default");
                writeln!(f, "  {} on {rule}: {}", row.reason.code(), row.times)?;
            }
        }
        Ok(())
    }
}

/// How often a check is made before its silence says something.
const ENOUGH: u64 = 1_000;
