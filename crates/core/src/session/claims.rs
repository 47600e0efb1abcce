//! The claims of a session token, read strictly in one pass, borrowed from the payload.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::json::{NumericDate, Object, Strict, Text, text};
use crate::reason::Reason;

/// The claims as they stand in the token.
///
/// Every claim below has the one type that Clerk gives it; another type, a name that stands
/// twice in one object, or a date out of range makes the whole token invalid. Claims that are
/// not listed are the application's own.
#[derive(Debug, Default)]
pub(super) struct Claims<'p> {
    pub(super) actor: Option<Actor<'p>>,
    pub(super) audience: Option<Audience<'p>>,
    pub(super) authorized_party: Option<Cow<'p, str>>,
    pub(super) expires: Option<NumericDate>,
    pub(super) factor_ages: Option<[i64; 2]>,
    pub(super) features: Option<Cow<'p, str>>,
    pub(super) issued: Option<NumericDate>,
    pub(super) issuer: Option<Cow<'p, str>>,
    pub(super) not_before: Option<NumericDate>,
    pub(super) organization: Option<Organization<'p>>,
    pub(super) organization_v1: OrganizationV1<'p>,
    pub(super) plans: Option<Cow<'p, str>>,
    pub(super) session_id: Option<Cow<'p, str>>,
    pub(super) status: Option<Cow<'p, str>>,
    pub(super) subject: Option<Cow<'p, str>>,
    pub(super) token_id: Option<Cow<'p, str>>,
    pub(super) version: Option<u64>,
}

/// `o`: the active organization of a version 2 token.
#[derive(Debug, Default)]
pub(super) struct Organization<'p> {
    pub(super) id: Option<Cow<'p, str>>,
    pub(super) masks: Option<Cow<'p, str>>,
    pub(super) permissions: Option<Cow<'p, str>>,
    pub(super) role: Option<Cow<'p, str>>,
    pub(super) slug: Option<Cow<'p, str>>,
}

/// `org_…`: the active organization of a version 1 token.
#[derive(Debug, Default)]
pub(super) struct OrganizationV1<'p> {
    pub(super) id: Option<Cow<'p, str>>,
    pub(super) permissions: Vec<Cow<'p, str>>,
    pub(super) role: Option<Cow<'p, str>>,
    pub(super) slug: Option<Cow<'p, str>>,
}

/// `act`: who acts in the subject's place (RFC 8693 §4.1).
#[derive(Debug, Default)]
pub(super) struct Actor<'p> {
    pub(super) subject: Option<Cow<'p, str>>,
}

/// `aud`: one string or an array of strings (RFC 7519 §4.1.3).
#[derive(Debug)]
pub(super) enum Audience<'p> {
    One(Cow<'p, str>),
    Several(Vec<Cow<'p, str>>),
}

impl<'p> Claims<'p> {
    /// Reads the claims from the decoded payload.
    pub(super) fn parse(payload: &'p str) -> Result<Self, Reason> {
        let Strict(claims) =
            serde_json::from_str::<Strict<Self>>(payload).map_err(|_| Reason::TokenClaims)?;
        Ok(claims)
    }
}

impl<'p> Object<'p> for Claims<'p> {
    fn member<A: MapAccess<'p>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        match name {
            "act" => self.actor = object(map)?,
            "aud" => self.audience = Some(map.next_value()?),
            "azp" => self.authorized_party = text(map)?,
            "exp" => self.expires = Some(map.next_value()?),
            "fea" => self.features = text(map)?,
            "fva" => {
                let [FactorAge(first), FactorAge(second)] = map.next_value()?;
                self.factor_ages = Some([first, second]);
            }
            "iat" => self.issued = Some(map.next_value()?),
            "iss" => self.issuer = text(map)?,
            "jti" => self.token_id = text(map)?,
            "nbf" => self.not_before = Some(map.next_value()?),
            "o" => self.organization = object(map)?,
            "org_id" => self.organization_v1.id = text_or_null(map)?,
            "org_permissions" => {
                let list: Option<Vec<Text<'p>>> = map.next_value()?;
                self.organization_v1.permissions =
                    list.into_iter().flatten().map(|Text(text)| text).collect();
            }
            "org_role" => self.organization_v1.role = text_or_null(map)?,
            "org_slug" => self.organization_v1.slug = text_or_null(map)?,
            "pla" => self.plans = text(map)?,
            "sid" => self.session_id = text(map)?,
            "sts" => self.status = text(map)?,
            "sub" => self.subject = text(map)?,
            "v" => self.version = Some(map.next_value()?),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl<'p> Object<'p> for Organization<'p> {
    fn member<A: MapAccess<'p>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        match name {
            "fpm" => self.masks = text(map)?,
            "id" => self.id = text(map)?,
            "per" => self.permissions = text(map)?,
            "rol" => self.role = text(map)?,
            "slg" => self.slug = text_or_null(map)?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl<'p> Object<'p> for Actor<'p> {
    fn member<A: MapAccess<'p>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        if name == "sub" {
            self.subject = text(map)?;
        }
        Ok(name == "sub")
    }
}

