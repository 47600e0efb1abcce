//! What holds for every input: nothing panics, no spelling of a path opens it, and only what is
//! signed is a session.

mod support;

use std::sync::LazyLock;

use clerk_gate_core::{
    Access, CspSource, Gate, JsonLimits, KeySet, Keyring, Origin, Policy, PolicyBuilder,
    RequestView, Requirement, Settings, UnixTime, Verifier,
};
use clerk_gate_testkit::{ISSUER, NOW, Signer, Token, key_set};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::RngSeed;
use serde_json::{Value, json};

use self::support::{builder, request, summary};

/// The same inputs on every run.
fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(20_270_115),
        ..ProptestConfig::with_cases(cases)
    }
}

/// An application whose only public paths are `/` and those below `/public`.
static CLOSED: LazyLock<Gate> = LazyLock::new(|| gate(policy()));

/// An application that closes `/admin` alone.
static OPEN: LazyLock<Gate> = LazyLock::new(|| gate(policy().dangerous_public_by_default()));

fn policy() -> PolicyBuilder {
    Policy::builder()
        .public("/")
        .public("/public/{*rest}")
        .require("/admin/{*rest}", Requirement::role("org:admin"))
}

fn gate(policy: PolicyBuilder) -> Gate {
    builder(policy).without_pages().build().unwrap()
}

fn verifier() -> Verifier {
    let keys = KeySet::from_json(key_set(&[Signer::primary()]).as_bytes());
    Verifier::new(ISSUER, Keyring::fixed(keys.unwrap()))
}

/// Whether nobody gets to `path` without a credential.
fn is_guarded(gate: &Gate, path: &str) -> bool {
    let explained = gate.explain("GET", path);
    let closed = !matches!(explained.access(), Some(Access::Public | Access::Static));
    let answered = summary(&gate.decide(&request("GET", path, &[])));
    assert_eq!(closed, answered != "proceed", "{path}");
    closed
}

/// Whether any router could take `path` for one below `/admin`: routers decode not at all, once
/// or twice, stop at a delimiter or do not, take a backslash for a slash or do not, drop empty
/// segments and resolve dots.
fn reads_as_admin(path: &str) -> bool {
    let once = decode(path);
    let twice = decode(&once);
    [path, &once, &twice].into_iter().any(|text| {
        let cut = text.split(['?', '#', '\0']).next().unwrap();
        let ways: [&[char]; 2] = [&['/'], &['/', '\\']];
        let mut readings = ways.into_iter().flat_map(|separators| {
            [text, cut].map(|text| {
                let mut segments = Vec::new();
                for segment in text.split(separators) {
                    match segment {
                        "" | "." => {}
                        ".." => drop(segments.pop()),
                        name => segments.push(name),
                    }
                }
                segments
            })
        });
        readings.any(|segments| segments.first() == Some(&"admin"))
    })
}

/// Decodes what can be decoded and leaves the rest.
fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escape = tail.get(..2).filter(|_| *first == b'%');
        let digits = escape.and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = byte.map_or(tail, |_| &tail[2..]);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// One spelling of a character: mostly itself, sometimes escaped once or twice.
fn spelled(character: char) -> impl Strategy<Value = String> {
    let code = u32::from(character);
    prop_oneof![
        8 => Just(character.to_string()),
        1 => Just(format!("%{code:02x}")),
        1 => Just(format!("%{code:02X}")),
        1 => Just(format!("%25{code:02x}")),
    ]
}

/// `/admin`, mostly with something odd before it, inside it or behind it.
fn admin() -> impl Strategy<Value = String> {
    let name: Vec<_> = "admin".chars().map(spelled).collect();
    let parts = (
        rarely(BEFORE, ""),
        rarely(SLASHES, "/"),
        name,
        rarely(BEHIND, ""),
    );
    parts.prop_map(|(before, slash, name, behind)| {
        format!("{before}{slash}{}{behind}", name.concat())
    })
}

/// Sometimes one of `odd`, otherwise `plain`.
fn rarely(odd: &'static [&str], plain: &'static str) -> impl Strategy<Value = &'static str> {
    prop_oneof![2 => Just(plain), 1 => select(odd)]
}

/// Any text made of what paths are spelled with.
fn fragments() -> impl Strategy<Value = String> {
    vec(select(FRAGMENTS), 1..9).prop_map(|fragments| fragments.concat())
}

