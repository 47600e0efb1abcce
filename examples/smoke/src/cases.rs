//! The conformance cases that all examples pass.

use std::fs;
use std::path::Path;

use clerk_gate_conformance::case::Case;
use clerk_gate_conformance::run::{Target, compare};

use crate::app::App;

/// Plays the cases in `tests/conformance/cases/examples` against `program`, built on `adapter`.
///
/// They are as all cases are, but that `{local QUERY}` stands for a token of the stand-in,
/// `{stand-in}` for its origin, and that of the bodies only JSON is compared: pages and files are
/// there to be changed.
///
/// # Panics
/// If a case fails; the message shows the differences.
pub fn the_cases_pass(program: &str, adapter: &str) {
    let app = App::start(program);
    // Cargo runs tests in the folder of their package.
    let root = Path::new("../../tests/conformance/cases");
    let baseline = fs::read_to_string(root.join("baselines/examples.headers"));
    let baseline: Vec<_> = baseline
        .expect("the headers of every answer")
        .lines()
        .map(str::to_owned)
        .collect();
    let cases = Case::load_all(&root.join("examples")).expect("cases that can be read");
    let failures: Vec<_> = cases
        .into_iter()
        .filter_map(|case| play(&app, case, adapter, &baseline).err())
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn play(app: &App, mut case: Case, adapter: &str, baseline: &[String]) -> Result<(), String> {
    let requests = case.exchanges.iter_mut().flat_map(|e| &mut e.request);
    for line in requests {
        *line = with_token(app, line);
    }
    // The time does not matter: events are not seen from outside.
    let mut outcomes = Target::Outside(app.address)
        .play(&case, 0)
        .map_err(|error| format!("{}: {error}", case.name))?;
    let stand_in = format!("http://{}", app.stand_in);
    for outcome in &mut outcomes {
        let answer = &mut outcome.answer;
        if !answer.iter().any(|line| line == JSON) {
            let head = answer.iter().take_while(|line| !line.is_empty()).count();
            answer.truncate(head);
        }
        for line in answer {
            *line = line.replace(&stand_in, "{stand-in}");
        }
    }
    compare(&case, adapter, &outcomes, baseline).map_err(|failure| failure.to_string())
}

fn with_token(app: &App, line: &str) -> String {
    let template = line
        .split_once("{local ")
        .and_then(|(before, rest)| Some((before, rest.split_once('}')?)));
    match template {
        Some((before, (query, after))) => format!("{before}{}{after}", app.token(query)),
        None => line.to_owned(),
    }
}

const JSON: &str = "content-type: application/json";
