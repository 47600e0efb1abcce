//! Rules about variables. What is valid core says: a rule here sorts its mistakes.

use clerk_gate_core::{ConfigError, Environment as Place, InstanceKind};

use crate::doctor::facts::Environment;
use crate::doctor::rule::{Check, Evidence, Outcome, Rule, Severity, Unknown};
use crate::doctor::secrets::{self, Kind};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "env-syntax",
        title: "Every line of the env file can be read",
        severity: Severity::Medium,
        asvs: "",
        source: "guide, step 1",
        how: "reads the file as applications do",
        remedy: "write NAME=value, quote values with spaces, and begin comments with #",
        check: Check::Environment(|env| {
            let lines = env.broken.iter();
            let file = file(env)?;
            let found = |line: &usize| Evidence::in_file(file, Some(*line), "is no NAME=value");
            Ok(lines.map(found).collect())
        }),
    },
    Rule {
        id: "env-repeated",
        title: "No variable is set twice",
        severity: Severity::Medium,
        asvs: "",
        source: "guide, step 1",
        how: "counts the lines that set a variable: loaders disagree on which one counts",
        remedy: "keep one of the lines",
        check: Check::Environment(repeated),
    },
    Rule {
        id: "env-publishable-key",
        title: "The publishable key is set and well formed",
        severity: Severity::High,
        asvs: "",
        source: "guide, step 1; Clerk, environment variables",
        how: "parses CLERK_PUBLISHABLE_KEY as the gate does",
        remedy: "copy the publishable key from the API keys page of the Clerk dashboard",
        check: Check::Environment(|env| Ok(mistakes(env, "env-publishable-key"))),
    },
    Rule {
        id: "env-secret-key",
        title: "The secret key is well formed",
        severity: Severity::High,
        asvs: "",
        source: "guide, step 1",
        how: "parses CLERK_SECRET_KEY as the gate does; it may be missing",
        remedy: "copy the secret key from the API keys page of the Clerk dashboard",
        check: Check::Environment(|env| optional(env, "env-secret-key", &["CLERK_SECRET_KEY"])),
    },
    Rule {
        id: "env-public-secret",
        title: "No variable with a public prefix holds a secret",
        severity: Severity::High,
        asvs: "13.3.1",
        source: "Clerk, environment variables",
        how: "looks at the names and values of NEXT_PUBLIC_…, VITE_…, PUBLIC_…, NUXT_PUBLIC_… and EXPO_PUBLIC_…",
        remedy: "remove the variable and replace the secret in the Clerk dashboard: browsers have it",
        check: Check::Environment(public_secrets),
    },
    Rule {
        id: "env-kinds",
        title: "Publishable and secret key are of the same kind of instance",
        severity: Severity::High,
        asvs: "",
        source: "Clerk, deploying to production",
        how: "compares the kinds that the keys' prefixes state",
        remedy: "copy both keys from the same instance",
        check: Check::Environment(|env| of_keys(env, "env-kinds")),
    },
    Rule {
        id: "env-live-keys",
        title: "Production has live keys",
        severity: Severity::High,
        asvs: "13.2.3",
        source: "guide, step 1; Clerk, deploying to production",
        how: "looks at the kind of keys where CLERK_GATE_ENVIRONMENT or the env file's name says production",
        remedy: "write the keys of the production instance: test users of development instances have published codes",
        check: Check::Environment(live_keys),
    },
    Rule {
        id: "env-test-keys",
        title: "Development has test keys",
        severity: Severity::Medium,
        asvs: "13.2.2",
        source: "guide, step 1; Clerk, deploying to production",
        how: "looks at the kind of keys where CLERK_GATE_ENVIRONMENT says development",
        remedy: "write the keys of the development instance: live keys give a laptop power over real users",
        check: Check::Environment(|env| of_keys(env, "env-test-keys")),
    },
    Rule {
        id: "env-instance",
        title: "Live keys are of an instance with a domain of its own",
        severity: Severity::Medium,
        asvs: "13.2.3",
        source: "Clerk, deploying to production",
        how: "looks at the Frontend API host in a live publishable key",
        remedy: "copy the key of the production instance, whose Frontend API is on your own domain",
        check: Check::Environment(own_instance),
    },
    Rule {
        id: "env-webhook-secret",
        title: "The webhook secret is set and well formed",
        severity: Severity::High,
        asvs: "4.1.5",
        source: "guide, step 4; Clerk, webhooks",
        how: "parses CLERK_WEBHOOK_SIGNING_SECRET as the gate does",
        remedy: "copy the signing secret, whsec_…, from the endpoint's page in the Clerk dashboard",
        check: Check::Environment(webhook_secret),
    },
    Rule {
        id: "env-origins",
        title: "The application's origins are set and well formed",
        severity: Severity::High,
        asvs: "3.5.1",
        source: "guide, step 3; Clerk, deploying to production",
        how: "parses CLERK_GATE_ORIGINS as the gate does",
        remedy: "list where browsers find the application, like https://app.example.com, separated by commas",
        check: Check::Environment(|env| Ok(mistakes(env, "env-origins"))),
    },
    Rule {
        id: "env-origins-https",
        title: "Origins are https in production",
        severity: Severity::High,
        asvs: "12.2.1",
        source: "guide, checklist; Clerk, deploying to production",
        how: "looks at the scheme of each origin",
        remedy: "write the origin with https://",
        check: Check::Environment(|env| Ok(mistakes(env, "env-origins-https"))),
    },
    Rule {
        id: "env-jwt-key",
        title: "The key that verifies tokens is well formed",
        severity: Severity::High,
        asvs: "9.1.3",
        source: "Clerk, manual JWT verification",
        how: "parses CLERK_JWT_KEY as the gate does; it may be missing",
        remedy: "copy the JWT public key from the API keys page of the Clerk dashboard",
        check: Check::Environment(|env| optional(env, "env-jwt-key", &["CLERK_JWT_KEY"])),
    },
    Rule {
        id: "env-urls",
        title: "URLs of Clerk's APIs are https",
        severity: Severity::High,
        asvs: "12.3.1",
        source: "Clerk, proxying the Frontend API",
        how: "parses CLERK_PROXY_URL and CLERK_API_URL as the gate does; they may be missing",
        remedy: "write an https URL, or remove the variable",
        check: Check::Environment(|env| {
            optional(env, "env-urls", &["CLERK_PROXY_URL", "CLERK_API_URL"])
        }),
    },
    Rule {
        id: "env-store",
        title: "Handled deliveries are remembered beyond a restart",
        severity: Severity::Medium,
        asvs: "",
        source: "guide, step 4; Clerk, webhooks",
        how: "parses CLERK_GATE_STORE as the gate does; production with a webhook secret must have one",
        remedy: "set CLERK_GATE_STORE to sqlite:webhooks.db, postgres://… or redis://…",
        check: Check::Environment(store),
    },
    Rule {
        id: "env-place",
        title: "The environment has a name that the gate knows",
        severity: Severity::Medium,
        asvs: "",
        source: "guide, step 1",
        how: "parses CLERK_GATE_ENVIRONMENT as the gate does; it may be missing",
        remedy: "write development or production",
        check: Check::Environment(|env| optional(env, "env-place", &["CLERK_GATE_ENVIRONMENT"])),
    },
];

