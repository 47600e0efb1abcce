//! Rewrites expectations with what all adapters agree on.

use std::fs;

use crate::case::Case;
use crate::run::Outcome;
use crate::{Result, canonical};

/// Writes `outcomes`, one list per adapter, into the file of `case`.
///
/// Adapters with a difference in an exchange have no say in it; differences themselves are
/// written by hand, with a reason, or not at all.
///
/// # Errors
/// Adapters that disagree, which is for a person to settle; a file that cannot be written.
pub fn bless(case: &Case, outcomes: &[(&str, Vec<Outcome>)], baseline: &[String]) -> Result<()> {
    let text = fs::read_to_string(&case.path)?;
    let blessed = rewrite(case, &text, outcomes, baseline)?;
    if blessed != text {
        fs::write(&case.path, blessed)?;
    }
    Ok(())
}

fn rewrite(
    case: &Case,
    text: &str,
    outcomes: &[(&str, Vec<Outcome>)],
    baseline: &[String],
) -> Result<String> {
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    // From the last one, so that the places of the others stay right.
    for (index, exchange) in case.exchanges.iter().enumerate().rev() {
        let mut agreed: Option<(&str, &Outcome)> = None;
        for (adapter, outcomes) in outcomes {
            let outcome = &outcomes[index];
            if !std::ptr::eq(exchange.expected_of(adapter), &exchange.expected) {
                continue;
            }
            match agreed {
                Some((first, other)) if other != outcome => {
                    let place = case.locate(exchange);
                    let difference = crate::diff::lines(&other.lines(), &outcome.lines());
                    return Err(format!(
                        "{place}: adapters disagree\n--- {first}\n+++ {adapter}\n{difference}"
                    )
                    .into());
                }
                Some(_) => {}
                None => agreed = Some((adapter, outcome)),
            }
        }
        let Some((_, outcome)) = agreed else {
            continue;
        };
        let outcome = Outcome {
            answer: canonical::blessed(&outcome.answer, baseline),
            events: outcome.events.clone(),
        };
        lines.splice(exchange.expected.span.clone(), outcome.lines());
    }
    Ok(lines.join("\n") + "\n")
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    const TEXT: &str = "# R.\nprofile: p\n\n> GET / HTTP/1.1\n>\n\n> GET /b HTTP/1.1\n>\n< 500\n< x: 1\n! old\n<axum\nbecause: it must.\n< 400\n";

    fn outcome(lines: &[&str], event: &str) -> Outcome {
        Outcome {
            answer: lines.iter().map(|&line| line.to_owned()).collect(),
            events: Some(vec![event.to_owned()]),
        }
    }

    fn blessed(axum: [Outcome; 2], tower: [Outcome; 2]) -> Result<String> {
        let case = Case::parse("a/b".to_owned(), PathBuf::from("b.case"), TEXT).unwrap();
        let outcomes = [("axum", axum.into()), ("tower", tower.into())];
        rewrite(&case, TEXT, &outcomes, &["h: 1".to_owned()])
    }

    #[test]
    fn only_the_common_expectation_is_rewritten() {
        let first = outcome(&["200", "h: 1", "", "x"], "e1");
        let second = outcome(&["201", "h: 2"], "e2");
        let text = blessed([first.clone(), outcome(&["400"], "e2")], [first, second]).unwrap();
        assert_eq!(
            text,
            "# R.\nprofile: p\n\n> GET / HTTP/1.1\n>\n< 200\n< {baseline}\n<\n< x\n! e1\n\
             \n> GET /b HTTP/1.1\n>\n< 201\n< h: 2\n! e2\n<axum\nbecause: it must.\n< 400\n"
        );
    }

    #[test]
    fn adapters_that_disagree_are_not_blessed() {
        let same = outcome(&["200"], "e");
        let error =
            blessed([outcome(&["201"], "e"), same.clone()], [same.clone(), same]).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("b.case:4: adapters disagree\n--- axum\n+++ tower\n"),
            "{error}"
        );
    }
}
