//! Settings: keys and URLs, parsed from named values, with every mistake at once.

mod jwt_key;
mod origin;
mod publishable_key;
mod secrets;
mod store;
pub(crate) mod url;
mod variable;

use std::fmt;

pub use self::origin::Origin;
pub use self::publishable_key::{InstanceKind, PublishableKey};
pub use self::store::StoreAddress;

use self::jwt_key::jwt_key;
use self::secrets::webhook_secrets;
use self::store::store;
use self::url::{base_url, default_url};
use self::variable::{Reader, Variable};
use crate::error::{ConfigError, ConfigErrors};
use crate::secret::Secret;

/// Where the application runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// A developer's machine, with the test keys of a development instance.
    Development,
    /// Everywhere that real users sign in, with live keys.
    Production,
}

/// Displays as `CLERK_GATE_ENVIRONMENT` spells it.
impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Development => "development",
            Self::Production => "production",
        })
    }
}

/// The settings of one application with one Clerk instance.
///
/// | Variable | Alias | Value |
/// |---|---|---|
/// | `CLERK_PUBLISHABLE_KEY` | `NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY` | required |
/// | `CLERK_GATE_ORIGINS` | `NEXT_PUBLIC_APP_URL` | required: [`Origin`]s, separated by commas |
/// | `CLERK_GATE_ENVIRONMENT` | | `development` or `production`; as the publishable key says |
/// | `CLERK_SECRET_KEY` | | `sk_test_…` or `sk_live_…` |
/// | `CLERK_JWT_KEY` | | an RSA public key in PEM, or its base64 alone |
/// | `CLERK_WEBHOOK_SIGNING_SECRET` | `CLERK_WEBHOOK_SECRET` | `whsec_…`, several separated by spaces or commas |
/// | `CLERK_GATE_STORE` | | [`StoreAddress`]: `sqlite:path`, `postgres://…`, `redis://…`, `memory:` |
/// | `CLERK_PROXY_URL` | | URL of a proxied Frontend API |
/// | `CLERK_API_URL` | | `https://api.clerk.com` |
///
/// Names are those of Clerk's own SDKs (Clerk, environment variables), values are case-sensitive.
#[derive(Clone)]
pub struct Settings {
    publishable_key: PublishableKey,
    secret_key: Option<Secret>,
    jwt_key: Option<Vec<u8>>,
    webhook_secrets: Vec<Secret>,
    store: Option<StoreAddress>,
    /// Never empty.
    origins: Vec<Origin>,
    environment: Environment,
    issuer: String,
    api_url: String,
}

