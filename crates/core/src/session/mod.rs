//! Session tokens: from text to a [`Session`] that only a [`Verifier`] can make.

mod authorization;
mod cache;
mod claims;
mod json;
mod jwk;
mod jws;
mod keyring;
mod unverified;
mod verifier;

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use serde::de::DeserializeOwned;

use self::authorization::is_scoped_list;
pub(crate) use self::authorization::{is_askable, without_prefix};
use self::claims::Claims;
pub use self::jwk::{KeySet, KeySetError};
use self::keyring::Generation;
pub use self::keyring::{Feed, KeyWait, Keyring};
pub(crate) use self::unverified::Unverified;
pub(crate) use self::verifier::{MAX_LEEWAY, MAX_LIFETIME};
pub use self::verifier::{Verification, Verifier};
use crate::reason::Reason;
use crate::revocation::Subjects;
use crate::time::UnixTime;

/// Whether a check that can lock real users out refuses, only reports, or is not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// Not made.
    Off,
    /// Made, and reported in the audit event; the request passes.
    Observe,
    /// Made; the request is refused.
    Enforce,
}

/// A *verified* session: a user who is signed in, as Clerk's token says.
///
/// It is a proof. There is no constructor but verification, no `Deserialize`, no `Default`.
/// Cloning is cheap; clones share one buffer.
#[derive(Clone)]
pub struct Session(Arc<Inner>);

/// The claims do not have the wanted shape.
///
/// Says where in [`Session::claims_json`], and quotes nothing: claims are personal data, and
/// errors are logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimsError {
    column: usize,
}

impl fmt::Display for ClaimsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "claims: not of the wanted shape at column {}",
            self.column
        )
    }
}

impl Error for ClaimsError {}

/// The decoded payload and where its claims stand in it.
struct Inner {
    payload: String,
    actor: Option<Span>,
    authorized_party: Option<Span>,
    expires: UnixTime,
    factor_ages: Option<[i64; 2]>,
    features: Option<Span>,
    foreign_party: bool,
    issued: UnixTime,
    organization: Option<OrganizationSpans>,
    plans: Option<Span>,
    session_id: Span,
    subjects: OnceLock<Subjects>,
    token_id: Option<Span>,
    user_id: Span,
}

struct OrganizationSpans {
    id: Span,
    masks: Option<Span>,
    permission_names: Option<Span>,
    permissions_v1: Vec<Span>,
    role: Option<Span>,
    slug: Option<Span>,
}

/// The organization that is active in a session.
#[derive(Clone, Copy)]
pub struct Organization<'s> {
    payload: &'s str,
    spans: &'s OrganizationSpans,
}

/// Where a text stands in the payload, or the text itself where the payload has it escaped.
enum Span {
    Apart(Box<str>),
    At(Range<usize>),
}

impl Session {
    /// The user's id, such as `user_2abc…` (`sub`).
    pub fn user_id(&self) -> &str {
        self.text(&self.0.user_id)
    }

    /// The session's id, such as `sess_2abc…` (`sid`).
    pub fn session_id(&self) -> &str {
        self.text(&self.0.session_id)
    }

