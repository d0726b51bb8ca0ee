//! The small tables: jobs, sessions and audit rows. Their rows are edited by hand, so every column may hold anything.

use super::{Failure, Window};
use crate::model::{Fires, Job, OpenRun, Run, Schedule, Snapshot, Stamp, State, Switch};
use crate::time::{Instant, Millis, TimeText};
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use std::collections::{HashMap, HashSet};

/// What a job's session key begins with; its id follows.
pub const KEY_PREFIX: &str = "scheduler:sched:";
/// The longest id or name that is kept.
const LONGEST_NAME: usize = 500;

/// A hundred times what a large fleet has; beyond it a database is out to exhaust us.
const MOST_JOBS: usize = 100_000;

/// The columns of a table that are there, in lower case as SQLite compares them.
struct Table {
    name: &'static str,
    columns: HashSet<String>,
}

impl Table {
    /// None where there is no table of that name; a view is none.
    fn find(db: &Connection, name: &'static str) -> Result<Option<Table>, Failure> {
        let kind = db
            .prepare("SELECT type, sql FROM sqlite_master WHERE name = ?1")?
            .query_row([name], |row| Ok(text(row.get_ref(0)?).as_deref() == Some("table")));
        match kind {
            Ok(true) => {}
            Ok(false) | Err(rusqlite::Error::QueryReturnedNoRows) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        let mut info = db.prepare(&format!("PRAGMA table_info({name})"))?;
        let columns = info.query_map([], |row| Ok(text(row.get_ref(1)?).unwrap_or_default().to_lowercase()))?;
        Ok(Some(Table { name, columns: columns.collect::<Result<_, _>>()? }))
    }

    /// Selects the columns in this order, NULL for those that this version of the scheduler does not have.
    fn select(&self, columns: &[&str]) -> String {
        let terms: Vec<&str> =
            columns.iter().map(|column| if self.columns.contains(*column) { *column } else { "NULL" }).collect();
        format!("SELECT {} FROM {}", terms.join(", "), self.name)
    }
}

const JOB_COLUMNS: [&str; 13] = [
    "id",
    "name",
    "enabled",
    "status",
    "schedule_kind",
    "schedule_value",
    "last_run_at",
    "last_run_duration_ms",
    "last_run_error",
    "next_run_at",
    "consecutive_errors",
    "created_at",
    "updated_at",
];

/// Without these no job can be judged.
const REQUIRED: [(&str, &[&str]); 2] = [
    (
        "scheduled_jobs",
        &["id", "name", "enabled", "status", "schedule_kind", "schedule_value", "last_run_at", "next_run_at"],
    ),
    ("cost_events", &["session_key", "input_tokens", "output_tokens", "created_at"]),
];

/// Reads everything but the cost events.
pub fn read(db: &Connection, window: &Window) -> Result<Snapshot, Failure> {
    require_tables(db)?;
    let mut snapshot = Snapshot::default();
    read_jobs(db, window, &mut snapshot)?;
    read_sessions(db, window, &mut snapshot)?;
    read_audit_log(db, window, &mut snapshot)?;
    Ok(snapshot)
}

fn require_tables(db: &Connection) -> Result<(), Failure> {
    let mut missing = Vec::new();
    for (name, columns) in REQUIRED {
        match Table::find(db, name)? {
            None => missing.push(format!("table {name}")),
            Some(table) => {
                let absent = columns.iter().filter(|column| !table.columns.contains(**column));
                missing.extend(absent.map(|column| format!("column {name}.{column}")));
            }
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let mut names = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name LIMIT 12")?;
    let found: Vec<String> =
        names.query_map([], |row| Ok(text(row.get_ref(0)?).unwrap_or_default()))?.collect::<Result<_, _>>()?;
    let found = if found.is_empty() { "no tables at all".to_owned() } else { found.join(", ") };
    let text = format!(
        "is no scheduler's database: {} missing; found: {found}. Give the scheduler's own database, data/phantom.db by default",
        missing.join(", ")
    );
    let foreign = missing.iter().any(|missing| missing == "table scheduled_jobs");
    Err(if foreign { Failure::Foreign(text) } else { Failure::Missing(text) })
}

fn read_jobs(db: &Connection, window: &Window, snapshot: &mut Snapshot) -> Result<(), Failure> {
    let Some(table) = Table::find(db, "scheduled_jobs")? else { return Ok(()) };
    let mut statement = db.prepare(&table.select(&JOB_COLUMNS))?;
    let mut rows = statement.query([])?;
    let mut ids = HashSet::new();
    while let Some(row) = rows.next()? {
        let number = snapshot.jobs.len() + 1;
        if number > MOST_JOBS {
            let text =
                format!("has more than {MOST_JOBS} jobs: too many to audit; check that it is the scheduler's database");
            return Err(Failure::Missing(text));
        }
        let job = job(row, window)?;
        if job.id.is_empty() {
            snapshot
                .notes
                .push(format!("row {number} of scheduled_jobs ({:?}) has no id: its fires can't be found", job.name));
        } else if !ids.insert(job.id.clone()) {
            snapshot
                .notes
                .push(format!("the id {:?} occurs twice in scheduled_jobs: its fires count for one row only", job.id));
        }
        snapshot.jobs.push(job);
    }
    let moved_on = snapshot.jobs.iter().filter(|job| job.moved_on).count();
    if moved_on > 0 {
        snapshot.notes.push(format!(
            "{moved_on} rows of scheduled_jobs are newer than {}: their jobs are judged by their cost events alone",
            window.now
        ));
    }
    Ok(())
}

fn job(row: &rusqlite::Row<'_>, window: &Window) -> Result<Job, Failure> {
    let kind = text(row.get_ref(4)?).unwrap_or_default();
    let schedule = Schedule::parse(&kind, &text(row.get_ref(5)?).unwrap_or_default(), window.zone);
    let start = stamp(row.get_ref(6)?);
    let created_at = stamp(row.get_ref(11)?).instant();
    let updated_at = stamp(row.get_ref(12)?).instant();
    let moved_on = start.instant().max(updated_at).is_some_and(|at| at > window.now);
    let state = if created_at.is_some_and(|at| at > window.now) {
        State::NotCreated
    } else {
        state(row.get_ref(2)?, row.get_ref(3)?, &kind)
    };
    let last_run = start.instant().map(|start| {
        Ok::<_, rusqlite::Error>(Run {
            start,
            duration_ms: number(row.get_ref(7)?).map(|ms| ms.max(0)),
            error: text(row.get_ref(8)?).map(|text| cut(text.lines().next().unwrap_or_default().to_owned())),
        })
    });
    Ok(Job {
        id: cut(text(row.get_ref(0)?).unwrap_or_default()),
        name: cut(text(row.get_ref(1)?).unwrap_or_default()),
        state,
        schedule,
        last_run: last_run.transpose()?,
        next_run_at: stamp(row.get_ref(9)?),
        consecutive_errors: number(row.get_ref(10)?).unwrap_or(0),
        created_at,
        updated_at,
        moved_on,
        switches: Vec::new(),
        fires: Fires::default(),
    })
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
        (Some(1), other) => {
            State::Unknown(format!("status is {}", other.map_or("NULL".into(), |s| format!("{:?}", cut(s.to_owned())))))
        }
        _ => State::Unknown(format!("enabled is {}", text(enabled).map_or("NULL".into(), cut))),
    }
}

fn read_sessions(db: &Connection, window: &Window, snapshot: &mut Snapshot) -> Result<(), Failure> {
    let Some(table) = Table::find(db, "sessions")?.filter(|table| table.columns.contains("session_key")) else {
        snapshot
            .notes
            .push("there is no table sessions: runs in flight can't be seen, so waiting jobs may look silent".into());
        return Ok(());
    };
    let mut statement = db.prepare(&table.select(&["session_key", "last_active_at"]))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let Some(active) = stamp(row.get_ref(1)?).instant() else { continue };
        let key = text(row.get_ref(0)?).unwrap_or_default();
        match key.strip_prefix(KEY_PREFIX) {
            Some(_) if active > window.now => snapshot.sessions_moved_on = true,
            Some(id) => snapshot.open_runs.push(OpenRun { job_id: id.to_owned(), start: active }),
            None if active <= window.now => snapshot.newest_other = snapshot.newest_other.max(Some(active)),
            None => {}
        }
    }
    Ok(())
}

fn read_audit_log(db: &Connection, window: &Window, snapshot: &mut Snapshot) -> Result<(), Failure> {
    let Some(table) = Table::find(db, "scheduler_audit_log")? else { return Ok(()) };
    let jobs: HashMap<String, usize> =
        snapshot.jobs.iter().enumerate().map(|(index, job)| (job.id.clone(), index)).collect();
    let mut statement = db.prepare(&table.select(&["job_id", "action", "created_at"]))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let Some(at) = stamp(row.get_ref(2)?).instant().filter(|at| *at <= window.now) else { continue };
        let action = text(row.get_ref(1)?).unwrap_or_default();
        snapshot.newest_other = snapshot.newest_other.max(Some(at));
        let resumes = match action.as_str() {
            "pause" => false,
            "resume" => true,
            _ => continue,
        };
        if let Some(&index) = text(row.get_ref(0)?).and_then(|id| jobs.get(&id)) {
            snapshot.jobs[index].switches.push(Switch { at, resumes });
        }
    }
    for job in &mut snapshot.jobs {
        job.switches.sort_by_key(|switch| switch.at);
    }
    Ok(())
}

