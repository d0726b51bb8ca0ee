//! past-due: a job that is due and does not run, or that never will again.
//!
//! The scheduler picks rows with `enabled = 1 AND status = 'active' AND next_run_at <= now`, one at a time. So a job is late
//! by its `next_run_at`, unless some run holds the worker; and a row that no longer meets the condition is silent for good.

use super::finding::{Facts, Finding, seconds};
use super::worker::{Holder, Phase, Plausible};
use super::{Context, Severity};
use crate::cadence::Cadence;
use crate::model::{Fire, Job, Row, Stamp, State, Tokens, When};
use crate::time::{DAY, Instant, MINUTE, Millis};

/// Every ended run updates its row at once; so many later fires prove that the update fails.
const FIRES_WITHOUT_UPDATE: usize = 3;
/// A row's update follows its cost event within this, but for the delivery of the message.
const UPDATE_FOLLOWS: Millis = MINUTE;
/// With so many slots before the next run, it was not the schedule that set it.
const FEWEST_SKIPPED: u64 = 2;

/// At most one finding: the most fundamental reason.
pub fn detect(context: &Context<'_>, index: usize, job: &Job) -> Vec<Finding> {
    let Some(row) = job.row.as_ref() else { return Vec::new() };
    let found = match &job.state {
        State::FailedOnce => failed_once(context, job, row),
        State::Unknown(why) => {
            let facts = Facts::UnknownState { why: why.clone() };
            Some(Finding::new(Severity::Warning, facts).since(last_sign(job)))
        }
        State::Watched | State::Broken => runaway(job, row)
            .or_else(|| unreadable(job))
            .or_else(|| breaker(context, job, row))
            .or_else(|| never_again(job, row))
            .or_else(|| late(context, index, job))
            .or_else(|| skipped(context, job, row)),
        State::Quarantined(why) => {
            Some(Finding::new(Severity::Critical, Facts::Quarantined { why: why.clone() }).since(last_sign(job)))
        }
        State::Paused | State::Disabled | State::Completed | State::NotCreated | State::EventDriven | State::Gone => {
            None
        }
    };
    found.into_iter().collect()
}

fn last_sign(job: &Job) -> Option<Instant> {
    job.last_end().or(job.created_at)
}

/// A one-shot that gave up did not do its work: worth a line while it is new.
fn failed_once(context: &Context<'_>, job: &Job, row: &Row) -> Option<Finding> {
    let run = row.last_run.as_ref()?;
    let facts = Facts::OneShotFailed {
        consecutive_errors: row.consecutive_errors,
        last_error: job.last_error().map(str::to_owned),
    };
    let recent = context.settings.now.since(run.end()) <= context.settings.since;
    recent.then(|| Finding::new(Severity::Info, facts).since(run.end()))
}

fn runaway(job: &Job, row: &Row) -> Option<Finding> {
    let updated = row.last_run.as_ref().map(|run| run.end()).or(job.created_at)?;
    let first = job.fires.partition_point(|fire| fire.end.since(updated) <= UPDATE_FOLLOWS);
    // What only looked whether there is work, and found none, need not be in the row.
    let worked = |fire: &&Fire| !matches!(fire.tokens, Tokens::Uncounted | Tokens::Skipped);
    let later: Vec<&Fire> = job.fires[first..].iter().filter(worked).collect();
    let (begun, newest) = (later.first()?.end, later.last()?.end);
    let why = match &job.schedule.when {
        When::Unreadable(why) => Some(why.clone()),
        When::Recurring(_) | When::Once => None,
    };
    let facts = Facts::Runaway {
        fires: later.len(),
        fires_seconds: seconds(newest.since(begun)),
        cost_usd: later.iter().map(|fire| f64::from(fire.cost_usd)).sum(),
        why,
    };
    (later.len() >= FIRES_WITHOUT_UPDATE).then(|| Finding::new(Severity::Critical, facts).since(begun))
}

fn unreadable(job: &Job) -> Option<Finding> {
    let When::Unreadable(why) = &job.schedule.when else { return None };
    Some(Finding::new(Severity::Critical, Facts::UnreadableSchedule { why: why.clone() }).since(last_sign(job)))
}

fn breaker(context: &Context<'_>, job: &Job, row: &Row) -> Option<Finding> {
    let facts = Facts::BreakerOpen {
        consecutive_errors: row.consecutive_errors,
        last_error: job.last_error().map(str::to_owned),
    };
    let since = last_sign(job);
    let missed = || Some(job.schedule.cadence()?.slots_between(since?, context.settings.now));
    (job.state == State::Broken).then(|| Finding::new(Severity::Critical, facts).since(since).missing(missed()))
}

fn never_again(job: &Job, row: &Row) -> Option<Finding> {
    let next_run_at = match &row.next_run_at {
        Stamp::At(_) => return None,
        Stamp::Missing => None,
        Stamp::Unreadable(text) => Some(text.clone()),
    };
    Some(Finding::new(Severity::Critical, Facts::NoNextRun { next_run_at }).since(last_sign(job)))
}