proptest! {
    #![proptest_config(config(4000))]

    #[test]
    fn no_spelling_of_a_closed_path_opens_it(path in prop_oneof![admin(), fragments()]) {
        if reads_as_admin(&path) {
            prop_assert!(is_guarded(&OPEN, &path), "{path}");
        }
        if reads_as_admin(&path.to_lowercase()) {
            prop_assert!(is_guarded(&CLOSED, &path), "{path}");
        }
    }

}

proptest! {
    #![proptest_config(config(400))]

    #[test]
    fn whatever_is_sent_only_public_paths_answer_without_a_session(
        method in prop_oneof![any::<String>(), select(vec!["GET", "POST", "OPTIONS"]).prop_map(str::to_owned)],
        path in prop_oneof![any::<String>(), fragments(), "/[a-z%/.]{0,12}"],
        query in any::<Option<String>>(),
        lines in vec((select(HEADERS), prop_oneof![vec(any::<u8>(), 0..40), header_value()]), 0..12),
    ) {
        let gate = builder(policy().public("/sign-in").public("/unauthorized"));
        let gate = gate.build().unwrap();
        let mut request = RequestView::new(&method, &path, query.as_deref());
        for (name, value) in &lines {
            request.header(name, value);
        }
        let request = request.with_tls(true);
        let explained = gate.explain(&method, &path);
        let public = matches!(explained.access(), Some(Access::Public));
        let proceeds = summary(&gate.decide(&request)) == "proceed";
        prop_assert!(public || !proceeds);
        prop_assert!(!explained.to_string().chars().any(char::is_control));
    }

    #[test]
    fn a_token_with_any_change_is_no_session(
        place in any::<Index>(),
        length in 0_usize..3,
        text in "[A-Za-z0-9_.=-]{0,3}",
    ) {
        let token = Token::session().sign(Signer::primary());
        let start = place.index(token.len());
        let end = (start + length).min(token.len());
        let mut changed = token.clone();
        changed.replace_range(start..end, &text);
        let verified = verifier().verify_finally(&changed, NOW);
        prop_assert_eq!(verified.is_ok(), changed == token);
    }

    #[test]
    fn no_text_is_a_token_by_chance(text in prop_oneof![any::<String>(), "[A-Za-z0-9_-]{0,40}[.][A-Za-z0-9_-]{0,40}[.][A-Za-z0-9_-]{0,40}"]) {
        prop_assert!(verifier().verify_finally(&text, NOW).is_err());
    }

    #[test]
    fn times_are_compared_without_overflow(
        [expires, issued, not_before] in [time(), time(), time()],
        now in time(),
        leeway in any::<i64>(),
    ) {
        let token = Token::session()
            .claim("exp", expires)
            .claim("iat", issued)
            .claim("nbf", not_before);
        let token = token.sign(Signer::primary());
        let verifier = verifier().with_leeway(leeway);
        let leeway = i128::from(leeway.clamp(0, 60));
        let [exp, iat, nbf, at] = [expires, issued, not_before, now].map(i128::from);
        let in_range = [exp, iat, nbf].iter().all(|time| (0..=253_402_300_799).contains(time));
        let want = in_range
            && (0..=172_800).contains(&(exp - iat))
            && exp > at - leeway
            && iat <= at + leeway
            && nbf <= at + leeway;
        let verified = verifier.verify_finally(&token, UnixTime::from_secs(now));
        prop_assert_eq!(verified.is_ok(), want);
    }

    #[test]
    fn signed_claims_of_any_shape_are_a_session_or_a_refusal(
        name in select(CLAIMS),
        value in prop_oneof![
            any::<String>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            vec(any::<String>(), 0..3).prop_map(Value::from),
            "[ou]?:?[a-z,: ]{0,12}".prop_map(Value::from),
            "[0-9,. -]{0,60}".prop_map(Value::from),
        ],
    ) {
        let organization = json!({ "id": "org_1", "per": "a,b", "fpm": "3,1" });
        let token = Token::session().claim("fea", "o:x,u:y,o:z").claim("o", organization.clone());
        let token = match name.strip_prefix("o.") {
            Some(member) => {
                let mut organization = organization;
                organization[member] = value;
                token.claim("o", organization)
            }
            None => token.claim(name, value),
        };
        if let Ok(session) = verifier().verify_finally(&token.sign(Signer::primary()), NOW) {
            prop_assert!(session.user_id() != "" && session.session_id() != "");
            for permission in session.permissions() {
                prop_assert!(session.has_permission(&permission), "{permission}");
            }
        }
    }

    #[test]
    fn every_parser_is_total(text in any::<String>(), bytes in vec(any::<u8>(), 0..80)) {
        let _ = Origin::parse(&text);
        let _ = CspSource::host(&text);
        let _ = CspSource::hash(&text);
        let _ = KeySet::from_json(&bytes);
        let _ = KeySet::from_spki_der(&bytes);
        let _ = JsonLimits::default().parse::<Value>(&bytes);
        let _ = Settings::parse(&|_| Some(text.clone()));
        let _ = Policy::builder().public(text.clone()).public(format!("/{text}")).build();
        let _ = builder(policy()).with_pages(text.clone(), format!("/{text}")).build();
    }
}

