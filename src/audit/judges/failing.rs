//! Runs that did no work: without tokens, with errors, or skipped.
//!
//! A run without tokens returned, but no model worked in it: an error, or a provider's limit message delivered as if it were the
//! answer. In the operator's report, ten of them came before the silence. A run that throws leaves no cost event at all; then
//! only the row's count of errors shows that runs fail.

use crate::audit::context::Subject;
use crate::audit::evidence::Evidence;
use crate::audit::failed_runs::FailedRuns;
use crate::audit::finding::Finding;
use crate::audit::fleet::Fleet;
use crate::audit::outage::Outage;
use crate::audit::runs::run_length;
use crate::audit::shared_failure::Shared;
use crate::audit::streaks::Streak;
use crate::catalog::Severity;
use crate::model::{Fire, Job, Outcome, Run, State};
use crate::numbers::as_u64;
use crate::time::{DAY, HOUR, Instant, Millis, seconds};

/// A failed run that is not tried again for longer than this is a lost slot: a nightly backup is told in the morning, and
/// what runs four times a day or more has its next try within a working shift.
const SOON: Millis = 6 * HOUR;
/// Runs without tokens and without an error are as bad from this many in a row on.
const MIN_EMPTY: usize = 2;
/// Heartbeats that are skipped for so long are off.
const DAYS_OF_SKIPS: Millis = 2 * DAY;
/// With fewer unreadable events a job's history can still be judged.
const MIN_UNREADABLE: u64 = 3;

/// Streaks of runs without tokens that are over, and outages.
pub fn past_streaks(fleet: &Fleet<'_>, subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (streak, ended) in &fleet.streaks(subject.index).over {
        findings.extend(past_streak(fleet, subject, *streak, *ended));
    }
    for outage in fleet.outages.over(subject.index) {
        findings.extend(over(fleet, subject, outage));
    }
    findings
}

/// What a job's last runs show: at most one thing. What failed in an outage that is over waits for its next run.
pub fn last_runs(fleet: &Fleet<'_>, subject: &Subject<'_>) -> Option<Finding> {
    let lasting = fleet.streaks(subject.index).ongoing;
    let streak = lasting.and_then(|streak| lasting_streak(subject, streak));
    if streak.is_some() {
        return worst(streak, shared(fleet, subject));
    }
    if fleet.outages.past_of(subject).is_some() {
        return None;
    }
    worst(errors_in_a_row(fleet, subject), shared(fleet, subject))
        .or_else(|| skipped(subject))
        .or_else(|| failed_run(fleet, subject))
        .or_else(|| lasting.and_then(|streak| short_runs(subject, streak)))
}

/// What the last runs of a job show that waits for events: it has no slot whose work would be lost.
pub fn of_events(fleet: &Fleet<'_>, subject: &Subject<'_>) -> Option<Finding> {
    let lasting = fleet.streaks(subject.index).ongoing;
    lasting.and_then(|streak| lasting_streak(subject, streak)).or_else(|| errors_in_a_row(fleet, subject))
}

/// The more severe of two findings, or the first.
fn worst(one: Option<Finding>, other: Option<Finding>) -> Option<Finding> {
    match (one, other) {
        (Some(one), Some(other)) if other.severity > one.severity => Some(other),
        (one, other) => one.or(other),
    }
}

/// A job that failed in an outage that is over.
fn over(fleet: &Fleet<'_>, subject: &Subject<'_>, outage: &Outage) -> Option<Finding> {
    let until = outage.until?;
    let severity = fleet.context.settings.severity_after(until)?;
    // A few failures within minutes are chance where jobs fail now and then, and no news after a day.
    let is_new = severity > Severity::Info && !fleet.flapping.is_of_all();
    if !is_new && !outage.is_long() {
        return None;
    }
    let first = outage.first_failure(subject.job)?;
    let evidence = Evidence::SharedZeroTokens { fires: outage.runs, jobs: outage.jobs.len(), last_error: None };
    Some(Finding::new(subject.index, severity, evidence).since(first).resolved(until))
}

