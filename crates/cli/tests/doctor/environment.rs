//! Mistakes in variables, and keys that do not belong together.

use clerk_gate_testkit::{Signer, key_set};

use super::project::{Project, RANDOM, env_text, keys_url, serve_keys, variables};
use super::run::Run;

/// The rule, the variables that differ from the good ones (an empty value: not set), and lines
/// that the file has besides.
type Case = (&'static str, Vec<(&'static str, String)>, String);

#[test]
fn every_mistake_in_a_variable_is_found_and_can_be_mended() {
    let project = Project::new();
    let good = project.write(".env.good", &env_text(&variables()));
    for (rule, changes, lines) in cases() {
        let text = env_text(&changed(&changes)) + &lines;
        let bad = project.write(".env.production", &text);
        let what = format!("{rule}: {changes:?} {lines}");
        doctor(&project, &bad).finds(&[rule], &what);
        // The remedy of each is to write what the good file has.
        std::fs::copy(&good, &bad).expect("copied");
        doctor(&project, &bad).finds(&[], &what);
    }
}

#[test]
fn a_report_says_variable_and_line_and_never_the_value() {
    let project = Project::new();
    let planted = format!("sk_live_{RANDOM}");
    let text = env_text(&changed(&[
        ("CLERK_PUBLISHABLE_KEY", planted.clone()),
        ("CLERK_WEBHOOK_SIGNING_SECRET", planted.clone()),
        ("CLERK_GATE_ORIGINS", planted.clone()),
        ("CLERK_JWT_KEY", planted.clone()),
        ("NEXT_PUBLIC_X", planted.clone()),
    ])) + &format!("broken {planted}\nCLERK_SECRET_KEY={planted}\n");
    let file = project.write(".env.production", &text);
    let file = file.display().to_string();
    for format in ["table", "json", "sarif", "html"] {
        let run = Run::new(project.path(), &["--env-file", &file, "--format", format]);
        assert_eq!(run.code, 1, "{format}");
        for text in [&run.stdout, &run.stderr] {
            assert!(!text.contains(RANDOM), "{format}: {text}");
        }
        let place = format!("{file}:1");
        assert!(
            run.stdout.contains(&place) || format == "sarif",
            "{format}: {}",
            run.stdout
        );
    }
}

#[test]
fn without_a_file_the_variables_of_the_process_are_read() {
    let project = Project::new();
    let own = [("CLERK_PUBLISHABLE_KEY", "pk_live_!")];
    let run = Run::with(project.path(), &["--format", "json"], &own);
    assert!(run.rules("found").contains("env-publishable-key"));
    assert_eq!(run.code, 1);
}

#[test]
fn an_env_file_that_cannot_be_read_is_no_clean_one() {
    let project = Project::new();
    let run = Run::new(
        project.path(),
        &["--env-file", "missing", "--format", "json"],
    );
    assert_eq!(run.code, 2);
    assert!(run.rules("failed").contains("env-publishable-key"));
}

/// The rules that a seed here breaks.
pub(crate) fn seeded() -> Vec<&'static str> {
    cases().iter().map(|(rule, ..)| *rule).collect()
}