type Found = Vec<Evidence>;

/// The mistakes that core has found and that belong to the rule `id`.
fn mistakes(env: &Environment, id: &str) -> Found {
    let all = env.settings.as_ref().err().into_iter().flatten();
    let own = all.filter(|mistake| rule_of(mistake) == id);
    own.map(|mistake| {
        let (name, entry) = match mistake.subject().split_once(": ") {
            Some((name, entry)) => (name, format!("{entry}: ")),
            None => (mistake.subject(), String::new()),
        };
        let what = format!("{entry}{}; {}", mistake.problem(), mistake.remedy());
        env.about(name, what)
    })
    .collect()
}

/// The same, for variables that may be missing.
fn optional(env: &Environment, id: &str, names: &[&str]) -> Outcome {
    if names.iter().any(|name| has(env, name)) {
        return Ok(mistakes(env, id));
    }
    let what = format!("{} is not set, and need not be", names.join(" or "));
    Err(Unknown::NotAsked(what))
}

/// The same, for what only well-formed keys can tell.
fn of_keys(env: &Environment, id: &str) -> Outcome {
    let found = mistakes(env, id);
    let unread = ["env-publishable-key", "env-secret-key"];
    if found.is_empty() && unread.iter().any(|id| !mistakes(env, id).is_empty()) {
        return Err(incomplete());
    }
    Ok(found)
}

