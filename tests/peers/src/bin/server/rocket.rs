//! Rocket with one worker.

use std::hint::black_box;
use std::net::Ipv4Addr;

use anyhow::Result;
use clerk_gate_peers::raw::RawKey;
use clerk_gate_peers::{BODY, keys};
use clerk_gate_rocket::{GateFairing, Session};
use clerk_rs::validators::jwks::MemoryCacheJwksProvider;
use clerk_rs::validators::rocket::{ClerkGuard, ClerkGuardConfig};
use rocket::config::{Config, LogLevel, Shutdown};
use rocket::fairing::{AdHoc, Fairing, Info};
use rocket::http::{Header, Status};
use rocket::request::{FromRequest, Outcome};
use rocket::shield::Shield;
use rocket::{Build, Request, Response, Rocket, State, get, routes};

use crate::{Kind, gate};

pub(crate) fn serve(kind: Kind, port: u16) -> Result<()> {
    let config = Config {
        address: Ipv4Addr::LOCALHOST.into(),
        cli_colors: false,
        log_level: LogLevel::Off,
        port,
        shutdown: Shutdown {
            ctrlc: false,
            signals: [].into(),
            ..Shutdown::default()
        },
        workers: 1,
        ..Config::release_default()
    };
    let rocket = rocket::custom(config).attach(AdHoc::on_liftoff("port", |rocket| {
        println!("{}", rocket.config().port);
        Box::pin(async {})
    }));
    let rocket = protect(kind, rocket)?;
    rocket::execute(rocket.launch()).map_err(|error| anyhow::anyhow!("{error}"))?;
    Ok(())
}

/// Rocket's own `Shield` sends three header lines. Where nothing protects the route it is empty.
fn protect(kind: Kind, rocket: Rocket<Build>) -> Result<Rocket<Build>> {
    Ok(match kind {
        Kind::Bare => rocket.attach(Shield::new()).mount("/", routes![bare]),
        Kind::Headers => {
            let lines = gate::warm()?.headers().to_vec();
            let lines = lines
                .iter()
                .map(|line| (line.name().to_owned(), line.value().to_owned()));
            let rocket = rocket.attach(Shield::new()).attach(Lines(lines.collect()));
            rocket.mount("/", routes![bare])
        }
        Kind::Rsa => {
            let rocket = rocket.attach(Shield::new()).manage(RawKey::new());
            rocket.mount("/", routes![rsa])
        }
        Kind::ClerkRs => {
            let guard = ClerkGuardConfig::new(keys::provider()?, None, true);
            rocket.manage(guard).mount("/", routes![peer])
        }
        Kind::Gated => {
            let rocket = rocket.mount("/", routes![session]);
            rocket.attach(GateFairing::new(gate::warm()?))
        }
        Kind::Cold => {
            let rocket = rocket.mount("/", routes![session]);
            rocket.attach(GateFairing::new(gate::cold()?))
        }
    })
}

#[get("/me")]
async fn bare() -> &'static str {
    BODY
}

#[get("/me")]
async fn session(session: Session) -> &'static str {
    black_box(session.user_id());
    BODY
}

#[get("/me")]
async fn peer(guard: ClerkGuard<MemoryCacheJwksProvider>) -> &'static str {
    black_box(&guard.jwt);
    BODY
}

#[get("/me")]
async fn rsa(key: &State<RawKey>, bearer: Bearer<'_>) -> Result<&'static str, Status> {
    if key.verifies(bearer.0) {
        Ok(BODY)
    } else {
        Err(Status::Unauthorized)
    }
}

/// The token of a request.
struct Bearer<'r>(&'r str);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Bearer<'r> {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        let credential = request.headers().get_one("authorization");
        match credential.and_then(|value| value.strip_prefix("Bearer ")) {
            Some(token) => Outcome::Success(Self(token)),
            None => Outcome::Error((Status::Unauthorized, ())),
        }
    }
}

/// Header lines on every response, by Rocket's own means.
struct Lines(Vec<(String, String)>);

#[rocket::async_trait]
impl Fairing for Lines {
    fn info(&self) -> Info {
        let kind = rocket::fairing::Kind::Response;
        Info {
            name: "lines",
            kind,
        }
    }

    async fn on_response<'r>(&self, _: &'r Request<'_>, response: &mut Response<'r>) {
        for (name, value) in &self.0 {
            response.set_header(Header::new(name.clone(), value.clone()));
        }
    }
}
