//! What to do about a scheduler that is not known: in general terms, with the commands of the mapping.

use super::super::ids;
use crate::catalog::Cause;
use crate::model::{Action, Remedy, Trouble};

/// The step for a trouble, and the operator's commands.
pub fn remedy(trouble: &Trouble<'_>, commands: &[String]) -> Remedy {
    let id = trouble.jobs.first().and_then(|job| ids::word(&job.id));
    let shown = |command: &String| match command.contains(ids::PLACEHOLDER) {
        true => Some(command.replace(ids::PLACEHOLDER, id.as_deref()?)),
        false => Some(command.clone()),
    };
    let actions = commands.iter().filter_map(shown).map(Action::Shell).collect();
    Remedy { actions, ..Remedy::step(step(trouble.cause)) }
}

fn step(cause: Cause) -> &'static str {
    match cause {
        Cause::JobFailing => "Read the job's last error and fix its cause.",
        Cause::ProviderFailing => "Check the model's provider, its key, and the model's name.",
        Cause::JobSilent => "Look at the job's row, and read the scheduler's log from the job's last run on.",
        Cause::RowDead => "Correct the job's schedule and its next run.",
        Cause::JobSkipped => "Read the job's last error: it says why the scheduler skips it.",
        Cause::Runaway => {
            "Switch the job off; then look at its schedule, and at whether two schedulers use this database."
        }
        Cause::ClockSetBack | Cause::SlotsSkipped => {
            "Unless this is intended, let the scheduler compute the next run anew."
        }
        Cause::Unjudged => "Look at the job's rows.",
        Cause::SchedulerSilent
        | Cause::SchedulerDown
        | Cause::RunHung
        | Cause::RunCut
        | Cause::DeliveryHung
        | Cause::ExpectedMissing
        | Cause::RunLong
        | Cause::Undelivered
        | Cause::StoreUnserved
        | Cause::JobsGone
        | Cause::NothingWatched
        | Cause::OneShotLost
        | Cause::CrashLoop => cause.texts().advice,
    }
}