/// The rule that a mistake breaks. Every mistake breaks one.
fn rule_of(mistake: &ConfigError) -> &'static str {
    let name = mistake.subject().split(':').next().unwrap_or_default();
    let problem = mistake.problem();
    match name {
        _ if problem.contains(" key beside a ") => "env-kinds",
        _ if problem.ends_with(" key in production") => "env-live-keys",
        _ if problem.ends_with(" key in development") => "env-test-keys",
        _ if problem == "plain http in production" => "env-origins-https",
        "CLERK_SECRET_KEY" => "env-secret-key",
        "CLERK_JWT_KEY" => "env-jwt-key",
        "CLERK_WEBHOOK_SIGNING_SECRET" | "CLERK_WEBHOOK_SECRET" => "env-webhook-secret",
        "CLERK_GATE_ORIGINS" | "NEXT_PUBLIC_APP_URL" => "env-origins",
        "CLERK_PROXY_URL" | "CLERK_API_URL" => "env-urls",
        "CLERK_GATE_STORE" => "env-store",
        "CLERK_GATE_ENVIRONMENT" => "env-place",
        _ if name.ends_with("_CLERK_SECRET_KEY") => "env-public-secret",
        // A test sees to it that only the publishable key's own names come here.
        _ => "env-publishable-key",
    }
}

fn file(env: &Environment) -> Result<&str, Unknown> {
    let what = "the variables are the process's own";
    let file = env.file.as_deref();
    file.ok_or_else(|| Unknown::NotAsked(what.to_owned()))
}

fn repeated(env: &Environment) -> Outcome {
    file(env)?;
    let mut found = Vec::new();
    for (index, (name, _)) in env.variables.iter().enumerate() {
        let earlier = env.variables.iter().take(index);
        let is_second = earlier.filter(|(own, _)| own == name).count() == 1;
        if is_second {
            let lines: Vec<_> = env.lines_of(name).map(|line| line.to_string()).collect();
            found.push(env.about(name, format!("is set in lines {}", lines.join(", "))));
        }
    }
    Ok(found)
}

fn public_secrets(env: &Environment) -> Outcome {
    let mut found = mistakes(env, "env-public-secret");
    for (name, value) in &env.variables {
        let public = PUBLIC_PREFIXES
            .iter()
            .any(|prefix| name.starts_with(prefix));
        // The mistake above says it already.
        if !public || name.ends_with("_CLERK_SECRET_KEY") {
            continue;
        }
        let kinds = secrets::kinds(value);
        found.extend(
            kinds
                .iter()
                .filter(|kind| **kind != Kind::PublicName)
                .map(|kind| env.about(name, format!("holds a {}", kind.name()))),
        );
    }
    Ok(found)
}