    /// The organization that is active in this session, if one is.
    pub fn organization(&self) -> Option<Organization<'_>> {
        let spans = self.0.organization.as_ref()?;
        Some(Organization {
            payload: &self.0.payload,
            spans,
        })
    }

    /// The id of the user who impersonates [`user_id`](Self::user_id), if one does (`act.sub`).
    pub fn actor_id(&self) -> Option<&str> {
        self.optional(self.0.actor.as_ref())
    }

    /// The origin of the page that obtained the token (`azp`).
    pub fn authorized_party(&self) -> Option<&str> {
        self.optional(self.0.authorized_party.as_ref())
    }

    /// The token's own id (`jti`).
    pub fn token_id(&self) -> Option<&str> {
        self.optional(self.0.token_id.as_ref())
    }

    /// When the token was issued (`iat`). Tokens are renewed every minute: this is not the time
    /// of the sign-in.
    pub fn issued_at(&self) -> UnixTime {
        self.0.issued
    }

    /// When the token expires (`exp`), without leeway.
    pub fn expires_at(&self) -> UnixTime {
        self.0.expires
    }

    /// Whole minutes since the first and the second factor were verified, as of
    /// [`issued_at`](Self::issued_at) (`fva`); −1 for a factor that never was.
    pub fn factor_ages(&self) -> Option<[i64; 2]> {
        self.0.factor_ages
    }

    /// All claims, as the JSON text that was signed.
    ///
    /// # Security
    /// Not a credential, but personal data: do not log it.
    pub fn claims_json(&self) -> &str {
        &self.0.payload
    }

    /// All claims as a type of the application's own, for custom claims.
    ///
    /// # Errors
    /// If the claims do not have the shape of `T`.
    pub fn claims<T: DeserializeOwned>(&self) -> Result<T, ClaimsError> {
        serde_json::from_str(&self.0.payload).map_err(|error| ClaimsError {
            column: error.column(),
        })
    }

    /// The `fea` claim: features, each with its scope.
    fn features(&self) -> Option<&str> {
        self.optional(self.0.features.as_ref())
    }

    /// The `pla` claim: plans, each with its scope.
    fn plans(&self) -> Option<&str> {
        self.optional(self.0.plans.as_ref())
    }

    /// What it holds in memory, in bytes, rather too much than too little: no text that stands
    /// apart from the payload is longer than there.
    fn size(&self) -> usize {
        let permissions = self.0.organization.iter();
        let spans = permissions.map(|own| own.permissions_v1.capacity());
        let spans = spans.sum::<usize>().saturating_mul(size_of::<Span>());
        let texts = self.0.payload.capacity().saturating_mul(2);
        size_of::<Inner>()
            .saturating_add(texts)
            .saturating_add(spans)
    }

    /// Whether `azp` is none of the authorized parties, and passed because the check observes.
    pub(crate) fn has_foreign_party(&self) -> bool {
        self.0.foreign_party
    }

    /// What of it can be revoked. Found once, by the first who asks.
    pub(crate) fn subjects(&self) -> &Subjects {
        self.0.subjects.get_or_init(|| Subjects::of(self))
    }

    fn text<'s>(&'s self, span: &'s Span) -> &'s str {
        span.text(&self.0.payload)
    }

    fn optional<'s>(&'s self, span: Option<&'s Span>) -> Option<&'s str> {
        span.map(|span| self.text(span))
    }
}

impl Inner {
    /// Takes the claims over into ranges of `payload`, which they were read from.
    fn new(claims: &Claims<'_>, payload: &str, foreign_party: bool) -> Result<Self, Reason> {
        let span = |text: &Option<Cow<'_, str>>| text.as_ref().map(|text| Span::of(text, payload));
        // A machine's token is signed with the same key and told apart by its subject.
        let user_id = match claims.subject.as_deref() {
            Some(subject) if !subject.is_empty() && !subject.starts_with("mch_") => {
                span(&claims.subject)
            }
            _ => None,
        };
        // Template tokens have no session and outlive the one that made them.
        let session_id = match claims.session_id.as_deref() {
            Some("") | None => None,
            Some(_) => span(&claims.session_id),
        };
        // An actor without a name must not pass for nobody.
        let actor = match claims.actor.as_ref().map(|actor| &actor.subject) {
            Some(Some(name)) if !name.is_empty() => Some(Span::of(name, payload)),
            Some(_) => return Err(Reason::TokenClaims),
            None => None,
        };
        let (Some(expires), Some(issued)) = (claims.expires, claims.issued) else {
            return Err(Reason::TokenClaims);
        };
        Ok(Self {
            payload: String::new(),
            actor,
            authorized_party: span(&claims.authorized_party),
            expires: UnixTime::from_secs(expires.floor),
            factor_ages: claims.factor_ages,
            features: span(&claims.features),
            foreign_party,
            issued: UnixTime::from_secs(issued.floor),
            organization: OrganizationSpans::new(claims, payload)?,
            plans: span(&claims.plans),
            session_id: session_id.ok_or(Reason::TokenClaims)?,
            subjects: OnceLock::new(),
            token_id: span(&claims.token_id),
            user_id: user_id.ok_or(Reason::TokenSubject)?,
        })
    }
}