impl Settings {
    /// Parses settings from `source`, which gives the value of a variable, or `None` if it is
    /// not set.
    ///
    /// ```
    /// use clerk_gate_core::{Environment, Settings};
    ///
    /// let settings = Settings::parse(&|name| match name {
    ///     "CLERK_PUBLISHABLE_KEY" => Some("pk_live_Y2xlcmsuZXhhbXBsZS5jb20k".into()),
    ///     "CLERK_GATE_ORIGINS" => Some("https://app.example.com".into()),
    ///     _ => None,
    /// })?;
    /// assert_eq!(settings.environment(), Environment::Production);
    /// assert_eq!(settings.issuer(), "https://clerk.example.com");
    /// # Ok::<(), clerk_gate_core::ConfigErrors>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigErrors`] with every mistake: the variable's name, what is wrong, what to write.
    /// No message contains a secret, not even a part of one.
    ///
    /// # Security
    /// Test keys are a mistake in production: development instances know test users whose code is
    /// published (Clerk, test emails). Live keys are a mistake in development: they give a laptop
    /// power over real users.
    pub fn parse(source: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigErrors> {
        let mut reader = Reader::new(source);
        reader.refuse_public(SECRET_KEY);

        let stated = reader.read(&[ENVIRONMENT], environment);
        let publishable_key = reader.require(
            &PUBLISHABLE_KEY,
            "copy it from the API keys page of the Clerk dashboard",
            |variable| publishable_key(variable, stated),
        );
        let kind = publishable_key.as_ref().map(PublishableKey::kind);
        let secret_key = reader.read(&[SECRET_KEY], |variable| secret_key(variable, stated, kind));
        let jwt_key = reader.read(&[JWT_KEY], jwt_key);
        let webhook_secrets = reader.read(&WEBHOOK_SECRETS, webhook_secrets);
        // The URL of the application is one of its origins: it makes way for the whole list.
        let names: &[_] = match source(ORIGINS) {
            Some(_) => &[ORIGINS],
            None => &[ORIGINS, APP_URL],
        };
        let place = stated.or_else(|| kind.map(InstanceKind::environment));
        let origins = reader.require(
            names,
            "list where the application is served, like \"https://app.example.com\"",
            |variable| origins(variable, place),
        );
        let proxy_url = reader.read(&[PROXY_URL], base_url);
        let api_url = reader.read(&[API_URL], base_url);
        let store = reader.read(&[STORE], |variable| store(variable, place));

        let settings = publishable_key
            .zip(origins)
            .map(|(publishable_key, origins)| Self {
                environment: publishable_key.kind().environment(),
                issuer: proxy_url.unwrap_or_else(|| default_url(publishable_key.frontend_api())),
                publishable_key,
                secret_key,
                jwt_key,
                webhook_secrets: webhook_secrets.unwrap_or_default(),
                store,
                origins,
                api_url: api_url.unwrap_or_else(|| DEFAULT_API_URL.to_owned()),
            });
        ConfigErrors::complete(reader.into_mistakes(), settings)
    }

    /// The publishable key.
    pub fn publishable_key(&self) -> &PublishableKey {
        &self.publishable_key
    }

    /// The secret key, which only calls to Clerk's Backend API need.
    pub fn secret_key(&self) -> Option<&Secret> {
        self.secret_key.as_ref()
    }

    /// The key that verifies session tokens, as DER of its `SubjectPublicKeyInfo` (RFC 5280 §4.1).
    ///
    /// Without it the keys are fetched: with the secret key from the Backend API, else from the
    /// instance's public key set.
    pub fn jwt_key(&self) -> Option<&[u8]> {
        self.jwt_key.as_deref()
    }

    /// The webhook secrets, each with its prefix `whsec_`; a delivery signed with any of them is
    /// genuine.
    pub fn webhook_secrets(&self) -> &[Secret] {
        &self.webhook_secrets
    }

    /// Where webhook deliveries are remembered, if that is set.
    pub fn store(&self) -> Option<&StoreAddress> {
        self.store.as_ref()
    }

    /// The application's origins, at least one.
    pub fn origins(&self) -> &[Origin] {
        &self.origins
    }

    /// Where the application runs.
    pub fn environment(&self) -> Environment {
        self.environment
    }

    /// The issuer of session tokens, without a final slash: the URL of the instance's Frontend
    /// API, or of the proxy before it.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The URL of Clerk's Backend API, without a final slash.
    pub fn api_url(&self) -> &str {
        &self.api_url
    }

    /// The origin of [`issuer`](Self::issuer), `scheme://host[:port]`: where pages load Clerk's
    /// scripts from.
    pub fn frontend_api_origin(&self) -> &str {
        let path = self.issuer.match_indices('/').nth(2);
        path.and_then(|(start, _)| self.issuer.get(..start))
            .unwrap_or(&self.issuer)
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("publishable_key", &self.publishable_key)
            .field("origins", &self.origins)
            .field("environment", &self.environment)
            .field("issuer", &self.issuer)
            .field("api_url", &self.api_url)
            .finish_non_exhaustive()
    }
}

fn environment(variable: &Variable) -> Result<Environment, ConfigError> {
    match variable.text() {
        "development" => Ok(Environment::Development),
        "production" => Ok(Environment::Production),
        _ => Err(variable.mistake(
            "is neither \"development\" nor \"production\"",
            "write one of the two",
        )),
    }
}

fn publishable_key(
    variable: &Variable,
    stated: Option<Environment>,
) -> Result<PublishableKey, ConfigError> {
    let key = PublishableKey::parse(variable)?;
    check_kind(variable, key.kind(), stated, None)?;
    Ok(key)
}

fn secret_key(
    variable: &Variable,
    stated: Option<Environment>,
    publishable: Option<InstanceKind>,
) -> Result<Secret, ConfigError> {
    let (kind, secret) = secrets::secret_key(variable)?;
    check_kind(variable, kind, stated, publishable)?;
    Ok(secret)
}

/// Checks that a key of this kind belongs in the stated environment or, where none is stated,
/// beside the publishable key.
fn check_kind(
    variable: &Variable,
    kind: InstanceKind,
    stated: Option<Environment>,
    publishable: Option<InstanceKind>,
) -> Result<(), ConfigError> {
    let (place, whence) = match (stated, publishable) {
        (Some(place), _) => (place, format!("in {place}")),
        (None, Some(other)) => (
            other.environment(),
            format!("beside a {other} publishable key"),
        ),
        (None, None) => return Ok(()),
    };
    if kind.environment() == place {
        return Ok(());
    }
    let remedy = match place {
        Environment::Development => {
            "write the test key of the development instance (live keys do not belong on a developer's machine)"
        }
        Environment::Production => "write the live key of the production instance",
    };
    Err(variable.mistake(format!("is a {kind} key {whence}"), remedy))
}

fn origins(
    variable: &Variable,
    environment: Option<Environment>,
) -> Result<Vec<Origin>, ConfigErrors> {
    let mut origins = Vec::new();
    let mut mistakes = Vec::new();
    for text in variable.text().split(',') {
        let parsed = Origin::parse(text.trim()).and_then(|origin| match environment {
            Some(Environment::Production) => origin.secured(),
            _ => Ok(origin),
        });
        match parsed {
            Ok(origin) => origins.push(origin),
            Err(mistake) => mistakes.push(variable.within(&mistake)),
        }
    }
    ConfigErrors::check(mistakes, origins)
}

const PUBLISHABLE_KEY: [&str; 2] = ["CLERK_PUBLISHABLE_KEY", "NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY"];
const SECRET_KEY: &str = "CLERK_SECRET_KEY";
const JWT_KEY: &str = "CLERK_JWT_KEY";
const WEBHOOK_SECRETS: [&str; 2] = ["CLERK_WEBHOOK_SIGNING_SECRET", "CLERK_WEBHOOK_SECRET"];
const ORIGINS: &str = "CLERK_GATE_ORIGINS";
const APP_URL: &str = "NEXT_PUBLIC_APP_URL";
const ENVIRONMENT: &str = "CLERK_GATE_ENVIRONMENT";
const STORE: &str = "CLERK_GATE_STORE";
const PROXY_URL: &str = "CLERK_PROXY_URL";
const API_URL: &str = "CLERK_API_URL";

const DEFAULT_API_URL: &str = "https://api.clerk.com";

const DASHBOARD: &str = "the API keys page of the Clerk dashboard";

#[cfg(test)]
pub(crate) mod testing;

#[cfg(test)]
mod tests {
    use super::testing::{LIVE, TEST, parse, pem, settings};
    use super::*;

