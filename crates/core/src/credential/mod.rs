//! The one credential a request presents, or why there is none.

mod family;

use self::family::{Family, Instance};
use crate::cookie;
use crate::reason::Reason;
use crate::request::{Field, RequestView, Value};
use crate::settings::Settings;
use crate::time::UnixTime;

/// What a request presents to say who is asking (RFC 9110 §11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Credential<'r> {
    /// Nothing.
    None,
    /// `Authorization: Bearer …` (RFC 6750 §2.1): attached by a program.
    Bearer(&'r str),
    /// The session cookie: attached by the browser, whoever made it send the request.
    Cookie {
        token: &'r str,
        /// When the browser's sign-in state last changed, as its `__client_uat` cookie says;
        /// 0 for signed out, `None` without that cookie.
        updated: Option<i64>,
    },
}

/// Finds the credential.
///
/// An `Authorization` line settles the matter: whatever is wrong with it, there is no falling
/// back to a cookie.
pub(crate) fn find<'r>(
    view: &RequestView<'r>,
    cookies: &Cookies,
    now: UnixTime,
) -> Result<Credential<'r>, Reason> {
    match view.field(Field::Authorization) {
        Value::Absent => {}
        Value::One(value) => return bearer(value).ok_or(Reason::TokenMalformed),
        Value::Repeated => return Err(Reason::AmbiguousCredential),
    }
    let names = [&*cookies.session, &*cookies.updated, SESSION, UPDATED];
    let [own_session, own_updated, session, updated] = cookie::find(view, names);
    let suffixed = Family {
        session: one(own_session)?,
        updated: one(own_updated)?,
    };
    let plain = Family {
        session: one(session)?,
        updated: one(updated)?,
    };
    let chosen = if suffixed == Family::default() {
        // Whether it is this instance's, `is_foreign` tells where verification does not.
        plain
    } else {
        cookies.instance.choose(suffixed, plain, now)
    };
    let Some(token) = chosen.session else {
        return Ok(Credential::None);
    };
    // What is no time says nothing of a sign-in.
    let time = |text: &str| text.parse().ok().filter(|at| *at > 0).unwrap_or(0);
    let updated = chosen.updated.map(time);
    Ok(Credential::Cookie { token, updated })
}

/// The names of this instance's own cookies, beside those that all instances share.
#[derive(Clone, Debug)]
pub(crate) struct Cookies {
    session: Box<str>,
    updated: Box<str>,
    instance: Instance,
}

impl Cookies {
    /// The suffix is derived from the publishable key, so that two instances on one host do not
    /// overwrite each other's cookies.
    pub(crate) fn new(settings: &Settings) -> Self {
        let suffix = settings.publishable_key().cookie_suffix();
        Self {
            session: format!("{SESSION}_{suffix}").into(),
            updated: format!("{UPDATED}_{suffix}").into(),
            instance: Instance::new(settings),
        }
    }

    /// Whether `credential` is a cookie of another instance on this host, and so none of ours.
    /// Costs a decoding: ask it about what was not verified.
    pub(crate) fn is_foreign(&self, credential: Credential<'_>) -> bool {
        match credential {
            Credential::Cookie { token, .. } => self.instance.is_foreign(token),
            Credential::Bearer(_) | Credential::None => false,
        }
    }
}

/// The value of a cookie; an empty one counts as absent, as in Clerk.
fn one(cookie: Value<'_>) -> Result<Option<&str>, Reason> {
    match cookie {
        Value::Absent => Ok(None),
        Value::One(value) => Ok(Some(value).filter(|value| !value.is_empty())),
        Value::Repeated => Err(Reason::AmbiguousCredential),
    }
}

/// `Bearer` in any case (RFC 9110 §11.1), spaces, and what is left. Whether that is of a token's
/// alphabet, which is narrower than that of `token68`, is for the verification to say.
fn bearer(value: &str) -> Option<Credential<'_>> {
    let (scheme, token) = value.split_at_checked(BEARER.len())?;
    let is_bearer = scheme.eq_ignore_ascii_case(BEARER) && token.starts_with(' ');
    is_bearer.then_some(Credential::Bearer(token.trim_matches(' ')))
}

