//! Content Security Policy, from parts that cannot be confused with each other.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::error::ConfigError;
use crate::reply::{Line, Mode};
use crate::settings::url::{Authority, Url, is_plain_path};
use crate::settings::{Environment, Settings};

/// What a list of sources is for (CSP Level 3 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Directive {
    /// `base-uri`: what `<base>` may point to.
    BaseUri,
    /// `child-src`: frames and workers, where their own directives are absent.
    ChildSrc,
    /// `connect-src`: `fetch`, `EventSource`, WebSocket.
    ConnectSrc,
    /// `default-src`: whatever has no directive of its own.
    DefaultSrc,
    /// `font-src`: fonts.
    FontSrc,
    /// `form-action`: where forms may be sent.
    FormAction,
    /// `frame-ancestors`: who may show this page in a frame.
    FrameAncestors,
    /// `frame-src`: what this page may show in a frame.
    FrameSrc,
    /// `img-src`: images.
    ImgSrc,
    /// `manifest-src`: web application manifests.
    ManifestSrc,
    /// `media-src`: audio and video.
    MediaSrc,
    /// `object-src`: plug-ins.
    ObjectSrc,
    /// `script-src`: scripts.
    ScriptSrc,
    /// `script-src-attr`: scripts in attributes.
    ScriptSrcAttr,
    /// `script-src-elem`: scripts in elements.
    ScriptSrcElem,
    /// `style-src`: style sheets.
    StyleSrc,
    /// `style-src-attr`: styles in attributes.
    StyleSrcAttr,
    /// `style-src-elem`: styles in elements.
    StyleSrcElem,
    /// `worker-src`: workers.
    WorkerSrc,
}

impl Directive {
    const fn name(self) -> &'static str {
        match self {
            Self::BaseUri => "base-uri",
            Self::ChildSrc => "child-src",
            Self::ConnectSrc => "connect-src",
            Self::DefaultSrc => "default-src",
            Self::FontSrc => "font-src",
            Self::FormAction => "form-action",
            Self::FrameAncestors => "frame-ancestors",
            Self::FrameSrc => "frame-src",
            Self::ImgSrc => "img-src",
            Self::ManifestSrc => "manifest-src",
            Self::MediaSrc => "media-src",
            Self::ObjectSrc => "object-src",
            Self::ScriptSrc => "script-src",
            Self::ScriptSrcAttr => "script-src-attr",
            Self::ScriptSrcElem => "script-src-elem",
            Self::StyleSrc => "style-src",
            Self::StyleSrcAttr => "style-src-attr",
            Self::StyleSrcElem => "style-src-elem",
            Self::WorkerSrc => "worker-src",
        }
    }
}

/// One source expression (CSP Level 3 §2.3.1). It cannot end its directive or be taken for
/// another kind of source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CspSource(Cow<'static, str>);

impl CspSource {
    /// `blob:`, data that scripts of the page have made.
    pub const BLOB: Self = Self::fixed("blob:");
    /// `data:`.
    ///
    /// # Security
    /// In `script-src` this is as good as `'unsafe-inline'`.
    pub const DATA: Self = Self::fixed("data:");
    /// `'none'`, nothing at all.
    pub const NONE: Self = Self::fixed("'none'");
    /// `'self'`, the origin of the page.
    pub const SELF_ORIGIN: Self = Self::fixed("'self'");
    /// `'strict-dynamic'`: scripts that a trusted script loads are trusted, lists of hosts are
    /// not.
    pub const STRICT_DYNAMIC: Self = Self::fixed("'strict-dynamic'");
    /// `'unsafe-eval'`.
    ///
    /// # Security
    /// Text becomes code.
    pub const UNSAFE_EVAL: Self = Self::fixed("'unsafe-eval'");
    /// `'unsafe-inline'`.
    ///
    /// # Security
    /// In `script-src` this ends all protection from injected scripts.
    pub const UNSAFE_INLINE: Self = Self::fixed("'unsafe-inline'");
    /// `'wasm-unsafe-eval'`: WebAssembly may be compiled.
    pub const WASM_UNSAFE_EVAL: Self = Self::fixed("'wasm-unsafe-eval'");

