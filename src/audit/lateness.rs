//! How late a job is: by how long the worker was free for it.

use super::context::{Context, Subject};
use super::repair::UPDATE_FOLLOWS;
use crate::catalog::Severity;
use crate::time::{Instant, Millis};

/// How bad it is that a job due at `due` has not run, by how long the worker was free for it.
pub fn lateness(context: &Context<'_>, subject: &Subject<'_>, due: Instant) -> Option<Severity> {
    let now = context.settings.now;
    if context.free_for(subject, due, now) <= subject.settings.thresholds.late_after {
        return None;
    }
    let is_excused = may_sleep(context, subject) || context.worker.may_wait_for_a_run();
    Some(if is_lost(context, subject, due, now) && !is_excused { Severity::Critical } else { Severity::Warning })
}

/// Whether the work of a slot was lost by `until`: the worker was free for too long, or too many cadences passed.
pub fn is_lost(context: &Context<'_>, subject: &Subject<'_>, due: Instant, until: Instant) -> bool {
    is_lost_in(context, subject, due, until, context.free_for(subject, due, until))
}

/// Whether the work of a slot was lost by `until`, however long the runs took.
pub fn was_surely_lost(context: &Context<'_>, subject: &Subject<'_>, due: Instant, until: Instant) -> bool {
    is_lost_in(context, subject, due, until, context.surely_free_for(subject, due, until))
}

/// Whether the work of a slot was lost by `until`, where no run at all was under way.
pub fn was_lost_while_idle(context: &Context<'_>, subject: &Subject<'_>, due: Instant, until: Instant) -> bool {
    is_lost_in(context, subject, due, until, context.idle_for(subject, due, until))
}

fn is_lost_in(context: &Context<'_>, subject: &Subject<'_>, due: Instant, until: Instant, free: Millis) -> bool {
    let thresholds = &subject.settings.thresholds;
    let due = context.after_quiet(subject, due);
    free > thresholds.lost_after || free > thresholds.late_after && has_passed(context, subject, due, until)
}

/// Whether too many cadences have passed; quiet hours don't count.
fn has_passed(context: &Context<'_>, subject: &Subject<'_>, due: Instant, until: Instant) -> bool {
    let Some(cadence) = subject.job.schedule.cadence() else { return false };
    let end = cadence.advance(due, subject.settings.thresholds.late_cadences);
    end.is_some_and(|end| context.awake(subject, due, until) > end.since(due))
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