/// A value as text; bytes that are no UTF-8 are replaced, NULL is None.
fn text(value: ValueRef<'_>) -> Option<String> {
    match value {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string()),
        ValueRef::Real(number) => Some(number.to_string()),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
    }
}

fn cut(text: String) -> String {
    if text.len() <= LONGEST_NAME { text } else { text.chars().take(LONGEST_NAME).collect() }
}

/// A value as a whole number, also one stored as a real or as text.
fn number(value: ValueRef<'_>) -> Option<i64> {
    match value {
        ValueRef::Integer(number) => Some(number),
        ValueRef::Real(number) => Some(number as Millis).filter(|_| number.fract() == 0.0),
        _ => text(value)?.trim().parse().ok(),
    }
}

fn stamp(value: ValueRef<'_>) -> Stamp {
    match text(value) {
        None => Stamp::Missing,
        Some(text) => match TimeText::parse(&text) {
            Some(time) => Stamp::At(time.as_utc()),
            None => Stamp::Unreadable(text.chars().take(40).collect()),
        },
    }
}

/// The instant of a cost event.
pub fn event_time(value: ValueRef<'_>) -> Option<Instant> {
    match value {
        ValueRef::Text(bytes) => match crate::time::event_seconds(bytes) {
            Some(seconds) => Some(Instant::from_millis(seconds * crate::time::SECOND)),
            None => stamp(value).instant(),
        },
        _ => stamp(value).instant(),
    }
}
