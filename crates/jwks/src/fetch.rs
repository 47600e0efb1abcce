//! One bounded HTTPS request for a key set.

use std::error::Error;
use std::fmt;
use std::io::ErrorKind;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use clerk_gate_core::{ConfigError, KeySet, KeySetError, Secret};
use ureq::Agent;
use ureq::http::header::{AUTHORIZATION, CONTENT_ENCODING};
use ureq::http::{HeaderValue, StatusCode, Uri};
use ureq::tls::TlsConfig;

/// Where a key set is fetched from.
///
/// Keys travel over HTTPS, certificates verified against Mozilla's roots; plain HTTP is for
/// loopback hosts. Redirects are not followed, no proxy is taken from the environment, and
/// nothing is decompressed.
#[derive(Clone, Debug)]
pub struct Source {
    url: String,
    /// Marked sensitive: no `Debug` shows it.
    authorization: Option<HeaderValue>,
    time_limit: Duration,
}

impl Source {
    /// The public key set of an instance: `{issuer}/.well-known/jwks.json`.
    ///
    /// `issuer` is the URL of Clerk's Frontend API as in the claim `iss`, without final slash:
    /// `https://clerk.example.com`.
    ///
    /// # Errors
    /// [`ConfigError`] if this gives no HTTPS URL.
    pub fn public(issuer: &str) -> Result<Self, ConfigError> {
        Self::new(format!("{issuer}/.well-known/jwks.json"), None)
    }

    /// The key set of Clerk's Backend API: `{api_url}/v1/jwks`, asked for with the secret key.
    ///
    /// `api_url` has no final slash: `https://api.clerk.com`.
    ///
    /// # Errors
    /// [`ConfigError`] if this gives no HTTPS URL, or if no header line can carry the secret
    /// key.
    pub fn backend_api(api_url: &str, secret_key: &Secret) -> Result<Self, ConfigError> {
        let mut authorization = HeaderValue::try_from(format!("Bearer {}", secret_key.expose()))
            .map_err(|_| {
                ConfigError::new(
                    "CLERK_SECRET_KEY",
                    "has characters that no key has",
                    "copy it again from the dashboard, under API keys",
                )
            })?;
        authorization.set_sensitive(true);
        Self::new(format!("{api_url}/v1/jwks"), Some(authorization))
    }

    /// Bounds each request as a whole, from resolving the name to the last byte. 5 seconds
    /// unless set.
    #[must_use]
    pub fn with_time_limit(mut self, time_limit: Duration) -> Self {
        self.time_limit = time_limit;
        self
    }

    fn new(url: String, authorization: Option<HeaderValue>) -> Result<Self, ConfigError> {
        if url.contains(['@', '?', '#']) {
            // Not quoted: what stands before an `@` may be a password.
            return Err(ConfigError::new(
                "key set URL",
                "has a user name, a query or a fragment",
                "write scheme, host and path alone",
            ));
        }
        let uri: Option<Uri> = url.parse().ok();
        let scheme_and_host = uri.as_ref().map(|uri| (uri.scheme_str(), uri.host()));
        match scheme_and_host {
            Some((Some("https"), Some(_))) => {}
            Some((Some("http"), Some(host))) if is_loopback(host) => {}
            _ => {
                return Err(ConfigError::new(
                    format!("key set URL \"{url}\""),
                    "is not an HTTPS URL",
                    "start it with \"https://\" and a host name",
                ));
            }
        }
        Ok(Self {
            url,
            authorization,
            time_limit: Duration::from_secs(5),
        })
    }

    /// Reads the text of the key set, once, on the calling thread.
    ///
    /// For tools that look at a key set. Applications [`connect`](crate::connect).
    ///
    /// # Errors
    /// [`FetchError`] if no answer came, or another one than a plain 200 of at most 256 KiB.
    pub fn read(&self) -> Result<Vec<u8>, FetchError> {
        self.request().map_err(|problem| self.failed(problem))
    }

    /// Fetches and reads the key set, once.
    pub(crate) fn fetch(&self) -> Result<KeySet, FetchError> {
        KeySet::from_json(&self.read()?).map_err(|error| self.failed(Problem::Content(error)))
    }

    fn failed(&self, problem: Problem) -> FetchError {
        FetchError {
            url: self.url.clone(),
            problem,
        }
    }

