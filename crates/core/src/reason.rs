//! Why a request is answered by the gate, and the table of all refusals: status and bytes.

use crate::reply::{Line, Mode};

/// Why a request is answered by the gate, or why it passes as anonymous.
///
/// [`code`](Self::code) goes to the audit trail. What the client sees may be coarser: every
/// fault of a token gets one and the same reply, so that differing answers tell an attacker
/// nothing about the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// Two credentials of one kind, or an `Authorization` field nobody can read one way.
    AmbiguousCredential,
    /// The audit trail could not be written, on a route that does not run unrecorded.
    AuditUnavailable,
    /// The body ended before its announced end.
    BodyIncomplete,
    /// The body is longer than the limit.
    BodyTooLarge,
    /// A cookie-borne request that can act came from a page of a foreign origin.
    CrossOrigin,
    /// An extractor ran on a request that no gate has seen.
    GateMissing,
    /// Plain HTTP in production.
    HttpsRequired,
    /// Somebody acts in the user's place, on a route that does not allow it.
    Impersonated,
    /// The content type is not JSON.
    InvalidContentType,
    /// The body is not JSON, too deep, or not of the wanted shape.
    InvalidJson,
    /// No key set could be loaded, or it is too old to trust.
    KeysUnavailable,
    /// The request target has more than one reading.
    MalformedTarget,
    /// A webhook endpoint was asked for with another method than `POST`.
    MethodNotAllowed,
    /// The session's active organization lacks the feature, or the user does.
    MissingFeature,
    /// The session lacks the permission.
    MissingPermission,
    /// The session lacks the plan.
    MissingPlan,
    /// The session lacks the role.
    MissingRole,
    /// The user has not verified a factor lately enough.
    ReverificationRequired,
    /// The list of revocations is too old to rely on: its store has not been heard for a while.
    RevocationsStale,
    /// The browser's sign-in state has changed since the token was issued.
    SessionEnded,
    /// No credential where a session is required.
    SessionRequired,
    /// A session with unfinished tasks (`sts` is `pending`).
    SessionPending,
    /// The session, its user or the membership was revoked after the token had been issued.
    SessionRevoked,
    /// The token is older than the route allows.
    SessionTooOld,
    /// A session cookie without the `__client_uat` cookie that Clerk sets beside it.
    SessionUnconfirmed,
    /// The store that remembers deliveries cannot answer, or could not record the outcome.
    StoreUnavailable,
    /// The request was rewritten between the gate's decision and the handler.
    TargetChanged,
    /// `alg` is not the algorithm of the key.
    TokenAlgorithm,
    /// `aud` names nobody here.
    TokenAudience,
    /// `azp` is not an authorized party.
    TokenAuthorizedParty,
    /// `cat` or `typ` says that this is no session token.
    TokenCategory,
    /// A claim is missing, repeated, of the wrong type or out of range.
    TokenClaims,
    /// The header has `crit`, and there is no extension that this verifier understands.
    TokenCritical,
    /// `exp` has passed.
    TokenExpired,
    /// `iat` lies in the future.
    TokenIssuedInFuture,
    /// `iss` is not this instance.
    TokenIssuer,
    /// Not a compact JWS with strict base64url and a JSON header.
    TokenMalformed,
    /// `nbf` lies in the future.
    TokenNotYetValid,
    /// The signature does not match.
    TokenSignature,
    /// `sub` is not a user.
    TokenSubject,
    /// Longer than any session token.
    TokenTooLong,
    /// No key with this `kid`.
    TokenUnknownKey,
    /// Another worker is handling this delivery.
    WebhookBusy,
    /// The handler failed, or panicked.
    WebhookHandler,
    /// The id, the timestamp or the signatures of a delivery are missing, repeated or mixed.
    WebhookHeaders,
    /// No webhook secret is set.
    WebhookSecret,
    /// No live secret has signed this delivery.
    WebhookSignature,
    /// The delivery is too old, too far in the future, or says not when it was sent.
    WebhookTimestamp,
    /// No unfinished delivery has this id.
    WebhookUnknown,
}

/// What the client gets for a [`Reason`].
pub(crate) struct Template {
    pub(crate) status: u16,
    pub(crate) extra: &'static [Line],
    pub(crate) body: &'static [u8],
    #[cfg(test)]
    pub(crate) code: &'static str,
}

/// Builds the body at compile time, so that a refusal allocates nothing.
macro_rules! template {
    ($status:literal, $words:literal, $code:literal) => {
        template!($status, $words, $code, &[])
    };
    ($status:literal, $words:literal, $code:literal, $extra:expr) => {
        const {
            &Template {
                status: $status,
                extra: $extra,
                body: concat!("{\"error\":\"", $words, "\",\"code\":\"", $code, "\"}").as_bytes(),
                #[cfg(test)]
                code: $code,
            }
        }
    };
}

