//! The small tables.

use super::super::ids;
use super::super::limits::room_for_another;
use super::super::newer::NewerRows;
use super::super::table::{Table, found, table_names};
use super::super::value::{self, message, number, shown, stamp, text};
use super::super::window::Window;
use super::open_runs;
use super::schedule;
use super::traits::TRAITS;
use crate::db::ReadError;
use crate::model::{Delivery, DeliveryError, Job, JobIndex, Row, Run, Snapshot, State, Switch, Timestamp};
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use std::collections::{HashMap, HashSet};

/// The tables whose columns may be read, and nothing else.
pub const TABLES: [&str; 4] = ["scheduled_jobs", "cost_events", "sessions", "scheduler_audit_log"];
/// The table by which a database is recognized.
pub const JOB_TABLE: &str = "scheduled_jobs";
/// What a job's session key begins with; its id follows.
pub const KEY_PREFIX: &[u8] = b"scheduler:sched:";
/// Rows of the audit log that are read at most, the last ones: older ones do not matter.
const MAX_ROWS: usize = 200_000;
/// An id is a key: the events of one that is longer are not looked up.
const MAX_ID_LEN: usize = 2_000;

const JOB_COLUMNS: [&str; 15] = [
    "id",
    "name",
    "enabled",
    "status",
    "schedule_kind",
    "schedule_value",
    "last_run_at",
    "last_run_duration_ms",
    "last_run_status",
    "last_run_error",
    "next_run_at",
    "consecutive_errors",
    "created_at",
    "updated_at",
    "last_delivery_status",
];

/// Without these no job can be judged.
const REQUIRED: [(&str, &[&str]); 2] = [
    (
        "scheduled_jobs",
        &["id", "name", "enabled", "status", "schedule_kind", "schedule_value", "last_run_at", "next_run_at"],
    ),
    ("cost_events", &["session_key", "input_tokens", "output_tokens", "created_at"]),
];

/// Columns of cost_events that say what a run cost, and on which model it ran.
const OPTIONAL_EVENT_COLUMNS: [&str; 2] = ["cost_usd", "model"];

