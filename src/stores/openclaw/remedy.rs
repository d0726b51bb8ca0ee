//! What to do, in OpenClaw's terms: commands of its own, in the form that every version of it takes.

use crate::catalog::Problem;
use crate::model::{Action, Job, Remedy, State, Trouble};
use crate::shell;
use std::ffi::OsStr;

/// Ids longer than this are not shown in a command.
const MAX_ID_LEN: usize = 200;
/// Jobs for which the same command is shown, at most.
const MAX_JOBS: usize = 20;
/// Stands for the id of a job in a command.
const JOB_ID: &str = "<job-id>";

/// The step for a trouble, with the commands that it needs.
pub fn remedy(trouble: &Trouble<'_>) -> Remedy {
    let (step, templates) = step(trouble);
    let actions = templates.iter().flat_map(|template| commands(template, trouble.jobs)).map(Action::Shell);
    Remedy { actions: actions.collect(), ..Remedy::step(step) }
}

/// A command for each job that it is for: to be switched on again are all that were switched off; of others the first is
/// enough to look at.
fn commands(template: &str, jobs: &[&Job]) -> Vec<String> {
    if !template.contains(JOB_ID) {
        return vec![template.to_owned()];
    }
    let off: Vec<&Job> = jobs.iter().copied().filter(|job| job.state == State::Broken).take(MAX_JOBS).collect();
    let jobs = if template == ENABLE && !off.is_empty() { &off } else { &jobs[..jobs.len().min(1)] };
    jobs.iter().filter_map(|job| Some(template.replace(JOB_ID, &shown(&job.id)?))).collect()
}

const ENABLE: &str = "openclaw cron enable <job-id>";
const RUNS: &str = "openclaw cron runs --id <job-id>";
const SHOW: &str = "openclaw cron show <job-id>";
const RUN: &str = "openclaw cron run <job-id>";
const EDIT: &str = "openclaw cron edit <job-id>";
const RESTART: &str = "openclaw gateway restart";

fn step(trouble: &Trouble<'_>) -> (&'static str, &'static [&'static str]) {
    match trouble.cause {
        Problem::RowDead => row_dead(trouble.problem),
        Problem::JobFailing if trouble.problem == Problem::BreakerOpen => {
            ("Fix the cause of the error, then switch the job on again.", &[ENABLE])
        }
        Problem::SchedulerDown | Problem::RunCut if trouble.is_alive != Some(true) => {
            ("Start the gateway, then read its log from the last run on.", &["openclaw gateway start"])
        }
        Problem::SchedulerDown | Problem::RunCut => ("Decide whether the work of that run is still needed.", &[RUNS]),
        Problem::SchedulerSilent => (
            "Is the gateway up, and is cron switched on? Then read its log and restart it.",
            &["openclaw gateway status", "openclaw cron status", RESTART],
        ),
        Problem::RunHung => ("Look at the run. If it hangs, restart the gateway.", &[RUNS, RESTART]),
        Problem::RunLong => ("Look at the run. It ends by itself, or at its time-out.", &[RUNS]),
        Problem::ProviderFailing if trouble.jobs.iter().any(|job| job.state == State::Broken) => (
            "Check the model's provider, its key, and the model's name; then switch the jobs on again that were switched off.",
            &[ENABLE],
        ),
        Problem::ProviderFailing => ("Check the model's provider, its key, and the model's name.", &[]),
        Problem::JobFailing if trouble.jobs.iter().all(|job| has_error(job, "interrupted")) => {
            ("The gateway ended in the run: read its log of that time, and run the job if its work can't wait.", &[RUN])
        }
        Problem::JobFailing if trouble.jobs.iter().all(|job| !job.uses_model) => {
            ("Read the error and the runs, then fix what the job runs.", &[RUNS])
        }
        Problem::JobFailing if trouble.jobs.iter().all(|job| job.last_error().is_none()) => {
            ("Look at the runs; then check the model's provider, its key, and the model's name.", &[RUNS])
        }
        Problem::JobFailing => {
            ("Read the error and the runs; then check the model's provider, its key, and the model's name.", &[RUNS])
        }
        Problem::JobSilent => ("Look at the job and its runs; then restart the gateway.", &[SHOW, RUNS, RESTART]),
        Problem::JobSkipped if trouble.jobs.iter().any(|job| has_error(job, "not reachable")) => (
            "Start the local provider that the error names, or give the job another model.",
            &["openclaw cron edit <job-id> --model MODEL"],
        ),
        Problem::JobSkipped if trouble.jobs.iter().any(|job| has_error(job, "disabled")) => {
            ("Switch on what the error names, or switch the job off.", &["openclaw cron disable <job-id>"])
        }
        Problem::JobSkipped => {
            ("Read the error. If no agent owns the job, give it one.", &["openclaw cron edit <job-id> --agent AGENT"])
        }
        Problem::Undelivered if trouble.jobs.iter().any(|job| is_late(job)) => (
            "The message was thrown away because its run began hours late. If it is still needed, run the job.",
            &[RUN],
        ),
        Problem::Undelivered => ("Check the channel and target of the delivery.", &[SHOW]),
        Problem::StoreUnserved => (
            "If the state directory was moved, move it back or add the jobs again with openclaw cron add; else check OPENCLAW_STATE_DIR and OPENCLAW_HOME of the gateway. A restart alone does not help.",
            &["openclaw cron list"],
        ),
        Problem::JobsGone => (
            "Compare the list with a backup of the database, and add the jobs again with openclaw cron add.",
            &["openclaw cron list"],
        ),
        Problem::OneShotLost => ("Decide whether the work is still needed; the runs show what happened.", &[RUNS]),
        Problem::SlotsSkipped | Problem::ClockSetBack => {
            ("Unless this is intended, edit the schedule, which computes the next run anew.", &[EDIT])
        }
        Problem::Runaway => (
            "Switch the job off. Then look at its schedule, and at whether two gateways run on this state.",
            &["openclaw cron disable <job-id>"],
        ),
        Problem::CrashLoop => (trouble.cause.advice(), &["openclaw gateway status"]),
        Problem::Unjudged => ("Look at the job and its runs.", &[SHOW, RUNS]),
        _ => (trouble.cause.advice(), &[]),
    }
}

fn has_error(job: &Job, text: &str) -> bool {
    job.last_error().is_some_and(|error| error.contains(text))
}

fn is_late(job: &Job) -> bool {
    job.delivery_error.as_ref().is_some_and(|error| error.is_late)
}

fn row_dead(problem: Problem) -> (&'static str, &'static [&'static str]) {
    match problem {
        Problem::Quarantined => ("Add the job again with a valid schedule, with openclaw cron add.", &[]),
        Problem::NoNextRun => ("Correct the schedule.", &[EDIT]),
        Problem::UnreadableSchedule => ("Correct the schedule, then switch the job on again.", &[EDIT, ENABLE]),
        other => (other.advice(), &[]),
    }
}

/// An id as a word of a command; None if it would be an option, or is too long to show or not known to the byte.
fn shown(id: &str) -> Option<String> {
    let is_shown = !id.is_empty() && id.len() <= MAX_ID_LEN && !id.starts_with('-');
    (is_shown && !id.contains(char::REPLACEMENT_CHARACTER)).then(|| shell::word(OsStr::new(id)))
}
