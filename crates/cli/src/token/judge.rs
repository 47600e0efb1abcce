//! What the gate makes of each part of a token, learnt by asking its own verifier.
//!
//! No check is written here. To judge one claim, a good token gets that claim, is signed with a
//! test key, and is verified with that key: what the verifier says then, it says of that claim.
//! To learn whether a claim is looked at, it gets a value that no claim of Clerk's has.

use clerk_gate_core::{Check, KeySet, Keyring, Reason, Settings, UnixTime, Verifier};
use clerk_gate_testkit::{ISSUER, ORIGIN, Signer, Token};
use serde_json::{Map, Value, json};

/// What the gate makes of one parameter or claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// It is looked at and is as it should be.
    Good,
    /// It is nothing to the gate: the application's own, or Clerk's for others.
    Ignored,
    /// It is refused.
    Refused(Reason),
    /// It cannot be judged, for want of what it is compared with.
    Unknown(&'static str),
}

/// Judges tokens of one instance at one moment.
pub(super) struct Judge<'s> {
    /// `None`: nothing is known of the instance.
    pub(super) settings: Option<&'s Settings>,
    pub(super) now: i64,
}

impl Judge<'_> {
    /// The verifier that the gate has inside, with these keys. `issuer` stands in for that of an
    /// unknown instance.
    pub(super) fn verifier(&self, issuer: &str, keyring: Keyring) -> Verifier {
        match self.settings {
            Some(settings) => {
                let origins = settings.origins().iter().map(|origin| origin.as_str());
                Verifier::new(settings.issuer(), keyring)
                    .with_authorized_parties(Check::Enforce, origins)
            }
            None => Verifier::new(issuer, keyring),
        }
    }

    /// What the gate would say if the signature were good.
    pub(super) fn whole(&self, header: &[u8], claims: &[u8]) -> Result<(), Reason> {
        let parse = |bytes| serde_json::from_slice::<Value>(bytes).unwrap_or_default();
        let (kid, issuer) = (parse(header)["kid"].take(), parse(claims)["iss"].take());
        let token = Token::session().raw_header(header).raw_payload(claims);
        self.verify(&token, kid.as_str(), issuer.as_str(), self.now)
    }

    /// What it makes of a header parameter.
    pub(super) fn parameter(&self, name: &str, value: &Value) -> Mark {
        let ask = |value: Value| {
            let kid = value.as_str().filter(|_| name == "kid").map(str::to_owned);
            let token = self.good(self.now).header(name, value);
            self.verify(&token, kid.as_deref(), None, self.now)
        };
        mark(value, ask)
    }

    /// What it makes of a claim, beside the others that it must agree with.
    pub(super) fn claim(&self, name: &str, claims: &Map<String, Value>) -> Mark {
        if self.settings.is_none() && matches!(name, "azp" | "iss") {
            return Mark::Unknown("no CLERK_PUBLISHABLE_KEY says whose tokens are good");
        }
        let value = claims.get(name).cloned().unwrap_or_default();
        mark(&value, |value| {
            let (base, at) = self.company(name, &value, claims);
            self.verify(&base.claim(name, value), None, None, at)
        })
    }

    /// A token that is good but for the claim `name`, and the moment to judge it at.
    fn company(&self, name: &str, value: &Value, claims: &Map<String, Value>) -> (Token, i64) {
        let number = value.as_i64();
        match (name, number) {
            // A life must have a beginning: the latest that is neither too long ago nor to come.
            ("exp", Some(expiry)) => {
                let issued = self.now.min(expiry.saturating_sub(LIFE));
                (self.good(self.now).claim("iat", issued), self.now)
            }
            // Whether it has ended since, the expiry says.
            ("iat", Some(issued)) => {
                let token = self.good(issued);
                (token, self.now.min(issued))
            }
            // What is said of the organization is understood together.
            _ if ORGANIZATION.contains(&name) => {
                let said = ORGANIZATION
                    .iter()
                    .filter_map(|n| Some((*n, claims.get(*n)?)));
                let base = self.good(self.now).without("v");
                let token = said.fold(base, |token, (name, value)| {
                    token.claim(name, value.clone())
                });
                (token, self.now)
            }
            _ => (self.good(self.now), self.now),
        }
    }

    /// A token without fault, issued at this moment.
    fn good(&self, issued: i64) -> Token {
        let origin = self
            .settings
            .and_then(|settings| settings.origins().first());
        Token::session()
            .claim("azp", origin.map_or(ORIGIN, |origin| origin.as_str()))
            .claim("exp", issued.saturating_add(LIFE))
            .claim("iat", issued)
            .claim("iss", self.settings.map_or(ISSUER, Settings::issuer))
            .without("nbf")
    }

    /// What the verifier says of `token`, signed with a test key that is published as `kid`.
    fn verify(
        &self,
        token: &Token,
        kid: Option<&str>,
        issuer: Option<&str>,
        at: i64,
    ) -> Result<(), Reason> {
        let signer = Signer::primary();
        let mut key = signer.jwk();
        key["kid"] = kid.unwrap_or_else(|| signer.kid()).into();
        let keys = KeySet::from_json(json!({ "keys": [key] }).to_string().as_bytes());
        let keyring = keys
            .map(Keyring::fixed)
            .map_err(|_| Reason::TokenUnknownKey)?;
        let verifier = self.verifier(issuer.unwrap_or(ISSUER), keyring);
        let verified = verifier.verify_finally(&token.sign(signer), UnixTime::from_secs(at));
        verified.map(|_| ())
    }
}

