//! What the stand-in knows: its address, key and secret, for whom it works, who is signed in.

use std::net::TcpListener;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use clerk_gate_core::{Clock, Origin, Secret};
use serde_json::{Value, json};

use crate::key::{Key, random_id};
use crate::persona::Persona;
use crate::sessions::{Session, Sessions};

/// One run of the stand-in: what Clerk calls an instance.
pub(crate) struct Instance {
    /// `127.0.0.1:PORT`.
    authority: String,
    origin: String,
    key: Key,
    secret_key: Secret,
    /// Never empty; the first is the authorized party where no page asks.
    origins: Vec<Origin>,
    clock: Arc<dyn Clock>,
    pub(crate) sessions: Sessions,
}

impl Instance {
    pub(crate) fn new(listener: &TcpListener, origins: Vec<Origin>, clock: Arc<dyn Clock>) -> Self {
        let address = listener.local_addr().expect("a listener has an address");
        let authority = address.to_string();
        Self {
            origin: format!("http://{authority}"),
            authority,
            key: Key::generate(),
            secret_key: Secret::new(random_id("sk_test_")),
            origins,
            clock,
            sessions: Sessions::default(),
        }
    }

    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// The applications' origins, separated by `separator`.
    pub(crate) fn app_origins(&self, separator: &str) -> String {
        let origins: Vec<_> = self.origins.iter().map(Origin::as_str).collect();
        origins.join(separator)
    }

    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        let host = STANDARD_NO_PAD.encode(format!("{}$", self.authority));
        [
            ("CLERK_API_URL", self.origin.clone()),
            ("CLERK_GATE_ORIGINS", self.app_origins(",")),
            ("CLERK_PUBLISHABLE_KEY", format!("pk_test_{host}")),
            ("CLERK_SECRET_KEY", self.secret_key.expose().to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    pub(crate) fn key_set(&self) -> Value {
        self.key.key_set()
    }

    /// Whether this is the secret key of the Backend API.
    pub(crate) fn is_secret_key(&self, text: &str) -> bool {
        self.secret_key == Secret::new(text)
    }

    /// Starts a session, in place of the one that the browser has.
    pub(crate) fn sign_in(&self, persona: Persona, client: Option<&Secret>) -> Session {
        if let Some(client) = client {
            self.sessions.end(client);
        }
        let session = Session::new(persona, self.clock.now());
        self.sessions.add(session.clone());
        session
    }

    /// A token of a session that was started for it alone, issued `age` seconds ago.
    pub(crate) fn detached_token(&self, persona: Persona, age: u32) -> String {
        let issued = self.clock.now().saturating_add(-i64::from(age));
        let session = Session::new(persona, issued);
        self.sign(&session, issued.as_secs(), self.first_origin())
    }

    /// A fresh token for the page of `party`.
    pub(crate) fn token(&self, session: &Session, party: &str) -> String {
        self.sign(session, self.clock.now().as_secs(), party)
    }

    /// The application whose page this is the origin of.
    pub(crate) fn app_origin(&self, origin: &str) -> Option<&str> {
        let mut origins = self.origins.iter().map(Origin::as_str);
        origins.find(|own| *own == origin)
    }

    /// Where a user may be sent after signing in, and the origin of that page: `wanted` if it is
    /// a page of an application, otherwise the front page of the first.
    ///
    /// A path is taken as one of the first application. Whatever follows the origin cannot lead
    /// away from it once it starts with `/`, `?` or `#` (WHATWG URL, authority state).
    pub(crate) fn way_back(&self, wanted: &str) -> (&str, String) {
        let first = self.first_origin();
        let absolute = match wanted.strip_prefix('/') {
            Some(_) => format!("{first}{wanted}"),
            None => wanted.to_owned(),
        };
        let party = self.origins.iter().map(Origin::as_str).find(|origin| {
            let rest = absolute.strip_prefix(*origin);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?', '#']))
        });
        match party {
            Some(party) if absolute.bytes().all(|b| b.is_ascii_graphic()) => (party, absolute),
            _ => (first, format!("{first}/")),
        }
    }

    fn first_origin(&self) -> &str {
        self.origins.first().map(Origin::as_str).unwrap_or_default()
    }

    /// The session token of version 2, as Clerk's dashboard documents it.
    fn sign(&self, session: &Session, issued: i64, party: &str) -> String {
        let minutes = issued.saturating_sub(session.since.as_secs()) / 60;
        let mut claims = json!({
            "azp": party,
            "exp": issued.saturating_add(LIFETIME),
            "fva": [minutes, -1],
            "iat": issued,
            "iss": self.origin,
            "jti": random_id(""),
            "nbf": issued.saturating_sub(10),
            "sid": session.id,
            "v": 2,
        });
        if let (Value::Object(claims), Value::Object(own)) = (&mut claims, session.persona.claims())
        {
            claims.extend(own);
        }
        self.key.sign(&claims)
    }
}

/// Seconds that a session token lives, as with Clerk.
const LIFETIME: i64 = 60;

#[cfg(test)]
mod tests {
    use clerk_gate_core::SystemClock;

    use super::*;

    #[test]
    fn users_are_sent_to_pages_of_the_applications_only() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let origins = ["http://127.0.0.1:3000", "http://127.0.0.1:30"];
        let origins = origins.map(|text| Origin::parse(text).unwrap());
        let instance = Instance::new(&listener, origins.into(), Arc::new(SystemClock));
        let check = |wanted: &str, want: &str| {
            let (party, page) = instance.way_back(wanted);
            assert_eq!(page, want, "{wanted}");
            assert!(page.starts_with(&format!("{party}/")), "{wanted}");
        };
        let home = "http://127.0.0.1:3000/";

        check("/dashboard?a=b", "http://127.0.0.1:3000/dashboard?a=b");
        check("http://127.0.0.1:3000/x", "http://127.0.0.1:3000/x");
        check("http://127.0.0.1:30/x#y", "http://127.0.0.1:30/x#y");
        check("//evil.test/x", "http://127.0.0.1:3000//evil.test/x");
        check("/\\evil.test", "http://127.0.0.1:3000/\\evil.test");
        for foreign in [
            "",
            "dashboard",
            "http://127.0.0.1",
            "http://127.0.0.1:3001/",
            "http://127.0.0.1:300/",
            "http://127.0.0.1:30000/",
            "http://127.0.0.1:3000@evil.test/",
            "http://127.0.0.1:3000\\@evil.test/",
            "http://127.0.0.1:3000.evil.test/",
            "https://127.0.0.1:3000/",
            "HTTP://127.0.0.1:3000/",
            " http://127.0.0.1:3000/",
            "http://localhost:3000/",
            "https://evil.test/?http://127.0.0.1:3000/",
            "javascript:alert(1)",
            "/a\r\nset-cookie: b=c",
            "/ä",
        ] {
            check(foreign, home);
        }
    }
}
