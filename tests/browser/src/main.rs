//! The examples in a real browser: what it does with our headers, cookies and pages.
//!
//! ```text
//! flow ── clicks, keys ──> Chromium ──> example, with its stand-in for Clerk
//!   │ <── DevTools ───────────┘  └────> a site that is not ours
//!   └─ every page must have stayed quiet: no violation, no error
//! ```
//!
//! `cargo xtask browser` builds everything and runs it; README.md says how to add a flow.

mod chromium;
mod flows;
mod foreign;
mod page;
mod record;
mod stage;

use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use libtest_mimic::{Arguments, Failed, Trial};

use self::chromium::Chromium;
use self::flows::{FLOWS, Flow};
use self::stage::Stage;

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("browser: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<ExitCode> {
    let mut arguments = Arguments::from_args();
    // There is one browser, and it answers one question at a time.
    arguments.test_threads.get_or_insert(1);
    let own = env::current_exe()?;
    let programs = own.parent().context("this program lies in a folder")?;
    let chromium = Arc::new(Chromium::start(Path::new(&browser()))?);
    let screenshots = Path::new("target/screenshots");
    let mut trials = Vec::new();
    for name in EXAMPLES {
        let program = programs.join(format!("example-{name}"));
        ensure!(
            program.is_file(),
            "{}: is not built; run `cargo xtask browser`",
            program.display()
        );
        let folder = screenshots.join(name);
        for &(title, flow) in FLOWS {
            let (chromium, program) = (Arc::clone(&chromium), program.clone());
            let folder = folder.clone();
            trials.push(Trial::test(format!("{name}/{title}"), move || {
                play(chromium, &program, folder, flow)
            }));
        }
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    println!("screenshots: {}", screenshots.display());
    Ok(conclusion.exit_code())
}

fn play(
    chromium: Arc<Chromium>,
    program: &Path,
    folder: PathBuf,
    flow: Flow,
) -> Result<(), Failed> {
    let program = program.display().to_string();
    let played = Stage::new(chromium, &program, folder)
        .and_then(|stage| flow(&stage).and_then(|()| stage.is_quiet()));
    // With its causes.
    played.map_err(|error| format!("{error:#}").into())
}

/// The browser's program.
fn browser() -> String {
    let own = env::var(BROWSER).ok().filter(|name| !name.is_empty());
    own.unwrap_or_else(|| "chromium".to_owned())
}

/// Names another browser than Debian's Chromium.
const BROWSER: &str = "CLERK_GATE_TEST_BROWSER";

const EXAMPLES: [&str; 3] = ["axum", "actix", "rocket"];