fn live_keys(env: &Environment) -> Outcome {
    let mut found = of_keys(env, "env-live-keys")?;
    let is_production = env.file.as_deref().is_some_and(|file| {
        let name = file.rsplit('/').next().unwrap_or(file);
        name.split('.')
            .any(|part| part == "production" || part == "prod")
    });
    if let Ok(settings) = &env.settings
        && is_production
        && settings.publishable_key().kind() == InstanceKind::Development
    {
        let name = PUBLISHABLE_KEYS.iter().find(|name| has(env, name));
        let what = "is a test key in an env file for production";
        found.push(env.about(name.unwrap_or(&PUBLISHABLE_KEYS[0]), what));
    }
    Ok(found)
}

fn own_instance(env: &Environment) -> Outcome {
    let settings = env.settings.as_ref().map_err(|_| incomplete())?;
    let key = settings.publishable_key();
    let host = key.frontend_api();
    let shared = SHARED_HOSTS.iter().any(|end| host.ends_with(end));
    if key.kind() == InstanceKind::Development || !shared {
        return Ok(Vec::new());
    }
    let name = PUBLISHABLE_KEYS.iter().find(|name| has(env, name));
    let what = format!("is a live key of \"{host}\", a host for development");
    Ok(vec![env.about(name.unwrap_or(&PUBLISHABLE_KEYS[0]), what)])
}

fn webhook_secret(env: &Environment) -> Outcome {
    let mut found = mistakes(env, "env-webhook-secret");
    if !WEBHOOK_SECRETS.iter().any(|name| has(env, name)) {
        found.push(env.about(WEBHOOK_SECRETS[0], "is missing: every delivery is refused"));
    }
    Ok(found)
}

fn store(env: &Environment) -> Outcome {
    let mut found = mistakes(env, "env-store");
    if found.is_empty() && env.settings.is_err() {
        return Err(incomplete());
    }
    if let Ok(settings) = &env.settings
        && settings.environment() == Place::Production
        && !settings.webhook_secrets().is_empty()
        && settings.store().is_none()
    {
        found.push(env.about(
            "CLERK_GATE_STORE",
            "is missing: a delivery that comes again after a restart is handled again",
        ));
    }
    Ok(found)
}

fn has(env: &Environment, name: &str) -> bool {
    env.variables.iter().any(|(own, _)| own == name)
}

fn incomplete() -> Unknown {
    Unknown::NotAsked("the variables have mistakes that must be mended first".to_owned())
}

const PUBLISHABLE_KEYS: [&str; 2] = ["CLERK_PUBLISHABLE_KEY", "NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY"];

const WEBHOOK_SECRETS: [&str; 2] = ["CLERK_WEBHOOK_SIGNING_SECRET", "CLERK_WEBHOOK_SECRET"];

const PUBLIC_PREFIXES: [&str; 5] = [
    "NEXT_PUBLIC_",
    "VITE_",
    "PUBLIC_",
    "NUXT_PUBLIC_",
    "EXPO_PUBLIC_",
];

/// Clerk's own domains, where development instances live.
const SHARED_HOSTS: [&str; 3] = [".accounts.dev", ".accountsstage.dev", ".lclclerk.com"];

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeSet;

    use clerk_gate_core::Settings;

    use super::*;

    #[test]
    fn every_variable_of_core_has_a_rule_of_its_own() {
        let asked = RefCell::new(BTreeSet::new());
        let mistakes = Settings::parse(&|name| {
            asked.borrow_mut().insert(name.to_owned());
            Some("\u{fffd}".to_owned())
        });
        for name in asked.into_inner() {
            let mistake = ConfigError::new(name.clone(), "is wrong", "mend it");
            let is_key = PUBLISHABLE_KEYS.contains(&name.as_str());
            assert_eq!(rule_of(&mistake) == "env-publishable-key", is_key, "{name}");
        }
        let ids: BTreeSet<_> = RULES.iter().map(|rule| rule.id).collect();
        for mistake in mistakes.err().into_iter().flatten() {
            assert!(ids.contains(rule_of(&mistake)), "{mistake}");
        }
    }
}
