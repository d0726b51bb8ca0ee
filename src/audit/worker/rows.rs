//! What the rows alone tell of the worker, where runs are not recorded any more, or never were: of each job the last run.

use super::free_time::{MIN_FREE, Span};
use super::records::Records;
use crate::model::{Job, Run};
use crate::time::Instant;

/// The time since the last run on record, in which only rows know of runs.
#[derive(Debug)]
pub struct Unrecorded {
    /// Between the runs that rows know, oldest first.
    gaps: Vec<Span>,
    /// From when on no run but these is taken to have been under way.
    known_from: Instant,
}

impl Unrecorded {
    /// That of some records; None if rows know of no later run than the records.
    pub fn of(records: Records<'_>) -> Option<Unrecorded> {
        let since = records.last_recorded_end().or(records.snapshot.window_start)?;
        let mut runs: Vec<Span> = Vec::new();
        let mut known_from = since;
        for job in records.jobs().filter(|job| job.last_is_of_row) {
            let Some(run) = job.last_run().filter(|run| run.start > since && run.end() <= records.now()) else {
                continue;
            };
            runs.push((run.start, run.end()));
            known_from = known_from.max(known_since(job, run));
        }
        runs.sort_unstable();
        let mut gaps = Vec::with_capacity(runs.len());
        let mut free_from = since;
        for (start, end) in &runs {
            gaps.push((free_from, *start));
            free_from = free_from.max(*end);
        }
        if runs.is_empty() { None } else { Some(Unrecorded { gaps, known_from }) }
    }

    /// When the worker was free if no run but the known ones took long.
    pub fn gaps(&self) -> &[Span] {
        &self.gaps
    }

    /// What was due before it and has not run since was passed over: afterwards the worker was free for a while.
    pub fn passed_over_before(&self, tail: &[Span]) -> Option<Instant> {
        for (from, until) in self.gaps.iter().chain(tail) {
            if until.since(self.known_from.max(*from)) > MIN_FREE {
                return Some(self.known_from);
            }
        }
        None
    }
}

/// From when on a job had no other run than its last one. It is taken to have run a slot before, on time and for at most twice as long;
/// after an error it may have run at any time.
fn known_since(job: &Job, run: &Run) -> Instant {
    let interval = job.schedule.cadence().and_then(|cadence| cadence.shortest_interval(run.start));
    match interval {
        Some(interval) if !run.failed => {
            let before = run.start.plus(MIN_FREE + 2 * run.end().since(run.start) - interval);
            before.min(run.start)
        }
        _ => run.start,
    }
}
