//! What to do, in OpenClaw's terms: commands of its own.

use crate::catalog::{Cause, Reason};
use crate::model::{Job, Remedy, Trouble};

/// Ids longer than this are not shown in a command.
const MAX_ID_LEN: usize = 200;
/// Stands for the id of the job in a command.
const JOB_ID: &str = "<job-id>";

/// The step for a trouble.
pub fn remedy(trouble: &Trouble<'_>) -> Remedy {
    let step = step(trouble);
    let id = trouble.jobs.first().map(|job| job.id.as_str()).filter(|id| is_plain(id));
    let step = id.map_or_else(|| step.to_owned(), |id| step.replace(JOB_ID, id));
    Remedy { step, statement: None }
}

fn step(trouble: &Trouble<'_>) -> &'static str {
    match trouble.cause {
        Cause::RowDead => row_dead(trouble.reason),
        Cause::JobFailing if trouble.reason == Reason::BreakerOpen => {
            "Fix the cause of the error, then switch the job on again: openclaw automations enable <job-id>."
        }
        Cause::SchedulerDown | Cause::RunCut if trouble.is_alive != Some(true) => {
            "Start the gateway: openclaw gateway start. Then read its log from the last run on."
        }
        Cause::SchedulerDown | Cause::RunCut => {
            "Look at the run: openclaw automations runs <job-id>. Decide whether its work is still needed."
        }
        Cause::SchedulerSilent => {
            "Run openclaw gateway status and openclaw automations status: is the gateway up, and is cron switched on? Then read its log and restart it: openclaw gateway restart."
        }
        Cause::RunHung => {
            "Look at the run: openclaw automations runs <job-id>. If it hangs, restart the gateway: openclaw gateway restart."
        }
        Cause::RunLong => "Look at the run: openclaw automations runs <job-id>. It ends by itself, or at its time-out.",
        Cause::ProviderFailing => {
            "Check the model's provider, its key, and the model's name. Jobs that were switched off meanwhile need openclaw automations enable <job-id>."
        }
        Cause::JobFailing => {
            "Read the error, and the runs with openclaw automations runs <job-id>; then check the model's provider, its key, and the model's name."
        }
        Cause::JobSilent => {
            "Look at openclaw automations show <job-id> and openclaw automations runs <job-id>; then restart the gateway: openclaw gateway restart."
        }
        Cause::JobSkipped => {
            "Read the error. If no agent owns the job: openclaw automations edit <job-id> --agent <agent>."
        }
        Cause::Undelivered if trouble.jobs.iter().any(|job| is_late(job)) => {
            "The message was thrown away because its run began hours late. If it is still needed: openclaw automations run <job-id>."
        }
        Cause::Undelivered => "Check the channel and target of the delivery: openclaw automations show <job-id>.",
        Cause::StoreUnserved => {
            "Check OPENCLAW_STATE_DIR and OPENCLAW_HOME of the gateway: it serves another state directory. A restart alone does not help."
        }
        Cause::JobsGone => {
            "Compare openclaw automations list with a backup of the database, and add the jobs again: openclaw automations add."
        }
        Cause::OneShotLost => {
            "Decide whether the work is still needed; openclaw automations runs <job-id> shows what happened."
        }
        Cause::SlotsSkipped | Cause::ClockSetBack => {
            "Unless this is intended: openclaw automations edit <job-id>, which computes the next run anew."
        }
        Cause::Runaway => {
            "Switch the job off: openclaw automations disable <job-id>. Then look at its schedule, and at whether two gateways run on this state."
        }
        Cause::Unjudged => "Look at openclaw automations show <job-id> and openclaw automations runs <job-id>.",
        Cause::DeliveryHung | Cause::ExpectedMissing | Cause::NothingWatched => trouble.cause.texts().advice,
    }
}

fn is_late(job: &Job) -> bool {
    job.delivery_error.as_ref().is_some_and(|error| error.is_late)
}

fn row_dead(reason: Reason) -> &'static str {
    match reason {
        Reason::Quarantined => "Add the job again with a valid schedule: openclaw automations add.",
        Reason::NoNextRun => "Correct the schedule: openclaw automations edit <job-id>.",
        Reason::UnreadableSchedule => {
            "Correct the schedule: openclaw automations edit <job-id>. Then openclaw automations enable <job-id>."
        }
        other => other.texts().advice,
    }
}

/// Whether an id can be shown in a command as it is.
fn is_plain(id: &str) -> bool {
    !id.is_empty() && id.len() <= MAX_ID_LEN && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}
