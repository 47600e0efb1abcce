//! Reading JSON objects strictly: no member twice, no text copied without need.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};

/// A JSON object with members that are known and members that are skipped.
pub(super) trait Object<'de>: Default {
    /// Reads the value of the member `name` and returns `true`, or leaves both alone.
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error>;
}

/// An [`Object`] read strictly: no name twice, whether known or not.
#[derive(Debug)]
pub(super) struct Strict<T>(pub(super) T);

impl<'de, T: Object<'de>> Deserialize<'de> for Strict<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(PhantomData<T>);

        impl<'de, T: Object<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = Strict<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut object = T::default();
                let mut names = Names::new();
                while let Some(Text(name)) = map.next_key()? {
                    names.add(&name)?;
                    if !object.member(&name, &mut map)? {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(Strict(object))
            }
        }

        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

/// The member names of an object that were seen so far.
///
/// JSON leaves open what a repeated name means (RFC 8259 §4); RFC 7515 §4 and RFC 7519 §4 let
/// a verifier refuse it, and we do, for names we know and for names we do not know alike.
/// Names are held as hashes: two different names that collide are refused together, which only
/// the signer of a token could bring about.
#[derive(Debug)]
struct Names {
    seen: [u64; MAX_MEMBERS],
    count: usize,
}

impl Names {
    const fn new() -> Self {
        Self {
            seen: [0; MAX_MEMBERS],
            count: 0,
        }
    }

    /// Adds `name`; an error if it was there, or if there are more names than any token has.
    fn add<E: Error>(&mut self, name: &str) -> Result<(), E> {
        let hash = fnv1a(name);
        let (seen, free) = self.seen.split_at_mut(self.count);
        match free.first_mut() {
            Some(slot) if !seen.contains(&hash) => {
                *slot = hash;
                self.count = self.count.saturating_add(1);
                Ok(())
            }
            Some(_) => Err(E::custom("a member name is repeated")),
            None => Err(E::custom("too many members")),
        }
    }
}

/// A value that must be a string.
pub(super) fn text<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Option<Cow<'de, str>>, A::Error> {
    Ok(Some(map.next_value::<Text<'de>>()?.0))
}

/// A JSON string: borrowed from the input unless it has escapes.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Text<'de>(pub(super) Cow<'de, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;

        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(TextVisitor)
    }
}

/// A NumericDate (RFC 7519 §2): seconds since the epoch, as a JSON number between 0 and the end
/// of the year 9999. Fractions are kept by rounding both ways, so that the caller can take the
/// stricter one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NumericDate {
    pub(super) floor: i64,
    pub(super) ceil: i64,
}

impl<'de> Deserialize<'de> for NumericDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct DateVisitor;

        impl Visitor<'_> for DateVisitor {
            type Value = NumericDate;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("seconds between 0 and the end of the year 9999")
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<NumericDate, E> {
                let seconds = i64::try_from(value).unwrap_or(i64::MAX);
                self.visit_i64(seconds)
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<NumericDate, E> {
                if (0..=LAST_SECOND).contains(&value) {
                    Ok(NumericDate {
                        floor: value,
                        ceil: value,
                    })
                } else {
                    Err(E::custom("a date out of range"))
                }
            }

            #[expect(
                clippy::cast_possible_truncation,
                reason = "the range is checked first, and lies within the exact integers of f64"
            )]
            fn visit_f64<E: Error>(self, value: f64) -> Result<NumericDate, E> {
                // NaN and the infinities fail this comparison too.
                if (0.0..=253_402_300_799.0).contains(&value) {
                    Ok(NumericDate {
                        floor: value.floor() as i64,
                        ceil: value.ceil() as i64,
                    })
                } else {
                    Err(E::custom("a date out of range"))
                }
            }
        }

        // `deserialize_f64` takes integers as well and stays a number under serde_json's
        // `arbitrary_precision`, which another crate may switch on.
        deserializer.deserialize_f64(DateVisitor)
    }
}

/// FNV-1a, 64 bit: short names, no need for secrecy.
fn fnv1a(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Clerk's own claims are below twenty; custom claims share a cookie of 4 KB with them.
const MAX_MEMBERS: usize = 96;

/// 9999-12-31T23:59:59Z.
const LAST_SECOND: i64 = 253_402_300_799;

#[cfg(test)]
mod tests {
    use super::*;

    fn date(json: &str) -> Option<(i64, i64)> {
        let date: Result<NumericDate, _> = serde_json::from_str(json);
        date.ok().map(|d| (d.floor, d.ceil))
    }

    #[test]
    fn dates_are_finite_numbers_in_range() {
        for (json, want) in [
            ("0", Some((0, 0))),
            ("1800000000", Some((1_800_000_000, 1_800_000_000))),
            ("1800000000.0", Some((1_800_000_000, 1_800_000_000))),
            ("1800000000.5", Some((1_800_000_000, 1_800_000_001))),
            ("1.8e9", Some((1_800_000_000, 1_800_000_000))),
            ("253402300799", Some((253_402_300_799, 253_402_300_799))),
            ("253402300800", None),
            ("-1", None),
            ("-0.5", None),
            ("1e300", None),
            ("-1e300", None),
            ("1e999", None),
            ("18446744073709551615", None),
            ("99999999999999999999999999", None),
            ("\"1800000000\"", None),
            ("null", None),
            ("true", None),
            ("[1800000000]", None),
        ] {
            assert_eq!(date(json), want, "{json}");
        }
    }

    #[test]
    fn a_repeated_name_is_an_error_and_so_is_one_too_many() {
        let mut names = Names::new();
        let mut add = |name: &str| names.add::<serde_json::Error>(name).is_ok();
        assert!(add("a"));
        assert!(!add("a"));
        for n in 1..MAX_MEMBERS {
            assert!(add(&n.to_string()), "{n}");
        }
        assert!(!add("one too many"));
    }
}
