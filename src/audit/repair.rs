//! Rows that somebody revived, resumed, or edited after the job's last run, and rows that were written while the clock was ahead.

use super::context::Context;
use super::worker::rewritten_at;
use crate::model::{Job, State};
use crate::time::{Instant, MINUTE, Millis};

/// A row's update follows its cost event within this time, apart from the delivery of the message.
pub const UPDATE_FOLLOWS: Millis = MINUTE;

/// A change of a row that the job has not run since.
#[derive(Debug, Clone, Copy)]
pub struct Repair {
    /// When it was made.
    pub at: Instant,
    /// When the scheduler has looked at the row at the latest, and the job is due.
    pub looks_by: Instant,
}

/// The change of a job's row since its last run, if there is one that restarts it.
pub fn of(context: &Context<'_>, job: &Job) -> Option<Repair> {
    let row = job.row.as_ref()?;
    if job.state != State::Watched || job.errors() > 0 || scheduled_ahead(context, job).is_some() {
        return None;
    }
    let last = job.last_end().or(job.created_at)?;
    let at = edited_after(job, last).or_else(|| reset_after(context, job, last))?;
    if at > context.settings.now {
        return None;
    }
    let awake = context.worker.life.restarted_after(at);
    let looks = at.plus(context.snapshot.traits.timer_sleeps).min(awake.unwrap_or(Instant::MAX));
    Some(Repair { at, looks_by: looks.max(row.next_run_at.instant()?) })
}

/// When the row was edited or resumed after the last run, if it was not paused since.
fn edited_after(job: &Job, last: Instant) -> Option<Instant> {
    let at = job.written()?;
    let is_paused = job.switches.iter().any(|switch| !switch.resumes && switch.at >= at);
    if at.since(last) > UPDATE_FOLLOWS && !is_paused { Some(at) } else { None }
}

/// When somebody reset the errors of a run that failed, and the next run with them, but left updated_at alone. Only where each
/// next run that the scheduler sets is a slot or the time of a restart can one that is neither be told.
fn reset_after(context: &Context<'_>, job: &Job, last: Instant) -> Option<Instant> {
    let shows = context.snapshot.traits.rewrites_rows_on_restart() && job.last_run().is_some_and(|run| run.failed);
    if !shows {
        return None;
    }
    rewritten_at(job).filter(|at| *at > last)
}

/// Where the clock stood when a job was scheduled, and for when, if that was ahead of now. Of such a row nothing else is
/// known.
pub fn scheduled_ahead(context: &Context<'_>, job: &Job) -> Option<(Instant, Instant)> {
    let clock_was_at = context.snapshot.clock_was_at?;
    let row = job.row.as_ref()?;
    if row.last_run.is_some() || row.updated_at.is_some() {
        return None;
    }
    let next_run_at = row.next_run_at.instant().filter(|next| *next > context.settings.now)?;
    Some((clock_was_at, next_run_at))
}

/// When a row was last written other than by a run: what came before may have followed another schedule.
pub fn edited_at(job: &Job) -> Option<Instant> {
    let written = job.written()?;
    match job.last_run() {
        Some(run) if written.since(run.end()).abs() <= UPDATE_FOLLOWS => None,
        _ => Some(written),
    }
}
