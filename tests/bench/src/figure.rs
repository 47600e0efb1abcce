//! A figure, as the programs print it and the page shows it.

use serde::{Deserialize, Serialize};

/// The median of many measurements, with its quartiles.
///
/// [`print`](Self::print) writes it as one line of JSON to the standard output, which has nothing
/// else, and for people to the standard error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    /// What it belongs to: a table, and a plot, on the page.
    pub group: String,
    /// What was measured, and for a ratio by what it is divided.
    pub what: String,
    /// How many there were of what grows: rules, sessions, revocations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<u64>,
    /// Half of the measurements are below.
    pub median: f64,
    /// A quarter of them is below.
    pub low: f64,
    /// A quarter of them is above.
    pub high: f64,
    /// What it is counted in. A ratio has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// What it should be.
    #[serde(default)]
    pub goal: Option<Goal>,
}

/// What a figure should be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// For what should be small.
    AtMost(f64),
    /// For what should be large.
    AtLeast(f64),
}

impl Figure {
    /// The figure of these measurements.
    ///
    /// # Panics
    /// Without a measurement.
    pub fn new(group: &str, what: impl Into<String>, mut measured: Vec<f64>) -> Self {
        assert!(!measured.is_empty(), "a figure is made of measurements");
        measured.sort_by(f64::total_cmp);
        let at = |quarter: usize| measured[(measured.len() - 1) * quarter / 4];
        Self {
            group: group.to_owned(),
            what: what.into(),
            at: None,
            median: at(2),
            low: at(1),
            high: at(3),
            unit: None,
            goal: None,
        }
    }

    /// The same, of that many.
    #[must_use]
    pub fn at(self, count: u64) -> Self {
        let at = Some(count);
        Self { at, ..self }
    }

    /// The same, counted in `unit`.
    #[must_use]
    pub fn unit(self, unit: &str) -> Self {
        let unit = Some(unit.to_owned());
        Self { unit, ..self }
    }

    /// The same, which should be at most this.
    #[must_use]
    pub fn at_most(self, most: f64) -> Self {
        let goal = Some(Goal::AtMost(most));
        Self { goal, ..self }
    }

    /// The same, which should be at least this.
    #[must_use]
    pub fn at_least(self, least: f64) -> Self {
        let goal = Some(Goal::AtLeast(least));
        Self { goal, ..self }
    }

    /// Whether the median is what it should be, if there is a goal.
    pub fn is_reached(&self) -> Option<bool> {
        Some(match self.goal? {
            Goal::AtMost(most) => self.median <= most,
            Goal::AtLeast(least) => self.median >= least,
        })
    }

    /// Writes it for the program that reads it, and for the people who wait.
    pub fn print(&self) {
        let line = serde_json::to_string(self).expect("texts and numbers");
        println!("{line}");
        let what = match self.at {
            Some(count) => format!("{}: {} ({count})", self.group, self.what),
            None => format!("{}: {}", self.group, self.what),
        };
        let [median, low, high] = [self.median, self.low, self.high].map(short);
        let unit = self.unit.as_deref().unwrap_or_default();
        let goal = match self.goal {
            Some(Goal::AtMost(most)) => format!("goal ≤ {most}"),
            Some(Goal::AtLeast(least)) => format!("goal ≥ {least}"),
            None => String::new(),
        };
        let missed = if self.is_reached() == Some(false) {
            "  <- missed"
        } else {
            ""
        };
        eprintln!("{what:<64} {median:>8} {unit:<4} {low} – {high}  {goal}{missed}");
    }
}

/// Three digits that say something, whatever the size.
pub(crate) fn short(number: f64) -> String {
    match number.abs() {
        0.0 => "0".to_owned(),
        size if size >= 100.0 => format!("{number:.0}"),
        size if size >= 10.0 => format!("{number:.1}"),
        size if size >= 0.1 => format!("{number:.2}"),
        size if size >= 0.01 => format!("{number:.3}"),
        _ => format!("{number:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_the_median_with_its_quartiles() {
        let figure = Figure::new("g", "w", vec![5.0, 1.0, 4.0, 2.0, 3.0]);
        assert_eq!([figure.low, figure.median, figure.high], [2.0, 3.0, 4.0]);
    }

    #[test]
    fn a_goal_is_reached_from_its_own_side() {
        let figure = Figure::new("g", "w", vec![1.0]);
        assert_eq!(figure.is_reached(), None);
        for (figure, want) in [
            (figure.clone().at_most(1.0), true),
            (figure.clone().at_most(0.9), false),
            (figure.clone().at_least(1.0), true),
            (figure.at_least(1.1), false),
        ] {
            assert_eq!(figure.is_reached(), Some(want), "{figure:?}");
        }
    }

    #[test]
    fn a_line_is_read_as_it_was_written() {
        let figure = Figure::new("g", "w", vec![0.5]).at(10).unit("µs");
        let figure = figure.at_most(1.0);
        let line = serde_json::to_string(&figure).unwrap();
        assert!(line.contains(r#""goal":{"at_most":1.0}"#), "{line}");
        assert_eq!(serde_json::from_str::<Figure>(&line).unwrap(), figure);
    }
}
