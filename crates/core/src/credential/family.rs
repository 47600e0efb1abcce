//! Which of two families of cookies a browser means: those of this instance alone, whose names
//! have a suffix, or the plain ones, which all instances on a host share.

use serde_json::Value;

use crate::session::Unverified;
use crate::settings::{InstanceKind, Settings};
use crate::time::UnixTime;

/// The cookies of one family, as sent; an empty one counts as absent, as in Clerk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Family<'r> {
    /// `__session`.
    pub(super) session: Option<&'r str>,
    /// `__client_uat`: when the browser's sign-in state last changed.
    pub(super) updated: Option<&'r str>,
}

/// What tells this instance's tokens from others' before they are verified.
#[derive(Clone, Debug)]
pub(super) struct Instance {
    frontend_api: Box<str>,
    is_production: bool,
}

impl Instance {
    pub(super) fn new(settings: &Settings) -> Self {
        let key = settings.publishable_key();
        Self {
            frontend_api: key.frontend_api().into(),
            is_production: key.kind() == InstanceKind::Production,
        }
    }

    /// The family that counts, by Clerk's own rules (`usesSuffixedCookies` in `@clerk/backend`).
    ///
    /// Nothing is verified here: the tokens only say which of them is read. Whoever can plant
    /// cookies can steer the choice, and gains nothing, for what is chosen is verified.
    pub(super) fn choose<'r>(
        &self,
        suffixed: Family<'r>,
        plain: Family<'r>,
        now: UnixTime,
    ) -> Family<'r> {
        // The usual case. Neither choice could make a difference, so no token is decoded.
        if suffixed == plain {
            return suffixed;
        }
        if self.means_suffixed(suffixed, plain, now) {
            suffixed
        } else {
            plain
        }
    }

    fn means_suffixed(&self, suffixed: Family<'_>, plain: Family<'_>, now: UnixTime) -> bool {
        let plain_token = plain.session.map(Unverified::read);
        if let Some(token) = &plain_token {
            match token.as_ref().map(|token| self.origin_of(token)) {
                None | Some(Issuer::Absent) => return false,
                Some(Issuer::Foreign) => return true,
                Some(Issuer::Own) => {}
            }
        }
        if suffixed == Family::default() {
            return false;
        }
        let suffixed_token = suffixed.session.and_then(Unverified::read);
        let issued = |token: &Option<Unverified>| token.as_ref().map_or(0.0, Unverified::issued);
        let signed_out = |family: Family<'_>| family.updated == Some("0");
        let newer = issued(&plain_token.flatten()) > issued(&suffixed_token);
        // In development an application that changes its SDK can leave old cookies behind.
        let expired = |token: &Unverified| !self.is_production && token.has_expired(now);
        let means_plain = match (signed_out(suffixed), signed_out(plain)) {
            (false, false) => newer,
            (false, true) => suffixed_token.as_ref().is_some_and(expired),
            (true, false) => true,
            (true, true) => false,
        };
        let unconfirmed = suffixed.session.is_some() && suffixed.updated.is_none();
        !means_plain && !unconfirmed
    }

    /// Whether `token` says that another instance has issued it.
    pub(super) fn is_foreign(&self, token: &str) -> bool {
        Unverified::read(token).is_some_and(|token| self.origin_of(&token) == Issuer::Foreign)
    }

    fn origin_of(&self, token: &Unverified) -> Issuer {
        match token.issuer() {
            // What JavaScript takes for false.
            None | Some(Value::Null | Value::Bool(false)) => Issuer::Absent,
            Some(Value::String(text)) if text.is_empty() => Issuer::Absent,
            Some(Value::Number(number)) if number.as_f64() == Some(0.0) => Issuer::Absent,
            Some(Value::String(text)) => {
                let host = text.replace("https://", "").replace("http://", "");
                if host == *self.frontend_api {
                    Issuer::Own
                } else {
                    Issuer::Foreign
                }
            }
            Some(_) => Issuer::Foreign,
        }
    }
}