    /// Where the nonce of a response goes; it stands between the hyphen and the quote.
    const NONCE: Self = Self::fixed("'nonce-'");

    /// A host: `scheme://host[:port][/path]` with `http`, `https`, `ws` or `wss`. The host may
    /// begin with `*.`, the port may be `*`; a path that ends with `/` is a prefix.
    ///
    /// # Errors
    /// [`ConfigError`] if `text` has another form.
    pub fn host(text: &str) -> Result<Self, ConfigError> {
        if is_host_source(text) {
            return Ok(Self(Cow::Owned(text.to_owned())));
        }
        Err(ConfigError::new(
            format!("policy source {text:?}"),
            "is not scheme://host[:port][/path]",
            "write it like \"https://cdn.example.com\"",
        ))
    }

    /// The digest of one inline script or style: `sha256-`, `sha384-` or `sha512-`, then base64,
    /// without quotation marks.
    ///
    /// # Errors
    /// [`ConfigError`] if `text` is not the base64 of a digest of that length.
    pub fn hash(text: &str) -> Result<Self, ConfigError> {
        if is_hash(text) {
            return Ok(Self(Cow::Owned(format!("'{text}'"))));
        }
        Err(ConfigError::new(
            format!("policy source {text:?}"),
            "is not a digest",
            "write \"sha256-\" and the base64 of the SHA-256 digest",
        ))
    }

    const fn fixed(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }
}

/// A content security policy: directives, each with its sources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Csp {
    directives: BTreeMap<Directive, Vec<CspSource>>,
    report_only: bool,
    report_to: Option<String>,
}

impl Csp {
    /// A policy without directives, which allows everything.
    pub fn new() -> Self {
        Self::default()
    }

    /// The policy for pages with Clerk's components: what Clerk's documentation requires and
    /// its own middleware lists (Clerk, CSP headers), and nothing that fits any host.
    ///
    /// Stricter than Clerk's own: `script-src` has neither `'unsafe-inline'` nor `https:`;
    /// `base-uri`, `frame-ancestors` and `object-src` are `'none'`. In development, `script-src`
    /// has `'unsafe-eval'`, which development builds of front ends need.
    pub fn clerk(settings: &Settings) -> Self {
        let mut policy = Self::new();
        for (directive, sources) in CLERK {
            for source in *sources {
                policy = policy.add(*directive, CspSource::fixed(source));
            }
        }
        let frontend_api = CspSource(Cow::Owned(settings.frontend_api_origin().to_owned()));
        policy = policy
            .add(Directive::ConnectSrc, frontend_api.clone())
            .add(Directive::ScriptSrc, frontend_api);
        match settings.environment() {
            Environment::Development => policy.add(Directive::ScriptSrc, CspSource::UNSAFE_EVAL),
            Environment::Production => policy,
        }
    }

    /// Adds a source to a directive. [`CspSource::NONE`] takes the place of all others, and the
    /// next source takes its place.
    ///
    /// A directive that the policy does not have yet begins with this source alone:
    /// `default-src` no longer speaks for it.
    #[must_use]
    pub fn add(mut self, directive: Directive, source: CspSource) -> Self {
        let sources = self.directives.entry(directive).or_default();
        sources
            .retain(|own| source != CspSource::NONE && *own != CspSource::NONE && *own != source);
        sources.push(source);
        self
    }

    /// Lets inline scripts run that carry the response's [`Nonce`](super::Nonce), and what they
    /// load: adds `'nonce-…'` and `'strict-dynamic'` to `script-src`.
    ///
    /// # Security
    /// Browsers then ignore the hosts in `script-src`. A page with a nonce must not be stored
    /// by shared caches: everybody would get the same nonce.
    #[must_use]
    pub fn with_nonce(self) -> Self {
        self.add(Directive::ScriptSrc, CspSource::NONCE)
            .add(Directive::ScriptSrc, CspSource::STRICT_DYNAMIC)
    }

    /// Lets everything pass and reports what the policy would have blocked.
    #[must_use]
    pub fn report_only(mut self) -> Self {
        self.report_only = true;
        self
    }

