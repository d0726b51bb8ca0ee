//! Jobs that somebody switched off, and that run all the same.

use crate::audit::context::Subject;
use crate::audit::evidence::Evidence;
use crate::audit::finding::Finding;
use crate::audit::runs::{begin, slot_after};
use crate::catalog::Severity;
use crate::model::{Fire, Job, State};
use crate::time::Instant;

/// One run of a row that is off may have been asked for.
const MIN_OF_OFF: usize = 2;

/// A pause that the run it came in undid, or a row that is off and runs. A job that is on again without a record was switched on
/// by hand, unless a run wrote its row back.
pub fn judge(subject: &Subject<'_>) -> Option<Finding> {
    let job = subject.job;
    let (off, at_least) = match job.state {
        State::Watched => (undone_pause(job)?, 1),
        State::Paused | State::Disabled => (last_pause(job).or_else(|| job.written())?, MIN_OF_OFF),
        _ => return None,
    };
    let by_hand = job.manual_runs.iter().filter(|at| **at >= off).count();
    let runs = runs_after(job, off).len().saturating_sub(by_hand);
    if runs < at_least {
        return None;
    }
    Some(Finding::new(subject.index, Severity::Warning, Evidence::RunsWhileOff { off, runs }).since(off))
}

/// When a job was paused, if nobody is known to have resumed it.
fn last_pause(job: &Job) -> Option<Instant> {
    let last = job.switches.last()?;
    if last.resumes { None } else { Some(last.at) }
}

/// When a job was paused in one of its runs: the scheduler wrote the row that it had read before.
fn undone_pause(job: &Job) -> Option<Instant> {
    let paused = last_pause(job)?;
    let run = job.fires.partition_point(|fire| fire.end < paused);
    let slot = slot_after(job.schedule.cadence()?, job.fires.get(run.checked_sub(1)?)?)?;
    if slot <= paused && run < job.fires.len() { Some(paused) } else { None }
}

/// The runs that began after a job was switched off; not the one that went on.
fn runs_after(job: &Job, off: Instant) -> &[Fire] {
    let after = &job.fires[job.fires.partition_point(|fire| fire.end < off)..];
    match after {
        [first, others @ ..] if first.known_start().is_none() || begin(first) < off => others,
        _ => after,
    }
}
