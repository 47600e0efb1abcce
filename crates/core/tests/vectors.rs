//! Vectors that RFCs publish, through the public API. None of them is a session token.
//!
//! Signatures alone, those of Wycheproof among them, are checked beside the code.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use clerk_gate_core::{KeySet, Keyring, Reason, UnixTime, Verifier};

/// RFC 7517 §A.1: one key for encryption, one for `RS256`.
#[test]
fn of_the_example_key_set_the_rs256_key_is_usable() {
    let set = KeySet::from_json(KEY_SET.as_bytes()).unwrap();
    assert_eq!(set.kids().collect::<Vec<_>>(), ["2011-04-29"]);
    assert_eq!(
        set.skipped(),
        ["key 1 is not for verifying RS256 signatures"]
    );
}

/// RFC 7515 §A.1 to §A.5 sign one payload in five ways, `none` among them; §A.7 is JSON.
#[test]
fn the_example_tokens_are_refused_each_for_its_own_reason() {
    let key = KeySet::from_spki_der(&rsa_key()).unwrap();
    let verifier = Verifier::new("joe", Keyring::fixed(key));
    let expiry = UnixTime::from_secs(1_300_819_380);
    for (header, signature, want) in [
        (
            "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9",
            "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
            Reason::TokenAlgorithm,
        ),
        ("eyJhbGciOiJSUzI1NiJ9", RS256_SIGNATURE, Reason::TokenClaims),
        (
            "eyJhbGciOiJFUzI1NiJ9",
            "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
            Reason::TokenAlgorithm,
        ),
        (
            "eyJhbGciOiJFUzUxMiJ9",
            "AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn",
            Reason::TokenAlgorithm,
        ),
        ("eyJhbGciOiJub25lIn0", "", Reason::TokenAlgorithm),
    ] {
        let token = format!("{header}.{PAYLOAD}.{signature}");
        let found = verifier.verify_finally(&token, expiry);
        assert_eq!(found.err(), Some(want), "{token}");
    }
    let json = format!(
        r#"{{"payload":"{PAYLOAD}","protected":"eyJhbGciOiJSUzI1NiJ9","signature":"{RS256_SIGNATURE}"}}"#
    );
    let found = verifier.verify_finally(&json, expiry);
    assert_eq!(found.err(), Some(Reason::TokenMalformed));
}

/// The key of RFC 7515 §A.2 as a `SubjectPublicKeyInfo`: a fixed head, the modulus, 65537.
fn rsa_key() -> Vec<u8> {
    let mut der = STANDARD.decode(SPKI_HEAD).unwrap();
    der.extend(URL_SAFE_NO_PAD.decode(RSA_MODULUS).unwrap());
    der.extend([2, 3, 1, 0, 1]);
    der
}

const SPKI_HEAD: &str = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA";

const RSA_MODULUS: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";

const PAYLOAD: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

const RS256_SIGNATURE: &str = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";

const KEY_SET: &str = r#"{"keys":
  [
    {"kty":"EC",
     "crv":"P-256",
     "x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
     "y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
     "use":"enc",
     "kid":"1"},
    {"kty":"RSA",
     "n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
     "e":"AQAB",
     "alg":"RS256",
     "kid":"2011-04-29"}
  ]
}"#;
