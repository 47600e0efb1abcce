//! Security headers: lines that every response carries, each with its reason.

mod csp;
mod nonce;

use std::borrow::Cow;

pub use self::csp::{Csp, CspSource, Directive};
pub use self::nonce::Nonce;

pub(crate) use self::csp::NonceCsp;

use crate::error::{ConfigError, ConfigErrors};
use crate::reply::{Line, Mode};
use crate::settings::{Environment, Settings};

/// The header lines that the gate adds to every response, its own refusals included.
///
/// ```
/// # use clerk_gate_core::Settings;
/// use clerk_gate_core::{Csp, Directive, Mode, SecurityHeaders, CspSource};
///
/// # let settings = Settings::parse(&|name| match name {
/// #     "CLERK_PUBLISHABLE_KEY" => Some("pk_live_Y2xlcmsuZXhhbXBsZS5jb20k".into()),
/// #     "CLERK_GATE_ORIGINS" => Some("https://app.example.com".into()),
/// #     _ => None,
/// # })?;
/// let images = CspSource::host("https://images.example.com")?;
/// let headers = SecurityHeaders::preset(&settings)
///     .with("referrer-policy", "no-referrer", Mode::Overriding)
///     .with_csp(Csp::clerk(&settings).add(Directive::ImgSrc, images));
/// headers.check()?;
/// # Ok::<(), clerk_gate_core::ConfigErrors>(())
/// ```
#[derive(Clone, Debug)]
pub struct SecurityHeaders {
    lines: Vec<Line>,
    csp: Option<Csp>,
    mistakes: Vec<ConfigError>,
}

impl SecurityHeaders {
    /// The lines for an application that signs users in with Clerk.
    ///
    /// | Line | Why |
    /// |---|---|
    /// | `content-security-policy` | [`Csp::clerk`]; a page that sends a policy of its own knows better what it loads, so this one is added if not present |
    /// | `cross-origin-opener-policy: same-origin-allow-popups` | foreign openers lose their hold on this window; popups that it opens, for sign-in or payment, keep theirs, which `same-origin` would cut |
    /// | `cross-origin-resource-policy: same-origin` | other sites cannot load responses into their processes (Spectre); added if not present, because only a handler knows that its image is made for embedding |
    /// | `permissions-policy` | devices that no sign-in needs; injected scripts and frames cannot ask for them |
    /// | `referrer-policy: strict-origin-when-cross-origin` | paths and queries stay on this site |
    /// | `strict-transport-security: max-age=63072000; includeSubDomains` | two years, as the preload list recommends; in production only, because a browser would remember it for every service on a developer's `localhost` |
    /// | `x-content-type-options: nosniff` | uploads are not run as scripts |
    /// | `x-frame-options: DENY` | clickjacking, in browsers that do not know `frame-ancestors` |
    ///
    /// All others override what the application has set: they are the floor.
    pub fn preset(settings: &Settings) -> Self {
        let mut lines = PRESET.to_vec();
        if settings.environment() == Environment::Production {
            lines.push(TRANSPORT_SECURITY);
        }
        Self {
            lines,
            csp: Some(Csp::clerk(settings)),
            mistakes: Vec::new(),
        }
    }

    /// Puts a line in place of those of the same name; with [`Mode::Appending`], beside them.
    ///
    /// `name` is a token in lower case (RFC 9110 §5.1). `value` is visible ASCII with single
    /// characters or spaces inside: what every framework can send. Mistakes are reported by
    /// [`check`](Self::check).
    #[must_use]
    pub fn with(
        mut self,
        name: impl Into<Cow<'static, str>>,
        value: impl Into<Cow<'static, str>>,
        mode: Mode,
    ) -> Self {
        let (name, value) = (name.into(), value.into());
        match mistake(&name, &value) {
            Some(mistake) => self.mistakes.push(mistake),
            None => {
                if mode != Mode::Appending {
                    self.lines.retain(|line| line.name != name);
                }
                self.lines.push(Line { name, value, mode });
            }
        }
        self
    }

    /// Replaces the content security policy.
    #[must_use]
    pub fn with_csp(mut self, csp: Csp) -> Self {
        self.csp = Some(csp);
        self
    }

