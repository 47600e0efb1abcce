//! One named trial per case and adapter: `session/expired::axum`.
//!
//! | Variable | Effect |
//! |---|---|
//! | `UPDATE_EXPECT=1` | rewrites expectations first, where all adapters agree; the filter narrows it to some cases |
//! | `CONFORMANCE_ADAPTER=axum` | this adapter alone |
//! | `CONFORMANCE_PROGRAM=target/my-shim` | this program, which is a shim, instead of the adapters |
//! | `CONFORMANCE_SERVER=127.0.0.1:8080` | a server that runs already, instead of the adapters |
//! | `CONFORMANCE_PROFILE=session` | what gate that server has; `session` by default |
//! | `CONFORMANCE_HTML=FILE`, `…_JSON`, `…_JUNIT` | writes a report |

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::{env, fs};

use clerk_gate_conformance::Result;
use clerk_gate_conformance::report::Report;
use clerk_gate_conformance::suite::{Start, Suite};
use libtest_mimic::Arguments;

fn main() -> ExitCode {
    run(&Arguments::from_args()).unwrap_or_else(|error| {
        eprintln!("{error}");
        ExitCode::FAILURE
    })
}

fn run(arguments: &Arguments) -> Result<ExitCode> {
    // Cargo runs tests in the folder of their package.
    let root = Path::new("cases");
    if env::var_os("UPDATE_EXPECT").is_some() {
        let filter = arguments.filter.as_deref().unwrap_or_default();
        Suite::load(root, ADAPTERS.to_vec())?.bless(filter)?;
    }
    let suite = Arc::new(Suite::load(root, wanted()?)?);
    let conclusion = libtest_mimic::run(arguments, suite.trials());
    println!("{}", suite.report(|report| report.matrix()));
    let reports: [(_, Render); 3] = [
        ("CONFORMANCE_HTML", |report| report.html()),
        ("CONFORMANCE_JSON", |report| report.json()),
        ("CONFORMANCE_JUNIT", |report| report.junit()),
    ];
    for (variable, render) in reports {
        if let Some(file) = env::var_os(variable) {
            fs::write(file, suite.report(render))?;
        }
    }
    Ok(conclusion.exit_code())
}

fn wanted() -> Result<Vec<Adapter>> {
    if let Ok(server) = env::var("CONFORMANCE_SERVER") {
        let profile = env::var("CONFORMANCE_PROFILE").unwrap_or_else(|_| "session".to_owned());
        let start = Start::Outside(server.parse()?, profile.leak());
        return Ok(vec![("outside", start)]);
    }
    if let Ok(program) = env::var("CONFORMANCE_PROGRAM") {
        return Ok(vec![("outside", Start::Shim(program.leak()))]);
    }
    let Ok(wanted) = env::var("CONFORMANCE_ADAPTER") else {
        return Ok(ADAPTERS.to_vec());
    };
    let adapter = ADAPTERS.iter().find(|(name, _)| *name == wanted);
    let names = ADAPTERS.map(|(name, _)| name).join(", ");
    let problem = format!("CONFORMANCE_ADAPTER {wanted:?} is no adapter; write one of {names}");
    Ok(vec![*adapter.ok_or(problem)?])
}

type Render = fn(&Report<'_>) -> String;

type Adapter = (&'static str, Start);

const ADAPTERS: [Adapter; 6] = [
    ("direct", Start::Direct),
    ("tower", Start::Shim(env!("CARGO_BIN_EXE_shim-tower"))),
    ("axum", Start::Shim(env!("CARGO_BIN_EXE_shim-axum"))),
    ("actix", Start::Shim(env!("CARGO_BIN_EXE_shim-actix"))),
    ("rocket", Start::Shim(env!("CARGO_BIN_EXE_shim-rocket"))),
    ("hyper", Start::Shim(env!("CARGO_BIN_EXE_shim-hyper"))),
];
