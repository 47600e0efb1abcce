//! Session tokens for the clock on the wall: not every peer can be given another.

use std::time::{SystemTime, UNIX_EPOCH};

use clerk_gate_testkit::{Signer, Token};

/// A member's token, as long as Clerk's are. It lives for a day instead of a minute, so that no
/// round meets one that has expired.
///
/// # Panics
/// If the clock stands before 1970.
pub fn token() -> Token {
    let now = now();
    Token::session()
        .organization("org_2test0acme", "acme", "member")
        .claim("fea", "o:reservations,o:dashboard,u:beta")
        .claim("iat", now)
        .claim("nbf", now - 10)
        .claim("exp", now + 24 * 60 * 60)
}

/// The same, ten minutes after its end: beyond every peer's leeway.
pub fn expired() -> Token {
    let now = now();
    token()
        .claim("iat", now - 660)
        .claim("nbf", now - 670)
        .claim("exp", now - 600)
}

/// The signed tokens of `count` users.
pub fn crowd(count: usize) -> Vec<String> {
    let signed = |n| {
        let token = token().claim("sub", format!("user_2test0user{n:020}"));
        token.sign(Signer::primary())
    };
    (0..count).map(signed).collect()
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("the clock stands after 1970").as_secs()
}