    /// Removes the lines of this name, in any case. A name that is not there is no mistake: some
    /// lines exist in production only.
    ///
    /// # Security
    /// Every line of the preset closes a hole. See [`preset`](Self::preset) for which.
    #[must_use]
    pub fn dangerous_without(mut self, name: &str) -> Self {
        self.lines
            .retain(|line| !line.name.eq_ignore_ascii_case(name));
        self.csp = self
            .csp
            .filter(|csp| !csp.name().eq_ignore_ascii_case(name));
        self
    }

    /// Whether all lines can be sent.
    ///
    /// # Errors
    /// [`ConfigErrors`] with every line that cannot.
    pub fn check(&self) -> Result<(), ConfigErrors> {
        ConfigErrors::check(self.mistakes.clone(), ())
    }

    /// The lines as they are sent.
    pub(crate) fn compile(&self) -> Result<Compiled, Vec<ConfigError>> {
        if !self.mistakes.is_empty() {
            return Err(self.mistakes.clone());
        }
        let mut lines = self.lines.clone();
        let nonce_csp = self.csp.as_ref().and_then(|csp| csp.compile(&mut lines));
        Ok(Compiled { lines, nonce_csp })
    }
}

/// Security headers that are ready to be sent.
#[derive(Debug)]
pub(crate) struct Compiled {
    /// The same for every response.
    pub(crate) lines: Vec<Line>,
    /// The policy, if it differs from response to response; it is not among the lines then.
    pub(crate) nonce_csp: Option<NonceCsp>,
}

/// The policy for the gate's own refusals: they load nothing.
pub(crate) const REFUSAL_CSP: &str =
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What keeps a line from being sent, by the narrowest rule of all frameworks.
fn mistake(name: &str, value: &str) -> Option<ConfigError> {
    let is_token =
        |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(&b);
    let (problem, remedy) = if name.is_empty() || !name.bytes().all(is_token) {
        (
            "the name is not a token in lower case",
            "write it like \"x-frame-options\"",
        )
    } else if OWNED.contains(&name) {
        (
            "this field is not free to set",
            "leave it to the gate or the server",
        )
    } else if value.is_empty() || value.trim_matches(' ') != value {
        (
            "the value is empty or has spaces at its ends",
            "remove the line or the spaces",
        )
    } else if !value.bytes().all(|b| b == b' ' || b.is_ascii_graphic()) {
        (
            "the value is not visible ASCII and spaces",
            "write it without line breaks",
        )
    } else {
        return None;
    };
    Some(ConfigError::new(
        format!("header {name:?}"),
        problem,
        remedy,
    ))
}

/// Lines of the preset whose value does not depend on anything.
const PRESET: [Line; 6] = [
    Line::fixed(
        "cross-origin-opener-policy",
        "same-origin-allow-popups",
        Mode::Overriding,
    ),
    Line::fixed(
        "cross-origin-resource-policy",
        "same-origin",
        Mode::IfNotPresent,
    ),
    Line::fixed(
        "permissions-policy",
        "camera=(), display-capture=(), geolocation=(), hid=(), microphone=(), midi=(), serial=(), usb=()",
        Mode::Overriding,
    ),
    Line::fixed(
        "referrer-policy",
        "strict-origin-when-cross-origin",
        Mode::Overriding,
    ),
    Line::fixed("x-content-type-options", "nosniff", Mode::Overriding),
    Line::fixed("x-frame-options", "DENY", Mode::Overriding),
];

const TRANSPORT_SECURITY: Line = Line::fixed(
    "strict-transport-security",
    "max-age=63072000; includeSubDomains",
    Mode::Overriding,
);

