//! The end of the last silence of the whole scheduler.

use super::births::slot_begun_at;
use super::free_time::{FreeTime, Span};
use super::in_flight::InFlight;
use super::records::Records;
use crate::model::{Job, UNKNOWN_PLACES};
use crate::schedule::Cadence;
use crate::time::Instant;

/// The end of a silence of the whole scheduler.
#[derive(Debug, Clone, Copy)]
pub struct Resumption {
    /// From when on the worker was free.
    pub silent_from: Instant,
    /// When the first run began after it.
    pub at: Instant,
    /// The slot that this run served.
    pub first_slot: Option<Instant>,
}

impl Resumption {
    /// The last one: of the silences that are long enough to lose a slot and ended with a run. Where it is not known how many runs may go
    /// on at a time, nothing at all ran in them, so that a slot that came late is enough.
    pub fn last(records: Records<'_>, in_flight: &InFlight, free: &FreeTime) -> Option<Resumption> {
        let thresholds = &records.settings.thresholds;
        let shortest = match records.snapshot.traits.max_concurrent {
            UNKNOWN_PLACES => thresholds.late_after,
            _ => thresholds.lost_after,
        };
        let is_long = |(from, until): &&Span| until.since(*from) > shortest;
        let mut silences = free.spans().iter().rev().filter(is_long);
        let (silent_from, at) = *silences.find(|(_, until)| a_run_begins(records, in_flight, *until))?;
        Some(Resumption { silent_from, at, first_slot: first_slot_after(records, in_flight, at) })
    }
}

fn a_run_begins(records: Records<'_>, in_flight: &InFlight, at: Instant) -> bool {
    let ended_since = records.last_end().is_some_and(|(end, _)| end > at);
    ended_since || in_flight.runs().iter().any(|run| run.start == at && run.works())
}

/// The slot of the first run that ended after `at`, or of the one in flight.
fn first_slot_after(records: Records<'_>, in_flight: &InFlight, at: Instant) -> Option<Instant> {
    if let Some((_, slot)) = records.jobs().filter_map(|job| first_run_after(job, at)).min() {
        return slot;
    }
    let job = in_flight.runs().first()?.job?;
    records.subjects[job].job.next_run()
}

/// The end and the slot of a job's first run that ended after `at`.
fn first_run_after(job: &Job, at: Instant) -> Option<(Instant, Option<Instant>)> {
    let index = job.fires.partition_point(|fire| fire.end <= at);
    let fire = job.fires.get(index)?;
    if let Some(slot) = slot_by_row(job, index) {
        return Some((fire.end, Some(slot)));
    }
    let previous = job.fires[..index].last().map(|fire| fire.end).or(job.created_at)?;
    Some((fire.end, job.schedule.cadence()?.next(previous)))
}

/// The slot at which a run began that only the row knows, whatever was before it.
fn slot_by_row(job: &Job, index: usize) -> Option<Instant> {
    if !job.last_is_of_row || index + 1 < job.fires.len() {
        return None;
    }
    let cadence @ Cadence::Cron(..) = job.schedule.cadence()? else { return None };
    slot_begun_at(cadence, job.fires[index].known_start()?)
}
