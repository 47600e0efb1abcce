//! The key that verifies session tokens without a request to Clerk (Clerk, manual JWT
//! verification).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::DASHBOARD;
use super::variable::Variable;
use crate::crypto::VerifyingKey;
use crate::error::ConfigError;

/// Parses the key to the DER of its `SubjectPublicKeyInfo` and checks that it can verify.
pub(super) fn jwt_key(variable: &Variable) -> Result<Vec<u8>, ConfigError> {
    let der = spki_der(variable.text()).map_err(|problem| {
        let remedy = match problem {
            IS_PRIVATE => "write the public key, and replace this pair if others can read it here",
            _ => "write the PEM block that begins with \"-----BEGIN PUBLIC KEY-----\"",
        };
        variable.mistake(problem, remedy)
    })?;
    match VerifyingKey::from_spki_der(&der) {
        Ok(_) => Ok(der),
        Err(_) => Err(variable.mistake(
            "is not an RSA public key of 2048 to 8192 bits",
            format!("copy the JWT public key from {DASHBOARD}"),
        )),
    }
}

/// Decodes a `PUBLIC KEY` block (RFC 7468 §13), or its base64 alone. The two characters `\n`,
/// which environment files have for a line break, count as one.
fn spki_der(text: &str) -> Result<Vec<u8>, &'static str> {
    if text.contains("PRIVATE KEY") {
        return Err(IS_PRIVATE);
    }
    let lines = text.replace("\\n", "\n");
    let mut body = lines.trim();
    if body.contains("-----") {
        body = body
            .strip_prefix("-----BEGIN PUBLIC KEY-----")
            .and_then(|rest| rest.strip_suffix("-----END PUBLIC KEY-----"))
            .filter(|rest| !rest.contains("-----"))
            .ok_or("is not one PEM block of the label \"PUBLIC KEY\"")?;
    }
    let base64: String = body.split_ascii_whitespace().collect();
    let der = STANDARD.decode(base64).map_err(|_| "is not base64")?;
    if is_private(&der) {
        return Err(IS_PRIVATE);
    }
    Ok(der)
}

/// Whether this is a DER sequence that begins with a one-byte integer, its version: so begin the
/// private keys of PKCS #1, PKCS #8 and SEC 1, and no public key.
fn is_private(der: &[u8]) -> bool {
    matches!(
        der,
        [0x30, 0x82, _, _, 0x02, 0x01, ..]
            | [0x30, 0x81, _, 0x02, 0x01, ..]
            | [0x30, ..=0x7f, 0x02, 0x01, ..]
    )
}

const IS_PRIVATE: &str = "is a private key";

#[cfg(test)]
mod tests {
    use super::super::testing::{PEM_BODY, pem};
    use super::super::variable::Reader;
    use super::*;

    /// The length of the decoded key, or what is wrong.
    fn check(text: &str, expected: Result<usize, &str>) {
        let source = |_: &str| Some(text.to_owned());
        let mut reader = Reader::new(&source);
        let length = reader.read(&["KEY"], jwt_key).map(|der| der.len());
        let problems: String = reader.into_mistakes().iter().map(|m| m.problem()).collect();
        assert_eq!(length.ok_or(problems.as_str()), expected, "{text}");
    }

    #[test]
    fn one_public_key_may_be_written_in_several_ways() {
        let pem = pem();
        let one_line: String = PEM_BODY.split('\n').collect();
        for text in [
            pem.as_str(),
            pem.trim_end(),
            &pem.replace('\n', "\r\n"),
            &pem.replace('\n', "\\n"),
            &pem.replace('\n', " "),
            PEM_BODY,
            &one_line,
            &PEM_BODY.replace('\n', "\\n"),
        ] {
            check(text, Ok(294));
        }
    }

    #[test]
    fn a_private_key_is_named_as_such() {
        for text in [
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
            "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----",
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA",
            "MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSk",
            "MIIEpAIBAAKCAQEAlJLDZc4vqHqWQJAeRMi5GUu/",
            "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0w",
            "MHcCAQEEILnpVV8Ck66kIeGBVA+fvjZaDG3z/Z/X",
        ] {
            check(text, Err(IS_PRIVATE));
        }
    }

    #[test]
    fn what_cannot_verify_rs256_is_refused() {
        let label = "is not one PEM block of the label \"PUBLIC KEY\"";
        let unusable = "is not an RSA public key of 2048 to 8192 bits";
        let bits_1024 = "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDPTEUHn9D4YU0YsurF9os5h6/E\
            TQHlE46/9ei7NmOCldyY8CMKXnMdUR4OUpkdUX/q8U4YDmYnGleymP9mo95vTTJv\
            4AfnTUI9bhyXMdX67Oc+ktJL9Jnrds3NgoJ+JHMcRaZkegV/1X6qTuDpPq9UN7Nt\
            w1POT6POJb14VAi7mwIDAQAB";
        let elliptic = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE20pYNc1LkN99DasGnxgX4Nr3I//3\
            hldUAguHjN2SkPmr9WKtvsvVnRY1ixpyBmAxsdIMYqpXVHHCQvA57TgTGA==";
        // The same 2048-bit key as a bare PKCS #1 `RSAPublicKey`.
        let pkcs1: String = PEM_BODY.split('\n').collect();
        let pkcs1 = pkcs1.trim_start_matches("MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A");
        for (text, problem) in [
            (&*pem().repeat(2), label),
            (
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
                label,
            ),
            (
                "-----BEGIN RSA PUBLIC KEY-----\nAAAA\n-----END RSA PUBLIC KEY-----",
                label,
            ),
            ("-----BEGIN PUBLIC KEY-----\nAAAA", label),
            ("not base64!", "is not base64"),
            ("AAAA", unusable),
            (pkcs1, unusable),
            (bits_1024, unusable),
            (elliptic, unusable),
        ] {
            check(text, Err(problem));
        }
    }
}
