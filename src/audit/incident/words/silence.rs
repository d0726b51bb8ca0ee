//! The words of silences: of the whole scheduler, and of some of its jobs.

use super::{Facts, IncidentText};
use crate::audit::context::Subject;
use crate::audit::evidence::Evidence;
use crate::audit::finding::ongoing;
use crate::audit::sentence::due;
use crate::audit::worker::CrashLoop;
use crate::model::State;
use crate::numbers::count;
use crate::text::{Text, text};
use crate::time::{Instant, span};

/// Nothing runs.
pub fn scheduler_silent(facts: &Facts<'_>) -> IncidentText {
    let worker = facts.context.worker;
    if let Some(boot) = facts.since.and_then(|since| worker.boot_that_ended(worker.end_before(since)?)) {
        return left_by_restart(facts, boot);
    }
    let missed: u64 = facts.jobs.iter().map(|affected| affected.missed_slots.max(1)).sum();
    let is_alone = is_only_job_due(facts) && !worker.life.is_gone() && worker.life.suspended().is_none();
    let mut observed =
        vec![text![count(missed, "slot"), " of ", facts.count_jobs(), " came due since and did not run"]];
    if is_alone {
        observed.push("no other job has come due since".into());
    }
    observed.extend(facts.signs(facts.since, worker.last_run_end()));
    let why = match worker.crash_loop() {
        Some(CrashLoop { fails: true, goes_on: true, .. }) => "each start fails before it runs a job".to_owned(),
        Some(CrashLoop { goes_on: false, .. }) => "nothing starts the process any more: it was given up".to_owned(),
        Some(_) => "the process crashes soon after each start, before it runs a job".to_owned(),
        None => worker.life.why_silent(facts.since),
    };
    let or_stuck = if is_alone { "; or only this job is stuck" } else { "" };
    IncidentText::new(nothing_runs(facts))
        .detail(Some(text![format!("{} of {} overdue", facts.jobs.len(), count(count_watched(facts), "job"))]))
        .observed(observed)
        .inferred(text![why, or_stuck])
}

fn nothing_runs(facts: &Facts<'_>) -> Text {
    let worker = facts.context.worker;
    if let Some(crashes) = worker.crash_loop() {
        return keeps_crashing(facts, crashes);
    }
    match worker.last_run_end() {
        Some(end) => text!["nothing has run since ", end],
        // Other schedulers forget runs.
        None if facts.context.snapshot.mapping.is_some() => "no run is on record".into(),
        None => "nothing has ever run".into(),
    }
}

fn keeps_crashing(facts: &Facts<'_>, crashes: CrashLoop) -> Text {
    let CrashLoop { starts, first, last, goes_on, fails } = crashes;
    let until = if goes_on { facts.now() } else { last };
    let within = span(until.since(first));
    let told = match (fails, goes_on) {
        (true, _) => format!("{starts} starts of the scheduler failed within {within}"),
        (false, true) => format!("the scheduler has restarted {starts} times in {within} without running a job"),
        (false, false) => format!("the scheduler restarted {starts} times in {within} without running a job"),
    };
    if goes_on { told.into() } else { text![told, ", the last ", span(facts.now().since(last)), " ago"] }
}

fn count_watched(facts: &Facts<'_>) -> usize {
    facts.context.subjects.iter().filter(|subject| subject.selected && subject.job.state.is_watched()).count()
}

/// Whether there are other jobs, and none of them came due meanwhile: nothing shows whether they would run.
fn is_only_job_due(facts: &Facts<'_>) -> bool {
    let [only] = facts.jobs else { return false };
    let mut has_others = false;
    for other in facts.context.subjects.iter() {
        if other.index == only.job || other.job.state != State::Watched {
            continue;
        }
        if came_due(other, only.since, facts.now()) {
            return false;
        }
        has_others = true;
    }
    has_others
}

/// Whether a job came due after an instant, or may have.
fn came_due(subject: &Subject<'_>, since: Option<Instant>, now: Instant) -> bool {
    let next = since.and_then(|since| subject.job.schedule.cadence()?.next(since));
    next.is_none_or(|next| next <= now)
}

/// A silence of the whole scheduler that is over, though not for each job.
pub fn catching_up(facts: &Facts<'_>) -> IncidentText {
    let resumed_at = resumed_at(facts);
    let lasted = resumed_at.and_then(|at| facts.lasting_until(at));
    let jobs = facts.all_jobs().len();
    let done = jobs - facts.jobs.len();
    let detail = if jobs > 1 { Some(text![format!("{done} of {} done", count(jobs, "job"))]) } else { None };
    let since = resumed_at.map(|at| text![" since ", at]);
    let wait = text![facts.count_jobs(), " to wait for: ", facts.names()];
    IncidentText::new(text!["the scheduler was silent", lasted, " and is catching up"])
        .detail(detail)
        .observed([text!["it has been running jobs again", since, "; ", wait]])
        .inferred("the scheduler works again; the slots of that time are lost")
}

fn resumed_at(facts: &Facts<'_>) -> Option<Instant> {
    let mut times = Vec::new();
    for finding in ongoing(facts.findings) {
        if let Evidence::CatchingUp { resumed_at } = finding.evidence {
            times.push(resumed_at);
        }
    }
    times.into_iter().min()
}

/// A silence that a restart ended, but for jobs that have not run since.
fn left_by_restart(facts: &Facts<'_>, boot: Instant) -> IncidentText {
    let watched = count(count_watched(facts), "job");
    facts
        .plain(text!["the scheduler was silent until its restart at ", boot])
        .detail(Some(text![format!("{} of {watched} still to run", facts.jobs.len())]))
        .inferred("the slots are lost; these jobs run again at their next ones")
}

/// The process is gone, but no slot is lost yet.
pub fn scheduler_down(facts: &Facts<'_>) -> IncidentText {
    let (worker, now) = (facts.context.worker, facts.now());
    let mut next = None;
    for finding in facts.findings {
        if let Evidence::SchedulerDown { job, next_run_at, .. } = &finding.evidence {
            next = Some(text!["the first run to be lost is ", job, " ", due(*next_run_at, now)]);
            break;
        }
    }
    let mut observed = worker.life.of_process();
    if let Some(end) = worker.last_run_end() {
        observed.push(text!["the last run of any job ended at ", facts.ago(end)]);
    }
    IncidentText::new("the scheduler is down").detail(next).observed(observed).inferred(worker.life.why_silent(None))
}

/// Some jobs do not run, while others do.
pub fn job_silent(facts: &Facts<'_>) -> IncidentText {
    let mut observed = facts.messages();
    if let Some((end, job)) = facts.context.worker.last_end {
        let name = job.map_or("a deleted job", |job| facts.context.job(job).label());
        observed.push(text![name, " ran at ", end]);
    }
    if let Some(boot) = boot_since_the_last_runs(facts) {
        observed.push(text!["the scheduler was restarted at ", boot, ", and none of these jobs has run since"]);
    }
    IncidentText::new(text![facts.names(), facts.agree(" has", " have"), " stopped while other jobs run"])
        .observed(observed)
        .inferred("the scheduler works; only the jobs listed here are left out")
}

/// The first boot between the last run of each job and its silence; None if there is none for one of them.
fn boot_since_the_last_runs(facts: &Facts<'_>) -> Option<Instant> {
    let mut boots = Vec::new();
    for affected in facts.jobs {
        let last_run = facts.job(affected).last_end();
        boots.push(facts.context.worker.boot_between(last_run, affected.since?)?);
    }
    boots.into_iter().min()
}
