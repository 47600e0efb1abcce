//! A decision to proceed: what a handler may know about who is asking, and may demand.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::{Arc, LazyLock};

use crate::body::JsonLimits;
use crate::headers::Nonce;
use crate::policy::Requirement;
use crate::reason::Reason;
use crate::reply::{Line, Mode, Reply};
use crate::session::Session;
use crate::time::UnixTime;

/// Who is asking.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Principal {
    /// Nobody in particular.
    Anonymous,
    /// A user who is signed in.
    Session(Session),
}

/// A decision to proceed: who is asking, and what the response gets. Put it into the request,
/// where the extractors look for it.
#[derive(Clone)]
pub struct Grant {
    principal: Principal,
    /// Why a credential was not accepted, where the route is public.
    reason: Option<Reason>,
    /// What the decision was made for: see [`covers`](Self::covers).
    target: u64,
    /// When it was made.
    now: UnixTime,
    json: JsonLimits,
    nonce: Option<Nonce>,
    nonce_line: Option<Line>,
    /// What lets the page of a trusted origin read the response.
    reader: Option<Arc<[Line]>>,
}

impl Grant {
    pub(crate) fn new(method: &str, path: &str, now: UnixTime, json: JsonLimits) -> Self {
        Self {
            principal: Principal::Anonymous,
            reason: None,
            target: fingerprint(method, path),
            now,
            json,
            nonce: None,
            nonce_line: None,
            reader: None,
        }
    }

    pub(crate) fn with_session(mut self, session: Option<Session>, reason: Option<Reason>) -> Self {
        self.principal = session.map_or(Principal::Anonymous, Principal::Session);
        self.reason = reason;
        self
    }

    pub(crate) fn with_nonce(mut self, nonce: Option<Nonce>, line: Line) -> Self {
        self.nonce = nonce;
        self.nonce_line = Some(line);
        self
    }

    pub(crate) fn with_reader(mut self, reader: Option<Arc<[Line]>>) -> Self {
        self.reader = reader;
        self
    }

    /// Who is asking.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The session, if there is one.
    pub fn session(&self) -> Option<&Session> {
        match &self.principal {
            Principal::Session(session) => Some(session),
            Principal::Anonymous => None,
        }
    }

    /// The session that a handler demands.
    ///
    /// # Errors
    /// The reply to send instead: 401, or 503 where the keys could not be loaded.
    pub fn require_session(&self) -> Result<&Session, Reply> {
        let reason = self.reason.unwrap_or(Reason::SessionRequired);
        self.session().ok_or_else(|| Reply::refusal(reason))
    }

    /// The session that a handler demands, if it meets `requirement` at the moment of the decision.
    ///
    /// # Errors
    /// The reply to send instead: as for [`require_session`](Self::require_session), or what a rule
    /// with this requirement would answer.
    pub fn require(&self, requirement: &Requirement) -> Result<&Session, Reply> {
        let session = self.require_session()?;
        match requirement.check(session, self.now) {
            Ok(()) => Ok(session),
            Err(reason) => Err(requirement.refusal(reason, session, self.now)),
        }
    }

    /// Whether the decision was made for this method and raw path, byte for byte but for a final
    /// slash and `HEAD`, which may stand for `GET`.
    ///
    /// # Errors
    /// The reply to send if something between the gate and the handler has rewritten the
    /// request, so that the handler's own rule was never looked up.
    pub fn covers(&self, method: &str, path: &str) -> Result<(), Reply> {
        if fingerprint(method, path) == self.target {
            Ok(())
        } else {
            Err(Reply::refusal(Reason::TargetChanged))
        }
    }

    /// Why a credential was not accepted, where the route is public.
    pub(crate) fn reason(&self) -> Option<Reason> {
        self.reason
    }

    /// The same where routers nest and strip what they have matched: `whole` is the raw path as
    /// it came, `part` what the handler sees, which must be the end of it.
    ///
    /// # Errors
    /// As for [`covers`](Self::covers).
    pub fn covers_nested(&self, method: &str, whole: &str, part: &str) -> Result<(), Reply> {
        self.covers(method, whole)?;
        // The root of a nested router is seen as `/`, whatever the whole path ends in.
        if part == "/" || whole.ends_with(part) {
            Ok(())
        } else {
            Err(Reply::refusal(Reason::TargetChanged))
        }
    }

    /// The limits of a JSON body.
    pub fn json(&self) -> JsonLimits {
        self.json
    }

    /// The nonce of this response's Content-Security-Policy, if the policy uses one. Put it in
    /// the `nonce` attribute of every script of the page.
    pub fn nonce(&self) -> Option<&Nonce> {
        self.nonce.as_ref()
    }

    /// Header lines that belong to this response alone.
    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        let no_store = self.session().map(|_| &NO_STORE);
        let reader = self.reader.as_deref().unwrap_or_default();
        no_store.into_iter().chain(&self.nonce_line).chain(reader)
    }
}

/// What an extractor can take from the decision about its request.
///
/// The adapters' extractors are all made of this: what they give, and what they refuse with, is
/// said here once.
pub trait FromGrant: Sized {
    /// Takes it.
    ///
    /// # Errors
    /// The reply to send instead of calling the handler.
    fn from_grant(grant: &Grant) -> Result<Self, Reply>;
}

impl FromGrant for Session {
    fn from_grant(grant: &Grant) -> Result<Self, Reply> {
        grant.require_session().cloned()
    }
}

impl FromGrant for Principal {
    fn from_grant(grant: &Grant) -> Result<Self, Reply> {
        Ok(grant.principal().clone())
    }
}

impl FromGrant for Option<Nonce> {
    fn from_grant(grant: &Grant) -> Result<Self, Reply> {
        Ok(grant.nonce().cloned())
    }
}

/// A right as a type, for handlers that demand it in their signature with [`Has`].
///
/// ```
/// use clerk_gate_core::{Requirement, Right};
///
/// struct ManageInvoices;
///
/// impl Right for ManageInvoices {
///     fn requirement() -> Requirement {
///         Requirement::permission("org:invoices:manage").and_no_impersonation()
///     }
/// }
/// ```
pub trait Right {
    /// What a session must meet.
    fn requirement() -> Requirement;
}

/// A session that has the right `R`. Like [`Session`] it is a proof: extractors alone make one.
pub struct Has<R> {
    session: Session,
    right: PhantomData<fn() -> R>,
}

impl<R: Right> FromGrant for Has<R> {
    fn from_grant(grant: &Grant) -> Result<Self, Reply> {
        let session = grant.require(&R::requirement())?.clone();
        let right = PhantomData;
        Ok(Self { session, right })
    }
}

impl<R> Deref for Has<R> {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

impl<R> fmt::Debug for Has<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.session.fmt(f)
    }
}

/// Shows no header line: the nonce stands in one.
impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant")
            .field("principal", &self.principal)
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

/// Tells requests apart that may have different rules. A final slash makes no difference, and
/// neither does `HEAD` for `GET`: routers turn the one into the other for want of a handler.
fn fingerprint(method: &str, path: &str) -> u64 {
    // At random, so that nobody can choose two paths that look like one.
    static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    let method = if method == "HEAD" { "GET" } else { method };
    let path = match path.strip_suffix('/') {
        // Two final slashes are another path, and none is no path.
        Some(shorter) if !shorter.is_empty() && !shorter.ends_with('/') => shorter,
        _ => path,
    };
    HASHER.hash_one((method, path))
}

/// A response made for one user is nobody else's, unless the application says so
/// (RFC 9111 §5.2.2.5).
static NO_STORE: Line = Line::fixed("cache-control", "no-store", Mode::IfNotPresent);
