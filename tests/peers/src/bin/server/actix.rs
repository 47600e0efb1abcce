//! actix-web with one worker.

use std::hint::black_box;
use std::net::TcpListener;
use std::sync::Arc;

use actix_web::middleware::DefaultHeaders;
use actix_web::{App, HttpMessage, HttpRequest, HttpResponse, HttpServer, rt, web};
use anyhow::Result;
use clerk_gate_actix::{GateMiddleware, Session};
use clerk_gate_core::Gate;
use clerk_gate_peers::raw::RawKey;
use clerk_gate_peers::{BODY, PATH, keys};
use clerk_rs::validators::actix::ClerkMiddleware;
use clerk_rs::validators::authorizer::ClerkJwt;

use crate::{Kind, gate};

pub(crate) fn serve(kind: Kind, listener: TcpListener) -> Result<()> {
    let system = rt::System::new();
    match kind {
        Kind::Bare => {
            let app = || App::new().route(PATH, web::get().to(bare));
            system.block_on(HttpServer::new(app).workers(1).listen(listener)?.run())?;
        }
        Kind::Headers => {
            let gate = gate::warm()?;
            let app = move || {
                let lines = gate.headers().iter();
                let headers = lines.fold(DefaultHeaders::new(), |headers, line| {
                    headers.add((line.name(), line.value()))
                });
                App::new().route(PATH, web::get().to(bare)).wrap(headers)
            };
            system.block_on(HttpServer::new(app).workers(1).listen(listener)?.run())?;
        }
        Kind::Rsa => {
            let key = web::Data::new(RawKey::new());
            let app = move || {
                let app = App::new().app_data(key.clone());
                app.route(PATH, web::get().to(rsa))
            };
            system.block_on(HttpServer::new(app).workers(1).listen(listener)?.run())?;
        }
        Kind::ClerkRs => {
            // Its documentation makes a provider for each worker; there is one.
            let app = || {
                let provider = keys::provider().expect("a port is free");
                let middleware = ClerkMiddleware::new(provider, None, true);
                App::new().wrap(middleware).route(PATH, web::get().to(peer))
            };
            system.block_on(HttpServer::new(app).workers(1).listen(listener)?.run())?;
        }
        Kind::Gated => gated(&system, gate::warm()?, listener)?,
        Kind::Cold => gated(&system, gate::cold()?, listener)?,
    }
    Ok(())
}

fn gated(system: &rt::SystemRunner, gate: Arc<Gate>, listener: TcpListener) -> Result<()> {
    let gate = GateMiddleware::new(gate);
    let app = move || {
        let app = App::new().route(PATH, web::get().to(session));
        app.wrap(gate.clone())
    };
    system.block_on(HttpServer::new(app).workers(1).listen(listener)?.run())?;
    Ok(())
}

async fn bare() -> &'static str {
    BODY
}

async fn session(session: Session) -> &'static str {
    black_box(session.user_id());
    BODY
}

async fn peer(request: HttpRequest) -> &'static str {
    black_box(request.extensions().get::<ClerkJwt>());
    BODY
}

async fn rsa(request: HttpRequest, key: web::Data<RawKey>) -> HttpResponse {
    let credential = request.headers().get("authorization");
    let credential = credential.and_then(|value| value.to_str().ok());
    let token = credential.and_then(|value| value.strip_prefix("Bearer "));
    if token.is_some_and(|token| key.verifies(token)) {
        HttpResponse::Ok().body(BODY)
    } else {
        HttpResponse::Unauthorized().finish()
    }
}
