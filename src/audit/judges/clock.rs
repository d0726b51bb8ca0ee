//! Jobs that were scheduled while the clock was ahead: they do not run before that time comes again.

use crate::audit::context::Subject;
use crate::audit::evidence::Evidence;
use crate::audit::finding::Finding;
use crate::audit::fleet::Fleet;
use crate::audit::lateness::lateness;
use crate::audit::repair::scheduled_ahead;
use crate::catalog::Severity;

/// Critical once a slot is lost like an overdue one.
pub fn judge(fleet: &Fleet<'_>, subject: &Subject<'_>) -> Option<Finding> {
    let (context, job, now) = (fleet.context, subject.job, fleet.context.settings.now);
    if !job.state.is_watched() || job.self_paced {
        return None;
    }
    let cadence = job.schedule.cadence()?;
    let (clock_was_at, next_run_at) = scheduled_ahead(context, job)?;
    let due = cadence.next(job.last_end().or(job.created_at)?)?;
    if due >= next_run_at {
        return None;
    }
    let slots = 1 + cadence.slots_between(due, next_run_at.plus(-1));
    let severity = lateness(context, subject, due).unwrap_or(Severity::Warning);
    let missed = if due > now { 0 } else { 1 + cadence.slots_between(due, now) };
    let evidence = Evidence::ClockSetBack { clock_was_at, next_run_at, slots };
    Some(Finding::new(subject.index, severity, evidence).since(due.min(now)).missing(missed))
}
