//! The inspector, and what its buttons do.

use std::sync::Arc;

use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::{error, is_own};
use crate::instance::{Instance, Refused};
use crate::page;
use crate::persona::{Persona, Role};
use crate::sessions::Factor;

pub(super) async fn show(State(instance): State<Arc<Instance>>) -> Html<String> {
    Html(page::inspector(&instance))
}

#[derive(Deserialize)]
pub(super) struct Action {
    /// What to do, and to what: `revoke:sess_…`.
    r#do: String,
}

/// Does what a button says. Pages elsewhere could otherwise press it for their visitor.
pub(super) async fn act(
    State(instance): State<Arc<Instance>>,
    headers: HeaderMap,
    Form(Action { r#do: action }): Form<Action>,
) -> Response {
    if !is_own(&instance, &headers) {
        return error(StatusCode::FORBIDDEN, "origin_invalid");
    }
    match run(&instance, &action) {
        Some(Ok(())) => Redirect::to("/inspector").into_response(),
        Some(Err(refused)) => refused.into_response(),
        None => error(StatusCode::BAD_REQUEST, "form_param_invalid"),
    }
}

/// `None` for what is no action.
fn run(instance: &Instance, action: &str) -> Option<Result<(), Refused>> {
    let (verb, object) = action.split_once(':')?;
    let persona = || Persona::ALL.into_iter().find(|p| p.as_str() == object);
    let verify = |factor| instance.verify(object, factor).map(drop);
    match verb {
        "ban" => instance.ban(persona()?, true),
        "unban" => instance.ban(persona()?, false),
        "make-admin" => instance.set_role(persona()?, Role::Admin),
        "make-member" => instance.set_role(persona()?, Role::Member),
        "sign-out" => {
            let persona = persona()?;
            instance.revoke(|session| session.persona == persona);
        }
        "revoke" if instance.revoke(|session| session.id == object) == 0 => {
            return Some(Err(Refused::NoSession));
        }
        "replay" if !instance.outbox.replay(object) => return Some(Err(Refused::NoDelivery)),
        "revoke" | "replay" => {}
        "verify-first" => return Some(verify(Factor::First)),
        "verify-second" => return Some(verify(Factor::Second)),
        _ => return None,
    }
    Some(Ok(()))
}
