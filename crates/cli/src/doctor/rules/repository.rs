//! Rules about the working copy.

use crate::doctor::facts::{Hit, Repository};
use crate::doctor::rule::{Check, Evidence, Outcome, Place, Rule, Severity};
use crate::doctor::secrets::Kind;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "git-live-key",
        title: "No live secret key is in a tracked file",
        severity: Severity::High,
        asvs: "13.3.1",
        source: "guide, step 1",
        how: "searches every tracked file, as the index has it",
        remedy: "replace the key in the Clerk dashboard now, remove it from the file, and let a secrets manager put it into the environment",
        check: Check::Repository(|repository| {
            tracked(repository, &[Kind::LiveKey, Kind::MachineKey])
        }),
    },
    Rule {
        id: "git-test-key",
        title: "No test secret key is in a tracked file",
        severity: Severity::Medium,
        asvs: "13.3.1",
        source: "guide, step 1",
        how: "searches every tracked file, as the index has it",
        remedy: "replace the key in the Clerk dashboard and move it into .env.local, which git ignores",
        check: Check::Repository(|repository| tracked(repository, &[Kind::TestKey])),
    },
    Rule {
        id: "git-webhook-secret",
        title: "No webhook secret is in a tracked file",
        severity: Severity::High,
        asvs: "13.3.1",
        source: "guide, step 4; Clerk, webhooks",
        how: "searches every tracked file, as the index has it",
        remedy: "rotate the endpoint's secret in the Clerk dashboard, remove it from the file, and set CLERK_WEBHOOK_SIGNING_SECRET where the server runs",
        check: Check::Repository(|repository| tracked(repository, &[Kind::WebhookSecret])),
    },
    Rule {
        id: "git-private-key",
        title: "No private key is in a tracked file",
        severity: Severity::High,
        asvs: "13.3.1",
        source: "guide, step 1",
        how: "searches every tracked file for PEM blocks",
        remedy: "replace the key pair and remove the file; verifying session tokens needs public keys alone",
        check: Check::Repository(|repository| tracked(repository, &[Kind::PrivateKey])),
    },
    Rule {
        id: "git-store-password",
        title: "No password of a database is in a tracked file",
        severity: Severity::High,
        asvs: "13.3.1",
        source: "guide, step 1",
        how: "searches every tracked file for postgres://, redis:// and mysql:// with a password, localhost apart",
        remedy: "change the password, and write the address with a variable such as ${PASSWORD} in its place",
        check: Check::Repository(|repository| tracked(repository, &[Kind::StorePassword])),
    },
    Rule {
        id: "git-public-secret",
        title: "No secret has a name that bundlers hand to browsers",
        severity: Severity::High,
        asvs: "13.3.1",
        source: "Clerk, environment variables",
        how: "searches tracked files for NEXT_PUBLIC_CLERK_SECRET_KEY and its kin",
        remedy: "use the name without the public prefix, and replace a secret that was ever built in",
        check: Check::Repository(|repository| Ok(hits(&repository.public, &[Kind::PublicName]))),
    },
    Rule {
        id: "git-env-file",
        title: "No env file is tracked",
        severity: Severity::Medium,
        asvs: "13.3.1",
        source: "guide, step 1",
        how: "looks for .env, .env.* and .envrc among the tracked paths; .example, .sample, .template, .dist and .defaults may be there",
        remedy: "untrack the file (git rm --cached), and keep an .env.example without values",
        check: Check::Repository(|repository| {
            let files = repository.env_files.iter();
            Ok(files
                .map(|path| Evidence::in_file(path, None, "is tracked"))
                .collect())
        }),
    },
    Rule {
        id: "git-history",
        title: "No commit has ever added a secret",
        severity: Severity::High,
        asvs: "13.3.1",
        source: "guide, step 1",
        how: "reads what the commits of all branches have added, up to --commits of them",
        remedy: "replace the secret at Clerk: whoever has a clone has it. Then remove it from the history, or say that it is dead with --accept git-history:COMMIT",
        check: Check::Repository(|repository| {
            let found = repository.history.as_ref().map_err(Clone::clone)?;
            Ok(found.iter().map(evidence).collect())
        }),
    },
    Rule {
        id: "gitignore-env",
        title: "git ignores env files",
        severity: Severity::Medium,
        asvs: "13.3.1",
        source: "guide, step 1",
        how: "asks git check-ignore for .env, .env.local, .env.production and their local kin",
        remedy: "write the lines .env, .env.* and !.env.example into .gitignore",
        check: Check::Repository(|repository| {
            let names = repository.not_ignored.iter();
            Ok(names
                .map(|name| Evidence::in_file(".gitignore", None, format!("does not cover {name}")))
                .collect())
        }),
    },
];

fn tracked(repository: &Repository, kinds: &[Kind]) -> Outcome {
    Ok(hits(&repository.tracked, kinds))
}

fn hits(found: &[Hit], kinds: &[Kind]) -> Vec<Evidence> {
    let found = found.iter().filter(|hit| kinds.contains(&hit.kind));
    found.map(evidence).collect()
}

fn evidence(hit: &Hit) -> Evidence {
    Evidence {
        place: Place::File {
            path: hit.path.clone(),
            line: Some(hit.line),
            commit: hit.commit.clone(),
        },
        what: hit.kind.name().to_owned(),
    }
}