/// Judges a job by its `next_run_at`, and by the run that holds the worker.
fn late(context: &Context<'_>, index: usize, job: &Job) -> Option<Finding> {
    if let Some(run) = context.worker.run_of(index) {
        return own_run(context, job, run);
    }
    let due = job.next_run()?;
    let late_ms = context.settings.now.since(due);
    if late_ms <= 0 {
        return None;
    }
    let severity = lateness(context, job, due);
    let lost = |finding: Finding| finding.missing(slots_since(context, job, due)).since(due);
    let is_late = late_ms > context.settings.late_after;
    let holder = context.worker.blocker().map(|(_, run)| run);
    match (holder, holder.map(|run| (run.phase, run.plausible)), severity) {
        (Some(run), Some((Phase::Running, Plausible::Impossible)), _) if is_late => {
            let facts = Facts::HungRun { behind: Some(run.name.clone()), in_flight_seconds: seconds(run.for_ms) };
            Some(lost(Finding::new(Severity::Critical, facts)))
        }
        (Some(run), Some((Phase::Delivering, Plausible::Impossible)), Some(severity)) => {
            let facts = Facts::HungDelivery { behind: Some(run.name.clone()), delivering_seconds: seconds(run.for_ms) };
            Some(lost(Finding::new(severity, facts)))
        }
        (.., Some(severity)) => {
            let free_ms = context.worker.free_for(due, context.settings.now);
            let facts = Facts::Overdue { overdue_seconds: seconds(late_ms), free_seconds: seconds(free_ms) };
            Some(lost(Finding::new(severity, facts)))
        }
        (.., None) if is_late => {
            let behind = holder.map(|run| run.name.clone());
            let facts = Facts::Waiting { behind, overdue_seconds: seconds(late_ms) };
            Some(Finding::new(Severity::Info, facts).since(due))
        }
        _ => None,
    }
}

/// The slot at `due` and those up to now; None if there is no cadence.
pub fn slots_since(context: &Context<'_>, job: &Job, due: Instant) -> Option<u64> {
    job.schedule.cadence().map(|cadence| 1 + cadence.slots_between(due, context.settings.now))
}

fn own_run(context: &Context<'_>, job: &Job, run: &Holder) -> Option<Finding> {
    let in_flight_seconds = seconds(run.for_ms);
    match (run.phase, run.plausible) {
        (_, Plausible::Usual) => None,
        (Phase::Running, Plausible::Unusual) => {
            let facts = Facts::LongRun { in_flight_seconds, usual_seconds: seconds(run.usual_ms) };
            Some(Finding::new(Severity::Warning, facts).since(run.start))
        }
        (Phase::Running, Plausible::Impossible) => {
            let facts = Facts::HungRun { behind: None, in_flight_seconds };
            Some(Finding::new(Severity::Critical, facts).since(run.start).missing(slots_since(context, job, run.start)))
        }
        (Phase::Delivering, _) => {
            let facts = Facts::HungDelivery { behind: None, delivering_seconds: in_flight_seconds };
            let next = job.schedule.cadence().and_then(|cadence| cadence.next(run.start));
            let severity = next.and_then(|next| lateness(context, job, next)).unwrap_or(Severity::Warning);
            let missed = job.schedule.cadence().map(|cadence| cadence.slots_between(run.start, context.settings.now));
            Some(Finding::new(severity, facts).since(run.start).missing(missed))
        }
    }
}

/// How bad it is that a job due at `due` has not run, by the time in which the worker was free for it.
pub fn lateness(context: &Context<'_>, job: &Job, due: Instant) -> Option<Severity> {
    let settings = context.settings;
    let free = context.worker.free_for(due, settings.now);
    if free <= settings.late_after {
        return None;
    }
    let passed = |cadence: &Cadence| cadence.advance(due, settings.late_cadences).is_some_and(|end| settings.now > end);
    let lost = free > settings.lost_after || job.schedule.cadence().is_some_and(passed);
    Some(if lost && !may_sleep(context, job) { Severity::Critical } else { Severity::Warning })
}

/// Whether the scheduler may not know yet what the row says: it was edited or resumed by hand, and its timer sleeps on.
fn may_sleep(context: &Context<'_>, job: &Job) -> bool {
    let run_end = job.last_run().map(|run| run.end()).unwrap_or(Instant::MIN);
    job.written().is_some_and(|written| {
        written.since(run_end) > UPDATE_FOLLOWS && context.settings.now.since(written) <= context.settings.lost_after
    })
}

/// A next run that lies behind slots of the schedule, further than the assumed zone can be wrong, and no error explains it.
fn skipped(context: &Context<'_>, job: &Job, row: &Row) -> Option<Finding> {
    let now = context.settings.now;
    let next = row.next_run_at.instant().filter(|_| row.consecutive_errors == 0)?;
    let (first, slots) = match (job.schedule.cadence(), job.schedule.at) {
        (Some(cadence), _) => (cadence.next(now)?, cadence.slots_between(now, next.plus(-1))),
        (None, at) => (at?, FEWEST_SKIPPED),
    };
    let facts = Facts::SkippedSlots { next_run_at: next, slots };
    (slots >= FEWEST_SKIPPED && next.since(first) > DAY).then(|| Finding::new(Severity::Warning, facts))
}
