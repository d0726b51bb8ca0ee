//! The history of a job: the stretches of its ledger, with what the runs of each took, used, and ended with.

use super::ledger::{Excuse, Fate, Stretch};
use super::runs::{Usage, run_length};
use super::verdict::JobReport;
use crate::model::{Job, Outcome, RunError};
use crate::text::{Text, text};
use crate::time::Millis;

/// A stretch with what is known of its runs.
pub struct Entry<'a> {
    /// The job.
    job: &'a Job,
    /// The stretch.
    pub stretch: &'a Stretch,
    /// How long its runs took; None if it has none, or if that is not known.
    pub took: Option<Took>,
    /// What its runs used.
    pub usage: Usage,
    /// The error of its last run, if the row still has it.
    pub error: Option<&'a RunError>,
}

/// How long runs took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Took {
    /// The median.
    pub median: Millis,
    /// The longest.
    pub longest: Millis,
}

impl JobReport {
    /// What became of its slots, newest first.
    pub fn history(&self) -> impl ExactSizeIterator<Item = Entry<'_>> {
        let job = &self.job;
        self.ledger.stretches.iter().rev().map(move |stretch| Entry {
            job,
            stretch,
            took: Took::of(job, stretch),
            usage: Usage::of(&job.fires[stretch.runs.clone()]),
            error: error(job, stretch),
        })
    }
}

/// The row has the error of the last run only.
fn error<'a>(job: &'a Job, stretch: &Stretch) -> Option<&'a RunError> {
    let is_last = !stretch.runs.is_empty() && stretch.runs.end == job.fires.len();
    let worked = matches!(stretch.fate, Fate::Served(Outcome::Worked | Outcome::Unproven | Outcome::Idle));
    if is_last && !worked { job.error() } else { None }
}

impl Took {
    fn of(job: &Job, stretch: &Stretch) -> Option<Took> {
        let mut lengths: Vec<Millis> = stretch.runs.clone().filter_map(|index| run_length(job, index)).collect();
        lengths.sort_unstable();
        Some(Took { median: *lengths.get(lengths.len() / 2)?, longest: *lengths.last()? })
    }
}

impl Entry<'_> {
    /// Whether it is a single slot that a run served in the end.
    pub fn is_late(&self) -> bool {
        self.stretch.is_served_late(self.job.schedule.cadence())
    }

    /// What became of the slots and why, in a few words.
    pub fn in_words(&self) -> Text {
        let is_over = self.stretch.until.is_some();
        let words = match self.stretch.fate {
            Fate::Served(outcome) => in_words(outcome),
            Fate::Lost if self.is_late() => "late",
            Fate::Lost => "lost",
            Fate::Excused(excuse) => match excuse {
                Excuse::Paused if is_over => "paused",
                Excuse::Paused => self.job.state.word(),
                Excuse::Quiet => "quiet hours",
                Excuse::Busy if self.is_late() => "late: a run may have kept the scheduler busy",
                Excuse::Busy => "a run may have kept the scheduler busy",
                Excuse::Running => "in flight",
                Excuse::Due => "has just come due",
                Excuse::CatchingUp(at) if is_over => return text!["lost before the restart at ", at],
                Excuse::CatchingUp(at) => return text!["catching up since ", at],
                Excuse::Repaired(at) => return text!["edited or resumed at ", at, ", not run since"],
                Excuse::Threw => "failed, by the count of errors alone",
                Excuse::Stopped => "stopped after too many errors",
            },
        };
        words.into()
    }
}

fn in_words(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Worked => "worked",
        Outcome::Unproven => "ran",
        Outcome::Empty => "used no tokens",
        Outcome::Failed | Outcome::Threw => "failed",
        Outcome::Short => "ended too soon",
        Outcome::Skipped => "skipped",
        Outcome::Declined => "skipped, as it may be",
        Outcome::Idle => "had nothing to do",
        Outcome::Unread => "ran, but its record can't be read",
    }
}
