//! What to do about a scheduler that is not known: in general terms, with the commands of the mapping.

use crate::catalog::Problem;
use crate::model::{Action, Remedy, Trouble};
use crate::shell;
use std::ffi::OsStr;

/// Stands for the id of a job in a command.
const JOB_ID: &str = "<job-id>";
/// Ids longer than this are not shown in a command.
const MAX_ID_LEN: usize = 200;

/// The step for a trouble, and the operator's commands.
pub fn remedy(trouble: &Trouble<'_>, commands: &[String]) -> Remedy {
    let id = trouble.jobs.first().map(|job| job.id.as_str()).filter(|id| {
        !id.is_empty() && id.len() <= MAX_ID_LEN && !id.starts_with('-') && !id.contains(char::REPLACEMENT_CHARACTER)
    });
    let shown = |command: &String| match (command.contains(JOB_ID), id) {
        (false, _) => Some(command.clone()),
        (true, Some(id)) => Some(command.replace(JOB_ID, &shell::word(OsStr::new(id)))),
        (true, None) => None,
    };
    let actions = commands.iter().filter_map(shown).map(Action::Shell).collect();
    Remedy { actions, ..Remedy::step(step(trouble.cause)) }
}

fn step(cause: Problem) -> &'static str {
    match cause {
        Problem::JobFailing => "Read the job's last error and fix its cause.",
        Problem::ProviderFailing => "Check the model's provider, its key, and the model's name.",
        Problem::JobSilent => "Look at the job's row, and read the scheduler's log from the job's last run on.",
        Problem::RowDead => "Correct the job's schedule and its next run.",
        Problem::JobSkipped => "Read the job's last error: it says why the scheduler skips it.",
        Problem::Runaway => {
            "Switch the job off; then look at its schedule, and at whether two schedulers use this database."
        }
        Problem::ClockSetBack | Problem::SlotsSkipped => {
            "Unless this is intended, let the scheduler compute the next run anew."
        }
        Problem::Unjudged => "Look at the job's rows.",
        _ => cause.advice(),
    }
}
