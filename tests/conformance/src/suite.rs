//! The suite: cases, adapters, the servers that run for them, and the results.

use std::collections::HashMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use clerk_gate_testkit::NOW;
use libtest_mimic::{Failed, Trial};

use crate::bless::bless;
use crate::case::Case;
use crate::direct::Direct;
use crate::profiles::{self, CANARIES};
use crate::report::{Report, Results, Verdict};
use crate::run::{Outcome, Target, compare};
use crate::shim::Shim;
use crate::{ADAPTERS, Result};

/// How the server of an adapter comes to be.
#[derive(Clone, Copy, Debug)]
pub enum Start {
    /// There is none: the gate answers in this process.
    Direct,
    /// It runs already, with a gate like the profile of this name.
    Outside(SocketAddr, &'static str),
    /// A process for each profile, from this program.
    Shim(&'static str),
}

/// All cases and everything they run against.
#[derive(Debug)]
pub struct Suite {
    root: PathBuf,
    cases: Vec<Case>,
    adapters: Vec<(&'static str, Start)>,
    targets: Mutex<HashMap<(&'static str, String), Slot>>,
    results: Mutex<Results>,
}

/// A target, started on first use. One case at a time, so that its audit events are its own.
type Slot = Arc<Mutex<Option<Target>>>;

impl Suite {
    /// The cases below `root` for `adapters`, but for those that the examples' own tests play.
    ///
    /// # Errors
    /// A case that cannot be read or parsed.
    pub fn load(root: &Path, adapters: Vec<(&'static str, Start)>) -> Result<Self> {
        let mut cases = Case::load_all(root)?;
        cases.retain(|case| case.area() != EXAMPLES);
        Ok(Self {
            root: root.to_owned(),
            cases,
            adapters,
            targets: Mutex::default(),
            results: Mutex::default(),
        })
    }

    /// One trial per case and adapter, and one per canary.
    pub fn trials(self: &Arc<Self>) -> Vec<Trial> {
        let mut trials = Vec::new();
        for (index, case) in self.cases.iter().enumerate() {
            for (adapter, start) in self.adapters_of(case) {
                let suite = Arc::clone(self);
                trials.push(Trial::test(
                    format!("{}::{adapter}", case.name),
                    move || {
                        let case = &suite.cases[index];
                        let verdict = verdict(suite.check(case, adapter, start));
                        let key = (case.name.clone(), adapter);
                        lock(&suite.results).cases.insert(key, verdict.clone());
                        verdict.map_err(Failed::from)
                    },
                ));
            }
        }
        for (canary, witness) in CANARIES {
            let suite = Arc::clone(self);
            trials.push(Trial::test(format!("canary::{canary}"), move || {
                let verdict = verdict(suite.hunt(canary, witness));
                lock(&suite.results)
                    .canaries
                    .insert(canary, verdict.clone());
                verdict.map_err(Failed::from)
            }));
        }
        trials
    }

    /// Rewrites the baselines and the expectations of all cases whose name contains `filter`.
    ///
    /// # Errors
    /// The first case that cannot be played, or whose adapters disagree.
    pub fn bless(&self, filter: &str) -> Result<()> {
        for case in self.cases.iter().filter(|case| case.name.contains(filter)) {
            let lines = profiles::baseline(&case.profile)?;
            fs::write(self.baseline_path(&case.profile), lines.join("\n") + "\n")?;
            let outcomes = self
                .adapters_of(case)
                .map(|(adapter, start)| Ok((adapter, self.play(case, adapter, start)?)));
            let short = if case.area() == HEADERS {
                &[][..]
            } else {
                &lines
            };
            bless(case, &outcomes.collect::<Result<Vec<_>>>()?, short)?;
        }
        Ok(())
    }

    /// Hands the report on the trials so far to `read`.
    pub fn report<T>(&self, read: impl FnOnce(&Report<'_>) -> T) -> T {
        read(&Report {
            cases: &self.cases,
            adapters: self.adapters.iter().map(|(adapter, _)| *adapter).collect(),
            results: &lock(&self.results),
        })
    }

    fn adapters_of(&self, case: &Case) -> impl Iterator<Item = (&'static str, Start)> {
        self.adapters
            .iter()
            .copied()
            .filter(|(_, start)| match start {
                Start::Direct => !case.socket_only,
                Start::Outside(_, profile) => case.profile == *profile,
                Start::Shim(_) => true,
            })
    }

    fn check(&self, case: &Case, adapter: &'static str, start: Start) -> Result<()> {
        let outcomes = self.play(case, adapter, start)?;
        compare(case, adapter, &outcomes, &self.baseline(&case.profile)?)?;
        Ok(())
    }

    /// Plays a case; a target that goes wrong is thrown away, so that the next case gets a new
    /// one.
    fn play(&self, case: &Case, adapter: &'static str, start: Start) -> Result<Vec<Outcome>> {
        let key = (adapter, case.profile.clone());
        let slot = Arc::clone(lock(&self.targets).entry(key).or_default());
        let mut slot = lock(&slot);
        let mut target = match slot.take() {
            Some(target) => target,
            None => start.target(&case.profile)?,
        };
        let outcomes = target.play(case, NOW.as_secs())?;
        *slot = Some(target);
        Ok(outcomes)
    }

    /// Plays the cases of one profile on a gate that has one check switched off. The `witness`
    /// must fail, and another must pass, or it is more than one check that is off.
    fn hunt(&self, canary: &str, witness: &str) -> Result<()> {
        let of_name = self.cases.iter().find(|case| case.name == witness);
        let witness = of_name.ok_or_else(|| format!("case {witness:?} is gone"))?;
        let mut target = Target::Direct(Direct::start(canary, NOW.as_secs())?.into());
        let baseline = self.baseline(&witness.profile)?;
        let mut passes = |case: &Case| -> Result<bool> {
            let outcomes = target.play(case, NOW.as_secs())?;
            Ok(compare(case, ADAPTERS[0], &outcomes, &baseline).is_ok())
        };
        if passes(witness)? {
            return Err(format!("case {:?} does not notice {canary:?}", witness.name).into());
        }
        let is_peer = |case: &&Case| case.profile == witness.profile && !case.socket_only;
        for case in self.cases.iter().filter(is_peer) {
            if passes(case)? {
                return Ok(());
            }
        }
        Err(format!("every case fails on {canary:?}; it must switch one check off").into())
    }

    fn baseline(&self, profile: &str) -> Result<Vec<String>> {
        let path = self.baseline_path(profile);
        let text = fs::read_to_string(&path)
            .map_err(|e| format!("{}: {e}; bless a case of this profile", path.display()))?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    fn baseline_path(&self, profile: &str) -> PathBuf {
        self.root
            .join("baselines")
            .join(profile)
            .with_extension("headers")
    }
}

impl Start {
    fn target(self, profile: &str) -> Result<Target> {
        Ok(match self {
            Self::Direct => Target::Direct(Direct::start(profile, NOW.as_secs())?.into()),
            Self::Outside(address, _) => Target::Outside(address),
            Self::Shim(program) => Target::Shim(Shim::start(program, profile, NOW.as_secs())?),
        })
    }
}

fn verdict(result: Result<()>) -> Verdict {
    result.map_err(|error| error.to_string())
}

/// A panic in one trial is not the next one's.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The area of the examples, which are no adapters.
const EXAMPLES: &str = "examples";

/// The area whose cases spell every header line out.
const HEADERS: &str = "headers";
