//! The jobs of `jobs.json` as the model has them.

use super::super::{ids, limits, value};
use super::executions::is_interruption;
use super::record::{Jobs, Record, Status, Word};
use crate::db::ReadError;
use crate::model::{
    Delivery, DeliveryError, ErrorClass, ErrorKind, Job, Row, Run, RunError, Schedule, Snapshot, State,
};
use crate::stores::window::Window;
use crate::time::{Instant, MINUTE, Millis};
use serde_json::Value;

/// The longest text of a delivery's error that is kept.
const MAX_ERROR_LEN: usize = 200;
/// What a script may take: its time-out of an hour, and a minute to end.
const LONGEST_SCRIPT: Millis = 61 * MINUTE;

/// Adds the jobs of a store to a snapshot.
///
/// # Errors
/// More jobs than can be audited.
pub fn add(jobs: &Jobs, snapshot: &mut Snapshot, window: &Window) -> Result<(), ReadError> {
    let mut held = 0;
    for record in &jobs.jobs {
        limits::room_for_another(&snapshot.jobs)?;
        let job = job(record, window);
        held += usize::from(job.self_paced);
        snapshot.jobs.push(job);
    }
    if held > 0 {
        snapshot.notes.push(format!("jobs whose next run waits for the limit of their provider to be lifted: {held}"));
    }
    Ok(())
}

fn job(record: &Record, window: &Window) -> Job {
    let local = window.machine_zone;
    let schedule = record.schedule(window.first_zone());
    let created_at = window.credible(record.created_at(local));
    let last_run = record.last_run_at(local);
    let is_created = last_run.is_some_and(|end| end <= window.now) || created_at.is_none_or(|made| made <= window.now);
    let state = if is_created { state(record, &schedule) } else { State::NotCreated };
    // What was written after the instant of the audit says nothing about it.
    let is_newer = last_run.is_some_and(|end| end > window.now);
    let id = text(&record.id);
    Job {
        name: value::cut(text(&record.name), value::MAX_NAME_LEN),
        created_at,
        row: if is_newer { None } else { Some(row(record, last_run, window)) },
        longest_run: if record.is_script() { Some(LONGEST_SCRIPT) } else { None },
        self_paced: record.held_until(local).is_some_and(|until| until > window.now),
        uses_model: !record.is_script(),
        ..Job::new(ids::id(id.as_bytes()), state, schedule)
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| if value.is_null() { String::new() } else { value.to_string() }, str::to_owned)
}

/// What the scheduler makes of a job. It writes `completed` where it finds no next run, also if that is because the schedule is
/// broken.
fn state(record: &Record, schedule: &Schedule) -> State {
    let is_done = matches!(schedule, Schedule::Once(_)) || record.is_used_up();
    match (record.word(), record.is_enabled()) {
        (Ok(Word::Completed), _) if is_done && record.last_status() == Some(Status::Failed) => State::FailedOnce,
        (Ok(Word::Completed), _) if is_done => State::Completed,
        (Ok(Word::Completed), _) if schedule.fault().is_some() => State::Broken,
        (Ok(Word::Completed), false) => State::Unknown("the state \"completed\" of a job that recurs".to_owned()),
        (_, true) => State::Watched,
        (Ok(Word::Paused), false) => State::Paused,
        (_, false) => State::Disabled,
    }
}

/// What the job says of its last run, whose start only the table of runs knows.
fn row(record: &Record, last_run: Option<Instant>, window: &Window) -> Row {
    let status = record.last_status();
    let failed = status == Some(Status::Failed);
    let error = if failed { record.last_error().and_then(|error| error.lines().next()) } else { None };
    let last_run = last_run.map(|end| Run {
        start: end,
        duration_ms: None,
        failed,
        error: error.map(|line| run_error(line, window)),
    });
    Row {
        last_run,
        next_run_at: record.next_run_at(window.machine_zone),
        consecutive_errors: u64::from(failed),
        updated_at: None,
        delivery: delivery(record, status, window.errors),
    }
}

/// The error of a run, which may have ended with its process.
fn run_error(line: &str, window: &Window) -> RunError {
    let kind = if is_interruption(line) { ErrorKind::Interrupted } else { ErrorKind::Other };
    RunError { kind, ..window.error(line) }
}

fn delivery(record: &Record, status: Option<Status>, errors: bool) -> Option<Delivery> {
    let why = match (record.delivery_error(), status) {
        (Some(why), _) => why,
        (None, Some(Status::Undelivered)) => record.last_error().unwrap_or_default(),
        (None, _) => return None,
    };
    let text = if errors { value::message(why, MAX_ERROR_LEN) } else { "not-delivered".to_owned() };
    Some(Delivery::Failed(DeliveryError { text, class: ErrorClass::of(why), is_late: false }))
}
