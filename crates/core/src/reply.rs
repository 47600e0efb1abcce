//! Complete answers: status, header lines, body.

use std::borrow::Cow;

use bytes::Bytes;

use crate::reason::Reason;

/// How a response header line meets one of the same name that the application has set.
/// The words are tower-http's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Replaces every line of that name.
    Overriding,
    /// Stays away when there is a line of that name.
    IfNotPresent,
    /// Stands beside the lines that are there.
    Appending,
}

/// One response header line. Its name is lower case and its value visible ASCII and spaces, so
/// every framework can carry it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub(crate) name: Cow<'static, str>,
    pub(crate) value: Cow<'static, str>,
    pub(crate) mode: Mode,
}

impl Line {
    pub(crate) const fn fixed(name: &'static str, value: &'static str, mode: Mode) -> Self {
        Self {
            name: Cow::Borrowed(name),
            value: Cow::Borrowed(value),
            mode,
        }
    }

    /// The field name in lower case.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The field value.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// What to do where the response has lines of this name already.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Name and value, if both live as long as the program: a header map can hold them as they
    /// are, and copies of it need count no owners.
    pub fn as_static(&self) -> Option<(&'static str, &'static str)> {
        match (&self.name, &self.value) {
            (Cow::Borrowed(name), Cow::Borrowed(value)) => Some((name, value)),
            _ => None,
        }
    }
}

/// Refusals are nobody's business but the sender's.
static NO_STORE: Line = Line::fixed("cache-control", "no-store", Mode::Overriding);

static JSON: Line = Line::fixed("content-type", "application/json", Mode::Overriding);

/// A complete answer: status, header lines, body. Made in core only; adapters copy it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a reply that is not sent leaves the client waiting"]
pub struct Reply {
    status: u16,
    fixed: &'static [Line],
    json: bool,
    /// Empty, and therefore without heap memory, for everything but redirects.
    extra: Vec<Line>,
    body: Bytes,
}

impl Reply {
    /// The reply for `reason`, as JSON: `{"error":"<words for people>","code":"<stable-code>"}`.
    pub fn refusal(reason: Reason) -> Self {
        let template = reason.template();
        Self {
            status: template.status,
            fixed: template.extra,
            json: true,
            extra: Vec::new(),
            body: Bytes::from_static(template.body),
        }
    }

    /// The refusal of a session whose factors are too old, in the form that Clerk's front-end
    /// helpers know: they prompt for the factor and try again.
    ///
    /// Source: Clerk, "Reverification", `reverificationError`.
    pub(crate) fn reverification(metadata: &str) -> Self {
        let mut reply = Self::refusal(Reason::ReverificationRequired);
        let plain = reply.body.strip_suffix(b"}").unwrap_or_default();
        let clerks = format!(
            ",\"clerk_error\":{{\"type\":\"forbidden\",\"reason\":\"reverification-error\",\
             \"metadata\":{{\"reverification\":{metadata}}}}}}}"
        );
        reply.body = [plain, clerks.as_bytes()].concat().into();
        reply
    }

    /// The reply of an extractor that finds no decision in the request, and a line on standard
    /// error (or a `tracing` event) that tells the developer what to attach.
    pub fn gate_missing(remedy: &str) -> Self {
        diagnose(&format!("no gate has seen this request; {remedy}"));
        Self::refusal(Reason::GateMissing)
    }

    /// A temporary redirect to `location`, which must be made of visible ASCII.
    pub(crate) fn redirect(location: String) -> Self {
        Self {
            status: 307,
            fixed: &[],
            json: false,
            extra: vec![Line {
                name: Cow::Borrowed("location"),
                value: Cow::Owned(location),
                mode: Mode::Overriding,
            }],
            body: Bytes::new(),
        }
    }

    /// The acknowledgement of a delivery that is handled and recorded.
    pub(crate) fn success() -> Self {
        Self::acknowledgement(b"{\"success\":true}")
    }

    /// The acknowledgement of a delivery that was handled before.
    pub(crate) fn already_processed() -> Self {
        Self::acknowledgement(b"{\"message\":\"Already processed\"}")
    }

    fn acknowledgement(body: &'static [u8]) -> Self {
        Self {
            status: 200,
            fixed: &[],
            json: true,
            extra: Vec::new(),
            body: Bytes::from_static(body),
        }
    }

    /// The empty answer to a preflight.
    pub(crate) fn no_content() -> Self {
        Self {
            status: 204,
            fixed: &[],
            json: false,
            extra: Vec::new(),
            body: Bytes::new(),
        }
    }

    /// The same reply with one more header line.
    pub(crate) fn with_line(mut self, line: Line) -> Self {
        self.extra.push(line);
        self
    }

    /// Whether this sends a browser elsewhere.
    pub(crate) fn is_redirect(&self) -> bool {
        self.status == 307
    }

    /// The status code.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The header lines, without the security headers that [`Gate::headers`](crate::Gate::headers)
    /// adds to every response.
    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        let json = self.json.then_some(&JSON);
        let ahead = [Some(&NO_STORE), json].into_iter().flatten();
        ahead.chain(self.fixed).chain(&self.extra)
    }

    /// The body; empty for redirects.
    pub fn body(&self) -> &Bytes {
        &self.body
    }
}

/// Tells the developer of a mistake that can only be seen at work.
pub(crate) fn diagnose(mistake: &str) {
    #[cfg(feature = "tracing")]
    tracing::error!(target: "clerk_gate", "{mistake}");
    #[cfg(not(feature = "tracing"))]
    eprintln!("clerk-gate: {mistake}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_token_faults_get_the_same_bytes() {
        let replies: Vec<_> = Reason::ALL
            .iter()
            .filter(|r| r.code().starts_with("token-"))
            .map(|r| Reply::refusal(*r))
            .collect();
        assert!(replies.windows(2).all(|pair| pair.first() == pair.last()));
    }

    #[test]
    fn our_own_outage_is_never_a_401() {
        for reason in [Reason::AuditUnavailable, Reason::KeysUnavailable] {
            assert_eq!(Reply::refusal(reason).status(), 503);
        }
    }

    #[test]
    fn bodies_are_json_with_an_error_and_a_code() {
        for reason in Reason::ALL {
            let reply = Reply::refusal(*reason);
            let parsed: Result<std::collections::BTreeMap<String, String>, _> =
                serde_json::from_slice(reply.body());
            let keys: Vec<_> = parsed.unwrap_or_default().into_keys().collect();
            assert_eq!(keys, ["code", "error"], "{reason:?}");
        }
    }
}