/// What `ask` says of the value, and whether it looks at it at all.
fn mark(value: &Value, ask: impl Fn(Value) -> Result<(), Reason>) -> Mark {
    let strange = [json!({ "strange": [] }), json!([[]])];
    if let Err(reason) = ask(value.clone()) {
        Mark::Refused(reason)
    } else if strange.into_iter().all(|value| ask(value).is_ok()) {
        Mark::Ignored
    } else {
        Mark::Good
    }
}

const LIFE: i64 = 60;

const ORGANIZATION: [&str; 7] = [
    "fea",
    "o",
    "org_id",
    "org_permissions",
    "org_role",
    "org_slug",
    "v",
];

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn settings() -> Settings {
        Settings::parse(&|name| match name {
            "CLERK_PUBLISHABLE_KEY" => Some("pk_live_Y2xlcmsuYXBwLnRlc3Qk".to_owned()),
            "CLERK_GATE_ORIGINS" => Some(ORIGIN.to_owned()),
            _ => None,
        })
        .unwrap()
    }

    #[track_caller]
    fn check(name: &str, claims: Value, want: Mark) {
        let settings = settings();
        let judge = Judge {
            settings: Some(&settings),
            now: NOW,
        };
        let Value::Object(claims) = claims else {
            unreachable!("claims are an object");
        };
        assert_eq!(judge.claim(name, &claims), want, "{name}");
    }

    #[test]
    fn a_claim_is_judged_by_the_verifier_and_by_itself() {
        let refused = Mark::Refused;
        check("exp", json!({ "exp": NOW + 60 }), Mark::Good);
        check(
            "exp",
            json!({ "exp": NOW - 60 }),
            refused(Reason::TokenExpired),
        );
        check(
            "exp",
            json!({ "exp": "soon" }),
            refused(Reason::TokenClaims),
        );
        check(
            "exp",
            json!({ "exp": (NOW + 60) * 1000 }),
            refused(Reason::TokenClaims),
        );
        check("iat", json!({ "iat": NOW - 3600 }), Mark::Good);
        check(
            "iat",
            json!({ "iat": NOW + 60 }),
            refused(Reason::TokenIssuedInFuture),
        );
        check("iat", json!({ "iat": null }), refused(Reason::TokenClaims));
        check(
            "nbf",
            json!({ "nbf": NOW + 60 }),
            refused(Reason::TokenNotYetValid),
        );
        check(
            "iss",
            json!({ "iss": "https://evil.test" }),
            refused(Reason::TokenIssuer),
        );
        check(
            "azp",
            json!({ "azp": "https://evil.test" }),
            refused(Reason::TokenAuthorizedParty),
        );
        check("azp", json!({ "azp": ORIGIN }), Mark::Good);
        check(
            "sts",
            json!({ "sts": "pending" }),
            refused(Reason::SessionPending),
        );
        check(
            "sub",
            json!({ "sub": "mch_1" }),
            refused(Reason::TokenSubject),
        );
        check("own", json!({ "own": [1] }), Mark::Ignored);
    }

    #[test]
    fn what_is_said_of_the_organization_is_judged_together() {
        let o = json!({ "id": "org_1", "rol": "admin" });
        check("o", json!({ "o": o, "v": 2 }), Mark::Good);
        check("o", json!({ "o": o }), Mark::Refused(Reason::TokenClaims));
        let both = json!({ "o": o, "v": 2, "org_id": "org_2" });
        check("org_id", both, Mark::Refused(Reason::TokenClaims));
        check("org_id", json!({ "org_id": "org_1" }), Mark::Good);
    }

    #[test]
    fn of_an_unknown_instance_issuer_and_party_are_not_judged() {
        let judge = Judge {
            settings: None,
            now: NOW,
        };
        let claims = json!({ "iss": "https://a.test", "azp": "https://b.test", "sub": "u" });
        let claims = claims.as_object().unwrap();
        assert!(matches!(judge.claim("iss", claims), Mark::Unknown(_)));
        assert!(matches!(judge.claim("azp", claims), Mark::Unknown(_)));
        assert_eq!(judge.claim("sub", claims), Mark::Good);
    }

    #[test]
    fn a_header_parameter_is_judged_by_the_verifier() {
        let judge = Judge {
            settings: None,
            now: NOW,
        };
        for (name, value, want) in [
            ("alg", json!("RS256"), Mark::Good),
            ("alg", json!("none"), Mark::Refused(Reason::TokenAlgorithm)),
            ("kid", json!("ins_1"), Mark::Good),
            ("crit", json!(["x"]), Mark::Refused(Reason::TokenCritical)),
            ("jku", json!("https://evil.test"), Mark::Ignored),
        ] {
            assert_eq!(judge.parameter(name, &value), want, "{name}");
        }
    }
}
