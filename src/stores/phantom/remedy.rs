//! What to do, in phantom's terms: its rows are mended by SQL.

use crate::catalog::{Cause, Reason};
use crate::model::{Job, Remedy, State, Trouble};

/// Ids in a statement that is shown, at most, and the longest of them.
const MAX_IDS: usize = 20;
const MAX_ID_LEN: usize = 200;

/// The step for a trouble, and the statement that it needs, if an edit of rows is what helps.
pub fn remedy(trouble: &Trouble<'_>) -> Remedy {
    let broken = || trouble.jobs.iter().copied().filter(|job| job.state == State::Broken).collect::<Vec<_>>();
    let by_reason = trouble.reason.texts().advice;
    let by_cause = trouble.cause.texts().advice;
    let (step, statement) = match trouble.cause {
        Cause::JobFailing => (by_reason, revive(&broken())),
        Cause::ProviderFailing => (by_cause, revive(&broken())),
        Cause::RowDead if trouble.reason == Reason::NoNextRun => (by_reason, schedule(trouble.jobs)),
        Cause::ClockSetBack => (by_cause, schedule(trouble.jobs)),
        Cause::RowDead | Cause::Runaway => (by_reason, None),
        Cause::SchedulerSilent if trouble.is_alive == Some(true) => {
            ("Restart the scheduler; read its log from the last run on.", None)
        }
        Cause::SchedulerSilent | Cause::RunCut if trouble.is_alive == Some(false) => {
            ("Start the scheduler; read its log from the last run on.", None)
        }
        Cause::RunCut if trouble.is_alive == Some(true) => {
            ("The job runs again by itself; decide whether the work of that run has to be done by hand.", None)
        }
        Cause::SchedulerSilent
        | Cause::SchedulerDown
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
        | Cause::Unjudged => (by_cause, None),
    };
    Remedy { step: step.to_owned(), statement }
}

/// The statement that revives jobs whose circuit breaker is open.
fn revive(jobs: &[&Job]) -> Option<String> {
    update("status='active', consecutive_errors=0, ", jobs)
}

/// The statement that gives jobs a next run.
fn schedule(jobs: &[&Job]) -> Option<String> {
    update("", jobs)
}

fn update(set: &str, jobs: &[&Job]) -> Option<String> {
    let ids: Vec<String> = jobs.iter().take(MAX_IDS).map(|job| literal(&job.id)).collect::<Option<_>>()?;
    let which = match ids.as_slice() {
        [] => return None,
        [id] => format!("id={id}"),
        ids => format!("id IN ({})", ids.join(", ")),
    };
    Some(format!("UPDATE scheduled_jobs SET {set}next_run_at=strftime('%Y-%m-%dT%H:%M:%fZ','now') WHERE {which};"))
}

/// An id as a literal of SQL that nothing can break out of; None where it is too long to show or not known to the byte.
fn literal(id: &str) -> Option<String> {
    if id.len() > MAX_ID_LEN || id.contains(char::REPLACEMENT_CHARACTER) {
        return None;
    }
    if id.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
        return Some(format!("'{}'", id.replace('\'', "''")));
    }
    let hex: String = id.bytes().map(|byte| format!("{byte:02X}")).collect();
    Some(format!("CAST(X'{hex}' AS TEXT)"))
}
