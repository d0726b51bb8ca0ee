//! Verdicts on a row alone: it can never run again, or its only work is lost.

use crate::audit::context::{Context, Subject};
use crate::audit::evidence::Evidence;
use crate::audit::finding::Finding;
use crate::audit::fleet::Fleet;
use crate::audit::repair::UPDATE_FOLLOWS;
use crate::catalog::Severity;
use crate::model::{Job, State, Timestamp};
use crate::time::{DAY, Instant};

/// With this many slots before the next run, it was not the schedule that set it.
const MIN_SKIPPED: u64 = 2;

/// What a row says by itself: at most one thing, the most fundamental.
pub fn judge(fleet: &Fleet<'_>, subject: &Subject<'_>) -> Option<Finding> {
    let job = subject.job;
    job.row.as_ref()?;
    match &job.state {
        State::FailedOnce => gave_up(fleet.context, subject),
        State::Unknown(why) => {
            let evidence = Evidence::UnknownState { why: why.clone() };
            Some(Finding::new(subject.index, Severity::Warning, evidence).since(last_sign(job)))
        }
        State::Quarantined(why) => {
            let evidence = Evidence::Quarantined { why: why.clone() };
            Some(Finding::new(subject.index, Severity::Critical, evidence).since(last_sign(job)))
        }
        State::Watched | State::Broken => unreadable(fleet.context, subject)
            .or_else(|| stopped(fleet.context, subject))
            .or_else(|| never_again(fleet.context, subject)),
        State::Completed => moved(fleet.context, subject),
        State::Paused | State::Disabled | State::NotCreated | State::EventDriven | State::Gone => None,
    }
}

fn last_sign(job: &Job) -> Option<Instant> {
    job.last_end().or(job.created_at)
}

/// A one-shot that gave up: its only work is lost, and nobody is told.
fn gave_up(context: &Context<'_>, subject: &Subject<'_>) -> Option<Finding> {
    let job = subject.job;
    let end = job.last_run()?.end();
    let severity = context.settings.severity_after(end)?;
    let evidence =
        Evidence::OneShotFailed { consecutive_errors: job.errors(), last_error: job.last_error().map(str::to_owned) };
    Some(Finding::new(subject.index, severity, evidence).since(end))
}

/// A one-shot that was moved to a later time after it had run, and was not run again.
fn moved(context: &Context<'_>, subject: &Subject<'_>) -> Option<Finding> {
    let job = subject.job;
    let at = job.schedule.at()?;
    if at > context.settings.now || job.schedule.assumes_zone() {
        return None;
    }
    let start = job.last_run()?.start;
    let is_by_hand = job.manual_runs.iter().any(|asked| start.since(*asked).abs() <= UPDATE_FOLLOWS);
    if at.since(start) <= UPDATE_FOLLOWS || is_by_hand {
        return None;
    }
    let severity = context.settings.severity_after(at)?;
    Some(Finding::new(subject.index, severity, Evidence::OneShotMissed { at }).since(at))
}

fn unreadable(context: &Context<'_>, subject: &Subject<'_>) -> Option<Finding> {
    let job = subject.job;
    let evidence = Evidence::UnreadableSchedule { why: job.schedule.fault()?.to_owned() };
    // Its next run was computed while the schedule was fine: that is the first to be lost.
    let since = match job.next_run() {
        Some(next) if next <= context.settings.now => Some(next),
        Some(_) => None,
        None => last_sign(job),
    };
    Some(Finding::new(subject.index, Severity::Critical, evidence).since(since))
}

/// A recurring job whose circuit breaker is open.
fn stopped(context: &Context<'_>, subject: &Subject<'_>) -> Option<Finding> {
    let job = subject.job;
    if job.state != State::Broken {
        return None;
    }
    let evidence =
        Evidence::BreakerOpen { consecutive_errors: job.errors(), last_error: job.last_error().map(str::to_owned) };
    let since = last_sign(job);
    let missed = match (job.schedule.cadence(), since) {
        (Some(cadence), Some(since)) => Some(cadence.slots_between(since, context.settings.now)),
        _ => None,
    };
    Some(Finding::new(subject.index, Severity::Critical, evidence).since(since).missing(missed))
}

/// An active row without a next run.
fn never_again(context: &Context<'_>, subject: &Subject<'_>) -> Option<Finding> {
    let job = subject.job;
    let next_run_at = match &job.row.as_ref()?.next_run_at {
        Timestamp::At(_) => return None,
        Timestamp::Missing => None,
        Timestamp::Unreadable(text) => Some(text.clone()),
    };
    if next_run_at.is_none()
        && let Some(at) = job.schedule.at().filter(|at| *at <= context.settings.now)
    {
        if job.last_end().is_some_and(|end| end >= at) {
            return None;
        }
        let severity = context.settings.severity_after(at)?;
        return Some(Finding::new(subject.index, severity, Evidence::OneShotMissed { at }).since(at));
    }
    let evidence = Evidence::NoNextRun { next_run_at };
    Some(Finding::new(subject.index, Severity::Critical, evidence).since(last_sign(job)))
}

/// A next run later than the next slots, that no error explains.
pub fn skips_slots(fleet: &Fleet<'_>, subject: &Subject<'_>) -> Option<Finding> {
    far_ahead(fleet.context, subject).or_else(|| left_out(fleet, subject))
}

/// A slot of a rare job that the scheduler leaves out.
fn left_out(fleet: &Fleet<'_>, subject: &Subject<'_>) -> Option<Finding> {
    let left_out = fleet.left_out.of(subject.index)?;
    let evidence = Evidence::SkippedSlots { next_run_at: subject.job.next_run()?, slots: left_out.slots };
    let finding = Finding::new(subject.index, Severity::Warning, evidence);
    let is_past = left_out.slot <= fleet.context.settings.now;
    Some(if is_past { finding.since(left_out.slot).missing(1) } else { finding })
}

/// Several slots before the next run, by more than the assumed zone can be wrong.
fn far_ahead(context: &Context<'_>, subject: &Subject<'_>) -> Option<Finding> {
    let (job, now) = (subject.job, context.settings.now);
    if job.state != State::Watched || job.errors() > 0 || job.self_paced {
        return None;
    }
    let next_run_at = job.next_run()?;
    let (first, slots) = match (job.schedule.cadence(), job.schedule.at()) {
        (Some(cadence), _) => (cadence.next(now)?, cadence.slots_between(now, next_run_at.plus(-1))),
        (None, at) => (at?, MIN_SKIPPED),
    };
    if slots < MIN_SKIPPED || next_run_at.since(first) <= DAY {
        return None;
    }
    Some(Finding::new(subject.index, Severity::Warning, Evidence::SkippedSlots { next_run_at, slots }))
}
