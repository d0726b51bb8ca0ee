//! The diagnosis: what the findings of a database come to, observed facts and inferred causes worded apart.

use super::slot::{BACKOFF, Plausible};
use super::{Context, Finding, Lasting, zero_tokens};
use crate::cadence::Cadence;
use crate::model::{Job, Tokens};
use crate::time::{Instant, MINUTE, Millis, SECOND, span};
use std::collections::BTreeSet;

/// More would not be read.
const MOST: usize = 4;
/// So many fires of so many jobs without tokens, and none with, point at what they share.
const PROVIDER_JOBS: usize = 2;
const PROVIDER_FIRES: usize = 3;
/// A retry that fails ends within this of being due, unless it waits for the slot.
const RETRY_TAKES: Millis = 15 * MINUTE;

/// One cause behind some findings.
#[derive(Debug, Clone)]
pub struct Diagnosis {
    /// Its name: `breaker-open`, `job-silent`, `scheduler-silent`, `provider-failing`, `running`.
    pub kind: &'static str,
    /// Since when.
    pub since: Option<Instant>,
    /// The jobs concerned, as indexes.
    pub jobs: Vec<usize>,
    /// What the database shows.
    pub observed: Vec<String>,
    /// What that comes to.
    pub inferred: String,
    /// One step for a person.
    pub suggest: String,
}

/// The diagnoses of a database, most important first.
pub fn diagnose(context: &Context<'_>, findings: &[Finding]) -> Vec<Diagnosis> {
    let causes =
        [provider_failing(context, findings), scheduler_silent(context, findings), breaker_open(context, findings)];
    let rest = [job_silent(context, findings), running(context, findings)];
    causes.into_iter().chain(rest).flatten().take(MOST).collect()
}

