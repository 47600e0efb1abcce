//! `clerk-gate doctor` as a process: real repositories, real env files, real servers.
//!
//! Every seeded mistake is found under the id of its rule and under no other, and is gone once
//! the remedy is followed.

mod environment;
mod faults;
mod hardened;
mod policy;
mod project;
mod repository;
mod run;
mod sarif;
mod server;
mod url;
