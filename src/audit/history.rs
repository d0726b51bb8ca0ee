//! The history of a job: the stretches of its ledger, with what the runs of each took, used, and ended with.

use super::ledger::{Excuse, Fate, Stretch};
use super::runs::{Usage, begin, run_length};
use super::verdict::JobReport;
use crate::model::{Job, Outcome, RunError};
use crate::schedule::Cadence;
use crate::text::{Text, text};
use crate::time::{Instant, MINUTE, Millis};

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

/// The slots of some stretches by what became of them, and what their runs used.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    /// Slots that a run served.
    pub ran: u64,
    /// Slots whose runs failed or used no tokens.
    pub failed: u64,
    /// Slots without a run, and without an excuse that is no fault.
    pub lost: u64,
    /// The others.
    pub other: u64,
    /// The tokens; None if none are known.
    pub tokens: Option<u64>,
    /// The cost in US dollars; None if none is known.
    pub cost_usd: Option<f64>,
}

impl Tally {
    /// That of these stretches.
    pub fn of(entries: &[Entry<'_>]) -> Tally {
        let mut tally = Tally::default();
        for entry in entries {
            *match entry.stretch.fate {
                Fate::Served(Outcome::Empty | Outcome::Failed | Outcome::Threw) => &mut tally.failed,
                Fate::Served(_) => &mut tally.ran,
                Fate::Lost if entry.is_late() => &mut tally.ran,
                Fate::Lost | Fate::Excused(Excuse::Stopped | Excuse::CatchingUp(_)) => &mut tally.lost,
                Fate::Excused(_) => &mut tally.other,
            } += entry.slots();
            if let Some(tokens) = entry.usage.tokens {
                tally.tokens = Some(tally.tokens.unwrap_or(0) + tokens);
            }
            if let Some(cost) = entry.usage.cost_usd {
                tally.cost_usd = Some(tally.cost_usd.unwrap_or(0.0) + cost);
            }
        }
        tally
    }

    /// All slots.
    pub fn all(&self) -> u64 {
        self.ran + self.failed + self.lost + self.other
    }
}

/// The last slot of an expression up to an instant; None if it has none, or for an interval, whose slots follow its runs.
fn slot_at(cadence: Option<&Cadence>, at: Instant) -> Option<Instant> {
    let cadence = cadence.filter(|cadence| matches!(cadence, Cadence::Cron(..)))?;
    let mut width = MINUTE;
    let mut slot = loop {
        match cadence.next(at.plus(-width)) {
            Some(slot) if slot <= at => break slot,
            _ if at.plus(-width) == Instant::MIN => return None,
            _ => width *= 2,
        }
    };
    while let Some(next) = cadence.next(slot).filter(|next| *next <= at) {
        slot = next;
    }
    Some(slot)
}

impl Entry<'_> {
    /// The first slot; where slots follow runs, when the first run began.
    pub fn first_slot(&self) -> Instant {
        let since = self.stretch.since;
        match self.stretch.fate {
            Fate::Served(_) => slot_at(self.job.schedule.cadence(), since).unwrap_or(since),
            Fate::Lost | Fate::Excused(_) => since,
        }
    }

    /// The last slot; None of what lasts and has no slots of its own.
    pub fn last_slot(&self, now: Instant) -> Option<Instant> {
        let cadence = self.job.schedule.cadence();
        match (self.stretch.fate, self.stretch.until) {
            (Fate::Served(_), until) => {
                let last = self.stretch.runs.clone().last().map(|index| begin(&self.job.fires[index]));
                last.and_then(|begin| slot_at(cadence, begin).or(Some(begin))).or(until)
            }
            (Fate::Excused(Excuse::Running | Excuse::Paused | Excuse::Quiet), None) => None,
            (_, None) => slot_at(cadence, now).map(|slot| slot.max(self.stretch.since)),
            (Fate::Excused(Excuse::Paused), Some(until)) => slot_at(cadence, until).or(Some(until)),
            // The run that ended it served the last slot.
            (_, Some(until)) => {
                let served = slot_at(cadence, until);
                let before = served.and_then(|served| slot_at(cadence, served.plus(-1)));
                Some(before.map_or(until, |before| before.max(self.stretch.since)))
            }
        }
    }

    /// How many slots there are: of an expression, several runs may have served one.
    pub fn slots(&self) -> u64 {
        let runs = &self.job.fires[self.stretch.runs.clone()];
        let Some(cadence @ Cadence::Cron(..)) = self.job.schedule.cadence() else { return self.stretch.slots };
        if runs.is_empty() {
            return self.stretch.slots;
        }
        let (mut slots, mut next) = (0, None);
        for begun in runs.iter().map(begin) {
            if next.is_none_or(|next| begun >= next) {
                slots += 1;
                next = cadence.next(begun);
            }
        }
        slots
    }

    /// Whether it is a single slot that a run served in the end.
    pub fn is_late(&self) -> bool {
        self.stretch.is_served_late(self.job.schedule.cadence())
    }

    /// What became of the slots and why, in a few words.
    pub fn in_words(&self) -> Text {
        let is_over = self.stretch.until.is_some();
        let words = match self.stretch.fate {
            Fate::Served(Outcome::Empty) if self.usage.tokens > Some(0) => "wrote nothing",
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
                Excuse::Stopped => "lost: it was stopped",
                Excuse::Unrecorded => "not on record; by its row it ran",
            },
        };
        words.into()
    }
}

fn in_words(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Worked => "ran",
        Outcome::Unproven => "ran, nothing shows its work",
        Outcome::Empty => "no tokens",
        Outcome::Failed | Outcome::Threw => "failed",
        Outcome::Cut => "was cut short by the end of the process",
        Outcome::Short => "ended too soon",
        Outcome::Skipped => "skipped",
        Outcome::Declined => "skipped, as it may be",
        Outcome::Idle => "had nothing to do",
        Outcome::Unread => "ran, but its record can't be read",
    }
}
