//! What to do, in phantom's terms: its rows are mended by SQL.

use crate::catalog::Problem;
use crate::model::{Advice, AdviceTable, Command, Condition, Step};

/// What a person should do about its incidents.
pub const ADVICE: AdviceTable = AdviceTable {
    rows: ROWS,
    error_place: "it is in last_run_error of the job's row",
    options: None,
    commands: Vec::new(),
};

/// An update that also writes what the scheduler's own resume writes (its scheduler.ts), so that the row is picked at once and
/// the change shows.
macro_rules! run_now {
    ($set:literal) => {
        concat!(
            "UPDATE scheduled_jobs SET ",
            $set,
            "next_run_at=strftime('%Y-%m-%dT%H:%M:%fZ','now'), updated_at=datetime('now') WHERE <the-jobs>;"
        )
    };
}

const REVIVE: Command = Command::SqlForStopped(run_now!("status='active', consecutive_errors=0, "));
const SET_NEXT_RUN: Command = Command::Sql(run_now!(""));
const ACTIVATE: Command = Command::Sql(run_now!("enabled=1, status='active', "));

/// By the rows alone, a run that was killed, one that hangs, and one that takes long are the same.
const SEE_THE_PROCESS: &str = "Look whether the scheduler's process is there. If it is gone, start it. If it is younger than the \
    run, the run was killed. If the run does not move, restart it. Then each job runs once.";

const ROWS: &[Advice] = &[
    Advice::new(Problem::JobFailing, "Fix that error, then revive the job.")
        .when(&[Condition::Stopped])
        .reads_error()
        .run(&[REVIVE]),
    Advice::with_step(Problem::ProviderFailing, Step::Check("; then revive the jobs that were stopped."))
        .when(&[Condition::Stopped])
        .run(&[REVIVE]),
    Advice::with_step(Problem::ProviderFailing, Step::Check(".")).when(&[Condition::FaultIsKnown]),
    Advice::new(Problem::RowDead, "The schedule is fine: set next_run_at.")
        .when(&[Condition::Problem(Problem::NoNextRun), Condition::CanRun])
        .run(&[SET_NEXT_RUN]),
    Advice::new(
        Problem::RowDead,
        "If the job should run, correct its row: the scheduler picks only enabled = 1 and status = 'active'.",
    )
    .when(&[Condition::Problem(Problem::UnknownState), Condition::CanRun])
    .run(&[ACTIVATE]),
    Advice::with_step(Problem::ClockSetBack, Step::OfCause).run(&[SET_NEXT_RUN]),
    Advice::new(
        Problem::JobFailing,
        "The row has no error: read what the job answered, then check the model's provider and its limits.",
    )
    .when(&[Condition::NoError]),
    Advice::with_step(Problem::JobFailing, Step::Check(".")).when(&[Condition::FaultIsKnown]).reads_error(),
    Advice::with_step(Problem::JobFailing, Step::OfProblem).reads_error(),
    Advice::with_step(Problem::RowDead, Step::OfProblem),
    Advice::with_step(Problem::Runaway, Step::OfProblem),
    Advice::new(Problem::SchedulerSilent, "Restart the scheduler; read its log from the last run on.")
        .when(&[Condition::Alive]),
    Advice::new(Problem::SchedulerSilent, "Start the scheduler; read its log from the last run on.")
        .when(&[Condition::Gone]),
    Advice::new(
        Problem::SchedulerSilent,
        "If its process is gone, start it; if it is there, restart it. Its log from the last run on says why. \
         Each job then makes up for one run.",
    ),
    Advice::new(
        Problem::DeliveryHung,
        "Restart the scheduler, then check the channel that the message goes to. The job is still due, so it runs again \
         and its message may come twice.",
    ),
    Advice::new(Problem::RunLong, SEE_THE_PROCESS),
    Advice::new(Problem::RunHung, SEE_THE_PROCESS),
    Advice::new(Problem::RunCut, "Start the scheduler; read its log from the last run on.").when(&[Condition::Gone]),
    Advice::new(
        Problem::RunCut,
        "The job runs again by itself; decide whether the work of that run has to be done by hand.",
    )
    .when(&[Condition::Alive]),
];
