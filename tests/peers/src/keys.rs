//! Keys for clerk-rs: it fetches them once from its configured API, here a thread of this process.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::{io, thread};

use anyhow::Result;
use clerk_gate_testkit::{Signer, key_set};
use clerk_rs::validators::jwks::MemoryCacheJwksProvider;
use clerk_rs::{Clerk, ClerkConfiguration};

/// The provider that its documentation shows, with its default options.
pub fn provider() -> Result<MemoryCacheJwksProvider> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let api = format!("http://{}/v1", listener.local_addr()?);
    thread::spawn(move || {
        for stream in listener.incoming() {
            if let Err(error) = stream.and_then(answer) {
                eprintln!("the key set was not sent: {error}");
            }
        }
    });
    let configuration = ClerkConfiguration::new("sk_test_peers").with_base_path(api);
    Ok(MemoryCacheJwksProvider::new(Clerk::new(configuration)))
}

/// Whatever is asked for, the answer is the key set.
fn answer(mut stream: impl Read + Write) -> io::Result<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        request.push(byte[0]);
    }
    let keys = key_set(&[Signer::primary()]);
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n";
    write!(stream, "{head}content-length: {}\r\n\r\n{keys}", keys.len())
}