impl Audience<'_> {
    /// Whether one of the members is `name`.
    pub(super) fn contains(&self, name: &str) -> bool {
        match self {
            Self::One(one) => one == name,
            Self::Several(several) => several.iter().any(|one| one == name),
        }
    }
}

impl<'p> Deserialize<'p> for Audience<'p> {
    fn deserialize<D: Deserializer<'p>>(deserializer: D) -> Result<Self, D::Error> {
        struct AudienceVisitor;

        impl<'p> Visitor<'p> for AudienceVisitor {
            type Value = Audience<'p>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or an array of strings")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'p str) -> Result<Self::Value, E> {
                Ok(Audience::One(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Audience::One(Cow::Owned(text.to_owned())))
            }

            fn visit_seq<A: SeqAccess<'p>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut several = Vec::new();
                while let Some(Text(text)) = list.next_element()? {
                    several.push(text);
                }
                Ok(Audience::Several(several))
            }
        }

        deserializer.deserialize_any(AudienceVisitor)
    }
}

/// One member of `fva`: whole minutes since a factor was verified, −1 for never.
struct FactorAge(i64);

impl<'p> Deserialize<'p> for FactorAge {
    fn deserialize<D: Deserializer<'p>>(deserializer: D) -> Result<Self, D::Error> {
        let minutes = i64::deserialize(deserializer)?;
        if minutes < -1 {
            return Err(D::Error::custom("a factor age below -1"));
        }
        Ok(Self(minutes))
    }
}

/// A value that must be an object, or `null` for none.
fn object<'p, A: MapAccess<'p>, T: Object<'p>>(map: &mut A) -> Result<Option<T>, A::Error> {
    let value: Option<Strict<T>> = map.next_value()?;
    Ok(value.map(|Strict(object)| object))
}

/// A value that must be a string, or `null` for none.
fn text_or_null<'p, A: MapAccess<'p>>(map: &mut A) -> Result<Option<Cow<'p, str>>, A::Error> {
    let value: Option<Text<'p>> = map.next_value()?;
    Ok(value.map(|Text(text)| text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(payload: &str) -> bool {
        matches!(Claims::parse(payload), Err(Reason::TokenClaims))
    }

    #[test]
    fn a_claim_of_another_type_makes_the_token_invalid() {
        for (name, wrong) in [
            ("act", r#""user_1""#),
            ("aud", "7"),
            ("aud", r#"["a",5]"#),
            ("aud", "null"),
            ("azp", "null"),
            ("azp", r#"["https://app.test"]"#),
            ("exp", r#""1800000000""#),
            ("exp", "null"),
            ("exp", "1e300"),
            ("fea", "[]"),
            ("fva", "[1]"),
            ("fva", "[1,2,3]"),
            ("fva", "[1,-2]"),
            ("fva", r#"["1",2]"#),
            ("fva", "7"),
            ("iat", "true"),
            ("iss", r#"["https://clerk.app.test"]"#),
            ("nbf", "{}"),
            ("o", "7"),
            ("o", r#"{"id":7}"#),
            ("org_permissions", r#""org:a:b""#),
            ("pla", "1"),
            ("sid", "7"),
            ("sts", "true"),
            ("sub", "7"),
            ("v", r#""2""#),
            ("v", "-2"),
        ] {
            let payload = format!("{{\"{name}\":{wrong}}}");
            assert!(refused(&payload), "{payload}");
        }
    }

    #[test]
    fn a_repeated_name_makes_the_token_invalid_at_every_level() {
        for payload in [
            r#"{"sub":"a","sub":"a"}"#,
            r#"{"sub":"a","\u0073ub":"b"}"#,
            r#"{"custom":1,"custom":1}"#,
            r#"{"o":{"id":"a","id":"b"}}"#,
            r#"{"act":{"sub":"a","sub":"b"}}"#,
        ] {
            assert!(refused(payload), "{payload}");
        }
    }

    #[test]
    fn what_is_no_object_is_no_claims() {
        for payload in ["null", "[]", "7", "\"a\"", "", "{", "{}x", "{\"a\":1,}"] {
            assert!(refused(payload), "{payload}");
        }
    }

    #[test]
    fn claims_nobody_knows_are_skipped() {
        let claims = Claims::parse(r#"{"sub":"u","x":{"sub":[1,{"sub":2}]},"y":1e999}"#);
        // An unknown number may be anything JSON allows.
        assert_eq!(claims.ok().and_then(|c| c.subject).as_deref(), Some("u"));
    }
}