/// Errors in a row that no streak shows: a warning, because the job still runs, and critical where a circuit breaker would
/// have stopped it.
fn errors_in_a_row(fleet: &Fleet<'_>, subject: &Subject<'_>) -> Option<Finding> {
    let job = subject.job;
    if has_worked_since_row(job) {
        return None;
    }
    let failed = FailedRuns::of(&fleet.outages, subject);
    let errors = failed.map_or(job.errors(), |failed| failed.errors);
    if errors < subject.settings.thresholds.zero_streak || !matches!(job.state, State::Watched | State::EventDriven) {
        return None;
    }
    let is_endless = errors >= fleet.context.snapshot.traits.breaker_limit;
    let severity = if is_endless { Severity::Critical } else { Severity::Warning };
    let last_error = job.last_error().map(str::to_owned);
    let evidence = Evidence::Failing { consecutive_errors: errors, last_error };
    let since = failed.map_or(job.last_end(), |failed| Some(failed.since));
    Some(Finding::new(subject.index, severity, evidence).since(since))
}

/// Whether a run worked that the row does not know yet, because its message is being delivered.
fn has_worked_since_row(job: &Job) -> bool {
    let recorded = job.last_run().map(Run::end);
    job.fires.last().is_some_and(|last| last.proves_model() && Some(last.end) > recorded)
}

fn shared(fleet: &Fleet<'_>, subject: &Subject<'_>) -> Option<Finding> {
    let group = fleet.shared.group_of(subject.index)?;
    let failed = FailedRuns::of(&fleet.outages, subject)?;
    let (fires, jobs) = (group.fires, group.jobs.len());
    let last_error = subject.job.last_error().map(str::to_owned);
    let evidence = match group.shared {
        Shared::Model { .. } => Evidence::SharedZeroTokens { fires, jobs, last_error },
        Shared::Error | Shared::ErrorOfMost => Evidence::SharedError { fires, jobs, last_error },
    };
    let is_stopped = failed.in_a_row() >= subject.settings.thresholds.zero_streak && group.is_lasting;
    let severity = if is_stopped { Severity::Critical } else { Severity::Warning };
    Some(Finding::new(subject.index, severity, evidence).since(failed.since))
}

/// Work that the scheduler skipped again and again: as bad as runs without tokens.
fn skipped(subject: &Subject<'_>) -> Option<Finding> {
    let job = subject.job;
    let skipped = last_with(job, Outcome::Skipped);
    let severity = severity_of_streak(subject, as_u64(skipped))?;
    let first = job.fires.get(job.fires.len() - skipped).map(|fire| fire.end);
    let evidence = Evidence::Skipped { fires: skipped, last_error: job.last_error().map(str::to_owned) };
    Some(Finding::new(subject.index, severity, evidence).since(first))
}

/// A last run that failed or was skipped, if it is not tried again within some hours: that slot's work is lost.
fn failed_run(fleet: &Fleet<'_>, subject: &Subject<'_>) -> Option<Finding> {
    let job = subject.job;
    let fire = job.fires.last()?;
    // An empty answer may be chance; two in a row are not.
    let failed = FailedRuns::of(&fleet.outages, subject);
    let is_repeated = failed.is_some_and(|failed| failed.recorded >= MIN_EMPTY);
    let is_lost = fire.has_failed() || fire.outcome == Outcome::Skipped || is_repeated;
    if !is_lost || job.state != State::Watched {
        return None;
    }
    let next_run_at = next_try(job, fire)?;
    let evidence = Evidence::FailedRun { next_run_at, last_error: job.last_error().map(str::to_owned) };
    let since = failed.map_or(fire.end, |failed| failed.since);
    Some(Finding::new(subject.index, Severity::Warning, evidence).since(since))
}

/// Last runs that ended too soon, if the job is not tried again within some hours.
fn short_runs(subject: &Subject<'_>, streak: Streak) -> Option<Finding> {
    let job = subject.job;
    let last = job.fires.last()?;
    let is_lost = streak.too_short > 0 && streak.count >= as_u64(MIN_EMPTY) && streak.last == last.end;
    if !is_lost || job.state != State::Watched {
        return None;
    }
    next_try(job, last)?;
    Some(Finding::new(subject.index, Severity::Warning, evidence(subject, streak, None)).since(streak.first))
}

