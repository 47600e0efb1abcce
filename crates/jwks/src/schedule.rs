//! When to fetch. Pure: the moments are arguments, no clock is read.
//!
//! Moments are [`Instant`]s, so a step of the system clock neither ages the keys nor keeps them.

use std::time::{Duration, Instant};

use clerk_gate_core::{ConfigError, ConfigErrors};

/// How often keys are fetched, and how long they are used when that fails.
///
/// ```
/// use std::time::Duration;
///
/// use clerk_gate_jwks::Schedule;
///
/// let patient = Schedule {
///     max_age: Duration::from_secs(4 * 3600),
///     ..Schedule::default()
/// };
/// assert_eq!(patient.refresh, Duration::from_secs(300));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// From a success to the next attempt. 300 seconds, as in Clerk's own backend SDK.
    pub refresh: Duration,
    /// From a success to the moment from which an unknown `kid` may cause an attempt.
    /// 10 seconds.
    ///
    /// # Security
    /// Anybody can send an unknown `kid`. This bounds the requests that strangers can cause.
    pub rest: Duration,
    /// From a first failure to the next attempt; doubles with each further failure. 1 second.
    pub retry: Duration,
    /// Where the doubling ends. 30 seconds.
    pub max_retry: Duration,
    /// From the last success to the moment at which the keys are no longer used. 1 hour.
    ///
    /// # Security
    /// Through an outage, a key that Clerk has withdrawn is trusted for this long.
    pub max_age: Duration,
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            refresh: Duration::from_secs(300),
            rest: Duration::from_secs(10),
            retry: Duration::from_secs(1),
            max_retry: Duration::from_secs(30),
            max_age: Duration::from_secs(3600),
        }
    }
}

impl Schedule {
    /// Refuses schedules that never pause or whose keys expire before they are refreshed.
    pub(crate) fn check(self) -> Result<Self, ConfigErrors> {
        let Self {
            refresh,
            rest,
            retry,
            max_retry,
            max_age,
        } = self;
        let zero = Duration::ZERO;
        let rules = [
            ("refresh", refresh, refresh > zero, "more than", zero),
            ("rest", rest, rest <= refresh, "at most", refresh),
            ("retry", retry, retry > zero, "more than", zero),
            (
                "max_retry",
                max_retry,
                max_retry >= retry,
                "at least",
                retry,
            ),
            ("max_age", max_age, max_age > refresh, "more than", refresh),
        ];
        let errors = rules
            .into_iter()
            .filter(|(_, _, holds, _, _)| !holds)
            .map(|(name, got, _, relation, bound)| {
                ConfigError::new(
                    format!("schedule {name} \"{got:?}\""),
                    "does not fit the rest of the schedule",
                    format!("write {relation} \"{bound:?}\""),
                )
            })
            .collect();
        ConfigErrors::check(errors, self)
    }
}

/// What a fetcher does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Fetch the key set, then report with [`Plan::succeed`] or [`Plan::fail`].
    Attempt,
    /// Let an unknown `kid` ask for an attempt again.
    EndRest,
    /// Give up the keys: they are too old.
    Expire,
    /// Do nothing for this long, unless a key is wanted.
    Sleep(Duration),
}

/// A [`Schedule`] in progress.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    schedule: Schedule,
    /// The end of the last attempt.
    ended: Option<Instant>,
    /// The last success, unless its keys have expired.
    succeeded: Option<Instant>,
    /// Failures since the last success.
    failures: u32,
    resting: bool,
    wanted: bool,
}

impl Plan {
    /// A plan whose first step is an attempt.
    pub(crate) fn new(schedule: Schedule) -> Self {
        Self {
            schedule,
            ended: None,
            succeeded: None,
            failures: 0,
            resting: false,
            wanted: false,
        }
    }

    /// Somebody waits for the next attempt. It comes as soon as the rest allows.
    pub(crate) fn want(&mut self) {
        self.wanted = true;
    }

    /// An attempt has succeeded.
    pub(crate) fn succeed(&mut self, now: Instant) {
        self.failures = 0;
        self.succeeded = Some(now);
        self.end(now);
    }

    /// An attempt has failed.
    pub(crate) fn fail(&mut self, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        self.end(now);
    }

    fn end(&mut self, now: Instant) {
        self.ended = Some(now);
        self.resting = true;
        self.wanted = false;
    }

    /// What to do at `now`. To be asked again after each step.
    pub(crate) fn step(&mut self, now: Instant) -> Step {
        let since = |moment: Instant| now.saturating_duration_since(moment);
        let left = self
            .succeeded
            .map(|at| self.schedule.max_age.saturating_sub(since(at)));
        if left.is_some_and(|left| left.is_zero()) {
            self.succeeded = None;
            return Step::Expire;
        }
        let Some(passed) = self.ended.map(since) else {
            return Step::Attempt;
        };
        let (rest, pause) = self.pauses();
        if passed >= if self.wanted { rest } else { pause } {
            return Step::Attempt;
        }
        if self.resting && passed >= rest {
            self.resting = false;
            return Step::EndRest;
        }
        let next = if self.resting { rest } else { pause };
        let next = next.saturating_sub(passed);
        Step::Sleep(left.map_or(next, |left| left.min(next)))
    }

