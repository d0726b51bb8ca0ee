//! What to do, in OpenClaw's terms: commands of its own, in the form that every version of it takes.

use super::super::ids;
use crate::catalog::{Cause, Reason};
use crate::model::{Action, Job, Remedy, State, Trouble};

/// Jobs for which the same command is shown, at most.
const MAX_JOBS: usize = 20;

/// The step for a trouble, with the commands that it needs.
pub fn remedy(trouble: &Trouble<'_>) -> Remedy {
    let (step, templates) = step(trouble);
    let actions = templates.iter().flat_map(|template| commands(template, trouble.jobs)).map(Action::Shell);
    Remedy { actions: actions.collect(), ..Remedy::step(step) }
}

/// A command for each job that it is for: to be switched on again are all that were switched off; of others the first is
/// enough to look at.
fn commands(template: &str, jobs: &[&Job]) -> Vec<String> {
    if !template.contains(ids::PLACEHOLDER) {
        return vec![template.to_owned()];
    }
    let off: Vec<&Job> = jobs.iter().copied().filter(|job| job.state == State::Broken).take(MAX_JOBS).collect();
    let jobs = if template == ENABLE && !off.is_empty() { &off } else { &jobs[..jobs.len().min(1)] };
    jobs.iter().filter_map(|job| Some(template.replace(ids::PLACEHOLDER, &ids::word(&job.id)?))).collect()
}

const ENABLE: &str = "openclaw cron enable <job-id>";
const RUNS: &str = "openclaw cron runs --id <job-id>";
const SHOW: &str = "openclaw cron show <job-id>";
const RUN: &str = "openclaw cron run <job-id>";
const EDIT: &str = "openclaw cron edit <job-id>";
const RESTART: &str = "openclaw gateway restart";

fn step(trouble: &Trouble<'_>) -> (&'static str, &'static [&'static str]) {
    match trouble.cause {
        Cause::RowDead => row_dead(trouble.reason),
        Cause::JobFailing if trouble.reason == Reason::BreakerOpen => {
            ("Fix the cause of the error, then switch the job on again.", &[ENABLE])
        }
        Cause::SchedulerDown | Cause::RunCut if trouble.is_alive != Some(true) => {
            ("Start the gateway, then read its log from the last run on.", &["openclaw gateway start"])
        }
        Cause::SchedulerDown | Cause::RunCut => ("Decide whether the work of that run is still needed.", &[RUNS]),
        Cause::SchedulerSilent => (
            "Is the gateway up, and is cron switched on? Then read its log and restart it.",
            &["openclaw gateway status", "openclaw cron status", RESTART],
        ),
        Cause::RunHung => ("Look at the run. If it hangs, restart the gateway.", &[RUNS, RESTART]),
        Cause::RunLong => ("Look at the run. It ends by itself, or at its time-out.", &[RUNS]),
        Cause::ProviderFailing if trouble.jobs.iter().any(|job| job.state == State::Broken) => (
            "Check the model's provider, its key, and the model's name; then switch the jobs on again that were switched off.",
            &[ENABLE],
        ),
        Cause::ProviderFailing => ("Check the model's provider, its key, and the model's name.", &[]),
        Cause::JobFailing if trouble.jobs.iter().all(|job| has_error(job, "interrupted")) => {
            ("The gateway ended in the run: read its log of that time, and run the job if its work can't wait.", &[RUN])
        }
        Cause::JobFailing if trouble.jobs.iter().all(|job| !job.uses_model) => {
            ("Read the error and the runs, then fix what the job runs.", &[RUNS])
        }
        Cause::JobFailing if trouble.jobs.iter().all(|job| job.last_error().is_none()) => {
            ("Look at the runs; then check the model's provider, its key, and the model's name.", &[RUNS])
        }
        Cause::JobFailing => {
            ("Read the error and the runs; then check the model's provider, its key, and the model's name.", &[RUNS])
        }
        Cause::JobSilent => ("Look at the job and its runs; then restart the gateway.", &[SHOW, RUNS, RESTART]),
        Cause::JobSkipped if trouble.jobs.iter().any(|job| has_error(job, "not reachable")) => (
            "Start the local provider that the error names, or give the job another model.",
            &["openclaw cron edit <job-id> --model MODEL"],
        ),
        Cause::JobSkipped if trouble.jobs.iter().any(|job| has_error(job, "disabled")) => {
            ("Switch on what the error names, or switch the job off.", &["openclaw cron disable <job-id>"])
        }
        Cause::JobSkipped => {
            ("Read the error. If no agent owns the job, give it one.", &["openclaw cron edit <job-id> --agent AGENT"])
        }
        Cause::Undelivered if trouble.jobs.iter().any(|job| is_late(job)) => (
            "The message was thrown away because its run began hours late. If it is still needed, run the job.",
            &[RUN],
        ),
        Cause::Undelivered => ("Check the channel and target of the delivery.", &[SHOW]),
        Cause::StoreUnserved => (
            "If the state directory was moved, move it back or add the jobs again with openclaw cron add; else check OPENCLAW_STATE_DIR and OPENCLAW_HOME of the gateway. A restart alone does not help.",
            &["openclaw cron list"],
        ),
        Cause::JobsGone => (
            "Compare the list with a backup of the database, and add the jobs again with openclaw cron add.",
            &["openclaw cron list"],
        ),
        Cause::OneShotLost => ("Decide whether the work is still needed; the runs show what happened.", &[RUNS]),
        Cause::SlotsSkipped | Cause::ClockSetBack => {
            ("Unless this is intended, edit the schedule, which computes the next run anew.", &[EDIT])
        }
        Cause::Runaway => (
            "Switch the job off. Then look at its schedule, and at whether two gateways run on this state.",
            &["openclaw cron disable <job-id>"],
        ),
        Cause::CrashLoop => (trouble.cause.texts().advice, &["openclaw gateway status"]),
        Cause::Unjudged => ("Look at the job and its runs.", &[SHOW, RUNS]),
        Cause::DeliveryHung | Cause::ExpectedMissing | Cause::NothingWatched => (trouble.cause.texts().advice, &[]),
    }
}

fn has_error(job: &Job, text: &str) -> bool {
    job.last_error().is_some_and(|error| error.contains(text))
}

fn is_late(job: &Job) -> bool {
    job.delivery_error.as_ref().is_some_and(|error| error.is_late)
}

fn row_dead(reason: Reason) -> (&'static str, &'static [&'static str]) {
    match reason {
        Reason::Quarantined => ("Add the job again with a valid schedule, with openclaw cron add.", &[]),
        Reason::NoNextRun => ("Correct the schedule.", &[EDIT]),
        Reason::UnreadableSchedule => ("Correct the schedule, then switch the job on again.", &[EDIT, ENABLE]),
        other => (other.texts().advice, &[]),
    }
}