/// When a job runs again after its last run, if that is not within some hours.
fn next_try(job: &Job, last: &Fire) -> Option<Instant> {
    let next = job.next_run().or_else(|| job.schedule.cadence()?.next(last.end))?;
    Some(next).filter(|next| next.since(last.end) > SOON)
}

/// Work that may be skipped and was, for days, and neither for the hour nor for other work.
pub fn declined(subject: &Subject<'_>) -> Option<Finding> {
    let job = subject.job;
    let declined = last_with(job, Outcome::Declined);
    let first = job.fires.get(job.fires.len() - declined)?.end;
    if job.fires.last()?.end.since(first) < DAYS_OF_SKIPS {
        return None;
    }
    let evidence = Evidence::Skipped { fires: declined, last_error: job.last_error().map(str::to_owned) };
    Some(Finding::new(subject.index, Severity::Info, evidence).since(first))
}

/// A history that can't be judged must not look healthy.
pub fn unjudged(subject: &Subject<'_>) -> Option<Finding> {
    let job = subject.job;
    let unknown = last_with(job, Outcome::Unread);
    let enough = usize::try_from(subject.settings.thresholds.zero_streak).unwrap_or(usize::MAX);
    let without_time = usize::try_from(job.events_without_time).unwrap_or(usize::MAX);
    let why = if let Some(why) = &job.unjudged {
        why.clone()
    } else if job.id.is_empty() {
        "it has no id, so its cost events can't be found".to_owned()
    } else if job.events_without_time >= MIN_UNREADABLE && without_time >= job.fires.len() {
        format!("{without_time} of its cost events have no readable time")
    } else if unknown >= enough {
        format!("the records of its last {unknown} runs can't be read")
    } else if subject.settings.min_run.is_some() && job.fires.len() >= enough && knows_no_length(job) {
        "how long its runs take is not on record, so that min_run decides nothing".to_owned()
    } else {
        return None;
    };
    Some(Finding::new(subject.index, Severity::Warning, Evidence::Unjudged { why }))
}

fn knows_no_length(job: &Job) -> bool {
    (0..job.fires.len()).all(|run| run_length(job, run).is_none())
}

/// How many of a job's last runs in a row had this outcome.
fn last_with(job: &Job, outcome: Outcome) -> usize {
    job.fires.iter().rev().take_while(|fire| fire.outcome == outcome).count()
}

/// None if this many in a row mean nothing.
fn severity_of_streak(subject: &Subject<'_>, count: u64) -> Option<Severity> {
    let thresholds = &subject.settings.thresholds;
    match count {
        count if count >= thresholds.zero_streak_critical => Some(Severity::Critical),
        count if count >= thresholds.zero_streak => Some(Severity::Warning),
        _ => None,
    }
}

fn evidence(subject: &Subject<'_>, streak: Streak, last_error: Option<String>) -> Evidence {
    let (fires, tokens, newest) = (streak.count, streak.tokens, streak.last);
    match subject.settings.min_run {
        Some(min_run) if streak.too_short > 0 => Evidence::ShortRuns {
            fires,
            newest,
            too_short: streak.too_short,
            longest_seconds: seconds(streak.longest),
            min_run_seconds: seconds(min_run),
        },
        _ => Evidence::ZeroTokenStreak { fires, tokens, newest, last_error },
    }
}

/// A streak that is over; None if it was too short to mean anything, or ended before the window.
fn past_streak(fleet: &Fleet<'_>, subject: &Subject<'_>, streak: Streak, ended: Instant) -> Option<Finding> {
    if streak.count < subject.settings.thresholds.zero_streak {
        return None;
    }
    let severity = fleet.context.settings.severity_after(ended)?;
    let evidence = evidence(subject, streak, None);
    Some(Finding::new(subject.index, severity, evidence).since(streak.first).resolved(ended))
}

/// A streak that lasts.
fn lasting_streak(subject: &Subject<'_>, streak: Streak) -> Option<Finding> {
    let severity = severity_of_streak(subject, streak.count)?;
    let last_error = subject.job.last_error().map(str::to_owned);
    Some(Finding::new(subject.index, severity, evidence(subject, streak, last_error)).since(streak.first))
}
