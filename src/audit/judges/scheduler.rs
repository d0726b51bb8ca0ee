//! What is wrong with the scheduler itself: its process is gone or crashes, or it has nothing to do.

use crate::audit::context::{Context, Subject};
use crate::audit::evidence::Evidence;
use crate::audit::finding::{About, Finding};
use crate::audit::fleet::Fleet;
use crate::catalog::Severity;
use crate::model::{Job, Lease, Passes, State};
use crate::numbers::seconds;
use crate::time::Instant;

/// What is wrong with a scheduler whose jobs are watched.
pub fn judge(fleet: &Fleet<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if fleet.context.watches_any() {
        findings.extend(crashing(fleet.context));
        findings.extend(down(fleet.context));
    }
    findings.extend(failing(fleet.context));
    findings
}

/// A process that is killed or crashes again and again.
fn crashing(context: &Context<'_>) -> Option<Finding> {
    let (crashes, first) = context.worker.crashes()?;
    Some(Finding::new(About::Scheduler, Severity::Warning, Evidence::Crashing { crashes }).since(first))
}

/// A scheduler that lives and gets to none of its jobs: as bad as a job that is late, and at once.
fn failing(context: &Context<'_>) -> Option<Finding> {
    let Passes::Failing { since, why } = &context.snapshot.passes else { return None };
    let lasts = context.settings.now.since(*since);
    let is_late = lasts > context.settings.thresholds.late_after;
    let severity = if is_late { Severity::Critical } else { Severity::Warning };
    let evidence = Evidence::FailingPasses { failing_seconds: seconds(lasts), why: why.clone() };
    Some(Finding::new(About::Scheduler, severity, evidence).since(*since))
}

/// A scheduler whose process is gone, while nothing is lost yet and no run in flight shows it already.
fn down(context: &Context<'_>) -> Option<Finding> {
    let life = context.worker.life;
    let since = life.down_since()?;
    if !context.worker.active_runs().is_empty() {
        return None;
    }
    let (first, next_run_at) = first_lost(context)?;
    let now = context.settings.now;
    if next_run_at <= now && context.free_for(first, next_run_at, now) > first.settings.thresholds.late_after {
        return None;
    }
    // What dies in quiet hours is told when they end; what died before has been told, and is not over because of them.
    let has_been_told = context.awake(first, since, now) > first.settings.thresholds.late_after;
    if context.quiet_until(first).is_some() && !has_been_told {
        return None;
    }
    let by_lease = matches!(context.snapshot.lease, Lease::Dead(_) | Lease::Stopped(_));
    let last_write_at = if by_lease { None } else { Some(since) };
    let evidence = Evidence::SchedulerDown { job: first.job.label().to_owned(), next_run_at, last_write_at };
    Some(Finding::new(About::Scheduler, Severity::Warning, evidence).since(since))
}

/// The first job that will be lost.
fn first_lost<'a>(context: &Context<'a>) -> Option<(&'a Subject<'a>, Instant)> {
    let mut first: Option<(&Subject<'_>, Instant)> = None;
    for subject in context.subjects.iter() {
        if !subject.selected || subject.job.state != State::Watched {
            continue;
        }
        if let Some(next) = subject.job.next_run()
            && first.is_none_or(|(_, known)| next < known)
        {
            first = Some((subject, next));
        }
    }
    first
}

/// A scheduler that worked, or works, and has nothing to do, where nothing else is told that says why; unless its jobs are
/// one-shots that are done, wait for events, or were paused or deleted in the dashboard, or it never ran one.
pub fn watches_nothing(context: &Context<'_>) -> Option<Finding> {
    let snapshot = context.snapshot;
    let rows = context.jobs().filter(|job| job.state != State::Gone).count();
    let last_run =
        context.jobs().filter_map(Job::last_end).chain(snapshot.other_fires.last().map(|fire| fire.end)).max();
    let is_meant = match rows {
        0 => snapshot.has_deletions || last_run.is_none(),
        _ => context.jobs().all(is_meant),
    };
    if context.watches_any() || is_meant {
        return None;
    }
    let last_activity = last_run.max(snapshot.last_other_activity).max(snapshot.boots.last().copied())?;
    let evidence = Evidence::NothingWatched { rows, last_activity };
    Some(Finding::new(About::Scheduler, Severity::Warning, evidence))
}

/// Whether somebody or the job itself wanted that it does not run.
fn is_meant(job: &Job) -> bool {
    match job.state {
        State::Completed | State::FailedOnce | State::EventDriven => true,
        State::Paused => job.switches.last().is_some_and(|switch| !switch.resumes),
        _ => false,
    }
}
