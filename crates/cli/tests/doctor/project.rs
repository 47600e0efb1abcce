//! A project without a mistake: a repository, an env file, and Clerk's key sets on loopback.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use axum::Router;
use axum::routing::get;
use clerk_gate_testkit::{Signer, key_set};
use tempfile::TempDir;

/// Text that only looks like a secret. It is put together here so that no file has it whole.
pub(crate) const RANDOM: &str = "Zk3vQ9hT7mB2xW8cR4nL6pD1";

/// A directory of its own for each test.
pub(crate) struct Project(TempDir);

impl Project {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary directory"))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file and returns its path.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().expect("a file is in a directory")).expect("created");
        fs::write(&path, text).expect("written");
        path
    }

    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .current_dir(self.path())
            .args(["-c", "user.name=Test", "-c", "user.email=test@app.test"])
            .args([
                "-c",
                "commit.gpgsign=false",
                "-c",
                "init.defaultBranch=main",
            ])
            .args(arguments)
            .output()
            .expect("git runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {arguments:?}: {said}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    pub(crate) fn commit(&self, what: &str) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", what]);
    }

    /// A repository in which nothing is found.
    pub(crate) fn repository() -> Self {
        let project = Self::new();
        project.git(&["init", "--quiet"]);
        project.write(".gitignore", "target/\n.env\n.env.*\n!.env.example\n");
        project.write(".env.example", "CLERK_SECRET_KEY=sk_test_...\n");
        project.write("src/main.rs", "fn main() {}\n");
        project.commit("begin");
        project
    }
}

/// The variables of a production in which nothing is found.
pub(crate) fn variables() -> Vec<(&'static str, String)> {
    let keys = keys_url();
    vec![
        (
            "CLERK_PUBLISHABLE_KEY",
            "pk_live_Y2xlcmsuYXBwLnRlc3Qk".to_owned(),
        ),
        ("CLERK_SECRET_KEY", format!("sk_live_{RANDOM}")),
        ("CLERK_GATE_ENVIRONMENT", "production".to_owned()),
        ("CLERK_GATE_ORIGINS", "https://app.test".to_owned()),
        (
            "CLERK_WEBHOOK_SIGNING_SECRET",
            format!("whsec_{RANDOM}AAAABBBB"),
        ),
        ("CLERK_GATE_STORE", "sqlite:webhooks.db".to_owned()),
        (
            "CLERK_JWT_KEY",
            Signer::primary().public_pem().trim().to_owned(),
        ),
        ("CLERK_PROXY_URL", keys.to_owned()),
        ("CLERK_API_URL", keys.to_owned()),
    ]
}

/// An env file with these variables.
pub(crate) fn env_text(variables: &[(&str, String)]) -> String {
    let line = |(name, value): &(&str, String)| format!("{name}=\"{value}\"\n");
    variables.iter().map(line).collect()
}

/// A policy in which nothing is found, and which every rule has something to say about.
pub(crate) const POLICY: &str = r#"
[routes]
"/" = "public"
"/sign-in" = "public"
"/assets/{*rest}" = "assets"
"/unauthorized" = "session"
"/api/protected" = "session"
"/admin/{*rest}" = { role = "org:admin" }
"/admin/sign-in" = "public"
"/api/billing/{*rest}" = { role = "org:admin", sensitive = true }
"/api/reports" = { feature = "reports", token_age = 120 }
"#;

/// The runtime of every server of these tests.
pub(crate) static RUNTIME: LazyLock<tokio::runtime::Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime")
});

/// Serves on loopback until the tests end, and returns the address.
pub(crate) fn serve(app: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.set_nonblocking(true).expect("set");
    let address = listener.local_addr().expect("an address");
    RUNTIME.spawn(async move {
        let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
        let app = app.into_make_service_with_connect_info::<std::net::SocketAddr>();
        axum::serve(listener, app).await.expect("served");
    });
    format!("http://{address}")
}

/// Serves one key set to everybody and one to the holder of the secret key.
pub(crate) fn serve_keys(public: String, backend: String) -> String {
    serve(
        Router::new()
            .route("/.well-known/jwks.json", get(async move || public))
            .route("/v1/jwks", get(async move || backend)),
    )
}

/// Key sets that agree with each other and with the JWT key.
pub(crate) fn keys_url() -> &'static str {
    static URL: LazyLock<String> = LazyLock::new(|| {
        let keys = key_set(&[Signer::primary()]);
        serve_keys(keys.clone(), keys)
    });
    &URL
}
