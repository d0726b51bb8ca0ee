//! What to do, in phantom's terms: its rows are mended by SQL.

use super::super::ids;
use crate::catalog::{Cause, Reason};
use crate::model::{Action, Job, Remedy, State, Trouble};
use crate::time::span;

/// Ids in a statement that is shown, at most.
const MAX_IDS: usize = 20;
/// Statements for one trouble, at most.
const MAX_STATEMENTS: usize = 50;
/// What the scheduler's own resume writes (its scheduler.ts), so that the row is picked at once and the change shows.
const RUN_NOW: &str = "next_run_at=strftime('%Y-%m-%dT%H:%M:%fZ','now'), updated_at=datetime('now')";

/// The step for a trouble, and the statements that it needs, if an edit of rows is what helps.
pub fn remedy(trouble: &Trouble<'_>) -> Remedy {
    let broken = || trouble.jobs.iter().copied().filter(|job| job.state == State::Broken).collect::<Vec<_>>();
    let by_reason = trouble.reason.texts().advice;
    let by_cause = trouble.cause.texts().advice;
    match trouble.cause {
        Cause::JobFailing if !broken().is_empty() => {
            then_look(trouble, "Fix the cause of the error, then revive the row.", revive(&broken()))
        }
        Cause::ProviderFailing if !broken().is_empty() => then_look(
            trouble,
            "Check the model's provider, its key, and the model's name; then revive the jobs whose circuit breaker is open.",
            revive(&broken()),
        ),
        Cause::RowDead if trouble.reason == Reason::NoNextRun && can_run(trouble) => {
            then_look(trouble, "The schedule is fine: set next_run_at.", update("", trouble.jobs))
        }
        Cause::RowDead if trouble.reason == Reason::UnknownState && can_run(trouble) => then_look(
            trouble,
            "If the job should run, correct its row: the scheduler picks only enabled = 1 and status = 'active'.",
            update("enabled=1, status='active', ", trouble.jobs),
        ),
        Cause::ClockSetBack => then_look(trouble, by_cause, update("", trouble.jobs)),
        Cause::JobFailing if trouble.jobs.iter().all(|job| job.last_error().is_none()) => Remedy::step(
            "The row has no error: read what the job answered, then check the model's provider and its limits.",
        ),
        Cause::JobFailing | Cause::RowDead | Cause::Runaway => Remedy::step(by_reason),
        Cause::SchedulerSilent if trouble.is_alive == Some(true) => {
            Remedy::step("Restart the scheduler; read its log from the last run on.")
        }
        Cause::SchedulerSilent | Cause::RunCut if trouble.is_alive == Some(false) => {
            Remedy::step("Start the scheduler; read its log from the last run on.")
        }
        Cause::RunCut if trouble.is_alive == Some(true) => {
            Remedy::step("The job runs again by itself; decide whether the work of that run has to be done by hand.")
        }
        Cause::SchedulerSilent
        | Cause::SchedulerDown
        | Cause::ProviderFailing
        | Cause::RunCut
        | Cause::RunHung
        | Cause::DeliveryHung
        | Cause::JobSilent
        | Cause::ExpectedMissing
        | Cause::JobSkipped
        | Cause::RunLong
        | Cause::Undelivered
        | Cause::SlotsSkipped
        | Cause::OneShotLost
        | Cause::JobsGone
        | Cause::StoreUnserved
        | Cause::NothingWatched
        | Cause::CrashLoop
        | Cause::Unjudged => Remedy::step(by_cause),
    }
}

/// A step that edits rows, and when the scheduler sees that: its timer is armed only if some row has a next run.
fn then_look(trouble: &Trouble<'_>, step: &str, actions: Vec<Action>) -> Remedy {
    let then = match trouble.has_next_run {
        true => {
            format!("The scheduler sees the row within {}, or at once after a restart.", span(trouble.timer_sleeps))
        }
        false => "Then restart the scheduler: no active row has a next run, so its timer does not run.".to_owned(),
    };
    let then = (!actions.is_empty()).then_some(then);
    Remedy { step: step.to_owned(), actions, then }
}

/// Whether all that keeps the jobs from running is their rows' state: their schedules have a next slot.
fn can_run(trouble: &Trouble<'_>) -> bool {
    let has_slot = |job: &&Job| job.schedule.cadence().is_some_and(|cadence| cadence.next(trouble.now).is_some());
    trouble.jobs.iter().all(has_slot)
}

/// The statements that revive jobs whose circuit breaker is open.
fn revive(jobs: &[&Job]) -> Vec<Action> {
    update("status='active', consecutive_errors=0, ", jobs)
}

fn update(set: &str, jobs: &[&Job]) -> Vec<Action> {
    let ids: Vec<String> = jobs.iter().filter_map(|job| literal(&job.id)).collect();
    let statement = |ids: &[String]| {
        let which = match ids {
            [id] => format!("id={id}"),
            ids => format!("id IN ({})", ids.join(", ")),
        };
        Action::Sql(format!("UPDATE scheduled_jobs SET {set}{RUN_NOW} WHERE {which};"))
    };
    ids.chunks(MAX_IDS).take(MAX_STATEMENTS).map(statement).collect()
}

/// An id as a literal of SQL that nothing can break out of, nor out of double quotes of a shell; None where it is too long to
/// show or not known to the byte.
fn literal(id: &str) -> Option<String> {
    if !ids::can_be_quoted(id) {
        return None;
    }
    let is_plain = |byte: u8| (byte.is_ascii_graphic() || byte == b' ') && !b"\"\\$`!".contains(&byte);
    if id.bytes().all(is_plain) {
        return Some(format!("'{}'", id.replace('\'', "''")));
    }
    let hex: String = id.bytes().map(|byte| format!("{byte:02X}")).collect();
    Some(format!("CAST(X'{hex}' AS TEXT)"))
}
