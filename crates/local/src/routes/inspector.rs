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
        Ok(()) => Redirect::to("/inspector").into_response(),
        Err(refused) => refused.into_response(),
    }
}

fn run(instance: &Instance, action: &str) -> Result<(), Refused> {
    let (verb, object) = action.split_once(':').ok_or(Refused::NoAction)?;
    let persona = || {
        let mut all = Persona::ALL.into_iter();
        all.find(|own| own.as_str() == object)
            .ok_or(Refused::NoAction)
    };
    match verb {
        "ban" => instance.ban(persona()?, true),
        "unban" => instance.ban(persona()?, false),
        "make-admin" => instance.set_role(persona()?, Role::Admin),
        "make-member" => instance.set_role(persona()?, Role::Member),
        "sign-out" => {
            let persona = persona()?;
            instance.revoke(|session| session.persona == persona);
        }
        "revoke" => {
            if instance.revoke(|session| session.id == object) == 0 {
                return Err(Refused::NoSession);
            }
        }
        "verify-first" => drop(instance.verify(object, Factor::First)?),
        "verify-second" => drop(instance.verify(object, Factor::Second)?),
        "replay" => instance.replay(object)?,
        _ => return Err(Refused::NoAction),
    }
    Ok(())
}
