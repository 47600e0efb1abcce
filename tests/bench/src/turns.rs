//! A question and its reference, turn by turn.

use std::time::{Duration, Instant};

use crate::Figure;
use crate::questions::Question;

/// How long a question took in each turn, and its reference right after it.
#[derive(Debug)]
pub struct Turns {
    /// Seconds.
    own: Vec<f64>,
    reference: Vec<f64>,
}

/// Asks both in turns, a fifth of a millisecond each or once, whichever takes longer.
pub fn compare(question: &mut Question, reference: &mut Question) -> Turns {
    let (many, references) = (batch(question), batch(reference));
    (0..TURNS)
        .map(|_| (time(question, many), time(reference, references)))
        .collect()
}

impl Turns {
    /// How many times the reference the question takes.
    pub fn ratio(&self, group: &str, what: impl Into<String>) -> Figure {
        let pairs = self.own.iter().zip(&self.reference);
        Figure::new(group, what, pairs.map(|(own, other)| own / other).collect())
    }

    /// By how many nanoseconds it takes longer than the reference.
    pub fn beyond(&self, group: &str, what: impl Into<String>) -> Figure {
        let pairs = self.own.iter().zip(&self.reference);
        let beyond = pairs.map(|(own, other)| (own - other) * 1e9).collect();
        Figure::new(group, what, beyond).unit("ns")
    }

    /// How many nanoseconds it takes.
    pub fn nanoseconds(&self, group: &str, what: impl Into<String>) -> Figure {
        let own = self.own.iter().map(|own| own * 1e9).collect();
        Figure::new(group, what, own).unit("ns")
    }
}

impl FromIterator<(f64, f64)> for Turns {
    fn from_iter<I: IntoIterator<Item = (f64, f64)>>(pairs: I) -> Self {
        let (own, reference) = pairs.into_iter().unzip();
        Self { own, reference }
    }
}

/// How often `question` can be asked in a turn.
fn batch(question: &mut Question) -> u32 {
    let mut many = 1;
    while time(question, many) * f64::from(many) < TURN.as_secs_f64() {
        many *= 2;
    }
    many
}

/// The seconds that `question` takes, asked `many` times.
fn time(question: &mut Question, many: u32) -> f64 {
    let started = Instant::now();
    for _ in 0..many {
        question();
    }
    started.elapsed().as_secs_f64() / f64::from(many)
}

const TURNS: usize = 1001;

const TURN: Duration = Duration::from_micros(200);
