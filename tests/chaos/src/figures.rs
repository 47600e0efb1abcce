//! What happened, in numbers.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What became of one attempt to deliver a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// 200: handled now.
    New,
    /// 200: handled before.
    Already,
    /// 409: another worker has it.
    Busy,
    /// 500: the handler could not do its work.
    Failed,
    /// 503: the store does not answer.
    Unavailable,
    /// Any other status.
    Other,
    /// No connection, or it broke.
    Nothing,
}

impl Answer {
    pub(crate) fn is_acknowledged(self) -> bool {
        matches!(self, Self::New | Self::Already)
    }
}

/// How often each answer came.
#[derive(Debug, Default)]
pub(crate) struct Tally([AtomicU64; 7]);

impl Tally {
    pub(crate) fn add(&self, answer: Answer) {
        self.0[answer as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn of(&self, answer: Answer) -> u64 {
        self.0[answer as usize].load(Ordering::Relaxed)
    }

    pub(crate) fn acknowledged(&self) -> u64 {
        self.of(Answer::New) + self.of(Answer::Already)
    }

    pub(crate) fn all(&self) -> u64 {
        self.0.iter().map(|n| n.load(Ordering::Relaxed)).sum()
    }
}

/// One line of the table.
pub(crate) struct Figures<'f> {
    pub(crate) run: &'f str,
    pub(crate) store: &'f str,
    pub(crate) messages: u64,
    pub(crate) tally: &'f Tally,
    /// Messages without an effect.
    pub(crate) lost: usize,
    /// Messages with several effects.
    pub(crate) doubled: usize,
    pub(crate) time: Duration,
}

impl fmt::Display for Figures<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            run,
            store,
            messages,
            tally,
            lost,
            doubled,
            time,
        } = self;
        write!(f, "{run:<14}{store:<9}{messages:>9}{:>9}", tally.all())?;
        for answer in [
            Answer::New,
            Answer::Already,
            Answer::Busy,
            Answer::Failed,
            Answer::Unavailable,
            Answer::Other,
            Answer::Nothing,
        ] {
            write!(f, "{:>8}", tally.of(answer))?;
        }
        write!(f, "{lost:>8}{doubled:>8}")?;
        let seconds = time.as_secs_f64();
        let whole = u32::try_from(*messages).unwrap_or(u32::MAX);
        write!(f, "{seconds:>9.1}{:>8.0}", f64::from(whole) / seconds)
    }
}

/// The heads of the columns of [`Figures`].
pub(crate) const HEAD: &str = "\
run           store     messages attempts     new already     409     500     503   other    none\
\x20   lost doubled  seconds    /sec";