/// What the small tables say, and by which key each job's events are found.
pub struct Tables {
    pub snapshot: Snapshot,
    /// The bytes of each job's id, by its index: an id that is not UTF-8 still finds its events.
    pub ids: Vec<Vec<u8>>,
    /// Ids of jobs that were deleted in the dashboard.
    pub deleted: HashSet<Vec<u8>>,
    /// `cost_usd` and `model`, or NULL where cost_events has no such column.
    pub optional_event_columns: [&'static str; 2],
    pub newer_rows: NewerRows,
}

/// Reads them.
///
/// # Errors
/// What is wrong with the database.
pub fn read(db: &Connection, window: &Window) -> Result<Tables, ReadError> {
    let optional_event_columns = require_tables(db)?;
    let snapshot = Snapshot::empty(TRAITS);
    let mut tables = Tables {
        snapshot,
        ids: Vec::new(),
        deleted: HashSet::new(),
        optional_event_columns,
        newer_rows: NewerRows::new(),
    };
    read_jobs(db, window, &mut tables)?;
    read_sessions(db, window, &mut tables.snapshot)?;
    read_audit_log(db, window, &mut tables)?;
    Ok(tables)
}

/// The optional columns of cost_events, or NULL instead, if everything is there that must be.
fn require_tables(db: &Connection) -> Result<[&'static str; 2], ReadError> {
    let (mut missing, mut optional) = (Vec::new(), OPTIONAL_EVENT_COLUMNS);
    for (name, columns) in REQUIRED {
        match Table::find(db, name)? {
            None => missing.push(format!("table {name}")),
            Some(table) => {
                optional = OPTIONAL_EVENT_COLUMNS.map(|column| if table.has(column) { column } else { "NULL" });
                let absent = columns.iter().filter(|column| !table.has(column));
                missing.extend(absent.map(|column| format!("column {name}.{column}")));
            }
        }
    }
    if missing.is_empty() {
        return Ok(optional);
    }
    Err(ReadError::Unusable(format!(
        "is not a database of phantom that can be read: {} missing; found: {}. Give the scheduler's own database, data/phantom.db by default",
        missing.join(", "),
        found(&table_names(db)?)
    )))
}

fn read_jobs(db: &Connection, window: &Window, tables: &mut Tables) -> Result<(), ReadError> {
    let Some(table) = Table::find(db, "scheduled_jobs")? else { return Ok(()) };
    let mut statement = db.prepare(&table.select(&JOB_COLUMNS))?;
    let mut rows = statement.query([])?;
    let (mut ids, mut ahead) = (HashSet::new(), Vec::new());
    let snapshot = &mut tables.snapshot;
    while let Some(row) = rows.next()? {
        room_for_another(&snapshot.jobs)?;
        let id = ids::bytes(row.get_ref(0)?);
        let (mut job, newer) = job(row, window)?;
        let is_ahead = |time: Timestamp| time.instant().is_some() && window.credible(time.instant()).is_none();
        if is_ahead(stamp(row.get_ref(12)?)) || is_ahead(stamp(row.get_ref(13)?)) {
            ahead.push(job.id.clone());
        }
        tables.newer_rows.extend(newer.map(|row| (JobIndex::at(snapshot.jobs.len()), row)));
        if id.len() > MAX_ID_LEN {
            job.state = State::Unknown(format!("its id is {} bytes long", id.len()));
            tables.ids.push(Vec::new());
            snapshot.jobs.push(job);
            continue;
        }
        if !id.is_empty() && !ids.insert(id.clone()) {
            if table.is_key(&["id"]) {
                return Err(ReadError::ReadTwice(JOB_TABLE));
            }
            snapshot
                .notes
                .push(format!("the id {:?} occurs twice in scheduled_jobs: its runs count for one row only", job.id));
        }
        tables.ids.push(id);
        snapshot.jobs.push(job);
    }
    note_times_ahead("the created_at or updated_at", &ahead, snapshot);
    Ok(())
}

/// The job of a row, and the row apart if it was written after the instant of the audit.
fn job(row: &rusqlite::Row<'_>, window: &Window) -> Result<(Job, Option<Row>), rusqlite::Error> {
    let kind = text(row.get_ref(4)?).unwrap_or_default();
    let start = stamp(row.get_ref(6)?);
    let created_at = window.credible(stamp(row.get_ref(12)?).instant());
    let updated_at = window.credible(stamp(row.get_ref(13)?).instant());
    let newer = start.instant().max(updated_at).is_some_and(|at| at > window.now);
    let has_run = start.instant().is_some_and(|start| start <= window.now);
    let state = match state(row.get_ref(2)?, row.get_ref(3)?, &kind) {
        _ if created_at.is_some_and(|at| at > window.now) && !has_run => State::NotCreated,
        // The breaker of a newer row may have opened since.
        State::Broken if newer => State::Watched,
        state => state,
    };
    let status = text(row.get_ref(8)?).unwrap_or_default();
    let error = text(row.get_ref(9)?).filter(|_| status != "ok");
    let error = error.as_deref().and_then(|text| text.lines().next());
    let duration_ms = number(row.get_ref(7)?).map(|ms| ms.max(0));
    let last_run = start.instant().map(|start| Run {
        start,
        duration_ms,
        failed: status == "error",
        error: error.map(|line| window.error(line)),
    });
    let known = Row {
        last_run,
        next_run_at: stamp(row.get_ref(10)?),
        consecutive_errors: number(row.get_ref(11)?).and_then(|errors| u64::try_from(errors).ok()).unwrap_or(0),
        updated_at,
        delivery: text(row.get_ref(14)?).map(|status| delivery(&status, window.errors)),
    };
    let schedule = schedule::parse(&kind, &text(row.get_ref(5)?).unwrap_or_default(), window.first_zone());
    let name = shown(row.get_ref(1)?);
    let (row_known, row_newer) = if newer { (None, Some(known)) } else { (Some(known), None) };
    let job =
        Job { name, created_at, row: row_known, ..Job::new(ids::id(&ids::bytes(row.get_ref(0)?)), state, schedule) };
    Ok((job, row_newer))
}

/// A message failed if its status begins with `error:` or `dropped:`; `skipped:channel_none` is intended.
/// Why is told if error texts are.
fn delivery(status: &str, errors: bool) -> Delivery {
    let (word, _) = status.split_once(':').unwrap_or((status, ""));
    let failed = status != word && ["error", "dropped"].contains(&word);
    let text = if errors { message(status, 100) } else { word.to_owned() };
    if failed { Delivery::Failed(DeliveryError { text, ..DeliveryError::new(status) }) } else { Delivery::Fine }
}

/// The scheduler picks `enabled = 1 AND status = 'active'`; the comparison is exact.
fn state(enabled: ValueRef<'_>, status: ValueRef<'_>, kind: &str) -> State {
    let status = text(status);
    match (number(enabled), status.as_deref()) {
        (Some(0), _) => State::Disabled,
        (_, Some("paused")) => State::Paused,
        (_, Some("completed")) => State::Completed,
        (Some(1), Some("active")) => State::Watched,
        (Some(1), Some("failed")) if kind == "at" => State::FailedOnce,
        (Some(1), Some("failed")) => State::Broken,
        (Some(1), other) => State::Unknown(format!(
            "status is {}",
            other.map_or("NULL".into(), |status| format!("{:?}", message(status, 100)))
        )),
        _ => State::Unknown(format!("enabled is {}", text(enabled).map_or("NULL".into(), |text| message(&text, 100)))),
    }
}

fn read_sessions(db: &Connection, window: &Window, snapshot: &mut Snapshot) -> Result<(), ReadError> {
    let Some(table) = Table::find(db, "sessions")?.filter(|table| table.has("session_key")) else {
        snapshot
            .notes
            .push("there is no table sessions: runs in flight can't be seen, so waiting jobs may look silent".into());
        return Ok(());
    };
    let mut statement = db.prepare(&table.select(&["session_key", "last_active_at"]))?;
    let mut rows = statement.query([])?;
    let mut ahead = Vec::new();
    while let Some(row) = rows.next()? {
        let Some(active) = value::stamp(row.get_ref(1)?).instant() else { continue };
        if window.credible(Some(active)).is_none() {
            ahead.push(shown(row.get_ref(0)?));
            continue;
        }
        let key = row.get_ref(0)?.as_bytes().unwrap_or_default();
        match key.strip_prefix(KEY_PREFIX) {
            Some(_) if active > window.now => snapshot.sessions_moved_on = true,
            Some(id) => open_runs::note(snapshot, id, active),
            None if active <= window.now => {
                snapshot.last_other_activity = snapshot.last_other_activity.max(Some(active))
            }
            None => {}
        }
    }
    note_times_ahead("the last_active_at of the session", &ahead, snapshot);
    Ok(())
}

fn read_audit_log(db: &Connection, window: &Window, tables: &mut Tables) -> Result<(), ReadError> {
    let Some(table) = Table::find(db, "scheduler_audit_log")? else { return Ok(()) };
    let snapshot = &mut tables.snapshot;
    let jobs: HashMap<&[u8], usize> = tables.ids.iter().enumerate().map(|(index, id)| (id.as_slice(), index)).collect();
    let select = table.select(&["job_id", "action", "created_at"]);
    let mut statement = db.prepare(&format!("{select} ORDER BY rowid DESC LIMIT {MAX_ROWS}"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let Some(at) = stamp(row.get_ref(2)?).instant().filter(|at| *at <= window.now) else { continue };
        let id = ids::bytes(row.get_ref(0)?);
        snapshot.last_other_activity = snapshot.last_other_activity.max(Some(at));
        let action = text(row.get_ref(1)?).unwrap_or_default();
        if action == "delete" {
            tables.deleted.insert(id);
            snapshot.has_deletions = true;
        } else if let Some(job) = jobs.get(id.as_slice()).map(|&index| &mut snapshot.jobs[index]) {
            match action.as_str() {
                "pause" => job.switches.push(Switch { at, resumes: false }),
                "resume" => job.switches.push(Switch { at, resumes: true }),
                "run" => job.manual_runs.push(at),
                _ => {}
            }
        }
    }
    for job in &mut snapshot.jobs {
        job.switches.sort_by_key(|switch| switch.at);
        job.manual_runs.sort();
    }
    Ok(())
}

/// Says that a time of some rows lies in the future, so that it was not used.
fn note_times_ahead(what: &str, ids: &[String], snapshot: &mut Snapshot) {
    if let [first, others @ ..] = ids {
        let more = if others.is_empty() { String::new() } else { format!(" and {} more", others.len()) };
        snapshot.notes.push(format!("{what} of {first:?}{more} lies in the future and was not used: correct it"));
    }
}
