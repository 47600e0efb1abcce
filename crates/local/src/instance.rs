//! What the stand-in knows, and what can happen in it: each change is told by webhook.

use std::net::TcpListener;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use clerk_gate_core::{Clock, Origin, Secret, UnixTime};
use serde_json::{Value, json};

use crate::event::Event;
use crate::key::{Key, random_id};
use crate::outbox::{Delivery, Outbox};
use crate::persona::{Persona, Role, SUPPORT};
use crate::recent::Recent;
use crate::sessions::{Factor, MAX_SESSIONS, Session};
use crate::users::Users;

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
    id: String,
    sessions: Recent<Session>,
    /// The claims of tokens.
    minted: Recent<Value>,
    /// Audit events of the application, where it shows them.
    pub(crate) trail: Recent<Value>,
    outbox: Outbox,
    pub(crate) users: Users,
}

/// Why something cannot happen.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Refused {
    Banned,
    NoAction,
    NoDelivery,
    NoSecondFactor,
    NoSession,
}

impl Instance {
    /// `webhook_path` is where each application listens.
    pub(crate) fn new(
        listener: &TcpListener,
        origins: Vec<Origin>,
        webhook_path: &str,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let address = listener.local_addr().expect("a listener has an address");
        let authority = address.to_string();
        let urls = origins
            .iter()
            .map(|app| format!("{}{webhook_path}", app.as_str()));
        Self {
            origin: format!("http://{authority}"),
            authority,
            key: Key::generate(),
            secret_key: Secret::new(random_id("sk_test_")),
            outbox: Outbox::new(urls.collect(), Arc::clone(&clock)),
            origins,
            clock,
            id: random_id("ins_"),
            sessions: Recent::new(MAX_SESSIONS),
            minted: Recent::new(MAX_TOKENS),
            trail: Recent::new(MAX_EVENTS),
            users: Users::default(),
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
            (
                "CLERK_WEBHOOK_SIGNING_SECRET",
                self.outbox.secret().expose().to_owned(),
            ),
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
    pub(crate) fn sign_in(
        &self,
        persona: Persona,
        impersonated: bool,
        client: Option<&Secret>,
    ) -> Result<Session, Refused> {
        let user = self.users.find(persona);
        if user.banned {
            return Err(Refused::Banned);
        }
        if let Some(client) = client {
            self.sign_out(client);
        }
        let session = Session::new(persona, self.clock.now()).impersonated(impersonated);
        self.sessions.add(session.clone());
        self.tell(&Event::SessionCreated(&session, user));
        Ok(session)
    }

    /// The session of the browser with this cookie.
    pub(crate) fn session_of(&self, client: &Secret) -> Option<Session> {
        self.sessions.find(|own| own.client == *client)
    }

    /// All sessions, newest first.
    pub(crate) fn sessions(&self) -> Vec<Session> {
        self.sessions.all()
    }

    /// The claims of the last tokens, newest first.
    pub(crate) fn minted(&self) -> Vec<Value> {
        self.minted.all()
    }

    pub(crate) fn now(&self) -> UnixTime {
        self.clock.now()
    }

    /// The sessions of a user.
    pub(crate) fn sessions_of(&self, persona: Persona) -> Vec<Session> {
        let mut sessions = self.sessions.all();
        sessions.retain(|own| own.persona == persona);
        sessions
    }

    /// Ends the session of a browser from there.
    pub(crate) fn sign_out(&self, client: &Secret) {
        for session in self.sessions.take(|own| own.client == *client) {
            self.tell(&Event::SessionRemoved(&session));
        }
    }

    /// Ends sessions from elsewhere; says how many.
    pub(crate) fn revoke(&self, is_meant: impl Fn(&Session) -> bool) -> usize {
        let ended = self.sessions.take(is_meant);
        for session in &ended {
            self.tell(&Event::SessionRevoked(session));
        }
        ended.len()
    }

    /// Notes that the user of a session has shown a factor again.
    pub(crate) fn verify(&self, session_id: &str, factor: Factor) -> Result<Session, Refused> {
        let is_meant = |own: &Session| own.id == session_id;
        let session = self.sessions.find(is_meant).ok_or(Refused::NoSession)?;
        if factor == Factor::Second && !session.persona.has_second_factor() {
            return Err(Refused::NoSecondFactor);
        }
        let now = self.clock.now();
        self.sessions
            .change(is_meant, |own| own.show(factor, now))
            .ok_or(Refused::NoSession)
    }

    /// Bans a user, which ends his sessions, or lifts the ban.
    pub(crate) fn ban(&self, persona: Persona, banned: bool) {
        let user = self
            .users
            .change(persona, self.clock.now(), |user| user.banned = banned);
        self.tell(&Event::UserUpdated(user));
        if banned {
            self.revoke(|own| own.persona == persona);
        }
    }

    /// Gives a member of the organization another role. Whoever is in none stays in none.
    pub(crate) fn set_role(&self, persona: Persona, role: Role) {
        let user = self.users.change(persona, self.clock.now(), |user| {
            user.role = user.role.map(|_| role)
        });
        if let Some(role) = user.role {
            self.tell(&Event::MembershipUpdated(persona, role));
        }
    }

    /// What was sent, newest first.
    pub(crate) fn deliveries(&self) -> Vec<Delivery> {
        self.outbox.deliveries()
    }

    /// Sends a delivery once more.
    pub(crate) fn replay(&self, id: &str) -> Result<(), Refused> {
        let is_known = self.outbox.replay(id);
        is_known.then_some(()).ok_or(Refused::NoDelivery)
    }

    fn tell(&self, event: &Event<'_>) {
        let body = event.body(&self.id, self.clock.now());
        self.outbox.send(event.kind(), &body);
    }

    /// Starts a session that no browser has, `age` seconds ago.
    pub(crate) fn detached(&self, persona: Persona, age: u32) -> Session {
        let since = self.clock.now().saturating_add(-i64::from(age));
        Session::new(persona, since)
    }

    /// The first token of a session, as the first application gets it.
    pub(crate) fn first_token(&self, session: &Session) -> String {
        self.sign(session, session.since, self.first_origin())
    }

    /// A token that a session had `age` seconds ago, or would have had.
    pub(crate) fn aged_token(&self, session_id: &str, age: u32) -> Result<String, Refused> {
        let session = self.sessions.find(|own| own.id == session_id);
        let issued = self.clock.now().saturating_add(-i64::from(age));
        let token = session.map(|own| self.sign(&own, issued, self.first_origin()));
        token.ok_or(Refused::NoSession)
    }

    /// A fresh token for the page of `party`.
    pub(crate) fn token(&self, session: &Session, party: &str) -> String {
        self.sign(session, self.clock.now(), party)
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
    fn sign(&self, session: &Session, issued: UnixTime, party: &str) -> String {
        let role = self.users.find(session.persona).role;
        let own = session.persona.claims(role);
        let mut claims = json!({
            "azp": party,
            "exp": issued.saturating_add(LIFETIME).as_secs(),
            "fva": session.factor_ages(issued),
            "iat": issued.as_secs(),
            "iss": self.origin,
            "jti": random_id(""),
            "nbf": issued.saturating_add(-10).as_secs(),
            "sid": session.id,
            "v": 2,
        });
        if session.impersonated {
            claims["act"] = json!({ "iss": ACTOR_ISSUER, "sub": SUPPORT });
        }
        if let (Value::Object(claims), Value::Object(own)) = (&mut claims, own) {
            claims.extend(own);
        }
        let token = self.key.sign(&claims);
        self.minted.add(claims);
        token
    }
}

/// Where impersonation is started.
const ACTOR_ISSUER: &str = "https://dashboard.clerk.com";

/// What the inspector shows.
const MAX_TOKENS: usize = 12;
const MAX_EVENTS: usize = 60;

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
        let clock = Arc::new(SystemClock);
        let instance = Instance::new(&listener, origins.into(), "/webhooks", clock);
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