fn cases() -> Vec<Case> {
    let other = key_set(&[Signer::other()]);
    let own = key_set(&[Signer::primary()]);
    let strangers = serve_keys(other, own.clone());
    let weak = serve_keys(key_set(&[Signer::primary(), Signer::weak()]), own);
    let set = |name: &'static str, value: &str| vec![(name, value.to_owned())];
    let plain = |rule, changes| -> Case { (rule, changes, String::new()) };
    let line = |rule, line: &str| -> Case { (rule, vec![], format!("{line}\n")) };
    vec![
        line("env-syntax", "this is no assignment"),
        line("env-repeated", "CLERK_GATE_ORIGINS=https://app.test"),
        plain("env-publishable-key", set("CLERK_PUBLISHABLE_KEY", "")),
        plain(
            "env-publishable-key",
            set("CLERK_PUBLISHABLE_KEY", "pk_live_!"),
        ),
        plain(
            "env-publishable-key",
            set("CLERK_PUBLISHABLE_KEY", "pk_live_xxx"),
        ),
        plain(
            "env-publishable-key",
            set(
                "NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY",
                "pk_live_Y2xlcmsuZXhhbXBsZS5jb20k",
            ),
        ),
        plain(
            "env-secret-key",
            set("CLERK_SECRET_KEY", "pk_live_Y2xlcmsuYXBwLnRlc3Qk"),
        ),
        plain(
            "env-public-secret",
            set("VITE_CLERK_SECRET_KEY", "sk_live_1"),
        ),
        plain(
            "env-public-secret",
            vec![("NEXT_PUBLIC_TOKEN", format!("sk_live_{RANDOM}"))],
        ),
        plain(
            "env-kinds",
            vec![
                ("CLERK_GATE_ENVIRONMENT", String::new()),
                ("CLERK_SECRET_KEY", format!("sk_test_{RANDOM}")),
            ],
        ),
        plain(
            "env-live-keys",
            vec![("CLERK_SECRET_KEY", format!("sk_test_{RANDOM}"))],
        ),
        plain(
            "env-live-keys",
            vec![
                ("CLERK_GATE_ENVIRONMENT", String::new()),
                (
                    "CLERK_PUBLISHABLE_KEY",
                    "pk_test_Y2xlcmsuYXBwLnRlc3Qk".to_owned(),
                ),
                ("CLERK_SECRET_KEY", format!("sk_test_{RANDOM}")),
            ],
        ),
        plain(
            "env-test-keys",
            vec![
                ("CLERK_GATE_ENVIRONMENT", "development".to_owned()),
                (
                    "CLERK_PUBLISHABLE_KEY",
                    "pk_test_Y2xlcmsuYXBwLnRlc3Qk".to_owned(),
                ),
            ],
        ),
        plain(
            "env-instance",
            set(
                "CLERK_PUBLISHABLE_KEY",
                "pk_live_ZmFrZS1jbGVyay10ZXN0LmNsZXJrLmFjY291bnRzLmRldiQ",
            ),
        ),
        plain(
            "env-webhook-secret",
            set("CLERK_WEBHOOK_SIGNING_SECRET", ""),
        ),
        plain(
            "env-webhook-secret",
            set("CLERK_WEBHOOK_SIGNING_SECRET", "secret"),
        ),
        plain("env-origins", set("CLERK_GATE_ORIGINS", "")),
        plain(
            "env-origins",
            set("CLERK_GATE_ORIGINS", "https://app.test/"),
        ),
        plain(
            "env-origins",
            set("CLERK_GATE_ORIGINS", "https://*.app.test"),
        ),
        plain(
            "env-origins-https",
            set("CLERK_GATE_ORIGINS", "http://app.test"),
        ),
        plain("env-jwt-key", set("CLERK_JWT_KEY", "MIIB")),
        plain("env-urls", set("CLERK_API_URL", "http://api.app.test")),
        plain("env-store", set("CLERK_GATE_STORE", "memory:")),
        plain("env-store", set("CLERK_GATE_STORE", "")),
        plain("env-place", set("CLERK_GATE_ENVIRONMENT", "staging")),
        plain(
            "keys-reachable",
            set("CLERK_PROXY_URL", "http://127.0.0.1:1"),
        ),
        plain("keys-usable", set("CLERK_PROXY_URL", &weak)),
        plain(
            "keys-secret-key",
            vec![
                ("CLERK_PROXY_URL", strangers),
                ("CLERK_JWT_KEY", String::new()),
            ],
        ),
        plain(
            "keys-secret-key",
            set("CLERK_API_URL", "http://127.0.0.1:1"),
        ),
        plain(
            "keys-jwt-key",
            vec![("CLERK_JWT_KEY", Signer::other().public_pem())],
        ),
    ]
}

fn doctor(project: &Project, file: &std::path::Path) -> Run {
    let file = file.display().to_string();
    Run::new(project.path(), &["--env-file", &file, "--format", "json"])
}

/// The good variables with these changes.
fn changed(changes: &[(&'static str, String)]) -> Vec<(&'static str, String)> {
    assert!(!keys_url().is_empty());
    let mut all = variables();
    for (name, value) in changes {
        all.retain(|(own, _)| own != name);
        if !value.is_empty() {
            all.insert(0, (name, value.clone()));
        }
    }
    all
}
