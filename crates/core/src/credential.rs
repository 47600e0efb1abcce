//! The one credential a request presents, or why there is none.

use crate::cookie;
use crate::reason::Reason;
use crate::request::{Field, RequestView, Value};

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
        /// When the browser's sign-in state last changed, if its `__client_uat` cookie says so;
        /// 0 for signed out.
        updated: Option<i64>,
    },
}

/// Finds the credential.
///
/// An `Authorization` line settles the matter: whatever is wrong with it, there is no falling
/// back to a cookie. Of the two cookie names the suffixed one, which belongs to this instance
/// alone, goes first.
pub(crate) fn find<'r>(
    view: &RequestView<'r>,
    cookies: &CookieNames,
) -> Result<Credential<'r>, Reason> {
    match view.field(Field::Authorization) {
        Value::Absent => {}
        Value::One(value) => return bearer(value).ok_or(Reason::TokenMalformed),
        Value::Repeated => return Err(Reason::AmbiguousCredential),
    }
    let suffixed = one_cookie(view, &cookies.session)?;
    let plain = one_cookie(view, SESSION)?;
    let (token, updated) = match (suffixed, plain) {
        (Some(token), _) => (token, &*cookies.updated),
        (None, Some(token)) => (token, UPDATED),
        (None, None) => return Ok(Credential::None),
    };
    // What is no number says nothing of a sign-in.
    let updated = one_cookie(view, updated)?.map(|text| text.parse().unwrap_or(0));
    Ok(Credential::Cookie { token, updated })
}

/// The names of this instance's own cookies, beside those that all instances share.
#[derive(Clone, Debug)]
pub(crate) struct CookieNames {
    session: Box<str>,
    updated: Box<str>,
}

impl CookieNames {
    /// `suffix` is derived from the publishable key, so that two instances on one host do not
    /// overwrite each other's cookies.
    pub(crate) fn new(suffix: &str) -> Self {
        Self {
            session: format!("{SESSION}_{suffix}").into(),
            updated: format!("{UPDATED}_{suffix}").into(),
        }
    }
}

/// The value of a cookie; an empty one counts as absent, as in Clerk.
fn one_cookie<'r>(view: &RequestView<'r>, name: &str) -> Result<Option<&'r str>, Reason> {
    match cookie::find(view, name) {
        Value::Absent => Ok(None),
        Value::One(value) => Ok(Some(value).filter(|value| !value.is_empty())),
        Value::Repeated => Err(Reason::AmbiguousCredential),
    }
}

/// `Bearer` in any case (RFC 9110 §11.1), spaces, and one `token68`.
fn bearer(value: &str) -> Option<Credential<'_>> {
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim_matches(' ');
    let token68 = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b);
    let well_formed =
        scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && token.bytes().all(token68);
    well_formed.then_some(Credential::Bearer(token))
}

/// Clerk's session cookie on the application's own host.
const SESSION: &str = "__session";

/// When the browser's sign-in state last changed, for all hosts of the domain.
const UPDATED: &str = "__client_uat";

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lines: &[(&str, &str)], want: Result<Credential<'_>, Reason>) {
        let mut view = RequestView::new("GET", "/", None);
        for (name, value) in lines {
            view.header(name, value.as_bytes());
        }
        assert_eq!(find(&view, &CookieNames::new("abc")), want, "{lines:?}");
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
            ("__session=a; __client_uat=", Ok(cookie("a", None))),
            ("__session=a; __client_uat_abc=7", Ok(cookie("a", None))),
            ("__session_abc=a; __client_uat=7", Ok(cookie("a", None))),
            (
                "__session_abc=a; __client_uat_abc=7",
                Ok(cookie("a", Some(7))),
            ),
            ("__client_uat=7", Ok(Credential::None)),
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
        for bad in [
            "",
            "Bearer",
            "Bearer ",
            "a.b.c",
            "Basic x",
            "Bearer a b",
            "Bearer a,b",
            "Bearer\ta",
            "Bearer \"a\"",
            "Bearer á",
            "Bearer Bearer a",
        ] {
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
            &[("cookie", "__session_abc=a; __session=b; __session=b")],
            Err(Reason::AmbiguousCredential),
        );
    }

    #[test]
    fn the_suffixed_cookie_goes_first_and_an_empty_one_is_absent() {
        check(
            &[("cookie", "__session=a; __session_abc=b")],
            Ok(cookie("b", None)),
        );
        check(
            &[("cookie", "__session=a; __session_xyz=b")],
            Ok(cookie("a", None)),
        );
        check(
            &[("cookie", "__session=a; __session_abc=")],
            Ok(cookie("a", None)),
        );
        check(&[("cookie", "__session=")], Ok(Credential::None));
        check(&[], Ok(Credential::None));
    }
}