    const KEY: (&str, &str) = ("CLERK_PUBLISHABLE_KEY", LIVE);
    const TEST_KEY: (&str, &str) = ("CLERK_PUBLISHABLE_KEY", TEST);
    const APP: (&str, &str) = ("CLERK_GATE_ORIGINS", "https://app.example.com");
    const WEBHOOK: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

    /// All messages, one per line.
    fn check(variables: &[(&str, &str)], expected: &[&str]) {
        let mistakes = parse(variables).err().into_iter().flatten();
        let messages: Vec<_> = mistakes.map(|mistake| mistake.to_string()).collect();
        assert_eq!(messages, expected, "{variables:?}");
    }

    #[test]
    fn what_is_missing_is_reported_together() {
        check(
            &[],
            &[
                "CLERK_PUBLISHABLE_KEY: is missing; copy it from the API keys page of the Clerk dashboard",
                "CLERK_GATE_ORIGINS: is missing; list where the application is served, like \"https://app.example.com\"",
            ],
        );
    }

    #[test]
    fn paste_errors_are_mistakes_in_every_variable() {
        let ends = "begins or ends with white space or a quotation mark; remove it";
        let empty = "is empty; set it, or remove the variable";
        let placeholder = "is a placeholder; write the real value";
        for name in [
            "CLERK_PUBLISHABLE_KEY",
            "NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY",
            "CLERK_SECRET_KEY",
            "CLERK_JWT_KEY",
            "CLERK_WEBHOOK_SIGNING_SECRET",
            "CLERK_WEBHOOK_SECRET",
            "CLERK_GATE_ORIGINS",
            "NEXT_PUBLIC_APP_URL",
            "CLERK_GATE_ENVIRONMENT",
            "CLERK_PROXY_URL",
            "CLERK_API_URL",
        ] {
            let others: Vec<_> = [KEY, APP]
                .into_iter()
                .filter(|(other, _)| match name {
                    "NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY" => *other == APP.0,
                    "NEXT_PUBLIC_APP_URL" => *other == KEY.0,
                    _ => *other != name,
                })
                .collect();
            for (value, problem) in [
                ("", empty),
                (" \n", empty),
                ("\"\"", empty),
                ("...", placeholder),
                ("pk_test_...", placeholder),
                ("sk_live_", placeholder),
                ("whsec_xxx", placeholder),
                ("sk_test_XXXXXXXX", placeholder),
                ("your_key", placeholder),
                ("pk_live_your-key", placeholder),
                ("changeme", placeholder),
                ("<key>", placeholder),
                ("https://<host>", placeholder),
            ] {
                let variables = [others.as_slice(), &[(name, value)]].concat();
                check(&variables, &[&format!("{name}: {problem}")]);
            }
        }
        for (name, value) in [
            ("CLERK_SECRET_KEY", "sk_live_1\n"),
            (
                "CLERK_WEBHOOK_SECRET",
                "\"whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD\"",
            ),
            ("CLERK_GATE_ENVIRONMENT", " production"),
            ("CLERK_PROXY_URL", "'https://a.test'"),
        ] {
            check(&[KEY, APP, (name, value)], &[&format!("{name}: {ends}")]);
        }
        check(
            &[APP, (KEY.0, "pk_foo_1 ")],
            &[
                &format!("CLERK_PUBLISHABLE_KEY: {ends}"),
                "CLERK_PUBLISHABLE_KEY: begins with neither \"pk_test_\" nor \"pk_live_\"; copy the publishable key from the API keys page of the Clerk dashboard",
            ],
        );
        assert!(parse(&[KEY, APP, ("CLERK_JWT_KEY", &format!("{}\n", pem()))]).is_ok());
    }