impl OrganizationSpans {
    /// The active organization, from the claims of the token's own version. Claims of the other
    /// version must not say something else.
    fn new(claims: &Claims<'_>, payload: &str) -> Result<Option<Self>, Reason> {
        let span = |text: &Option<Cow<'_, str>>| text.as_ref().map(|text| Span::of(text, payload));
        let v1 = &claims.organization_v1;
        let v2 = claims.organization.as_ref();
        let is_empty = |id: &Option<Cow<'_, str>>| id.as_deref() == Some("");
        if is_empty(&v1.id) || v2.is_some_and(|v2| is_empty(&v2.id)) {
            return Err(Reason::TokenClaims);
        }
        if claims.version != Some(2) {
            if v2.is_some() {
                return Err(Reason::TokenClaims);
            }
            let Some(id) = span(&v1.id) else {
                return Ok(None);
            };
            return Ok(Some(Self {
                id,
                masks: None,
                permission_names: None,
                permissions_v1: v1
                    .permissions
                    .iter()
                    .map(|text| Span::of(text, payload))
                    .collect(),
                role: span(&v1.role),
                slug: span(&v1.slug),
            }));
        }
        let Some(v2) = v2 else {
            return if v1.id.is_some() {
                Err(Reason::TokenClaims)
            } else {
                Ok(None)
            };
        };
        let role =
            |role: &Option<Cow<'_, str>>| role.as_deref().map(without_prefix).map(str::to_owned);
        let contradicts = (v1.id.is_some() && v1.id != v2.id)
            || (v1.role.is_some() && role(&v1.role) != role(&v2.role));
        let well_formed = claims.features.as_deref().is_none_or(is_scoped_list);
        if contradicts || !well_formed {
            return Err(Reason::TokenClaims);
        }
        Ok(Some(Self {
            id: span(&v2.id).ok_or(Reason::TokenClaims)?,
            masks: span(&v2.masks),
            permission_names: span(&v2.permissions),
            permissions_v1: Vec::new(),
            role: span(&v2.role),
            slug: span(&v2.slug),
        }))
    }
}

impl<'s> Organization<'s> {
    /// The organization's id, such as `org_2abc…`.
    pub fn id(&self) -> &'s str {
        self.spans.id.text(self.payload)
    }

    /// The user's role in it without the `org:` prefix, such as `admin`.
    pub fn role(&self) -> Option<&'s str> {
        let role = self.spans.role.as_ref()?;
        Some(without_prefix(role.text(self.payload)))
    }

    /// The organization's slug.
    pub fn slug(&self) -> Option<&'s str> {
        let slug = self.spans.slug.as_ref()?;
        Some(slug.text(self.payload))
    }

    fn masks(&self) -> Option<&'s str> {
        let masks = self.spans.masks.as_ref()?;
        Some(masks.text(self.payload))
    }

    fn permission_names(&self) -> Option<&'s str> {
        let names = self.spans.permission_names.as_ref()?;
        Some(names.text(self.payload)).filter(|names| !names.is_empty())
    }

    fn permissions_v1(&self) -> impl Iterator<Item = &'s str> {
        let payload = self.payload;
        self.spans
            .permissions_v1
            .iter()
            .map(move |span| span.text(payload))
    }
}

impl Span {
    /// Remembers `text`, which was read from `payload`.
    #[expect(
        clippy::ptr_arg,
        reason = "whether the text is borrowed is the question"
    )]
    fn of(text: &Cow<'_, str>, payload: &str) -> Self {
        let at = match text {
            Cow::Borrowed(part) => {
                let start = part.as_ptr().addr().checked_sub(payload.as_ptr().addr());
                start.and_then(|start| Some(start..start.checked_add(part.len())?))
            }
            Cow::Owned(_) => None,
        };
        at.map_or_else(|| Self::Apart((**text).into()), Self::At)
    }

    /// The text again; `payload` must be the one given to [`of`](Self::of).
    fn text<'p>(&'p self, payload: &'p str) -> &'p str {
        match self {
            Self::Apart(text) => text,
            Self::At(range) => payload.get(range.clone()).unwrap_or_default(),
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("user_id", &self.user_id())
            .field("session_id", &self.session_id())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Organization<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Organization")
            .field("id", &self.id())
            .field("role", &self.role())
            .finish_non_exhaustive()
    }
}
