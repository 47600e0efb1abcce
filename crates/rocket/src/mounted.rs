//! The routes of an application, for `Policy::coverage`.

use rocket::{Phase, Rocket};

use crate::fairing::ANSWER;

/// The method and the pattern of every mounted route.
///
/// ```
/// # fn test(gate: &clerk_gate_core::Gate, rocket: &rocket::Rocket<rocket::Build>) {
/// let coverage = gate.policy().coverage(clerk_gate_rocket::mounted(rocket));
/// assert!(coverage.check().is_ok(), "{coverage}");
/// # }
/// ```
pub fn mounted<P: Phase>(rocket: &Rocket<P>) -> Vec<(String, String)> {
    let routes = rocket.routes().filter(|route| route.uri.path() != ANSWER);
    routes
        .map(|route| (route.method.to_string(), route.uri.path().to_owned()))
        .collect()
}