/// Jobs with an ongoing finding of one of these reasons, each once, in order.
fn jobs_with(findings: &[Finding], reasons: &[&str]) -> Vec<usize> {
    let ongoing =
        findings.iter().filter(|finding| finding.lasting == Lasting::Ongoing && reasons.contains(&finding.reason));
    ongoing.map(|finding| finding.job).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Jobs that ought to fire by their row, and don't.
fn silent_jobs(findings: &[Finding]) -> Vec<usize> {
    let barred = jobs_with(
        findings,
        &["breaker-open", "no-next-run", "unreadable-schedule", "unknown-state", "runaway", "hung-run"],
    );
    let silent = jobs_with(findings, &["overdue", "silent"]);
    silent.into_iter().filter(|job| barred.binary_search(job).is_err()).collect()
}

fn names(context: &Context<'_>, jobs: &[usize]) -> String {
    const SHOWN: usize = 3;
    let shown: Vec<&str> = jobs.iter().take(SHOWN).map(|&job| context.snapshot.jobs[job].name.as_str()).collect();
    match jobs.len() {
        n if n > SHOWN => format!("{} and {} more", shown.join(", "), n - SHOWN),
        _ => shown.join(", "),
    }
}

fn at(instant: Instant) -> String {
    format!("{} UTC", instant.minute())
}

fn provider_failing(context: &Context<'_>, findings: &[Finding]) -> Option<Diagnosis> {
    if jobs_with(findings, &["zero-token-streak"]).is_empty() {
        return None;
    }
    let jobs = || context.snapshot.jobs.iter().enumerate();
    let worked = jobs().filter_map(|(_, job)| job.fires.iter().filter(|fire| fire.tokens != Tokens::Zero).last());
    let worked = worked.map(|fire| fire.at).max();
    let after = |job: &Job| {
        job.fires.iter().filter(|fire| worked.is_none_or(|at| fire.at > at)).map(|fire| fire.at).collect::<Vec<_>>()
    };
    let failing: Vec<(usize, Vec<Instant>)> =
        jobs().map(|(index, job)| (index, after(job))).filter(|(_, fires)| !fires.is_empty()).collect();
    let fires: usize = failing.iter().map(|(_, fires)| fires.len()).sum();
    if failing.len() < PROVIDER_JOBS || fires < PROVIDER_FIRES {
        return None;
    }
    let since = failing.iter().flat_map(|(_, fires)| fires).min().copied();
    let indexes: Vec<usize> = failing.into_iter().map(|(index, _)| index).collect();
    let mut observed = vec![format!(
        "all {fires} fires of {} jobs since {} used no tokens",
        indexes.len(),
        since.map_or_else(String::new, at)
    )];
    observed.extend(worked.map(|worked| format!("the last fire with tokens was at {}", at(worked))));
    Some(Diagnosis {
        kind: "provider-failing",
        since,
        observed,
        inferred: "the model's provider, its key or the model's name fails for every job".to_owned(),
        suggest: format!(
            "read last_run_error of {}, then check the provider and the model's name",
            names(context, &indexes[..1])
        ),
        jobs: indexes,
    })
}

fn scheduler_silent(context: &Context<'_>, findings: &[Finding]) -> Option<Diagnosis> {
    let hung = context.slot.run.as_ref().filter(|run| run.plausible == Plausible::Impossible);
    let jobs = if hung.is_some() { jobs_with(findings, &["hung-run"]) } else { silent_jobs(findings) };
    let newest = context.snapshot.newest_fire;
    let (due, missed) = due_and_passed(context, &jobs)?;
    if hung.is_none() && newest.is_some_and(|newest| newest.since(due) > MINUTE) {
        return None;
    }
    let since = hung.map_or(newest.unwrap_or(due), |run| run.start);
    let mut observed =
        vec![format!("nothing has fired since {} though {missed} slots of {} jobs came due", at(since), jobs.len())];
    observed
        .extend(hung.map(|run| format!("a run of {} began at {} and has no end on record", run.name, at(run.start))));
    let alive = context.snapshot.newest_other.filter(|other| other.since(since) > MINUTE);
    observed.push(match alive {
        Some(alive) => format!("another channel was active at {}, so the process lived then", at(alive)),
        None => "nothing else in the database is newer, so nothing shows that the process lives".to_owned(),
    });
    let (inferred, suggest) = match (hung, alive) {
        (Some(run), Some(_)) => (
            format!("the scheduler hangs in the run of {}", run.name),
            "look at that run's log, then restart the process",
        ),
        (Some(run), None) => (
            format!("the scheduler hangs in the run of {}, or was killed in it", run.name),
            "check that the process runs, then look at that run's log",
        ),
        (None, Some(_)) => (
            "the process lives but its scheduler is wedged".to_owned(),
            "look at the scheduler's log about that time, then restart the process",
        ),
        (None, None) => ("the scheduler is wedged or not running".to_owned(), "check that the process runs"),
    };
    Some(Diagnosis {
        kind: "scheduler-silent",
        since: Some(since),
        jobs,
        observed,
        inferred,
        suggest: suggest.to_owned(),
    })
}

/// Since when these jobs are due, and how many slots of theirs have passed since; None if none of them is.
fn due_and_passed(context: &Context<'_>, jobs: &[usize]) -> Option<(Instant, u64)> {
    let now = context.settings.now;
    let passed = |&index: &usize| {
        let job = &context.snapshot.jobs[index];
        let due = job.due().filter(|due| *due <= now)?;
        Some((due, job.slots_since(due, now).unwrap_or(1)))
    };
    let dues: Vec<(Instant, u64)> = jobs.iter().filter_map(passed).collect();
    Some((dues.iter().map(|(due, _)| *due).min()?, dues.iter().map(|(_, passed)| passed).sum()))
}

fn breaker_open(context: &Context<'_>, findings: &[Finding]) -> Option<Diagnosis> {
    let jobs = jobs_with(findings, &["breaker-open"]);
    let since =
        findings.iter().filter(|finding| finding.reason == "breaker-open").filter_map(|finding| finding.since).min();
    let observed = jobs.iter().take(3).map(|&index| {
        let job = &context.snapshot.jobs[index];
        let streak = findings.iter().find(|f| f.job == index && f.reason == "zero-token-streak").and_then(|f| f.since);
        let spaced = if spaced_by_backoff(job) { ", spaced by the scheduler's backoff" } else { "" };
        let zeros = streak.map_or_else(String::new, |first| format!(", zero-token fires since {}{spaced}", at(first)));
        let end = job.last_run.as_ref().map_or_else(String::new, |run| format!(", the last at {}", at(run.end())));
        format!("{}: {} errors in a row{end}{zeros}; its status is failed", job.name, job.consecutive_errors)
    });
    let observed: Vec<String> = observed.collect();
    (!jobs.is_empty()).then(|| Diagnosis {
        kind: "breaker-open",
        since,
        inferred: "the circuit breaker opened: a restart will not revive what it stopped".to_owned(),
        suggest: format!(
            "mend what last_run_error says, then revive the row of {} in scheduled_jobs",
            names(context, &jobs)
        ),
        observed,
        jobs,
    })
}

/// Whether the errors' fires came as the scheduler tries again: after the backoff, or for cron in the next slot if that
/// is sooner.
fn spaced_by_backoff(job: &Job) -> bool {
    let errors = usize::try_from(job.consecutive_errors).unwrap_or(0);
    let Some(before) = job.fires.len().checked_sub(errors) else { return false };
    let fires: Vec<Instant> = job.fires.iter().skip(before).map(|fire| fire.at).collect();
    let slot = |end| job.schedule.cadence().filter(|cadence| matches!(cadence, Cadence::Cron(..)))?.next(end);
    let on_time = |(error, pair): (usize, &[Instant])| {
        let retry = pair[0].plus(BACKOFF[error.min(BACKOFF.len() - 1)]);
        let due = slot(pair[0]).map_or(retry, |slot| slot.min(retry));
        (-SECOND..=RETRY_TAKES).contains(&pair[1].since(due))
    };
    errors > 1 && zero_tokens::current_streak(job) >= errors as u64 && fires.windows(2).enumerate().all(on_time)
}

fn job_silent(context: &Context<'_>, findings: &[Finding]) -> Option<Diagnosis> {
    let jobs = silent_jobs(findings);
    let fired = context.snapshot.jobs.iter().enumerate().filter(|(index, _)| !jobs.contains(index));
    let (newest, other) = fired.filter_map(|(_, job)| Some((job.fires.newest()?.at, job))).max_by_key(|(at, _)| *at)?;
    let (due, missed) = due_and_passed(context, &jobs)?;
    let ongoing = |finding: &&Finding| finding.lasting == Lasting::Ongoing && jobs.contains(&finding.job);
    let since = findings.iter().filter(ongoing).filter_map(|finding| finding.since).min();
    (newest.since(due) > MINUTE).then(|| Diagnosis {
        kind: "job-silent",
        since,
        observed: vec![
            format!("{} did not fire for {missed} slots", names(context, &jobs)),
            format!("{} fired at {}", other.name, at(newest)),
        ],
        inferred: "the scheduler's timer is alive: only these jobs are silent".to_owned(),
        suggest: format!(
            "look at the row of {} in scheduled_jobs: status, next_run_at, updated_at",
            names(context, &jobs[..1])
        ),
        jobs,
    })
}

fn running(context: &Context<'_>, findings: &[Finding]) -> Option<Diagnosis> {
    let run = context.slot.run.as_ref().filter(|run| run.plausible < Plausible::Impossible)?;
    let jobs = jobs_with(findings, &["waiting"]);
    let usual = if run.plausible == Plausible::Usual {
        "nothing is wrong yet"
    } else {
        "that is longer than usual, but allowed"
    };
    (!jobs.is_empty()).then(|| Diagnosis {
        kind: "running",
        since: Some(run.start),
        observed: vec![format!("{} has been in flight for {}; {} jobs wait", run.name, span(run.for_ms), jobs.len())],
        inferred: usual.to_owned(),
        suggest: format!("look again when it ends, by {} at the latest", at(run.start.plus(context.settings.max_run))),
        jobs,
    })
}
