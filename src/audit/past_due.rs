//! past-due: a job that is due and does not run, or that never will again.
//!
//! The scheduler picks rows with `enabled = 1 AND status = 'active' AND next_run_at <= now`, one at a time. So a job is late
//! by its `next_run_at`, unless some run holds the slot; and a row that no longer meets the condition is silent for good.

use super::slot::Plausible;
use super::{Context, Finding, Severity};
use crate::model::{Job, Stamp, State, When};
use crate::time::{HOUR, Instant, MINUTE, Millis, span};

const ID: &str = "past-due";
/// Every ended run updates its row at once; so many later fires prove that the update fails.
const FIRES_WITHOUT_UPDATE: usize = 3;
/// A row's update follows its cost event within this.
const UPDATE_FOLLOWS: Millis = MINUTE;

/// At most one finding: the reason that lies deepest.
pub fn detect(context: &Context<'_>, job: &Job) -> Vec<Finding> {
    let watched = job.state.is_watched() && !job.moved_on;
    let found = if !watched {
        failed_once(context, job)
    } else if let State::Unknown(why) = &job.state {
        let text = format!("the scheduler never picks this row: {why}");
        Some(Finding::new(ID, "unknown-state", Severity::Warning, text))
    } else {
        runaway(job)
            .or_else(|| unreadable(job))
            .or_else(|| breaker(job))
            .or_else(|| never_again(job))
            .or_else(|| late(context, job))
    };
    found.into_iter().collect()
}

fn last_sign(job: &Job) -> Option<Instant> {
    job.last_fire().or(job.created_at)
}

/// A one-shot that gave up did not do its work: worth a line while it is new.
fn failed_once(context: &Context<'_>, job: &Job) -> Option<Finding> {
    let run = job.last_run.as_ref().filter(|_| job.state == State::FailedOnce && !job.moved_on)?;
    let recent = context.settings.now.since(run.end()) <= context.settings.since;
    let text = format!("a one-shot gave up after {} errors: its work never happened", job.consecutive_errors);
    recent.then(|| {
        Finding::new(ID, "one-shot-failed", Severity::Info, text)
            .since(Some(run.end()))
            .with("error", run.error.clone())
    })
}

fn runaway(job: &Job) -> Option<Finding> {
    let updated = job.last_run.as_ref().map(|run| run.end()).or(job.created_at)?;
    let later: Vec<Instant> =
        job.fires.iter().map(|fire| fire.at).filter(|at| at.since(updated) > UPDATE_FOLLOWS).collect();
    let (&first, &last) = (later.first()?, later.last()?);
    (later.len() >= FIRES_WITHOUT_UPDATE).then(|| {
        let why = match &job.schedule.when {
            When::Unreadable(why) => format!("; {why}"),
            _ => String::new(),
        };
        let text = format!(
            "fires without end and costs money: {} runs in {} that its row never recorded{why}",
            later.len(),
            span(last.since(first))
        );
        Finding::new(ID, "runaway", Severity::Critical, text).since(Some(first)).with("fires", later.len())
    })
}

fn unreadable(job: &Job) -> Option<Finding> {
    let When::Unreadable(why) = &job.schedule.when else { return None };
    let text = format!("its schedule can't be used: {why}");
    Some(Finding::new(ID, "unreadable-schedule", Severity::Critical, text).since(last_sign(job)))
}

fn breaker(job: &Job) -> Option<Finding> {
    let run = job.last_run.as_ref();
    (job.state == State::Broken).then(|| {
        let text = format!(
            "its circuit breaker opened after {} errors in a row: it never fires again by itself",
            job.consecutive_errors
        );
        Finding::new(ID, "breaker-open", Severity::Critical, text)
            .since(last_sign(job))
            .with("consecutive_errors", job.consecutive_errors)
            .with("last_error", run.and_then(|run| run.error.clone()))
    })
}

fn never_again(job: &Job) -> Option<Finding> {
    let value = match (&job.next_run_at, &job.schedule.when) {
        (Stamp::At(_), _) => return None,
        (Stamp::Missing, _) => "empty".to_owned(),
        (Stamp::Unreadable(text), _) => format!("{text:?}, which is no time"),
    };
    let text = format!("its next_run_at is {value}: it never fires again");
    Some(Finding::new(ID, "no-next-run", Severity::Critical, text).since(last_sign(job)))
}

/// Judges a job by its `next_run_at`, and by the run that holds the slot.
fn late(context: &Context<'_>, job: &Job) -> Option<Finding> {
    let settings = context.settings;
    let due = job.next_run_at.instant()?;
    let late_by = settings.now.since(due);
    let own_run = context.slot.run.as_ref().filter(|run| run.job_id == job.id);
    if late_by <= 0 && own_run.is_none_or(|run| run.plausible < Plausible::Impossible) {
        return None;
    }
    let severity = lateness(context, job, due);
    if own_run.is_some() || context.slot.waits(due, settings.now) {
        return waiting(context, job, due, severity);
    }
    let severity = severity?;
    let text = format!("due {} ago and not run; nothing holds the slot", span(late_by));
    let mut finding =
        Finding::new(ID, "overdue", severity, text).since(Some(due)).with("overdue_seconds", late_by / 1000);
    finding.missed_slots = job.slots_since(due, settings.now);
    Some(finding)
}

