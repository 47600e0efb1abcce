//! One server, with one thread for requests: `server FRAMEWORK KIND [--port PORT]`.
//!
//! Prints its port, and ends when its standard input does.

mod actix;
mod axum;
mod gate;
mod rocket;

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::{env, process, thread};

use anyhow::{Context, Result, bail};

/// What stands in front of the handler.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// Nothing.
    Bare,
    /// Nothing, and the handler adds the header lines that the gate would add.
    Headers,
    /// The gate as in production; it remembers the tokens that it has verified.
    Gated,
    /// The same, but it forgets every token before it comes again.
    Cold,
    /// Nothing, and the handler does one RSA operation.
    Rsa,
    /// clerk-rs, as its documentation says. It checks signature, `exp` and `nbf`.
    ClerkRs,
}

fn main() -> Result<()> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let (framework, kind, port) = match arguments[..] {
        [framework, kind] => (framework, kind, 0),
        [framework, kind, "--port", port] => (framework, kind, port.parse().context("--port")?),
        _ => bail!("write: server FRAMEWORK KIND [--port PORT]"),
    };
    let kind = match kind {
        "bare" => Kind::Bare,
        "headers" => Kind::Headers,
        "gated" => Kind::Gated,
        "cold" => Kind::Cold,
        "rsa" => Kind::Rsa,
        "clerk-rs" => Kind::ClerkRs,
        _ => bail!("no kind {kind:?}; there are bare, headers, gated, cold, rsa and clerk-rs"),
    };
    thread::spawn(|| {
        // Whoever started this server holds the other end.
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        process::exit(0);
    });
    match framework {
        "axum" => axum::serve(kind, listen(port)?),
        "actix" => actix::serve(kind, listen(port)?),
        "rocket" => rocket::serve(kind, port),
        _ => bail!("no framework {framework:?}; there are axum, actix and rocket"),
    }
}

/// Binds a socket that does not block, and says where.
fn listen(port: u16) -> Result<TcpListener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    listener.set_nonblocking(true)?;
    println!("{}", listener.local_addr()?.port());
    Ok(listener)
}