    /// Has browsers report violations to `url` (Reporting API), an absolute `https` URL.
    ///
    /// # Errors
    /// [`ConfigError`] if `url` is not absolute or has characters that a quoted string must not
    /// have.
    pub fn report_to(mut self, url: &str) -> Result<Self, ConfigError> {
        let problem = match Url::parse(url) {
            Err(problem) => problem,
            Ok(parsed) if !parsed.is_potentially_trustworthy() => "only https is allowed",
            Ok(parsed) if parsed.rest.contains(['"', '\\']) => {
                "a quotation mark or backslash is not allowed"
            }
            Ok(_) => {
                self.report_to = Some(url.to_owned());
                return Ok(self);
            }
        };
        Err(ConfigError::new(
            "report URL",
            problem,
            "write it like \"https://reports.example.com/csp\"",
        ))
    }

    /// The name of the header field.
    pub(super) const fn name(&self) -> &'static str {
        if self.report_only {
            "content-security-policy-report-only"
        } else {
            "content-security-policy"
        }
    }

    /// Adds the lines of this policy to `lines`, but for the policy itself if it has a nonce.
    pub(super) fn compile(&self, lines: &mut Vec<Line>) -> Option<NonceCsp> {
        if let Some(url) = &self.report_to {
            // Endpoints are members of a dictionary: several lines add up (RFC 9651 §3.2).
            lines.push(Line {
                name: Cow::Borrowed("reporting-endpoints"),
                value: Cow::Owned(format!("{ENDPOINT}=\"{url}\"")),
                mode: Mode::Appending,
            });
        }
        let value = self.value();
        if let Some((before, after)) = value.split_once(&*CspSource::NONCE.0) {
            return Some(NonceCsp {
                name: self.name(),
                before: before.to_owned(),
                after: after.to_owned(),
            });
        }
        lines.push(line(self.name(), value));
        None
    }

    fn value(&self) -> String {
        let mut directives: Vec<String> = self
            .directives
            .iter()
            .map(|(directive, sources)| {
                let sources = sources.iter().map(|source| &*source.0);
                let words: Vec<_> = std::iter::once(directive.name()).chain(sources).collect();
                words.join(" ")
            })
            .collect();
        if self.report_to.is_some() {
            directives.push(format!("report-to {ENDPOINT}"));
            directives.sort();
        }
        directives.join("; ")
    }
}

/// A policy that is the same for every response but for its nonce.
#[derive(Debug)]
pub(crate) struct NonceCsp {
    name: &'static str,
    before: String,
    after: String,
}

impl NonceCsp {
    /// The line for the response with this nonce.
    pub(crate) fn line(&self, nonce: &str) -> Line {
        let (before, after) = (&self.before, &self.after);
        line(self.name, format!("{before}'nonce-{nonce}'{after}"))
    }
}

/// A page's own policy has precedence: see the table of presets.
fn line(name: &'static str, value: String) -> Line {
    Line {
        name: Cow::Borrowed(name),
        value: Cow::Owned(value),
        mode: Mode::IfNotPresent,
    }
}

/// A `host-source` (CSP Level 3 §2.3.1) with its scheme, which otherwise would be the page's.
fn is_host_source(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else {
        return false;
    };
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let authority = authority.strip_prefix("*.").unwrap_or(authority);
    let is_authority = match authority.strip_suffix(":*") {
        Some(host) => Authority::parse(host).is_some_and(|parsed| parsed.port.is_none()),
        None => Authority::parse(authority).is_some(),
    };
    matches!(scheme, "http" | "https" | "ws" | "wss") && is_authority && is_plain_path(path)
}

fn is_hash(text: &str) -> bool {
    let Some((algorithm, digest)) = text.split_once('-') else {
        return false;
    };
    let length = match algorithm {
        "sha256" => 32,
        "sha384" => 48,
        "sha512" => 64,
        _ => return false,
    };
    STANDARD
        .decode(digest)
        .is_ok_and(|bytes| bytes.len() == length)
}

const ENDPOINT: &str = "csp-endpoint";

