//! What to do about a scheduler that is not known: in general terms, with the commands of the mapping.

use crate::catalog::Problem;
use crate::model::{Advice, Step};

/// Where a person finds the text of an error that was not read.
pub const ERROR_PLACE: &str = "it is in the job's row, or in the record of its last run";

/// What a person should do about incidents of any scheduler.
pub const ROWS: &[Advice] = &[
    Advice::new(Problem::JobFailing, "Read the job's last error and fix its cause.").reads_error(),
    Advice::with_step(Problem::ProviderFailing, Step::Check(".")),
    Advice::new(Problem::JobSilent, "Look at the job's row, and read the scheduler's log from the job's last run on."),
    Advice::new(Problem::RowDead, "Correct the job's schedule and its next run."),
    Advice::new(Problem::JobSkipped, "Read the job's last error: it says why the scheduler skips it.").reads_error(),
    Advice::new(
        Problem::Runaway,
        "Switch the job off; then look at its schedule, and at whether two schedulers use this database.",
    ),
    Advice::new(Problem::ClockSetBack, "Unless this is intended, let the scheduler compute the next run anew."),
    Advice::new(Problem::SlotsSkipped, "Unless this is intended, let the scheduler compute the next run anew."),
    Advice::new(Problem::Unjudged, "Look at the job's rows."),
];
