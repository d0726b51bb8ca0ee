//! When the processes began that ran the jobs: no run began before its process. The one that has the database open has a start; of
//! the one before, a restart that scheduled what was past due leaves its trace in the rows, until those jobs run again.

use super::boots::{ROW_FOLLOWS, rewritten_at};
use super::life::Life;
use super::records::Records;
use crate::model::{Fire, Job};
use crate::schedule::Cadence;
use crate::time::{Instant, Millis, SECOND};

/// How late a timer is.
const TIMER_LATE: Millis = 25;
/// The last starts among which those of one restart are looked for.
const MAX_SHOWN: usize = 200;
/// A run began at its slot if no longer after it.
const AT_ITS_SLOT: Millis = SECOND;

/// Instants before which no run began that ended after them, oldest first.
#[derive(Debug, Default)]
pub struct Births(Vec<Instant>);

impl Births {
    /// Those that the process and the rows show.
    pub fn of(records: Records<'_>, life: Life<'_>) -> Births {
        let process = life.process().and_then(|process| process.started);
        let mut births: Vec<Instant> = process.into_iter().chain(restarted_at(records)).collect();
        births.sort_unstable();
        Births(births)
    }

    /// The last one up to `at`.
    pub fn before(&self, at: Instant) -> Option<Instant> {
        self.0[..self.0.partition_point(|birth| *birth <= at)].last().copied()
    }
}

/// When a restart scheduled what was past due, at the earliest: it did so at its start, and then one job a step later than the
/// other. Their runs began then, and not at their slots.
fn restarted_at(records: Records<'_>) -> Option<Instant> {
    let step = records.snapshot.traits.restart_stagger?;
    let mut shown = begun_when_idle(records);
    shown.extend(records.jobs().filter_map(rewritten_at));
    shown.sort_unstable();
    shown.drain(..shown.len().saturating_sub(MAX_SHOWN));
    let jobs = i64::try_from(records.jobs().count()).ok()?;
    let (&last, before) = shown.iter().enumerate().rev().find_map(|(index, last)| {
        let before: Vec<Instant> =
            shown[..index].iter().copied().filter(|one| are_steps(last.since(*one), step, jobs)).collect();
        if before.is_empty() { None } else { Some((last, before)) }
    })?;
    let known = i64::try_from(before.len()).ok()?;
    let first = before.first().copied().unwrap_or(last);
    // Those of the jobs that have run again are not known any more.
    Some(first.plus(-step.saturating_mul(jobs - known - 1)))
}

/// Whether two starts are so far apart that one restart can have scheduled both of so many jobs.
fn are_steps(apart: Millis, step: Millis, jobs: i64) -> bool {
    let off = (apart + TIMER_LATE).rem_euclid(step);
    apart >= step - TIMER_LATE && apart < step.saturating_mul(jobs) && off <= 2 * TIMER_LATE
}

/// When the last runs of jobs began that did so neither at their slots nor as soon as the worker was free.
fn begun_when_idle(records: Records<'_>) -> Vec<Instant> {
    let mut begins: Vec<Instant> = records.jobs().filter_map(begun_off_slot).collect();
    begins.sort_unstable();
    let mut idle = Vec::new();
    for (begin, end) in begins.iter().zip(records.ends_before(&begins)) {
        if end.is_none_or(|end| begin.since(end) > ROW_FOLLOWS) {
            idle.push(*begin);
        }
    }
    idle
}

/// The slot at which a run that started then began, if it did not begin later.
pub fn slot_begun_at(cadence: &Cadence, start: Instant) -> Option<Instant> {
    let slot = cadence.next(start.plus(-AT_ITS_SLOT))?;
    if slot <= start { Some(slot) } else { None }
}

/// When a job's last run began, if that was not at its slot.
fn begun_off_slot(job: &Job) -> Option<Instant> {
    let start = job.last_run()?.start;
    let before = job.fires.iter().rev().find(|fire| fire.end < start);
    if before.is_some_and(Fire::is_bad) {
        return None;
    }
    let is_own = match (job.schedule.cadence(), job.schedule.at()) {
        (Some(Cadence::Every(interval)), _) => {
            let from = before.map(|fire| fire.end).or(job.created_at)?;
            start.since(from.plus(*interval)).abs() <= ROW_FOLLOWS
        }
        (Some(cadence), _) => slot_begun_at(cadence, start).is_some(),
        (None, Some(at)) => start.since(at).abs() <= AT_ITS_SLOT,
        (None, None) => return None,
    };
    if is_own { None } else { Some(start) }
}