impl Reason {
    /// Every reason, in the order of declaration.
    pub const ALL: &'static [Self] = &[
        Self::AmbiguousCredential,
        Self::AuditUnavailable,
        Self::BodyIncomplete,
        Self::BodyTooLarge,
        Self::CrossOrigin,
        Self::GateMissing,
        Self::HttpsRequired,
        Self::Impersonated,
        Self::InvalidContentType,
        Self::InvalidJson,
        Self::KeysUnavailable,
        Self::MalformedTarget,
        Self::MethodNotAllowed,
        Self::MissingFeature,
        Self::MissingPermission,
        Self::MissingPlan,
        Self::MissingRole,
        Self::ReverificationRequired,
        Self::RevocationsStale,
        Self::SessionEnded,
        Self::SessionPending,
        Self::SessionRequired,
        Self::SessionRevoked,
        Self::SessionTooOld,
        Self::SessionUnconfirmed,
        Self::StoreUnavailable,
        Self::TargetChanged,
        Self::TokenAlgorithm,
        Self::TokenAudience,
        Self::TokenAuthorizedParty,
        Self::TokenCategory,
        Self::TokenClaims,
        Self::TokenCritical,
        Self::TokenExpired,
        Self::TokenIssuedInFuture,
        Self::TokenIssuer,
        Self::TokenMalformed,
        Self::TokenNotYetValid,
        Self::TokenSignature,
        Self::TokenSubject,
        Self::TokenTooLong,
        Self::TokenUnknownKey,
        Self::WebhookBusy,
        Self::WebhookHandler,
        Self::WebhookHeaders,
        Self::WebhookSecret,
        Self::WebhookSignature,
        Self::WebhookTimestamp,
        Self::WebhookUnknown,
    ];

    /// The stable code of this reason, in the audit trail.
    pub const fn code(self) -> &'static str {
        match self {
            Self::AmbiguousCredential => "ambiguous-credential",
            Self::AuditUnavailable => "audit-unavailable",
            Self::BodyIncomplete => "body-incomplete",
            Self::BodyTooLarge => "body-too-large",
            Self::CrossOrigin => "cross-origin",
            Self::GateMissing => "gate-missing",
            Self::HttpsRequired => "https-required",
            Self::Impersonated => "impersonated",
            Self::InvalidContentType => "invalid-content-type",
            Self::InvalidJson => "invalid-json",
            Self::KeysUnavailable => "keys-unavailable",
            Self::MalformedTarget => "malformed-target",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::MissingFeature => "missing-feature",
            Self::MissingPermission => "missing-permission",
            Self::MissingPlan => "missing-plan",
            Self::MissingRole => "missing-role",
            Self::ReverificationRequired => "reverification-required",
            Self::RevocationsStale => "revocations-stale",
            Self::SessionEnded => "session-ended",
            Self::SessionRevoked => "session-revoked",
            Self::SessionRequired => "session-required",
            Self::SessionPending => "session-pending",
            Self::SessionTooOld => "session-too-old",
            Self::SessionUnconfirmed => "session-unconfirmed",
            Self::StoreUnavailable => "store-unavailable",
            Self::TargetChanged => "target-changed",
            Self::TokenAlgorithm => "token-algorithm",
            Self::TokenAudience => "token-audience",
            Self::TokenAuthorizedParty => "token-authorized-party",
            Self::TokenCategory => "token-category",
            Self::TokenClaims => "token-claims",
            Self::TokenCritical => "token-critical",
            Self::TokenExpired => "token-expired",
            Self::TokenIssuedInFuture => "token-issued-in-future",
            Self::TokenIssuer => "token-issuer",
            Self::TokenMalformed => "token-malformed",
            Self::TokenNotYetValid => "token-not-yet-valid",
            Self::TokenSignature => "token-signature",
            Self::TokenSubject => "token-subject",
            Self::TokenTooLong => "token-too-long",
            Self::TokenUnknownKey => "token-unknown-key",
            Self::WebhookBusy => "webhook-busy",
            Self::WebhookHandler => "webhook-handler",
            Self::WebhookHeaders => "webhook-headers",
            Self::WebhookSecret => "webhook-secret",
            Self::WebhookSignature => "webhook-signature",
            Self::WebhookTimestamp => "webhook-timestamp",
            Self::WebhookUnknown => "webhook-unknown",
        }
    }

    /// The table of all replies. The words are the guide's where it has some.
    pub(crate) const fn template(self) -> &'static Template {
        match self {
            Self::AmbiguousCredential => {
                template!(400, "Ambiguous credential", "ambiguous-credential")
            }
            Self::AuditUnavailable => {
                template!(503, "Service unavailable", "audit-unavailable", RETRY_LATER)
            }
            Self::BodyIncomplete => template!(400, "Incomplete body", "body-incomplete"),
            Self::BodyTooLarge => template!(413, "Body too large", "body-too-large"),
            Self::CrossOrigin => template!(403, "Invalid origin", "cross-origin"),
            Self::GateMissing => template!(500, "Configuration error", "gate-missing"),
            Self::HttpsRequired => template!(403, "HTTPS required", "https-required"),
            Self::Impersonated => template!(403, "Forbidden", "impersonated"),
            Self::InvalidContentType => {
                template!(400, "Invalid content type", "invalid-content-type")
            }
            Self::InvalidJson => template!(400, "Invalid JSON", "invalid-json"),
            Self::KeysUnavailable => {
                template!(503, "Service unavailable", "keys-unavailable", RETRY_LATER)
            }
            Self::MalformedTarget => template!(400, "Bad request", "malformed-target"),
            Self::MethodNotAllowed => {
                template!(405, "Method not allowed", "method-not-allowed", ALLOW_POST)
            }
            Self::MissingFeature => template!(403, "Forbidden", "missing-feature"),
            Self::MissingPermission => template!(403, "Forbidden", "missing-permission"),
            Self::MissingPlan => template!(403, "Forbidden", "missing-plan"),
            Self::MissingRole => template!(403, "Forbidden", "missing-role"),
            Self::ReverificationRequired => template!(
                403,
                "Please re-authenticate for this action",
                "reverification-required"
            ),
            Self::RevocationsStale => {
                template!(503, "Service unavailable", "revocations-stale", RETRY_LATER)
            }
            Self::SessionRevoked => {
                template!(401, "Unauthorized", "session-revoked", INVALID_TOKEN)
            }
            Self::SessionEnded => {
                template!(401, "Unauthorized", "session-ended", INVALID_TOKEN)
            }
            Self::SessionRequired => {
                template!(401, "Unauthorized", "session-required", NO_TOKEN)
            }
            Self::SessionPending => {
                template!(401, "Unauthorized", "session-pending", INVALID_TOKEN)
            }
            Self::SessionTooOld => template!(
                401,
                "Session too old, please re-authenticate",
                "session-too-old",
                INVALID_TOKEN
            ),
            Self::SessionUnconfirmed => {
                template!(401, "Unauthorized", "session-unconfirmed", INVALID_TOKEN)
            }
            Self::StoreUnavailable => {
                template!(503, "Service unavailable", "store-unavailable", RETRY_LATER)
            }
            Self::TargetChanged => template!(500, "Configuration error", "target-changed"),
            Self::TokenAlgorithm
            | Self::TokenAudience
            | Self::TokenAuthorizedParty
            | Self::TokenCategory
            | Self::TokenClaims
            | Self::TokenCritical
            | Self::TokenExpired
            | Self::TokenIssuedInFuture
            | Self::TokenIssuer
            | Self::TokenMalformed
            | Self::TokenNotYetValid
            | Self::TokenSignature
            | Self::TokenSubject
            | Self::TokenTooLong
            | Self::TokenUnknownKey => {
                template!(401, "Unauthorized", "invalid-token", INVALID_TOKEN)
            }
            Self::WebhookBusy => {
                template!(409, "Delivery in progress", "webhook-busy", RETRY_LATER)
            }
            Self::WebhookHandler => template!(500, "Handler failed", "webhook-handler"),
            Self::WebhookHeaders => template!(400, "Missing svix headers", "webhook-headers"),
            Self::WebhookSecret => template!(500, "Configuration error", "webhook-secret"),
            Self::WebhookSignature | Self::WebhookTimestamp => {
                template!(400, "Invalid signature", "webhook-signature")
            }
            Self::WebhookUnknown => template!(404, "Unknown delivery", "webhook-unknown"),
        }
    }

    /// Whether a page may send the user to the sign-in page for this.
    pub(crate) const fn wants_sign_in(self) -> bool {
        self.template().status == 401
    }

    /// Whether this is the user's lack of rights rather than of a session.
    pub(crate) const fn is_missing_right(self) -> bool {
        matches!(
            self,
            Self::Impersonated
                | Self::MissingFeature
                | Self::MissingPermission
                | Self::MissingPlan
                | Self::MissingRole
                | Self::ReverificationRequired
        )
    }
}

