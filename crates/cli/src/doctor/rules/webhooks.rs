//! Rules about the webhook endpoint.

use crate::doctor::facts::{Answer, Exchange, Server, Webhook};
use crate::doctor::rule::{Check, Outcome, Rule, Severity, Unknown};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "webhook-session",
        title: "The endpoint needs no session",
        severity: Severity::Medium,
        asvs: "",
        source: "guide, step 2; Clerk, webhooks",
        how: "asks for the --webhook path with GET and posts to it without signature: 401 to both says that it is a route like any",
        remedy: "give the path to the gate with with_webhook, which needs no rule: Clerk sends deliveries without a session",
        check: Check::Server(|server| {
            let unsigned = &asked(server)?.unsigned;
            judge(
                unsigned,
                !needs_session(asked(server)?)?,
                "and so does GET, wanted 400",
            )
        }),
    },
    Rule {
        id: "webhook-unsigned",
        title: "Deliveries without a signature are refused",
        severity: Severity::High,
        asvs: "4.1.5",
        source: "guide, step 4; Clerk, webhooks",
        how: "posts an event that means nothing to the --webhook path, without signature",
        remedy: "verify every delivery before anything else: an Endpoint of the gate does",
        check: Check::Server(|server| refused(&webhook(server)?.unsigned)),
    },
    Rule {
        id: "webhook-signature",
        title: "Deliveries with a wrong signature are refused",
        severity: Severity::High,
        asvs: "4.1.5",
        source: "guide, step 4; Clerk, webhooks",
        how: "posts the event signed with another secret and, where the secret is known, signed for another body",
        remedy: "compare the signature with the one of id, timestamp and the raw body",
        check: Check::Server(|server| {
            let webhook = webhook(server)?;
            let mut found = refused(&webhook.forged)?;
            if let Some(signed) = &webhook.signed {
                found.extend(refused(&signed.altered)?);
            }
            Ok(found)
        }),
    },
    Rule {
        id: "webhook-stale",
        title: "Old deliveries are refused",
        severity: Severity::Medium,
        asvs: "4.1.5",
        source: "Standard Webhooks",
        how: "posts the event with a genuine signature that is an hour old; needs the webhook secret",
        remedy: "refuse timestamps that are more than five minutes away",
        check: Check::Server(|server| refused(&signed(server)?.stale)),
    },
    Rule {
        id: "webhook-genuine",
        title: "Genuine deliveries are accepted",
        severity: Severity::Medium,
        asvs: "",
        source: "guide, step 4; Clerk, webhooks",
        how: "posts the event with a genuine signature; needs the webhook secret",
        remedy: "let the server have the same secret, let the path need no session, and answer 200 to types it does not know",
        check: Check::Server(|server| accepted(&signed(server)?.genuine)),
    },
    Rule {
        id: "webhook-duplicate",
        title: "A delivery that comes again is tolerated",
        severity: Severity::Medium,
        asvs: "",
        source: "guide, step 4; Clerk, webhooks",
        how: "posts the same genuine delivery once more; needs the webhook secret",
        remedy: "remember message ids, and answer 200 to those that were handled",
        check: Check::Server(|server| {
            let signed = signed(server)?;
            if !signed.genuine.answer()?.is_success() {
                let what = "the genuine delivery was refused; see the rule webhook-genuine";
                return Err(Unknown::NotAsked(what.to_owned()));
            }
            accepted(&signed.duplicate)
        }),
    },
    Rule {
        id: "webhook-method",
        title: "The endpoint takes POST alone",
        severity: Severity::Low,
        asvs: "4.1.4",
        source: "Clerk, webhooks",
        how: "asks for the --webhook path with GET",
        remedy: "answer 405 to everything but POST",
        check: Check::Server(|server| {
            let get = &webhook(server)?.get;
            judge(get, !get.answer()?.is_success(), "wanted 405")
        }),
    },
];

fn asked(server: &Server) -> Result<&Webhook, Unknown> {
    let what = "no --webhook path was given";
    let webhook = server.webhook.as_ref();
    webhook.ok_or_else(|| Unknown::NotAsked(what.to_owned()))
}

/// The endpoint, where there is one: what refuses everybody refuses deliveries by accident.
fn webhook(server: &Server) -> Result<&Webhook, Unknown> {
    let webhook = asked(server)?;
    if needs_session(webhook)? {
        let what = "the path needs a session; see the rule webhook-session";
        return Err(Unknown::NotAsked(what.to_owned()));
    }
    Ok(webhook)
}

fn needs_session(webhook: &Webhook) -> Result<bool, Unknown> {
    let (get, unsigned) = (webhook.get.answer()?, webhook.unsigned.answer()?);
    Ok(get.status == 401 && unsigned.status == 401)
}

fn signed(server: &Server) -> Result<&crate::doctor::facts::Signed, Unknown> {
    let what = "the webhook secret is not known here; add --env-file, and mend it first";
    let signed = webhook(server)?.signed.as_ref();
    signed.ok_or_else(|| Unknown::NotAsked(what.to_owned()))
}

/// A failure of the server is no refusal: it is answered again and again. Nor is a path that is
/// not there.
fn refused(exchange: &Exchange) -> Outcome {
    let status = exchange.answer()?.status;
    let refused = (400..500).contains(&status) && !matches!(status, 404 | 405);
    judge(exchange, refused, "wanted 400")
}

fn accepted(exchange: &Exchange) -> Outcome {
    let accepted = exchange.answer().map(Answer::is_success)?;
    judge(exchange, accepted, "wanted 200")
}

fn judge(exchange: &Exchange, good: bool, wanted: &str) -> Outcome {
    let status = exchange.answer()?.status;
    let found = exchange.found(format!("answers {status}, {wanted}"));
    Ok((!good).then_some(found).into_iter().collect())
}
