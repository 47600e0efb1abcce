//! The rules that every webhook [`Store`] and every [`RevocationStore`] keeps, as a suite that
//! anyone can run.
//!
//! A webhook store decides whether a webhook is handled once, twice or never; a revocation store,
//! whether every process learns who is out. What their traits promise in words stands here as
//! [`RULES`] and [`REVOCATION_RULES`], each an async function under the name of what it shows. One
//! test is enough:
//!
//! ```
//! use clerk_gate_core::revocation::MemoryRevocations;
//! use clerk_gate_core::webhook::MemoryStore;
//! use clerk_gate_store_contract::{check_announcements, run, run_revocations};
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! assert_eq!(run(&MemoryStore::default()).await, []);
//!
//! let store = MemoryRevocations::new();
//! assert_eq!(run_revocations(&store).await, []);
//! // Where one process hears of another: two connections to one database, for example.
//! assert_eq!(check_announcements(&store, &store).await, Ok(()));
//! # });
//! ```
//!
//! The suite brings no runtime and reads no clock: its times are made up, and it takes as long as
//! the store does. Every rule uses ids of its own, so one store serves them all, a second run too;
//! but nothing else may use the store meanwhile, because `purge` and `unfinished` look at all that
//! it holds.
//!
//! # What this crate does not do
//! It cannot see whether what is recorded survives a crash, nor race two processes: those tests
//! are the store's own.

mod expect;
mod rules;

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;

use clerk_gate_core::revocation::RevocationStore;
use clerk_gate_core::webhook::Store;

use self::expect::{Fault, Verdict};
pub use self::rules::{REVOCATION_RULES, RULES, check_announcements};

/// Checks a webhook store against all [`RULES`] and lists the broken ones.
#[must_use = "an empty list is what makes a store good"]
pub async fn run(store: &(dyn Store + 'static)) -> Vec<Broken> {
    broken(RULES, store).await
}

/// Checks a revocation store against all [`REVOCATION_RULES`] and lists the broken ones. What it
/// announces, [`check_announcements`] checks.
#[must_use = "an empty list is what makes a store good"]
pub async fn run_revocations(store: &(dyn RevocationStore + 'static)) -> Vec<Broken> {
    broken(REVOCATION_RULES, store).await
}

async fn broken<S: ?Sized>(rules: &[Rule<S>], store: &S) -> Vec<Broken> {
    let mut broken = Vec::new();
    for rule in rules {
        broken.extend(rule.check(store).await.err());
    }
    broken
}

/// One rule of the contract.
#[derive(Debug)]
pub struct Rule<S: ?Sized = dyn Store> {
    name: &'static str,
    check: Check<S>,
}

/// A boxed future, because functions of different futures stand in one table.
type Check<S> = for<'s> fn(&'s S) -> Pin<Box<dyn Future<Output = Verdict> + Send + 's>>;

impl<S: ?Sized> Rule<S> {
    /// What holds when the rule is kept, in words joined by underscores.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Checks `store` against this rule alone.
    ///
    /// # Errors
    /// If the store breaks the rule, or does not answer.
    pub async fn check(&self, store: &S) -> Result<(), Broken> {
        let verdict = (self.check)(store).await;
        verdict.map_err(|fault| Broken::new(self.name, fault))
    }
}

impl<S: ?Sized> Clone for Rule<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S: ?Sized> Copy for Rule<S> {}

/// A rule that a store broke, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    rule: &'static str,
    what: String,
}

impl Broken {
    fn new(rule: &'static str, fault: Fault) -> Self {
        Self {
            rule,
            what: fault.0,
        }
    }

    /// The [name](Rule::name) of the rule.
    pub fn rule(&self) -> &'static str {
        self.rule
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.what)
    }
}

impl Error for Broken {}