/// How bad it would be that a job due at `due` has not run, if nothing excuses it.
fn lateness(context: &Context<'_>, job: &Job, due: Instant) -> Option<Severity> {
    let settings = context.settings;
    let late = settings.now.since(due) > settings.late_after;
    match job.schedule.cadence() {
        None => late.then_some(Severity::Critical),
        Some(cadence) => {
            let silent = cadence.advance(due, settings.late_cadences).is_some_and(|limit| settings.now > limit);
            if silent { Some(Severity::Critical) } else { late.then_some(Severity::Warning) }
        }
    }
}

/// A job that waits is as ill as the run it waits for.
fn waiting(context: &Context<'_>, job: &Job, due: Instant, lateness: Option<Severity>) -> Option<Finding> {
    let now = context.settings.now;
    let Some(run) = &context.slot.run else {
        let text = format!("due {} ago; the slot was held until a moment ago", span(now.since(due)));
        return lateness.map(|_| Finding::new(ID, "waiting", Severity::Info, text).since(Some(due)));
    };
    let own = run.job_id == job.id;
    let (reason, severity) = match run.plausible {
        Plausible::Usual => ("waiting", lateness.map(|_| Severity::Info)?),
        Plausible::Unusual => ("waiting", Severity::Warning),
        Plausible::Impossible => ("hung-run", Severity::Critical),
    };
    let length = span(run.for_ms);
    let text = match (own, run.plausible) {
        (true, Plausible::Usual) => format!("its run has been in flight for {length}"),
        (true, Plausible::Unusual) => format!("its run has been in flight for {length}, longer than usual"),
        (true, Plausible::Impossible) => {
            format!("its run began {length} ago and never ended: longer than any run may take")
        }
        (false, Plausible::Usual) => format!("due {} ago; waits behind a run of {}", span(now.since(due)), run.name),
        (false, Plausible::Unusual) => {
            format!("due {} ago; waits behind {}, unusually long in flight", span(now.since(due)), run.name)
        }
        (false, Plausible::Impossible) => {
            format!("due {} ago; waits behind the hung run of {}", span(now.since(due)), run.name)
        }
    };
    let finding = Finding::new(ID, reason, severity, text).since(Some(due));
    Some(finding.with("behind", run.name.clone()).with("in_flight_seconds", run.for_ms / 1000))
}

/// Jobs that seem to have run in another zone than the assumed one, and the finding that says so.
pub struct Strangers {
    /// Their indexes.
    pub jobs: Vec<usize>,
    /// The one finding for all of them.
    pub finding: Finding,
}

/// Jobs without a zone of their own whose `next_run_at`, a whole minute and no restart's or backoff's doing, is none of
/// their slots here but would be one elsewhere.
pub fn jobs_of_another_zone(context: &Context<'_>, selected: &impl Fn(&Job) -> bool) -> Option<Strangers> {
    let mut offsets: Option<Vec<Millis>> = None;
    let mut jobs = Vec::new();
    for (index, job) in context.snapshot.jobs.iter().enumerate().filter(|(_, job)| selected(job)) {
        let settled = job.state == State::Watched && !job.moved_on && job.consecutive_errors == 0;
        let (Some(next), Some(cadence)) = (job.next_run_at.instant(), job.schedule.cadence()) else { continue };
        let own_zone = job.schedule.timezone.is_some() || next.millis() % MINUTE != 0;
        if !settled || own_zone || cadence.has_slot_at(next) {
            continue;
        }
        let fitting = cadence.offsets_with_slot_at(next);
        if fitting.is_empty() {
            continue;
        }
        offsets = Some(offsets.map_or(fitting.clone(), |known| {
            let both: Vec<Millis> = known.iter().copied().filter(|offset| fitting.contains(offset)).collect();
            if both.is_empty() { known } else { both }
        }));
        jobs.push(index);
    }
    let &first = jobs.first()?;
    let offset = offsets?.into_iter().min_by_key(|offset| offset.abs())?;
    let sign = if offset < 0 { '-' } else { '+' };
    let shown = format!("UTC{sign}{:02}:{:02}", offset.abs() / HOUR, offset.abs() % HOUR / MINUTE);
    let text = format!(
        "{} jobs look as if they ran in another zone than {} (such as one at {shown}), so their gaps were not judged: pass --timezone",
        jobs.len(),
        context.settings.zone.name()
    );
    let ids: Vec<String> = jobs.iter().map(|&index| context.snapshot.jobs[index].id.clone()).collect();
    let mut finding = Finding::new("gap", "other-zone", Severity::Info, text).with("jobs", ids).with("offset", shown);
    finding.job = first;
    Some(Strangers { jobs, finding })
}
