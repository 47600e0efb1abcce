//! Settings for tests.

use super::Settings;
use crate::error::ConfigErrors;

/// Parses the settings of variables with these names and values.
pub(crate) fn parse(variables: &[(&str, &str)]) -> Result<Settings, ConfigErrors> {
    Settings::parse(&|name| {
        let found = variables.iter().find(|(own, _)| *own == name);
        found.map(|(_, value)| (*value).to_owned())
    })
}

/// The least settings that a publishable key needs.
pub(crate) fn settings(publishable_key: &str) -> Settings {
    parse(&[
        ("CLERK_PUBLISHABLE_KEY", publishable_key),
        ("CLERK_GATE_ORIGINS", "https://app.example.com"),
    ])
    .unwrap()
}

/// A 2048-bit RSA public key in PEM.
pub(crate) fn pem() -> String {
    format!("-----BEGIN PUBLIC KEY-----\n{PEM_BODY}\n-----END PUBLIC KEY-----\n")
}

/// The base64 lines of [`pem`].
pub(crate) const PEM_BODY: &str = "\
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAlJLDZc4vqHqWQJAeRMi5
GUu/Ic5409/5C0lTH8H2tFn26Xg7/ugBj1Nj3AClAHhrqbTPpBZMBVRi87Bj1LJ8
AcgN2nAHNmYeoIJ12kSnNZYxmHM6DQzPs2daqQXr4k1u+O4QHiSWqrAthLrsJ4Sw
Du8VkmvDlRoGURYr4IIV/mgLAStAGfRUcOZEfBAElLsqkoFcdCNznMgFlZELbq8I
gn5XU7SG+Fz/IfpqBYTVzo3QyX2lh+Y/qK5U8Fy1QBYI6GOd4eRA90tlfoUWv3gs
5l0HIWJfARZSL34272aRinh4HkgSODxhKBS4Jb6wt/MZqYgAtcRUYXtds183Y1be
swIDAQAB";

/// The instance of `clerk.example.com`, in production.
pub(crate) const LIVE: &str = "pk_live_Y2xlcmsuZXhhbXBsZS5jb20k";

/// A development instance.
pub(crate) const TEST: &str = "pk_test_Zm9vLWJhci0xMy5jbGVyay5hY2NvdW50cy5kZXYk";