#[test]
fn plain_spellings_are_not_refused() {
    for path in ["/admin", "/admin/", "/admin/x", "/admin/a%20b"] {
        assert!(reads_as_admin(path));
        let rule = OPEN
            .explain("GET", path)
            .rule()
            .map(|rule| rule.pattern().to_owned());
        assert_eq!(rule.as_deref(), Some("/admin/{*rest}"));
    }
    for path in ["/", "/public", "/public/x", "/public/x.css"] {
        assert!(!reads_as_admin(path));
        assert!(!is_guarded(&CLOSED, path));
    }
}

/// Times near the present, near the ends of what a date can be, and anywhere.
fn time() -> impl Strategy<Value = i64> {
    let now = NOW.as_secs();
    prop_oneof![
        6 => now - 130..now + 130,
        1 => now - 172_900..now + 172_900,
        1 => select(vec![0, -1, i64::MIN, i64::MAX, 253_402_300_799, 253_402_300_800]),
        1 => any::<i64>(),
    ]
}

/// Values that come near to meaning something.
fn header_value() -> impl Strategy<Value = Vec<u8>> {
    let text = prop_oneof![
        "(Bearer|bearer|Basic)? ?[A-Za-z0-9._-]{0,30}",
        "(__session|__session_[A-Za-z0-9]{8})=[a-z.;= ]{0,20}",
        "(text/html|application/json|[*]/[*])(;q=[0-9.]{0,4})?(, ?text/html)?",
        "(https?://)?[a-z.:]{0,12}",
    ];
    text.prop_map(String::into_bytes)
}

const HEADERS: &[&str] = &[
    "accept",
    "authorization",
    "Authorization",
    "content-type",
    "cookie",
    "Cookie",
    "host",
    "origin",
    "sec-fetch-dest",
    "sec-fetch-site",
    "upgrade",
    "x-forwarded-proto",
];

const CLAIMS: &[&str] = &[
    "act",
    "aud",
    "azp",
    "exp",
    "fea",
    "fva",
    "iat",
    "iss",
    "jti",
    "nbf",
    "o",
    "o.fpm",
    "o.id",
    "o.per",
    "o.rol",
    "o.slg",
    "org_id",
    "org_permissions",
    "org_role",
    "pla",
    "sid",
    "sts",
    "sub",
    "v",
];

const BEFORE: &[&str] = &[
    "/",
    "/.",
    "/%2e",
    "/x/..",
    "/x/%2e%2e",
    "/x/.%2E",
    "/public/..",
    "/public%2f..",
    "/public/..%5c",
    "/public/%252e%252e",
    "\\",
    "/%2f",
    "/%5c",
    "/x/../public/..",
];

const SLASHES: &[&str] = &["//", "\\", "/\\", "%2f", "%5C", "%252f"];

const BEHIND: &[&str] = &[
    "/",
    "//",
    "/.",
    "/x",
    "/x/",
    "/x/..",
    "/./x",
    "%2f",
    "%2Fx",
    "\\x",
    "%5cx",
    "%00",
    "%3fx",
    "%23",
    "/public/..",
    "/%2e%2e/admin",
    "/x/../../admin",
];

const FRAGMENTS: &[&str] = &[
    "/",
    "/",
    "/",
    "//",
    ".",
    "..",
    "%2e",
    "%2E",
    "%2f",
    "%5c",
    "\\",
    "%",
    "%25",
    "%252e",
    "%2561dmin",
    "admin",
    "admin",
    "%61dmin",
    "adm",
    "in",
    "%69n",
    "public",
    "x",
    ";",
    "%3b",
    "%3f",
    "#",
    "%00",
    "%0a",
    "%20",
    " ",
    "é",
    "%c3%a9",
    "%ff",
    "*",
    ":",
];