/// Who has issued a token, as it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Issuer {
    Absent,
    Foreign,
    Own,
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::json;

    use super::*;

    fn token(claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.AA", part(&json!({"alg": "RS256"})), part(claims))
    }

    fn own(issued: i64) -> String {
        token(&json!({"iss": "https://clerk.app.test", "iat": issued, "exp": issued + 60}))
    }

    fn instance(is_production: bool) -> Instance {
        Instance {
            frontend_api: "clerk.app.test".into(),
            is_production,
        }
    }

    fn family<'r>(session: Option<&'r str>, updated: Option<&'r str>) -> Family<'r> {
        Family { session, updated }
    }

    #[track_caller]
    fn check(production: bool, suffixed: Family<'_>, plain: Family<'_>, want_suffixed: bool) {
        let means = instance(production).means_suffixed(suffixed, plain, UnixTime::from_secs(1000));
        assert_eq!(means, want_suffixed, "{suffixed:?} {plain:?}");
        let chosen = instance(production).choose(suffixed, plain, UnixTime::from_secs(1000));
        let want = if want_suffixed { suffixed } else { plain };
        assert_eq!(chosen, want, "{suffixed:?} {plain:?}");
    }

    #[test]
    fn a_plain_token_that_cannot_be_read_or_names_no_issuer_counts() {
        let own = own(990);
        let good = family(Some(&own), Some("900"));
        for odd in [
            "x",
            "a.b",
            "..",
            &token(&json!({})),
            &token(&json!({"iss": ""})),
            &token(&json!({"iss": null})),
            &token(&json!({"iss": 0})),
            &token(&json!({"iss": false})),
            &token(&json!([])),
        ] {
            check(true, good, family(Some(odd), Some("900")), false);
        }
    }

    #[test]
    fn a_plain_token_of_another_instance_does_not_count() {
        let good = own(990);
        for iss in [
            json!("https://clerk.other.test"),
            json!("https://clerk.app.test/"),
            json!("https://clerk.app.test:444"),
            json!("HTTPS://clerk.app.test"),
            json!(["https://clerk.app.test"]),
            json!(7),
            json!(true),
        ] {
            let odd = token(&json!({"iss": iss, "iat": 999}));
            let plain = family(Some(&odd), Some("900"));
            check(true, family(Some(&good), Some("900")), plain, true);
            check(true, Family::default(), plain, true);
            assert!(instance(true).is_foreign(&odd), "{iss}");
        }
        for iss in ["http://clerk.app.test", "clerk.app.test"] {
            let odd = token(&json!({"iss": iss, "iat": 999}));
            check(true, Family::default(), family(Some(&odd), None), false);
            assert!(!instance(true).is_foreign(&odd), "{iss}");
        }
    }

    #[test]
    fn without_suffixed_cookies_the_plain_ones_count() {
        let own = own(990);
        for updated in [None, Some("0"), Some("900")] {
            check(true, Family::default(), family(Some(&own), updated), false);
            let nothing = family(None, updated);
            let means = instance(true).means_suffixed(
                Family::default(),
                nothing,
                UnixTime::from_secs(1000),
            );
            assert!(!means, "{updated:?}");
        }
    }

    #[test]
    fn the_newer_session_counts_where_nobody_has_signed_out() {
        let (old, new) = (own(980), own(990));
        for (suffixed_uat, plain_uat) in [
            (Some("900"), Some("900")),
            (Some("900"), None),
            (Some("x"), Some("900")),
        ] {
            let suffixed = |token| family(Some(token), suffixed_uat);
            let plain = |token| family(Some(token), plain_uat);
            check(true, suffixed(&old), plain(&new), false);
            check(true, suffixed(&new), plain(&old), true);
            check(true, suffixed("odd"), plain(&old), false);
        }
        check(
            true,
            family(None, Some("900")),
            family(Some(&new), Some("900")),
            false,
        );
        let ageless = token(&json!({"iss": "https://clerk.app.test"}));
        check(
            true,
            family(Some(&ageless), Some("900")),
            family(Some("x"), Some("900")),
            false,
        );
        check(
            true,
            family(Some(&old), Some("900")),
            family(None, Some("900")),
            true,
        );
    }

    #[test]
    fn signing_out_of_one_family_makes_the_other_count() {
        let (old, new) = (own(980), own(990));
        check(
            true,
            family(Some(&new), Some("0")),
            family(Some(&old), Some("900")),
            false,
        );
        check(
            true,
            family(None, Some("0")),
            family(None, Some("900")),
            false,
        );
        check(true, family(None, Some("0")), family(None, None), false);
        // In production the suffixed family counts for as long as it is signed in.
        check(
            true,
            family(Some(&old), Some("900")),
            family(Some(&new), Some("0")),
            true,
        );
        check(
            true,
            family(Some(&old), Some("0")),
            family(Some(&new), Some("0")),
            true,
        );
    }

    #[test]
    fn in_development_an_expired_suffixed_session_gives_way() {
        let (live, expired) = (own(990), own(940));
        let plain = family(None, Some("0"));
        check(false, family(Some(&expired), Some("900")), plain, false);
        check(true, family(Some(&expired), Some("900")), plain, true);
        check(false, family(Some(&live), Some("900")), plain, true);
        check(false, family(Some("odd"), Some("900")), plain, true);
    }

    #[test]
    fn a_suffixed_session_without_its_update_does_not_count() {
        let own = own(990);
        check(true, family(Some(&own), None), family(None, None), false);
        check(
            true,
            family(Some(&own), None),
            family(None, Some("900")),
            false,
        );
        check(true, family(None, Some("900")), family(None, None), true);
    }
}
