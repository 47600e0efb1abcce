//! What a secret looks like in a line of text. Says its kind, never the secret.

/// A kind of text that must not be in a repository or a browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    LiveKey,
    TestKey,
    MachineKey,
    WebhookSecret,
    PrivateKey,
    StorePassword,
    /// No secret itself: a name that would hand one to browsers.
    PublicName,
}

impl Kind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::LiveKey => "live secret key (sk_live_…)",
            Self::TestKey => "test secret key (sk_test_…)",
            Self::MachineKey => "machine secret key (ak_…)",
            Self::WebhookSecret => "webhook secret (whsec_…)",
            Self::PrivateKey => "private key (PEM)",
            Self::PublicName => "secret under a name that browsers get",
            Self::StorePassword => "password in the address of a database",
        }
    }
}

/// The kinds of secrets in `line`, each once.
pub(super) fn kinds(line: &str) -> Vec<Kind> {
    let mut found = Vec::new();
    for (prefix, kind, length, in_alphabet) in PREFIXES {
        if values(line, prefix).any(|value| looks_random(value, length, in_alphabet)) {
            found.push(kind);
        }
    }
    if line.contains("-----BEGIN ") && line.contains(PEM_END) {
        found.push(Kind::PrivateKey);
    }
    if STORES
        .iter()
        .any(|scheme| values(line, scheme).any(has_password))
    {
        found.push(Kind::StorePassword);
    }
    found
}

/// What git is asked for: a line that matches may hold a secret; [`kinds`] decides.
pub(super) const PATTERN: &str = "sk_(live|test)_[A-Za-z0-9]{16}|(^|[^A-Za-z0-9_])ak_[A-Za-z0-9]{24}|whsec_[A-Za-z0-9+/]{22}|-----BEGIN [A-Z ]*PRIVATE KEY-----|(postgres|postgresql|rediss?|mysql)://[^ :/@]*:[^ @]+@";

/// The texts that follow `prefix`, where it begins a word.
fn values<'l>(line: &'l str, prefix: &'l str) -> impl Iterator<Item = &'l str> {
    line.match_indices(prefix).filter_map(move |(start, _)| {
        let before = line.get(..start)?.chars().next_back();
        let begins = !before.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
        begins.then(|| line.get(start + prefix.len()..))?
    })
}

/// Placeholders repeat themselves (`xxxx…`) or break off; keys do neither.
fn looks_random(value: &str, length: usize, in_alphabet: fn(u8) -> bool) -> bool {
    let own: Vec<u8> = value.bytes().take_while(|b| in_alphabet(*b)).collect();
    let mut distinct = own.clone();
    distinct.sort_unstable();
    distinct.dedup();
    own.len() >= length && distinct.len() > length / 4
}

/// `user:password@host`, the password is no reference to a variable, and the host no developer's
/// own machine.
fn has_password(rest: &str) -> bool {
    let authority = rest.split(['/', ' ', '"', '\'']).next().unwrap_or_default();
    let Some((user, host)) = authority.rsplit_once('@') else {
        return false;
    };
    if ["localhost", "127.", "[::1]"]
        .iter()
        .any(|own| host.starts_with(own))
    {
        return false;
    }
    let password = user.split_once(':').map_or("", |(_, password)| password);
    !password.is_empty() && !password.starts_with(['$', '{', '<', '%', '*'])
}

type Prefix = (&'static str, Kind, usize, fn(u8) -> bool);

const PREFIXES: [Prefix; 4] = [
    ("sk_live_", Kind::LiveKey, 16, is_alphanumeric),
    ("sk_test_", Kind::TestKey, 16, is_alphanumeric),
    ("ak_", Kind::MachineKey, 24, is_alphanumeric),
    ("whsec_", Kind::WebhookSecret, 22, is_base64),
];

const STORES: [&str; 5] = [
    "postgres://",
    "postgresql://",
    "redis://",
    "rediss://",
    "mysql://",
];

const PEM_END: &str = "PRIVATE KEY-----";

fn is_alphanumeric(b: u8) -> bool {
    b.is_ascii_alphanumeric()
}

fn is_base64(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'+' || b == b'/'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_told_from_what_stands_in_for_one() {
        let random = "Zk3vQ9hT7mB2xW8cR4nL6pD1";
        for (line, want) in [
            (format!("key = \"sk_live_{random}\""), vec![Kind::LiveKey]),
            (
                format!("CLERK_SECRET_KEY=sk_test_{random}"),
                vec![Kind::TestKey],
            ),
            (format!("ak_{random}"), vec![Kind::MachineKey]),
            (format!("break_{random}"), vec![]),
            (format!("'whsec_{random}+/9='"), vec![Kind::WebhookSecret]),
            (format!("-----BEGIN RSA {PEM_END}"), vec![Kind::PrivateKey]),
            ("-----BEGIN PUBLIC KEY-----".to_owned(), vec![]),
            (
                format!("sk_live_{random} sk_test_{random}"),
                vec![Kind::LiveKey, Kind::TestKey],
            ),
            ("sk_live_...".to_owned(), vec![]),
            (format!("sk_live_{}", "x".repeat(24)), vec![]),
            ("sk_live_short".to_owned(), vec![]),
            (format!("pk_live_{random}"), vec![]),
            (
                "postgres://app:hunter2@db/app".to_owned(),
                vec![Kind::StorePassword],
            ),
            ("postgres://app:$PASSWORD@db/app".to_owned(), vec![]),
            ("postgres://db/app?at=a:b@c".to_owned(), vec![]),
            ("redis://localhost".to_owned(), vec![]),
            ("postgres://app:app@localhost:5432/app".to_owned(), vec![]),
        ] {
            assert_eq!(kinds(&line), want, "{line}");
        }
    }
}
