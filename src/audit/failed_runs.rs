//! The last runs of a job that failed in a row.
//!
//! Those in an outage that is over count no more: a job that has not run since its end no longer fails, and one that fails again
//! fails for a reason of its own.

use super::outage::Outages;
use super::runs::{bad_tail, known_errors};
use super::subjects::Subject;
use crate::model::{Fire, Job};
use crate::numbers::as_u64;
use crate::time::Instant;

/// Right after an outage, one bad run may be chance.
const MIN_AFTER_OUTAGE: u64 = 2;

/// The last runs of a job, which failed in a row.
#[derive(Debug, Clone, Copy)]
pub struct FailedRuns {
    /// When the first of them ended.
    pub since: Instant,
    /// When the run before it ended.
    pub before: Option<Instant>,
    /// How many are on record.
    pub recorded: usize,
    /// How many the row counts.
    pub errors: u64,
    /// Whether the job has not worked since an outage that is over.
    follows_outage: bool,
}

impl FailedRuns {
    /// Those of a job; None if its last run was good, or failed in an outage that is over.
    pub fn of(outages: &Outages, subject: &Subject<'_>) -> Option<FailedRuns> {
        let job = subject.job;
        let known = known_errors(job);
        let failed = &job.fires[job.fires.len() - known..];
        let past = failed.iter().rposition(|fire| outages.past_of_run(subject.index, fire).is_some());
        let skipped = past.map_or(0, |last| last + 1);
        let first = failed[skipped..].iter().position(|fire| past.is_none() || fire.is_bad())?;
        let first = job.fires.len() - known + skipped + first;
        let before = first.checked_sub(1).map(|before| job.fires[before].end);
        Some(FailedRuns {
            since: began(job, &job.fires[first], before),
            before,
            recorded: bad_tail(&job.fires[first..]).iter().filter(|fire| fire.is_bad()).count(),
            errors: errors_without(job, known, skipped),
            follows_outage: past.is_some(),
        })
    }

    /// How many there are at least.
    pub fn in_a_row(&self) -> u64 {
        self.errors.max(as_u64(self.recorded))
    }

    /// Whether it may be chance that the job failed.
    pub fn may_be_chance(&self) -> bool {
        self.follows_outage && self.in_a_row() < MIN_AFTER_OUTAGE
    }
}

/// When the first run of a row failed, after one that ended at `before`. Of runs that throw only the last is known: the first was
/// due at the slot after the last good one.
fn began(job: &Job, first: &Fire, before: Option<Instant>) -> Instant {
    if !first.has_no_event() {
        return first.end;
    }
    let slot = before.and_then(|before| job.schedule.cadence()?.next(before));
    slot.map_or(first.end, |slot| slot.min(first.end))
}

/// The errors that a row counts, without the first `skipped` of the failed runs on record, unless the row was revived after them.
fn errors_without(job: &Job, recorded: usize, skipped: usize) -> u64 {
    if job.errors() < as_u64(recorded) { job.errors() } else { job.errors() - as_u64(skipped) }
}