    /// From the end of the last attempt to the end of the rest and to the next attempt.
    ///
    /// After a failure they are one: keys are missing or stale, so nobody need ask.
    fn pauses(&self) -> (Duration, Duration) {
        let Some(doublings) = self.failures.checked_sub(1) else {
            return (self.schedule.rest, self.schedule.refresh);
        };
        let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
        let retry = self.schedule.retry.saturating_mul(factor);
        let retry = retry.min(self.schedule.max_retry);
        (retry, retry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// What happens to a plan, and when: seconds from the start.
    enum Event {
        Fail(u64),
        Succeed(u64),
        Want,
        /// Asks for a step, which must be this one.
        Step(u64, Step),
    }

    use Event::{Fail, Succeed, Want};
    use Step::{Attempt, EndRest, Expire, Sleep};

    #[track_caller]
    fn check(events: &[Event]) {
        let start = Instant::now();
        let mut plan = Plan::new(Schedule::default());
        for event in events {
            match *event {
                Fail(at) => plan.fail(start + secs(at)),
                Succeed(at) => plan.succeed(start + secs(at)),
                Want => plan.want(),
                Event::Step(at, want) => {
                    assert_eq!(plan.step(start + secs(at)), want, "after {at} seconds");
                }
            }
        }
    }

    #[test]
    fn the_first_attempt_is_due_at_once() {
        check(&[Event::Step(0, Attempt)]);
    }

    #[test]
    fn after_a_success_comes_a_rest_then_the_refresh() {
        check(&[
            Succeed(0),
            Event::Step(0, Sleep(secs(10))),
            Event::Step(9, Sleep(secs(1))),
            Event::Step(10, EndRest),
            Event::Step(10, Sleep(secs(290))),
            Event::Step(300, Attempt),
        ]);
    }

    #[test]
    fn a_wanted_key_causes_an_attempt_when_the_rest_is_over() {
        check(&[
            Succeed(0),
            Want,
            Event::Step(9, Sleep(secs(1))),
            Event::Step(10, Attempt),
            Succeed(11),
            Event::Step(21, EndRest),
            Event::Step(21, Sleep(secs(290))),
            Want,
            Event::Step(22, Attempt),
        ]);
    }

    #[test]
    fn failures_are_retried_ever_more_slowly_up_to_a_limit() {
        let mut events = Vec::new();
        let mut now = 0;
        for pause in [1, 2, 4, 8, 16, 30, 30] {
            events.extend([Fail(now), Event::Step(now, Sleep(secs(pause)))]);
            now += pause;
            events.push(Event::Step(now, Attempt));
        }
        check(&events);
    }

    #[test]
    fn a_wanted_key_does_not_shorten_the_pause_after_a_failure() {
        check(&[
            Fail(0),
            Fail(1),
            Want,
            Event::Step(2, Sleep(secs(1))),
            Event::Step(3, Attempt),
        ]);
    }

    #[test]
    fn a_success_forgets_the_failures() {
        check(&[
            Fail(0),
            Fail(1),
            Succeed(3),
            Fail(303),
            Event::Step(303, Sleep(secs(1))),
        ]);
    }

    #[test]
    fn keys_expire_once_when_they_were_not_refreshed_in_time() {
        check(&[
            Succeed(0),
            Fail(3590),
            Fail(3595),
            Event::Step(3595, Sleep(secs(2))),
            Fail(3599),
            Event::Step(3599, Sleep(secs(1))),
            Event::Step(3600, Expire),
            Event::Step(3600, Sleep(secs(3))),
            Event::Step(3603, Attempt),
            Succeed(3604),
            Event::Step(7203, Attempt),
            Event::Step(7204, Expire),
        ]);
    }

    #[test]
    fn time_that_seems_to_run_backwards_changes_nothing() {
        check(&[Succeed(100), Event::Step(50, Sleep(secs(10)))]);
    }

    #[test]
    fn a_schedule_has_pauses_and_refreshes_keys_before_they_expire() {
        #[track_caller]
        fn check(schedule: Schedule, want: &[&str]) {
            let errors = schedule.check().err();
            let texts: Vec<_> = errors.iter().flatten().map(ToString::to_string).collect();
            assert_eq!(texts, want);
        }

        let good = Schedule::default();
        check(good, &[]);
        check(
            Schedule {
                max_age: secs(300),
                ..good
            },
            &[
                r#"schedule max_age "300s": does not fit the rest of the schedule; write more than "300s""#,
            ],
        );
        check(
            Schedule {
                refresh: secs(0),
                retry: secs(0),
                ..good
            },
            &[
                r#"schedule refresh "0ns": does not fit the rest of the schedule; write more than "0ns""#,
                r#"schedule rest "10s": does not fit the rest of the schedule; write at most "0ns""#,
                r#"schedule retry "0ns": does not fit the rest of the schedule; write more than "0ns""#,
            ],
        );
        check(
            Schedule {
                max_retry: Duration::ZERO,
                ..good
            },
            &[
                r#"schedule max_retry "0ns": does not fit the rest of the schedule; write at least "1s""#,
            ],
        );
    }
}