    #[test]
    fn two_names_of_one_variable_must_agree() {
        check(
            &[KEY, APP, ("NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY", TEST)],
            &[
                "NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY: differs from CLERK_PUBLISHABLE_KEY; remove one of the two",
            ],
        );
        check(
            &[
                KEY,
                APP,
                ("CLERK_WEBHOOK_SIGNING_SECRET", WEBHOOK),
                (
                    "CLERK_WEBHOOK_SECRET",
                    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                ),
            ],
            &[
                "CLERK_WEBHOOK_SECRET: differs from CLERK_WEBHOOK_SIGNING_SECRET; remove one of the two",
            ],
        );
        check(
            &[KEY, APP, ("NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY", LIVE)],
            &[],
        );
        check(
            &[KEY, APP, ("NEXT_PUBLIC_APP_URL", "https://other.test/x")],
            &[],
        );
    }

    #[test]
    fn keys_belong_to_the_environment_and_to_each_other() {
        let development = "write the test key of the development instance (live keys do not belong on a developer's machine)";
        let production = "write the live key of the production instance";
        let place = "CLERK_GATE_ENVIRONMENT";
        let secret = "CLERK_SECRET_KEY";
        check(
            &[TEST_KEY, APP, (place, "production")],
            &[&format!(
                "CLERK_PUBLISHABLE_KEY: is a test key in production; {production}"
            )],
        );
        check(
            &[TEST_KEY, APP, (place, "production"), (secret, "sk_test_1")],
            &[
                &format!("CLERK_PUBLISHABLE_KEY: is a test key in production; {production}"),
                &format!("CLERK_SECRET_KEY: is a test key in production; {production}"),
            ],
        );
        check(
            &[KEY, APP, (place, "development")],
            &[&format!(
                "CLERK_PUBLISHABLE_KEY: is a live key in development; {development}"
            )],
        );
        check(
            &[KEY, APP, (secret, "sk_test_1")],
            &[&format!(
                "CLERK_SECRET_KEY: is a test key beside a live publishable key; {production}"
            )],
        );
        check(
            &[TEST_KEY, APP, (secret, "live_1")],
            &[&format!(
                "CLERK_SECRET_KEY: is a live key beside a test publishable key; {development}"
            )],
        );
        check(&[KEY, APP, (place, "production"), (secret, "live_1")], &[]);
        check(
            &[TEST_KEY, APP, (place, "development"), (secret, "test_1")],
            &[],
        );
        check(
            &[KEY, APP, (place, "staging")],
            &[
                "CLERK_GATE_ENVIRONMENT: is neither \"development\" nor \"production\"; write one of the two",
            ],
        );
    }