/// What Clerk's components load, without the Frontend API.
const CLERK: &[(Directive, &[&str])] = &[
    (Directive::BaseUri, &["'none'"]),
    (
        Directive::ConnectSrc,
        &[
            "'self'",
            "https://clerk-telemetry.com",
            "https://*.clerk-telemetry.com",
            "https://api.stripe.com",
            "https://maps.googleapis.com",
            "https://img.clerk.com",
            // A source without a port means 443; this service listens on others too.
            "https://*.protect.clerk.com:*",
        ],
    ),
    (Directive::DefaultSrc, &["'self'"]),
    (Directive::FormAction, &["'self'"]),
    (Directive::FrameAncestors, &["'none'"]),
    (
        Directive::FrameSrc,
        &[
            "'self'",
            "https://challenges.cloudflare.com",
            "https://*.js.stripe.com",
            "https://js.stripe.com",
            "https://hooks.stripe.com",
            "https://*.protect.clerk.com",
        ],
    ),
    (Directive::ImgSrc, &["'self'", "https://img.clerk.com"]),
    (Directive::ObjectSrc, &["'none'"]),
    (
        Directive::ScriptSrc,
        &[
            "'self'",
            "https://challenges.cloudflare.com",
            "https://*.js.stripe.com",
            "https://js.stripe.com",
            "https://maps.googleapis.com",
            "https://*.protect.clerk.com",
        ],
    ),
    // The components write style elements at run time.
    (Directive::StyleSrc, &["'self'", "'unsafe-inline'"]),
    (Directive::WorkerSrc, &["'self'", "blob:"]),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::testing::{LIVE, parse, settings};

    const GOLDEN: &str = "base-uri 'none'; \
        connect-src 'self' https://clerk-telemetry.com https://*.clerk-telemetry.com \
        https://api.stripe.com https://maps.googleapis.com https://img.clerk.com \
        https://*.protect.clerk.com:* https://clerk.example.com; \
        default-src 'self'; form-action 'self'; frame-ancestors 'none'; \
        frame-src 'self' https://challenges.cloudflare.com https://*.js.stripe.com \
        https://js.stripe.com https://hooks.stripe.com https://*.protect.clerk.com; \
        img-src 'self' https://img.clerk.com; object-src 'none'; \
        script-src 'self' https://challenges.cloudflare.com https://*.js.stripe.com \
        https://js.stripe.com https://maps.googleapis.com https://*.protect.clerk.com \
        https://clerk.example.com; \
        style-src 'self' 'unsafe-inline'; worker-src 'self' blob:";

    /// The lines of a policy, the policy itself with the nonce `N`.
    fn lines(policy: &Csp) -> Vec<String> {
        let mut lines = Vec::new();
        let nonce_csp = policy.compile(&mut lines);
        lines.extend(nonce_csp.map(|csp| csp.line("N")));
        lines
            .iter()
            .map(|line| format!("{}: {}", line.name(), line.value()))
            .collect()
    }

    fn check(policy: &Csp, expected: &[&str]) {
        assert_eq!(lines(policy), expected);
    }

    #[test]
    fn the_policy_for_clerk_in_production() {
        let policy = Csp::clerk(&settings(LIVE));
        check(&policy, &[&format!("content-security-policy: {GOLDEN}")]);
    }

    #[test]
    fn development_differs_in_unsafe_eval_only() {
        // A test key for `clerk.example.com`.
        let policy = Csp::clerk(&settings("pk_test_Y2xlcmsuZXhhbXBsZS5jb20k"));
        let golden = GOLDEN.replace(
            "https://clerk.example.com; style-src",
            "https://clerk.example.com 'unsafe-eval'; style-src",
        );
        check(&policy, &[&format!("content-security-policy: {golden}")]);
    }

    #[test]
    fn a_proxied_frontend_api_is_named_by_its_origin() {
        let settings = parse(&[
            ("CLERK_PUBLISHABLE_KEY", LIVE),
            ("CLERK_GATE_ORIGINS", "https://app.example.com"),
            ("CLERK_PROXY_URL", "https://app.example.com/__clerk/"),
        ])
        .unwrap();
        let golden = GOLDEN.replace("https://clerk.example.com", "https://app.example.com");
        check(
            &Csp::clerk(&settings),
            &[&format!("content-security-policy: {golden}")],
        );
    }

    #[test]
    fn a_nonce_stands_in_script_src_with_strict_dynamic() {
        let golden = GOLDEN.replace(
            "https://clerk.example.com; style-src",
            "https://clerk.example.com 'nonce-N' 'strict-dynamic'; style-src",
        );
        let policy = Csp::clerk(&settings(LIVE)).with_nonce();
        check(&policy, &[&format!("content-security-policy: {golden}")]);
        check(
            &Csp::new().with_nonce().with_nonce(),
            &["content-security-policy: script-src 'nonce-N' 'strict-dynamic'"],
        );
    }

    #[test]
    fn none_stands_alone() {
        let blob = Csp::new().add(Directive::ImgSrc, CspSource::BLOB);
        let none = blob.add(Directive::ImgSrc, CspSource::NONE);
        check(&none, &["content-security-policy: img-src 'none'"]);
        let data = none.add(Directive::ImgSrc, CspSource::DATA);
        check(&data, &["content-security-policy: img-src data:"]);
    }

    #[test]
    fn reports_have_an_endpoint_and_their_place_among_the_directives() {
        let policy = Csp::new()
            .add(Directive::ScriptSrc, CspSource::SELF_ORIGIN)
            .add(Directive::ImgSrc, CspSource::SELF_ORIGIN)
            .report_only()
            .report_to("https://a.test/csp?key=1")
            .unwrap();
        check(
            &policy,
            &[
                "reporting-endpoints: csp-endpoint=\"https://a.test/csp?key=1\"",
                "content-security-policy-report-only: \
                 img-src 'self'; report-to csp-endpoint; script-src 'self'",
            ],
        );
    }

    #[test]
    fn directives_are_declared_in_the_order_of_their_names() {
        let policy = CLERK.iter().fold(Csp::new(), |policy, (directive, _)| {
            policy.add(*directive, CspSource::SELF_ORIGIN)
        });
        let names: Vec<_> = policy.directives.keys().map(|d| d.name()).collect();
        assert!(names.is_sorted(), "{names:?}");
    }

    #[test]
    fn hosts_and_digests_are_taken_as_they_are() {
        for text in [
            "https://a.test",
            "http://127.0.0.1:4001",
            "https://*.a.test:*",
            "wss://a.test:8443",
            "https://a.test/js/",
        ] {
            assert_eq!(CspSource::host(text).map(|s| s.0), Ok(text.into()));
        }
        let digest = "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
        assert_eq!(
            CspSource::hash(digest).map(|s| s.0),
            Ok(format!("'{digest}'").into())
        );
    }

    #[test]
    fn nothing_can_be_injected() {
        for text in [
            "",
            "*",
            "a.test",
            "https:",
            "https://",
            "https://*",
            "https://*.",
            "https://*.*.test",
            "https://a.*",
            "https://a.test:443:*",
            "data://a.test",
            "javascript://a.test",
            "HTTPS://a.test",
            "'unsafe-inline'",
            "'self'",
            "'nonce-'",
            "https://u@a.test",
            "https://a.test;script-src *",
            "https://a.test/;script-src *",
            "https://a.test/;",
            "https://a.test/,",
            "https://a.test/x y",
            "https://a.test 'unsafe-inline'",
            "https://a.test\t",
            "https://a.test/\r\nset-cookie: a=b",
            "https://a.test/\0",
            "https://a.test/\"",
            "https://a.test?x",
            "https://a.test/#x",
            "https://\u{fc}.test",
            "sha256-",
            "sha256-AAAA",
            "md5-AAAA",
            "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='",
            "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU= 'unsafe-inline'",
        ] {
            assert!(CspSource::host(text).is_err(), "{text:?}");
            assert!(CspSource::hash(text).is_err(), "{text:?}");
        }
        for url in [
            "",
            "/csp",
            "http://a.test/csp",
            "https://a.test/\", x=\"",
            "https://a.test/\\",
            "https://a.test/\r\nx: y",
            "https://a.test/ x",
        ] {
            assert!(Csp::new().report_to(url).is_err(), "{url:?}");
        }
    }
}
