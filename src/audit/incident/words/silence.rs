//! The words of silences: of the whole scheduler, and of some of its jobs.

use super::{Facts, IncidentText};
use crate::audit::context::Subject;
use crate::audit::evidence::Evidence;
use crate::audit::finding::ongoing;
use crate::audit::sentence::due;
use crate::audit::worker::CrashLoop;
use crate::model::State;
use crate::numbers::count;
use crate::text::text;
use crate::time::Instant;

/// Nothing runs.
pub fn scheduler_silent(facts: &Facts<'_>) -> IncidentText {
    let worker = facts.context().worker;
    if facts.restart_that_ended().is_some() {
        let lost = "the slots are lost; these jobs run again at their next ones";
        return IncidentText::of_each(facts.messages(), []).inferred(lost);
    }
    let missed: u64 = facts.jobs.iter().map(|affected| affected.missed_slots.max(1)).sum();
    let is_alone = is_only_job_due(facts) && !worker.life.is_gone() && worker.life.suspended().is_none();
    let mut observed =
        vec![text![count(missed, "slot"), " of ", facts.count_jobs(), " came due since and did not run"]];
    if is_alone {
        observed.push("no other job has come due since".into());
    }
    match worker.crash_loop() {
        Some(CrashLoop { starts, first, last, .. }) => {
            observed.push(text![
                count(starts, "start"),
                " since ",
                first,
                ", the last at ",
                last,
                "; no job ran after any"
            ]);
        }
        None => observed.extend(facts.signs(facts.since, worker.last_run_end())),
    }
    let why = match worker.crash_loop() {
        Some(CrashLoop { fails: true, goes_on: true, .. }) => "each start fails before it runs a job".to_owned(),
        Some(CrashLoop { goes_on: false, .. }) => "nothing starts the process any more: it was given up".to_owned(),
        Some(_) => "the process crashes soon after each start, before it runs a job".to_owned(),
        None => worker.life.why_silent(facts.since),
    };
    let or_stuck = if is_alone { "; or only this job is stuck" } else { "" };
    IncidentText::of(observed).inferred(text![why, or_stuck])
}

/// Whether there are other jobs, and none of them came due meanwhile: nothing shows whether they would run.
fn is_only_job_due(facts: &Facts<'_>) -> bool {
    let [only] = facts.jobs else { return false };
    let mut has_others = false;
    for other in facts.context().subjects.iter() {
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
    let since = resumed_at.map(|at| text![" since ", at]);
    let wait = text![facts.count_jobs(), " to wait for: ", facts.names()];
    IncidentText::of([text!["it has been running jobs again", since, "; ", wait]])
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

/// The process is gone, but no slot is lost yet.
pub fn scheduler_down(facts: &Facts<'_>) -> IncidentText {
    let (worker, now) = (facts.context().worker, facts.now());
    let mut observed = worker.life.of_process();
    for finding in facts.findings {
        if let Evidence::SchedulerDown { job, next_run_at, .. } = &finding.evidence {
            observed.push(text!["the first run to be lost is ", job, " ", due(*next_run_at, now)]);
            break;
        }
    }
    if let Some(end) = worker.last_run_end() {
        observed.push(text!["the last run of any job ended at ", facts.ago(end)]);
    }
    IncidentText::of(observed).inferred(worker.life.why_silent(None))
}

/// Some jobs do not run, while others do.
pub fn job_silent(facts: &Facts<'_>) -> IncidentText {
    let mut observed = Vec::new();
    if let Some((end, job)) = facts.context().worker.last_end {
        let name = job.map_or("a deleted job", |job| facts.context().job(job).label());
        observed.push(text![name, " ran at ", end]);
    }
    if let Some(boot) = boot_since_the_last_runs(facts) {
        observed.push(text!["the scheduler was restarted at ", boot, ", and none of these jobs has run since"]);
    }
    IncidentText::of_each(facts.messages(), observed)
        .inferred("the scheduler works; only the jobs listed here are left out")
}

/// The first boot between the last run of each job and its silence; None if there is none for one of them.
fn boot_since_the_last_runs(facts: &Facts<'_>) -> Option<Instant> {
    let mut boots = Vec::new();
    for affected in facts.jobs {
        let last_run = facts.job(affected).last_end();
        boots.push(facts.context().worker.boot_between(last_run, affected.since?)?);
    }
    boots.into_iter().min()
}