    #[test]
    fn every_other_mistake_says_what_to_write() {
        let copy_secret = "copy the secret key from the API keys page of the Clerk dashboard";
        let copy_webhook =
            "copy the signing secret from the endpoint's page in the Clerk dashboard";
        let write_store = "write \"sqlite:webhooks.db\", \"postgres://…\" or \"redis://…\"";
        let write_url = "write it like \"https://clerk.example.com\"";
        for (name, value, expected) in [
            ("CLERK_SECRET_KEY", "pk_live_1", format!("is a publishable key; {copy_secret}")),
            ("CLERK_SECRET_KEY", "whsec_1", format!("begins with neither \"sk_test_\" nor \"sk_live_\"; {copy_secret}")),
            ("CLERK_SECRET_KEY", "sk_live_1 2", format!("has characters that no key has; {copy_secret}")),
            ("CLERK_JWT_KEY", "MHcCAQEEILnpVV8Ck66k", "is a private key; write the public key, and replace this pair if others can read it here".to_owned()),
            ("CLERK_WEBHOOK_SECRET", "abc", format!("secret 1 does not begin with \"whsec_\"; {copy_webhook}")),
            ("CLERK_WEBHOOK_SECRET", "whsec_!", format!("secret 1 is not base64 after \"whsec_\"; {copy_webhook}")),
            ("CLERK_WEBHOOK_SECRET", "whsec_AAAAAAAAAAAAAAAAAAAA", format!("secret 1 is shorter than 16 bytes; {copy_webhook}")),
            ("CLERK_PROXY_URL", "/__clerk", format!("the scheme is missing; {write_url}")),
            ("CLERK_PROXY_URL", "http://a.test", format!("only https is allowed, or http to localhost; {write_url}")),
            ("CLERK_PROXY_URL", "https://u:p@a.test", format!("a user name or password is not allowed; {write_url}")),
            ("CLERK_API_URL", "https://a.test/x?y", format!("only a plain path may follow the host; {write_url}")),
            ("CLERK_API_URL", "https://a..test", format!("the host or port is not valid; {write_url}")),
            ("CLERK_GATE_STORE", "mysql://a", format!("is no address of a store; {write_store}")),
            ("CLERK_GATE_STORE", "sqlite:", format!("is no address of a store; {write_store}")),
            ("CLERK_GATE_STORE", "redis://", format!("is no address of a store; {write_store}")),
            ("CLERK_GATE_STORE", "memory:", format!("is \"memory:\", which forgets what was handled when the process ends; {write_store}")),
            ("VITE_CLERK_SECRET_KEY", "sk_live_1", "hands the secret key to every browser; remove it, replace the key in the Clerk dashboard, and set CLERK_SECRET_KEY".to_owned()),
        ] {
            check(&[KEY, APP, (name, value)], &[&format!("{name}: {expected}")]);
        }
        check(
            &[
                KEY,
                ("CLERK_GATE_ORIGINS", "https://a.test/, http://b.test,"),
            ],
            &[
                "CLERK_GATE_ORIGINS: trusted origin \"https://a.test/\": a path is not allowed; write \"https://a.test\"",
                "CLERK_GATE_ORIGINS: trusted origin \"http://b.test\": plain http in production; write \"https://b.test\"",
                "CLERK_GATE_ORIGINS: trusted origin: the scheme is missing; list each origin by itself, like \"https://app.example.com\"",
            ],
        );
    }

    #[test]
    fn a_store_is_told_by_its_scheme() {
        let secret = |text| Some(StoreAddress::Postgres(Secret::new(text)));
        for (text, want) in [
            ("memory:", Some(StoreAddress::Memory)),
            (
                "sqlite:a.db",
                Some(StoreAddress::Sqlite("sqlite:a.db".to_owned())),
            ),
            ("postgres://u:p@h/d", secret("postgres://u:p@h/d")),
            ("postgresql://h", secret("postgresql://h")),
            (
                "rediss://h",
                Some(StoreAddress::Redis(Secret::new("rediss://h"))),
            ),
        ] {
            let variables = [TEST_KEY, APP, ("CLERK_GATE_STORE", text)];
            assert_eq!(parse(&variables).unwrap().store(), want.as_ref(), "{text}");
        }
        assert_eq!(parse(&[KEY, APP]).unwrap().store(), None);
    }

