//! The suite itself: a good store passes, and a store with one flaw breaks the rule that names it.

mod revocation;
mod webhook;