const BEARER: &str = "bearer";

/// Clerk's session cookie on the application's own host.
const SESSION: &str = "__session";

/// When the browser's sign-in state last changed, for all hosts of the domain.
const UPDATED: &str = "__client_uat";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::testing::{LIVE, settings};

    fn check(lines: &[(&str, &str)], want: Result<Credential<'_>, Reason>) {
        let mut view = RequestView::new("GET", "/", None);
        for (name, value) in lines {
            view.header(name, value.as_bytes());
        }
        let cookies = Cookies::new(&settings(LIVE));
        let found = find(&view, &cookies, UnixTime::from_secs(1000));
        assert_eq!(found, want, "{lines:?}");
    }

    fn cookie(token: &str, updated: Option<i64>) -> Credential<'_> {
        Credential::Cookie { token, updated }
    }

    #[test]
    fn a_session_cookie_goes_with_the_update_of_its_own_family() {
        for (line, want) in [
            ("__session=a; __client_uat=7", Ok(cookie("a", Some(7)))),
            ("__session=a; __client_uat=0", Ok(cookie("a", Some(0)))),
            ("__session=a; __client_uat=x", Ok(cookie("a", Some(0)))),
            ("__session=a; __client_uat=-7", Ok(cookie("a", Some(0)))),
            ("__session=a; __client_uat=", Ok(cookie("a", None))),
            ("__session=a", Ok(cookie("a", None))),
            // A session that cannot be read makes its family count.
            (
                "__session=a; __client_uat_naoXFJnI=7",
                Ok(cookie("a", None)),
            ),
            ("__session_naoXFJnI=a; __client_uat=7", Ok(Credential::None)),
            (
                "__session_naoXFJnI=a; __client_uat_naoXFJnI=7",
                Ok(cookie("a", Some(7))),
            ),
            ("__client_uat=7", Ok(Credential::None)),
            ("__client_uat_naoXFJnI=7", Ok(Credential::None)),
            (
                "__session=a; __client_uat=7; __client_uat=8",
                Err(Reason::AmbiguousCredential),
            ),
        ] {
            check(&[("cookie", line)], want);
        }
    }

    #[test]
    fn a_bearer_token_is_read_in_one_way_only() {
        check(
            &[("authorization", "Bearer a.b.c")],
            Ok(Credential::Bearer("a.b.c")),
        );
        check(
            &[("authorization", "bearer  a.b.c ")],
            Ok(Credential::Bearer("a.b.c")),
        );
        for bad in ["", "Bearer", "a.b.c", "Basic x", "Bearer\ta", "Bearer: a"] {
            check(&[("authorization", bad)], Err(Reason::TokenMalformed));
        }
    }

    #[test]
    fn a_bad_header_never_falls_back_to_a_good_cookie() {
        check(
            &[("authorization", "Basic x"), ("cookie", "__session=a")],
            Err(Reason::TokenMalformed),
        );
        check(
            &[("authorization", ""), ("cookie", "__session=a")],
            Err(Reason::TokenMalformed),
        );
    }

    #[test]
    fn a_repeat_is_refused() {
        let two = [("authorization", "Bearer a"), ("authorization", "Bearer a")];
        check(&two, Err(Reason::AmbiguousCredential));
        check(
            &[("cookie", "__session=a; __session=a")],
            Err(Reason::AmbiguousCredential),
        );
        check(
            &[("cookie", "__session_naoXFJnI=a; __session=b; __session=b")],
            Err(Reason::AmbiguousCredential),
        );
    }

    #[test]
    fn another_suffix_is_another_cookie_and_an_empty_one_is_absent() {
        let both = "__session=a; __client_uat=7; ";
        for other in ["__session_xyz=b; __client_uat_xyz=0", "__session_naoXFJnI="] {
            let line = format!("{both}{other}");
            check(&[("cookie", &line)], Ok(cookie("a", Some(7))));
        }
        check(&[("cookie", "__session=")], Ok(Credential::None));
        check(&[], Ok(Credential::None));
    }
}