    #[test]
    fn no_secret_is_ever_printed() {
        let names = [
            "CLERK_PUBLISHABLE_KEY",
            "NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY",
            "CLERK_SECRET_KEY",
            "NEXT_PUBLIC_CLERK_SECRET_KEY",
            "CLERK_JWT_KEY",
            "CLERK_WEBHOOK_SIGNING_SECRET",
            "CLERK_WEBHOOK_SECRET",
            "CLERK_GATE_ORIGINS",
            "NEXT_PUBLIC_APP_URL",
            "CLERK_GATE_ENVIRONMENT",
            "CLERK_PROXY_URL",
            "CLERK_API_URL",
            "CLERK_GATE_STORE",
        ];
        for planted in [
            "sk_live_PLANTED",
            "sk_test_PLANTED",
            "live_PLANTED",
            " sk_live_PLANTED\n",
            "\"sk_live_PLANTED\"",
            "sk_live_PLANTED sk_test_PLANTED",
            "whsec_PLANTED",
            "whsec_PLANTEDPLANTED",
            "whsec_PLANTED!,PLANTED",
            "PLANTEDPLANTEDPLANTEDPLANTED",
            "sk_live_your_PLANTED...",
            "your_PLANTED",
            "-----BEGIN PRIVATE KEY-----\nPLANTED\n-----END PRIVATE KEY-----",
            "-----BEGIN PUBLIC KEY-----\nPLANTED\n-----END PUBLIC KEY-----",
            "MHcCAQEEPLANTED=",
            "https://user:PLANTED@a.test",
            "postgres://user:PLANTED@a.test/db",
            "mysql://user:PLANTED@a.test/db",
            "pk_live_sk_live_PLANTED",
        ] {
            for name in names {
                let others = [KEY, APP].into_iter().filter(|(other, _)| *other != name);
                let variables: Vec<_> = others.chain([(name, planted)]).collect();
                let parsed = parse(&variables);
                let mut printed = format!("{parsed:?}");
                if let Err(mistakes) = &parsed {
                    printed.push_str(&mistakes.to_string());
                }
                assert!(
                    !printed.to_ascii_lowercase().contains("planted"),
                    "{name}: {printed}"
                );
            }
            let everywhere = names.map(|name| (name, planted));
            let mistakes = parse(&everywhere).unwrap_err();
            let printed = format!("{mistakes:?}{mistakes}").to_ascii_lowercase();
            assert!(!printed.contains("planted"), "{printed}");
        }
    }

    #[test]
    fn settings_come_with_defaults() {
        let live = settings(LIVE);
        assert_eq!(live.environment(), Environment::Production);
        assert_eq!(live.issuer(), "https://clerk.example.com");
        assert_eq!(live.frontend_api_origin(), "https://clerk.example.com");
        assert_eq!(live.api_url(), "https://api.clerk.com");
        assert_eq!(live.secret_key(), None);
        assert_eq!(live.jwt_key(), None);
        assert_eq!(live.webhook_secrets(), []);
        assert_eq!(settings(TEST).environment(), Environment::Development);
    }

    #[test]
    fn settings_are_what_the_variables_say() {
        let full = parse(&[
            ("NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY", TEST),
            ("NEXT_PUBLIC_APP_URL", "http://localhost:3000"),
            ("CLERK_SECRET_KEY", "sk_test_1"),
            ("CLERK_JWT_KEY", &pem()),
            ("CLERK_WEBHOOK_SECRET", &format!("{WEBHOOK}, {WEBHOOK}")),
            ("CLERK_PROXY_URL", "https://app.example.com/__clerk/"),
            ("CLERK_API_URL", "http://127.0.0.1:4002/"),
        ])
        .unwrap();
        assert_eq!(full.publishable_key().as_str(), TEST);
        assert_eq!(full.secret_key(), Some(&Secret::new("sk_test_1")));
        assert_eq!(full.jwt_key().map(<[u8]>::len), Some(294));
        assert_eq!(
            full.webhook_secrets(),
            [Secret::new(WEBHOOK), Secret::new(WEBHOOK)]
        );
        assert_eq!(
            full.origins().first().map(Origin::as_str),
            Some("http://localhost:3000")
        );
        assert_eq!(full.issuer(), "https://app.example.com/__clerk");
        assert_eq!(full.frontend_api_origin(), "https://app.example.com");
        assert_eq!(full.api_url(), "http://127.0.0.1:4002");
    }

    #[test]
    fn a_frontend_api_on_this_machine_has_no_tls() {
        let local = settings("pk_test_MTI3LjAuMC4xOjQwMDEk");
        assert_eq!(local.issuer(), "http://127.0.0.1:4001");
    }
}
