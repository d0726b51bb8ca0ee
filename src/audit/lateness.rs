//! How late a job is: by how long the worker was free for it.

use super::context::{Context, Subject};
use super::repair::UPDATE_FOLLOWS;
use crate::catalog::Severity;
use crate::schedule::Cadence;
use crate::time::Instant;

/// How bad it is that a job due at `due` has not run, by how long the worker was free for it.
pub fn lateness(context: &Context<'_>, subject: &Subject<'_>, due: Instant) -> Option<Severity> {
    let thresholds = &subject.settings.thresholds;
    let free = context.free_for(subject, due, context.settings.now);
    if free <= thresholds.late_after {
        return None;
    }
    let due = context.after_quiet(subject, due);
    let cadence = subject.job.schedule.cadence();
    let is_lost =
        free > thresholds.lost_after || cadence.is_some_and(|cadence| has_passed(context, subject, cadence, due));
    let is_excused = may_sleep(context, subject) || context.worker.may_wait_for_a_run();
    Some(if is_lost && !is_excused { Severity::Critical } else { Severity::Warning })
}

/// Whether so many cadences have passed since a slot that it is lost; quiet hours don't count.
fn has_passed(context: &Context<'_>, subject: &Subject<'_>, cadence: &Cadence, due: Instant) -> bool {
    let end = cadence.advance(due, subject.settings.thresholds.late_cadences);
    end.is_some_and(|end| context.awake(subject, due, context.settings.now) > end.since(due))
}

/// Whether the scheduler may not have seen the row yet: it was edited or resumed by hand, and the timer still sleeps.
fn may_sleep(context: &Context<'_>, subject: &Subject<'_>) -> bool {
    let Some(written) = subject.job.written() else { return false };
    let run_end = subject.job.last_run().map_or(Instant::MIN, |run| run.end());
    let is_young = context.settings.now.since(written) <= subject.settings.thresholds.lost_after;
    is_young && written.since(run_end) > UPDATE_FOLLOWS
}

/// The slot at `due` and those up to now; None if there is no cadence.
pub fn slots_since(context: &Context<'_>, subject: &Subject<'_>, due: Instant) -> Option<u64> {
    let cadence = subject.job.schedule.cadence()?;
    let own = u64::from(context.after_quiet(subject, due) == due);
    Some(own + context.slots_between(subject, cadence, due, context.settings.now))
}
