//! The manual: how to use clerk-gate, and what it does in every case.
//!
//! | Chapter | For |
//! |---|---|
//! | [`how_to`] | setting up, and each task after that |
//! | [`command`] | the command `clerk-gate`: rules explained, tokens looked at, webhooks sent |
//! | [`defaults`] | every default value, with its reason and its source |
//! | [`production`] | going live: checklist, several processes, leaving middleware of your own |
//! | [`replies`] | the operator who sees a code: what it means, who must act |
//! | [`audit`] | the audit trail: its fields, what is never in it, sinks that fail |
//! | [`keys`] | where keys come from, and what happens when they cannot be had |
//! | [`revocation`] | sessions that end at once, in one process and in several |
//! | [`doctor`] | the checklist, run: `clerk-gate doctor` and its rules |
//! | [`differences`] | where frameworks differ all the same, with reasons |
//! | [`adapter`] | carrying out the decisions on a framework of your own |
//! | [`stricter`] | where this crate refuses what Clerk's own code takes, and why |
//!
//! The threat model is `SECURITY.md` at the root of the repository, the code map
//! `ARCHITECTURE.md` beside it.

// The example of this chapter needs a server's crates. It is compiled where it is cut from.
#[cfg(not(doctest))]
#[doc = include_str!("adapter.md")]
pub mod adapter {}

#[doc = include_str!("audit.md")]
pub mod audit {}

#[doc = include_str!("command.md")]
pub mod command {}

#[doc = include_str!("defaults.md")]
pub mod defaults {}

#[doc = include_str!("differences.md")]
pub mod differences {}

#[doc = include_str!("doctor.md")]
pub mod doctor {}

#[doc = include_str!("how_to.md")]
pub mod how_to {}

#[doc = include_str!("keys.md")]
pub mod keys {}

#[doc = include_str!("production.md")]
pub mod production {}

#[doc = include_str!("replies.md")]
pub mod replies {}

#[doc = include_str!("revocation.md")]
pub mod revocation {}

#[doc = include_str!("stricter.md")]
pub mod stricter {}

#[cfg(test)]
mod tests {
    use crate::{Reason, Reply};

    /// What happened, what the client sees, and what to do about it.
    #[test]
    fn every_reason_has_a_row_with_its_status_words_and_remedy() {
        let page = include_str!("replies.md");
        for reason in Reason::ALL {
            let (code, reply) = (reason.code(), Reply::refusal(*reason));
            let begins = format!("| `{code}` | {} | ", reply.status());
            let row = page.lines().find_map(|line| line.strip_prefix(&begins));
            let cells: Vec<_> = row.unwrap_or_default().split(" | ").collect();
            let remedy = match *cells.as_slice() {
                // One sentence says what the client sees of all faults of tokens.
                [_, remedy] if code.starts_with("token-") => remedy,
                [_, words, remedy] => {
                    let body = String::from_utf8_lossy(reply.body());
                    let error = format!("\"error\":\"{words}\"");
                    assert!(body.contains(&error), "{code}: {words:?} is not of {body}");
                    remedy
                }
                _ => unreachable!("{code} has no row as the others have"),
            };
            assert!(remedy.contains(": "), "{code}: {remedy:?} names nobody");
        }
    }
}
