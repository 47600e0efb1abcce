//! The rules that every webhook [`Store`] keeps, as a suite that anyone can run.
//!
//! A store decides whether a webhook is handled once, twice or never. What its trait promises in
//! words stands here as [`RULES`], each an async function under the name of what it shows. One
//! test is enough:
//!
//! ```
//! use clerk_gate_core::webhook::MemoryStore;
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let store = MemoryStore::default();
//! assert_eq!(clerk_gate_store_contract::run(&store).await, []);
//! # });
//! ```
//!
//! The suite brings no runtime and reads no clock: its times are made up, and it takes as long as
//! the store does. Every rule uses message ids of its own, so one store serves them all, a second
//! run too; but nothing else may use the store meanwhile, because `purge` and `unfinished` look at
//! all that it holds.
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

use clerk_gate_core::webhook::Store;

use self::expect::Verdict;
pub use self::rules::RULES;

/// Checks `store` against all [`RULES`] and lists the broken ones.
#[must_use = "an empty list is what makes a store good"]
pub async fn run(store: &dyn Store) -> Vec<Broken> {
    let mut broken = Vec::new();
    for rule in RULES {
        broken.extend(rule.check(store).await.err());
    }
    broken
}

/// One rule of the contract.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    name: &'static str,
    check: Check,
}

/// A boxed future, because functions of different futures stand in one table.
type Check = for<'s> fn(&'s dyn Store) -> Pin<Box<dyn Future<Output = Verdict> + Send + 's>>;

impl Rule {
    /// What holds when the rule is kept, in words joined by underscores.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Checks `store` against this rule alone.
    ///
    /// # Errors
    /// If the store breaks the rule, or does not answer.
    pub async fn check(&self, store: &dyn Store) -> Result<(), Broken> {
        (self.check)(store).await.map_err(|fault| Broken {
            rule: self.name,
            what: fault.0,
        })
    }
}

/// A rule that a store broke, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    rule: &'static str,
    what: String,
}

impl Broken {
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