/// RFC 9110 §10.2.3: our outages end by themselves or by an operator's hand, soon.
const RETRY_LATER: &[Line] = &[Line::fixed("retry-after", "5", Mode::Overriding)];

/// RFC 9110 §15.5.6: a 405 names what is allowed.
const ALLOW_POST: &[Line] = &[Line::fixed("allow", "POST", Mode::Overriding)];

/// RFC 6750 §3: no error code when the request carried no credential.
const NO_TOKEN: &[Line] = &[Line::fixed("www-authenticate", "Bearer", Mode::Overriding)];

/// RFC 6750 §3.1: `invalid_token` covers expired, revoked and malformed tokens alike.
const INVALID_TOKEN: &[Line] = &[Line::fixed(
    "www-authenticate",
    "Bearer error=\"invalid_token\"",
    Mode::Overriding,
)];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_code_is_unique_and_made_of_lower_case_words() {
        let codes: HashSet<_> = Reason::ALL.iter().map(|r| r.code()).collect();
        assert_eq!(codes.len(), Reason::ALL.len());
        for code in codes {
            assert!(
                code.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'),
                "{code}"
            );
        }
    }

    #[test]
    fn a_reply_names_its_own_reason_or_the_one_of_all_token_faults() {
        for reason in Reason::ALL {
            let told = reason.template().code;
            assert!(
                told == reason.code()
                    || (told == "invalid-token" && reason.code().starts_with("token-"))
                    || (told == "webhook-signature" && *reason == Reason::WebhookTimestamp),
                "{reason:?} answers {told}"
            );
        }
    }
}
