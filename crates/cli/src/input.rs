//! What comes on standard input. Tokens come no other way: a command line is visible to all.

use std::error::Error;
use std::io::{self, IsTerminal, Read};

/// All of standard input.
///
/// # Errors
/// If it cannot be read, or has more than a body may have.
pub(crate) fn bytes() -> Result<Vec<u8>, Box<dyn Error>> {
    let mut bytes = Vec::new();
    io::stdin().take(LIMIT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LIMIT {
        return Err(format!("standard input: is longer than {LIMIT} bytes; give less").into());
    }
    Ok(bytes)
}

/// The token on standard input, without the white space around it.
///
/// # Errors
/// If it cannot be read or is no text.
pub(crate) fn token() -> Result<String, Box<dyn Error>> {
    let text = String::from_utf8(bytes()?)
        .map_err(|_| "standard input: is not UTF-8; give a token, three parts with dots between")?;
    Ok(text.trim().to_owned())
}

/// Whether somebody sits at standard input, so that there is nothing to read.
pub(crate) fn is_terminal() -> bool {
    io::stdin().is_terminal()
}

/// Clerk's deliveries have some thousand bytes, tokens fewer.
const LIMIT: u64 = 1024 * 1024;
