//! What to do, in phantom's terms: its rows are mended by SQL.

use crate::catalog::{Cause, Reason};
use crate::model::{Advice, AdviceTable, Command, Condition, Step};

/// What a person should do about its incidents.
pub const ADVICE: AdviceTable =
    AdviceTable { rows: ROWS, error_place: "it is in last_run_error of the job's row", commands: Vec::new() };

/// An update that also writes what the scheduler's own resume writes (its scheduler.ts), so that the row is picked at once and
/// the change shows.
macro_rules! run_now {
    ($set:literal) => {
        concat!(
            "UPDATE scheduled_jobs SET ",
            $set,
            "next_run_at=strftime('%Y-%m-%dT%H:%M:%fZ','now'), updated_at=datetime('now') WHERE id<job-ids>;"
        )
    };
}

const REVIVE: Command = Command::SqlForStopped(run_now!("status='active', consecutive_errors=0, "));
const SET_NEXT_RUN: Command = Command::Sql(run_now!(""));
const ACTIVATE: Command = Command::Sql(run_now!("enabled=1, status='active', "));

const CHECK_AND_REVIVE: &str = "Check the model's provider, its key, and the model's name; \
    then revive the jobs whose circuit breaker is open.";

const ROWS: &[Advice] = &[
    Advice::new(Cause::JobFailing, "Fix the cause of the error, then revive the row.")
        .when(&[Condition::Stopped])
        .reads_error()
        .run(&[REVIVE]),
    Advice::new(Cause::ProviderFailing, CHECK_AND_REVIVE).when(&[Condition::Stopped]).run(&[REVIVE]),
    Advice::new(Cause::RowDead, "The schedule is fine: set next_run_at.")
        .when(&[Condition::Reason(Reason::NoNextRun), Condition::CanRun])
        .run(&[SET_NEXT_RUN]),
    Advice::new(
        Cause::RowDead,
        "If the job should run, correct its row: the scheduler picks only enabled = 1 and status = 'active'.",
    )
    .when(&[Condition::Reason(Reason::UnknownState), Condition::CanRun])
    .run(&[ACTIVATE]),
    Advice::with_step(Cause::ClockSetBack, Step::OfCause).run(&[SET_NEXT_RUN]),
    Advice::new(
        Cause::JobFailing,
        "The row has no error: read what the job answered, then check the model's provider and its limits.",
    )
    .when(&[Condition::NoError]),
    Advice::with_step(Cause::JobFailing, Step::OfReason).reads_error(),
    Advice::with_step(Cause::RowDead, Step::OfReason),
    Advice::with_step(Cause::Runaway, Step::OfReason),
    Advice::new(Cause::SchedulerSilent, "Restart the scheduler; read its log from the last run on.")
        .when(&[Condition::Alive]),
    Advice::new(Cause::SchedulerSilent, "Start the scheduler; read its log from the last run on.")
        .when(&[Condition::Gone]),
    Advice::new(Cause::RunCut, "Start the scheduler; read its log from the last run on.").when(&[Condition::Gone]),
    Advice::new(
        Cause::RunCut,
        "The job runs again by itself; decide whether the work of that run has to be done by hand.",
    )
    .when(&[Condition::Alive]),
];