    fn request(&self) -> Result<Vec<u8>, Problem> {
        let mut request = self.agent().get(&self.url);
        if let Some(authorization) = &self.authorization {
            request = request
                .header(AUTHORIZATION, authorization)
                .header("clerk-api-version", API_VERSION);
        }
        let mut response = request.call()?;
        if response.status() != StatusCode::OK {
            return Err(Problem::Status(response.status().as_u16()));
        }
        // Another crate of the build may turn on decompression in `ureq`.
        if response.headers().contains_key(CONTENT_ENCODING) {
            return Err(Problem::Encoding);
        }
        let body = response.body_mut().with_config().limit(MAX_BODY);
        Ok(body.read_to_vec()?)
    }

    /// A fresh agent for each request: minutes lie between two, so there is nothing to pool.
    fn agent(&self) -> Agent {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = TlsConfig::builder().unversioned_rustls_crypto_provider(provider);
        Agent::config_builder()
            .accept("application/json")
            .accept_encoding("identity")
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .timeout_global(Some(self.time_limit))
            .tls_config(tls.build())
            .user_agent(concat!("clerk-gate/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent()
    }
}

/// Why an attempt to fetch a key set failed. [`source`](Error::source) tells the cause.
///
/// The messages name the URL and never a secret.
#[derive(Debug)]
pub struct FetchError {
    url: String,
    problem: Problem,
}

#[derive(Debug)]
enum Problem {
    Content(KeySetError),
    Encoding,
    Status(u16),
    Transport(ureq::Error),
}

impl FetchError {
    /// Whether the same request may well succeed later: the network or the server failed, not
    /// the configuration. Attempts go on either way.
    pub fn is_transient(&self) -> bool {
        use ureq::Error::{ConnectionFailed, HostNotFound, Io, Timeout};

        match &self.problem {
            Problem::Content(_) | Problem::Encoding => false,
            Problem::Status(status) => matches!(status, 408 | 429 | 500..=599),
            // A refused certificate arrives as invalid data.
            Problem::Transport(Io(error)) => error.kind() != ErrorKind::InvalidData,
            Problem::Transport(error) => {
                matches!(error, ConnectionFailed | HostNotFound | Timeout(_))
            }
        }
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key set \"{}\": ", self.url)?;
        match &self.problem {
            Problem::Content(_) => f.write_str("the answer gives no keys"),
            Problem::Encoding => f.write_str("the answer is compressed"),
            Problem::Status(status) => write!(f, "got status {status}, wanted 200"),
            Problem::Transport(_) => f.write_str("the request failed"),
        }
    }
}

impl Error for FetchError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.problem {
            Problem::Content(error) => Some(error),
            Problem::Transport(error) => Some(error),
            Problem::Encoding | Problem::Status(_) => None,
        }
    }
}

impl From<ureq::Error> for Problem {
    fn from(error: ureq::Error) -> Self {
        Self::Transport(error)
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

/// The version of the Backend API that Clerk's own backend SDK asks for.
const API_VERSION: &str = "2026-05-12";

/// In bytes. Clerk's key sets have fewer than 2,000.
const MAX_BODY: u64 = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_travel_over_https_or_not_at_all() {
        #[track_caller]
        fn check(issuer: &str, good: bool) {
            assert_eq!(Source::public(issuer).is_ok(), good, "{issuer}");
        }

        check("https://clerk.app.test", true);
        check("https://app.test/__clerk", true);
        check("https://app.test:8443", true);
        check("http://localhost:4000", true);
        check("http://127.0.0.1:4000", true);
        check("http://127.9.9.9", true);
        check("http://[::1]:4000", true);
        check("http://clerk.app.test", false);
        check("http://localhost.app.test", false);
        check("http://127.0.0.1.app.test", false);
        check("http://0.0.0.0", false);
        check("http://[::2]", false);
        check("ftp://localhost", false);
        check("clerk.app.test", false);
        check("//clerk.app.test", false);
        check("", false);
        check("https://", false);
        check("https://clerk.app.test?a=b", false);
        check("https://clerk.app.test#a", false);
        check("https://user@clerk.app.test", false);
    }

    #[test]
    fn no_message_and_no_debug_shows_a_secret() {
        #[track_caller]
        fn check(text: &str) {
            assert!(!text.contains("hunter2"), "{text}");
        }

        let with_password = Source::public("https://me:hunter2@clerk.app.test");
        check(&format!("{with_password:?}"));
        let broken = Source::backend_api("https://api.clerk.com", &Secret::new("hunter2\n"));
        check(&format!("{broken:?}"));
        let good = Source::backend_api("https://api.clerk.com", &Secret::new("hunter2"));
        assert!(good.is_ok());
        check(&format!("{good:?}"));
    }
}
