//! One bounded request at a time, as the probes need it.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use ureq::Agent;
use ureq::http::{Method, Request};
use ureq::tls::TlsConfig;

/// Sends requests one after the other. Follows no redirect, keeps no cookie, takes no proxy from
/// the environment, and reads a bounded part of each answer.
pub(super) struct Client {
    agent: Agent,
    pause: Duration,
    sent: usize,
}

/// A response, as far as rules look at it.
#[derive(Clone, Debug)]
pub(in crate::doctor) struct Answer {
    pub(in crate::doctor) status: u16,
    headers: Vec<(String, String)>,
    pub(in crate::doctor) body: String,
    /// Seconds since 1970 when it had come.
    pub(in crate::doctor) received: i64,
}

impl Answer {
    /// All values of a field, in their order.
    pub(in crate::doctor) fn all<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s str> {
        let named = self.headers.iter().filter(move |(own, _)| own == name);
        named.map(|(_, value)| value.as_str())
    }

    /// The value of a field that has one; several are put together, as browsers do.
    pub(in crate::doctor) fn one(&self, name: &str) -> Option<String> {
        let values: Vec<_> = self.all(name).collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    pub(in crate::doctor) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub(in crate::doctor) fn is_redirect(&self) -> bool {
        (300..400).contains(&self.status)
    }
}

impl Client {
    pub(super) fn new(pause: Duration) -> Self {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = TlsConfig::builder().unversioned_rustls_crypto_provider(provider);
        let agent = Agent::config_builder()
            .accept_encoding("identity")
            .http_status_as_error(false)
            // A server may close a connection behind an answer; the next request must not
            // notice.
            .max_idle_connections(0)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .timeout_global(Some(TIME_LIMIT))
            .tls_config(tls.build())
            .user_agent(concat!("clerk-gate-doctor/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        Self {
            agent,
            pause,
            sent: 0,
        }
    }

    /// Sends one request, after a pause. The error says why no answer came.
    pub(super) fn send(
        &mut self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Answer, String> {
        if self.sent > 0 && !self.pause.is_zero() {
            thread::sleep(self.pause);
        }
        self.sent += 1;
        let method: Method = method.parse().map_err(|_| "no method".to_owned())?;
        let mut request = Request::builder().method(&method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let sent = if matches!(method, Method::POST) {
            let request = request.body(body.to_owned()).map_err(|e| e.to_string())?;
            self.agent.run(request)
        } else {
            let request = request.body(()).map_err(|e| e.to_string())?;
            self.agent.run(request)
        };
        let mut response = sent.map_err(|error| error.to_string())?;
        let headers = response.headers().iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        });
        let headers = headers.collect();
        let received = clerk_gate_core::Clock::now(&clerk_gate_core::SystemClock).as_secs();
        let mut bytes = Vec::new();
        // A body that breaks off is judged as far as it came.
        let reader = std::io::Read::take(response.body_mut().as_reader(), MAX_BODY);
        let _ = std::io::Read::read_to_end(&mut { reader }, &mut bytes);
        Ok(Answer {
            status: response.status().as_u16(),
            headers,
            body: String::from_utf8_lossy(&bytes).into_owned(),
            received,
        })
    }
}

const TIME_LIMIT: Duration = Duration::from_secs(10);

/// In bytes.
const MAX_BODY: u64 = 64 * 1024;
