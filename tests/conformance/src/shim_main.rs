//! The part of a shim that all frameworks share; [`crate::shim`] states the contract.

use std::io::{self, BufRead};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process;
use std::sync::Arc;
use std::thread;

use bytes::Bytes;
use clerk_gate_core::{Gate, JsonLines, Sink};

use crate::shim::UNKNOWN_PROFILE;
use crate::wire::Answer;
use crate::{Result, profiles};

/// Reads the command line, builds the gate and binds a socket that does not block.
///
/// What connects from then on waits until the shim accepts.
///
/// # Errors
/// Those of [`gate`], or no free port.
pub fn start() -> Result<(Gate, TcpListener)> {
    let gate = gate()?;
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    listener.set_nonblocking(true)?;
    announce(listener.local_addr()?);
    Ok((gate, listener))
}

/// The gate that the command line asks for, for frameworks that bind their socket themselves.
///
/// # Errors
/// A command line that is not the contract's. An unknown profile ends the process.
pub fn gate() -> Result<Gate> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [_, profile, _, now] = &arguments[..] else {
        return Err("command line is not understood; write --profile NAME --now UNIX".into());
    };
    let sink: Arc<dyn Sink> = Arc::new(JsonLines::new(io::stdout()));
    let Some(gate) = profiles::gate(profile, now.parse()?, &sink) else {
        process::exit(UNKNOWN_PROFILE);
    };
    Ok(gate)
}

/// Prints where the shim listens, and from then on repeats its input until that ends.
pub fn announce(address: SocketAddr) {
    println!("listening {address}");
    thread::spawn(|| {
        for line in io::stdin().lock().lines().map_while(io::Result::ok) {
            println!("{line}");
        }
        process::exit(0);
    });
}

/// The response of a framework on `http` 1 that carries the answer of a page.
///
/// # Panics
/// If it has a header line that `http` does not take.
pub fn response<B: From<Bytes>>(answer: Answer) -> http::Response<B> {
    let mut response = http::Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    let response = response.body(Bytes::from(answer.body).into());
    response.expect("a page with header lines that can be sent")
}
