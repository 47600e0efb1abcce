//! Rules about what a server tells without being asked.

use crate::doctor::facts::{Answer, Server};
use crate::doctor::rule::{Check, Evidence, Outcome, Rule, Severity};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "leak-files",
        title: "Env files and the repository are not served",
        severity: Severity::High,
        asvs: "13.4.1",
        source: "guide, step 1",
        how: "asks for /.env, /.env.local, /.env.production and /.git/HEAD",
        remedy: "serve a folder made for the public, never the project's own; and replace every key that was in the file",
        check: Check::Server(files),
    },
    Rule {
        id: "leak-version",
        title: "No header tells versions of the server's software",
        severity: Severity::Low,
        asvs: "13.4.6",
        source: "beyond the guide",
        how: "reads Server, X-Powered-By and their kin on the home page, an error and a refusal",
        remedy: "remove the header, or the version from it",
        check: Check::Server(versions),
    },
    Rule {
        id: "leak-reflection",
        title: "Error pages repeat nothing of the request",
        severity: Severity::Medium,
        asvs: "1.2.1",
        source: "beyond the guide",
        how: "asks for a path, a query and a Referer that nobody else has, and looks for them in the answer",
        remedy: "answer errors with fixed words",
        check: Check::Server(|server| {
            let answer = server.missing.answer()?;
            let repeated = answer.body.contains(&server.marker);
            let what = "the body of the answer repeats the request";
            Ok(repeated
                .then(|| server.missing.found(what))
                .into_iter()
                .collect())
        }),
    },
    Rule {
        id: "leak-trace",
        title: "Errors do not show the program's insides",
        severity: Severity::Medium,
        asvs: "16.5.1",
        source: "beyond the guide",
        how: "looks for stack traces, panics and source paths in every answer",
        remedy: "switch debug modes off, and answer errors with fixed words",
        check: Check::Server(|server| {
            let answers = server.ordinary()?;
            let found = answers.iter().filter_map(|(request, answer)| {
                let inside = INSIDES.iter().find(|text| answer.body.contains(**text))?;
                Some(Evidence::at(
                    *request,
                    format!("the body has \"{}\" in it", inside.trim()),
                ))
            });
            Ok(found.collect())
        }),
    },
    Rule {
        id: "leak-method-trace",
        title: "TRACE is refused",
        severity: Severity::Low,
        asvs: "13.4.4",
        source: "beyond the guide",
        how: "sends TRACE with a header line and looks for it in the answer",
        remedy: "switch TRACE off in the server or proxy",
        check: Check::Server(|server| {
            let answer = server.trace.answer()?;
            let echoes = answer.is_success() && answer.body.contains(&server.marker);
            let what = "answers with the request's own header lines";
            Ok(echoes
                .then(|| server.trace.found(what))
                .into_iter()
                .collect())
        }),
    },
];

fn files(server: &Server) -> Outcome {
    let mut found = Vec::new();
    for exchange in &server.files {
        let answer = exchange.answer()?;
        // A page for every unknown path is no file.
        let like_a_file = answer.body.lines().any(|line| {
            let name = line.split('=').next().unwrap_or_default();
            let is_variable = line.contains('=')
                && !name.is_empty()
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            is_variable || line.starts_with("ref: refs/")
        });
        if answer.is_success() && like_a_file {
            found.push(exchange.found("is served to everybody"));
        }
    }
    Ok(found)
}

fn versions(server: &Server) -> Outcome {
    let mut found = Vec::new();
    for (request, answer) in server.ordinary()? {
        found.extend(version(answer).map(|what| Evidence::at(request, what)));
    }
    Ok(found)
}

fn version(answer: &Answer) -> Option<String> {
    TELLING.iter().find_map(|name| {
        let value = answer.one(name)?;
        let tells = *name != "server" || value.contains(|c: char| c.is_ascii_digit());
        let short: String = value.chars().take(60).collect();
        tells.then(|| format!("{name} is \"{short}\""))
    })
}

/// `Server` with a name alone tells little; the others are there to tell.
const TELLING: [&str; 5] = [
    "server",
    "x-powered-by",
    "x-aspnet-version",
    "x-runtime",
    "x-generator",
];

const INSIDES: [&str; 8] = [
    "panicked at ",
    "stack backtrace:",
    "Traceback (most recent call last)",
    "    at Object.",
    "    at async ",
    "/node_modules/",
    "/.cargo/registry/",
    "Whoops, looks like something went wrong",
];