/// Fields that [`Csp`] builds from typed sources, and fields that frame the message (RFC 9110
/// §7.6.1, §8.6): a second voice in those breaks responses or lets attackers split them.
const OWNED: [&str; 9] = [
    "connection",
    "content-length",
    "content-security-policy",
    "content-security-policy-report-only",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::testing::{LIVE, TEST, settings};

    /// Compiles and prints one line per header line, without the policy.
    fn printed(headers: &SecurityHeaders) -> Vec<String> {
        let lines = headers.compile().map(|compiled| compiled.lines);
        lines
            .unwrap_or_default()
            .iter()
            .filter(|line| line.name() != "content-security-policy")
            .map(|line| format!("{}: {} ({:?})", line.name(), line.value(), line.mode()))
            .collect()
    }

    #[test]
    fn the_preset_depends_on_the_environment_in_transport_security_only() {
        let fixed = [
            "cross-origin-opener-policy: same-origin-allow-popups (Overriding)",
            "cross-origin-resource-policy: same-origin (IfNotPresent)",
            "permissions-policy: camera=(), display-capture=(), geolocation=(), hid=(), microphone=(), midi=(), serial=(), usb=() (Overriding)",
            "referrer-policy: strict-origin-when-cross-origin (Overriding)",
            "x-content-type-options: nosniff (Overriding)",
            "x-frame-options: DENY (Overriding)",
        ];
        let development = SecurityHeaders::preset(&settings(TEST));
        assert_eq!(printed(&development), fixed);
        let production = printed(&SecurityHeaders::preset(&settings(LIVE)));
        let (last, others) = production.split_last().unwrap();
        assert_eq!(others, fixed);
        assert_eq!(
            last,
            "strict-transport-security: max-age=63072000; includeSubDomains (Overriding)"
        );
    }

    #[test]
    fn every_line_of_the_preset_can_be_sent_by_every_framework() {
        for line in PRESET.iter().chain([&TRANSPORT_SECURITY]) {
            assert_eq!(mistake(line.name(), line.value()), None);
        }
        let compiled = SecurityHeaders::preset(&settings(LIVE)).compile().unwrap();
        for line in &compiled.lines {
            assert_eq!(mistake("x", line.value()), None, "{}", line.name());
        }
        assert_eq!(mistake("x", REFUSAL_CSP), None);
    }

    #[test]
    fn a_line_replaces_its_namesakes_unless_it_appends() {
        let base = SecurityHeaders::preset(&settings(TEST))
            .dangerous_without("X-Frame-Options")
            .with("referrer-policy", "no-referrer", Mode::IfNotPresent)
            .with("link", "</a>", Mode::Appending)
            .with("link", "</b>", Mode::Appending);
        let lines = printed(&base);
        assert_eq!(
            lines.get(3..).unwrap_or_default(),
            [
                "x-content-type-options: nosniff (Overriding)",
                "referrer-policy: no-referrer (IfNotPresent)",
                "link: </a> (Appending)",
                "link: </b> (Appending)",
            ]
        );
    }

    #[test]
    fn the_policy_can_be_removed_like_a_line() {
        let headers =
            SecurityHeaders::preset(&settings(LIVE)).dangerous_without("content-security-policy");
        assert!(headers.csp.is_none());
    }

    #[test]
    fn lines_that_no_framework_may_send_are_reported_together() {
        let name = "the name is not a token in lower case";
        let value = "the value is not visible ASCII and spaces";
        let ends = "the value is empty or has spaces at its ends";
        let owned = "this field is not free to set";
        let cases = [
            ("", "v", name),
            ("X-Frame-Options", "DENY", name),
            ("x frame", "v", name),
            ("x:", "v", name),
            ("x\r\ny", "v", name),
            ("\u{fc}", "v", name),
            ("x", "", ends),
            ("x", " v", ends),
            ("x", "v ", ends),
            ("x", "v\r\nset-cookie: a=b", value),
            ("x", "v\n", value),
            ("x", "v\0", value),
            ("x", "a\tb", value),
            ("x", "v\u{7f}", value),
            ("x", "\u{fc}", value),
            ("content-length", "0", owned),
            ("content-security-policy", "default-src *", owned),
        ];
        let headers = cases.iter().fold(
            SecurityHeaders::preset(&settings(LIVE)),
            |headers, (name, value, _)| headers.with(*name, *value, Mode::Overriding),
        );
        let found: Vec<_> = headers.check().err().into_iter().flatten().collect();
        assert_eq!(headers.compile().err().as_ref(), Some(&found));
        assert_eq!(found.len(), cases.len());
        for (mistake, (name, text, problem)) in found.iter().zip(cases) {
            assert_eq!(mistake.problem(), problem, "{name:?}: {text:?}");
        }
    }
}
