//! The page: tables and plots of all figures.

use std::fmt::Write;

use anyhow::Result;

use crate::figure::short;
use crate::plot;
use crate::{Figure, Goal};

/// The files of the page, by their names: `README.md`, and a plot for each group of figures.
///
/// # Errors
/// If something cannot be drawn.
pub fn page(
    programs: &[(String, Vec<Figure>)],
    circumstances: &str,
) -> Result<Vec<(String, String)>> {
    let mut text = format!("{HEAD}\nMeasured: {circumstances}.\n");
    let mut files = Vec::new();
    for (program, figures) in programs {
        for group in groups(figures) {
            let title = &group[0].group;
            let name = format!("plots/{}.svg", file_name(title));
            writeln!(text, "\n## {}\n", capital(title))?;
            writeln!(text, "`cargo xtask bench {program}`\n")?;
            write(&mut text, &group)?;
            if let Some(plot) = plot::plot(&group)? {
                writeln!(text, "\n![{title}]({name})")?;
                files.push((name, plot));
            }
        }
    }
    files.push(("README.md".to_owned(), text));
    Ok(files)
}

/// The figures of each group, in the order of their first.
fn groups(figures: &[Figure]) -> Vec<Vec<&Figure>> {
    let mut groups: Vec<Vec<&Figure>> = Vec::new();
    for figure in figures {
        let own = groups.iter_mut().find(|own| own[0].group == figure.group);
        match own {
            Some(own) => own.push(figure),
            None => groups.push(vec![figure]),
        }
    }
    groups
}

fn write(text: &mut String, group: &[&Figure]) -> Result<()> {
    writeln!(text, "| what | median | quartiles | goal | |")?;
    writeln!(text, "|---|---:|---:|---:|---|")?;
    for figure in group {
        let goal = match figure.goal {
            Some(Goal::AtMost(most)) => format!("≤ {most}"),
            Some(Goal::AtLeast(least)) => format!("≥ {least}"),
            None => String::new(),
        };
        let reached = match figure.is_reached() {
            Some(true) => "reached",
            Some(false) => "missed",
            None => "",
        };
        let [median, low, high] = [figure.median, figure.low, figure.high].map(short);
        let unit = figure.unit.as_deref().unwrap_or_default();
        let quartiles = if low == high {
            String::new()
        } else {
            format!("{low} – {high}")
        };
        let what = name(figure);
        let median = format!("{median} {unit}");
        let median = median.trim();
        writeln!(
            text,
            "| {what} | {median} | {quartiles} | {goal} | {reached} |"
        )?;
    }
    Ok(())
}

/// What was measured, and of how many.
pub(crate) fn name(figure: &Figure) -> String {
    match figure.at {
        Some(count) => format!("{}, {}", figure.what, thousands(count)),
        None => figure.what.clone(),
    }
}

/// With a comma after every third digit.
pub(crate) fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn capital(title: &str) -> String {
    let mut letters = title.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

fn file_name(title: &str) -> String {
    let word = |c: char| if c.is_alphanumeric() { c } else { ' ' };
    let title: String = title.to_lowercase().chars().map(word).collect();
    title.split_whitespace().collect::<Vec<_>>().join("-")
}

const HEAD: &str = "\
# What the gate costs

`cargo xtask bench` measures everything here anew and writes this page to `target/bench`. Each figure
is the median of many ratios: a question and its reference take turns in the same process, or two
servers in the same minute, a ratio is taken of every pair of neighbours, and the quartiles say
how far these lie apart. The time of one and the same operation drifts by half on a shared
machine from minute to minute; compare nothing with another run.

The question is always answered in full: a decision is the view of the request, its path, rule,
credential, token and origin. `÷ raw RSA` is by the one signature operation that a session token
needs, its key parsed before; a token is as long as Clerk's are.

Servers have one core, their load the other, and HTTP/1.1 connections that stay open. `gated` is a
server in the shape of production: ten rules, all security headers, HTTPS enforced behind a
proxy. `bare` has nothing of all that, so `gated ÷ bare` holds the writing of some ten header lines as
well; `gated ÷ header lines by hand` is the gate alone. Requests per second on two cores that others
use, too, are the least steady figures here; the server's own CPU time is the steadiest.

[tests/peers](../peers/README.md) says what each of the other crates checks, how they are set up, and
where the instructions of a gated request go: header lines are most of what `bare` does not do.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_has_a_heading_a_table_and_a_plot() {
        let figure = |what: &str, measured| Figure::new("the cost of it", what, measured);
        let figures = vec![
            figure("one", vec![0.8, 0.9, 1.0, 1.1, 1.2]).at_most(1.0),
            figure("other", vec![2.0]).at_most(1.0),
        ];
        let files = page(&[("own".to_owned(), figures)], "today").unwrap();
        let [(plot, drawn), (page, text)] = &files[..] else {
            panic!("{files:?}");
        };
        assert_eq!([plot, page], ["plots/the-cost-of-it.svg", "README.md"]);
        assert!(drawn.starts_with("<svg"), "{drawn}");
        for line in [
            "Measured: today.",
            "## The cost of it",
            "`cargo xtask bench own`",
            "| one | 1.00 | 0.90 – 1.10 | ≤ 1 | reached |",
            "| other | 2.00 |  | ≤ 1 | missed |",
            "![the cost of it](plots/the-cost-of-it.svg)",
        ] {
            assert!(text.lines().any(|own| own == line), "{line} in {text}");
        }
    }

    #[test]
    fn large_numbers_are_read_in_threes() {
        let texts = [1, 999, 1_000, 1_000_000].map(thousands);
        assert_eq!(texts, ["1", "999", "1,000", "1,000,000"]);
    }
}
