//! The store of OpenClaw (read as of version 2026.9.6): `cron_jobs` with a definition and a state in JSON, `task_runs` and
//! `cron_run_receipts` with the start and end of each run, `state_leases` and `gateway_boot_lifecycle` as proof of life.
//!
//! The JSON of rows may hold prompts and secrets: only the keys that are named in `definition` are read, and none is shown
//! but names, schedules and errors.

mod definition;
mod runs;

use super::value::{cut, number, shown, text};
use crate::db::{Access, Failure, Unread, Window};
use crate::model::{Habits, Job, Life, Row, Run, Snapshot, Stamp, State};
use crate::time::{Instant, MINUTE, Millis, SECOND};
use definition::{Definition, Quarantine, Status};
use rusqlite::Connection;
use std::collections::HashMap;

/// The tables whose columns may be read, and nothing else.
pub const TABLES: [&str; 6] =
    ["cron_jobs", "cron_run_receipts", "task_runs", "diagnostic_events", "state_leases", "gateway_boot_lifecycle"];
/// A lease is renewed every 30 seconds and expires after five minutes.
const LEASE_TERM: Millis = 5 * MINUTE;
/// What a run may take beyond its time-out, for its setup and its first sign of progress.
const SETUP: Millis = 2 * MINUTE;
/// Time-outs that the scheduler gives a run that names none.
const AGENT_TURN: Millis = 60 * MINUTE;
const ANYTHING_ELSE: Millis = 10 * MINUTE;

/// How this scheduler works.
pub const HABITS: Habits = Habits {
    places: 8,
    backoff: &[30 * SECOND, MINUTE, 5 * MINUTE, 15 * MINUTE, 60 * MINUTE],
    retries_in_slot: false,
    shows_within: MINUTE,
    boot_step: None,
    next_steps: &[
        ("quarantined", "Add the job again with a valid schedule: openclaw automations add."),
        ("no-next-run", "Correct the schedule: openclaw automations edit <job-id>."),
        (
            "unreadable-schedule",
            "Correct the schedule: openclaw automations edit <job-id>. Then openclaw automations enable <job-id>.",
        ),
        (
            "breaker-open",
            "Fix the cause of the error, then switch the job on again: openclaw automations enable <job-id>.",
        ),
        (
            "scheduler-silent",
            "Run openclaw gateway status and openclaw automations status: is the gateway up, and is cron switched on? Then read its log and restart it: openclaw gateway restart.",
        ),
        (
            "run-hung",
            "Look at the run: openclaw automations runs <job-id>. If it hangs, restart the gateway: openclaw gateway restart.",
        ),
        ("run-long", "Look at the run: openclaw automations runs <job-id>. It ends by itself, or at its time-out."),
        (
            "provider-failing",
            "Check the model's provider, its key and the model's name. Jobs that were switched off meanwhile need openclaw automations enable <job-id>.",
        ),
        (
            "job-failing",
            "Read the error, and the runs with openclaw automations runs <job-id>; then check the model's provider, its key and the model's name.",
        ),
        (
            "job-silent",
            "Look at openclaw automations show <job-id> and openclaw automations runs <job-id>; then restart the gateway: openclaw gateway restart.",
        ),
        (
            "job-skipped",
            "Read the error. If no agent owns the job: openclaw automations edit <job-id> --agent <agent>.",
        ),
        ("undelivered", "Check the channel and target of the delivery: openclaw automations show <job-id>."),
        ("slots-skipped", "If nobody meant it: openclaw automations edit <job-id>, which computes the next run anew."),
        (
            "runaway",
            "Switch the job off: openclaw automations disable <job-id>. Then look at its schedule, and at whether two gateways run on this state.",
        ),
        ("unjudged", "Look at openclaw automations show <job-id> and openclaw automations runs <job-id>."),
    ],
    has_statements: false,
};

/// Whether a database with these tables is one.
pub fn recognise(tables: &[String]) -> bool {
    tables.iter().any(|name| name == "cron_jobs")
}

/// A job by its id and the key of the store that it belongs to: several schedulers can share a file.
type Key = (Vec<u8>, Vec<u8>);

/// What the small tables say.
struct Tables {
    snapshot: Snapshot,
    keys: HashMap<Key, usize>,
    /// By id: the first job of several stores.
    first_of_id: HashMap<Vec<u8>, usize>,
    /// By job: its definition, whose payload says what a run without usage means.
    definitions: Vec<Definition>,
}

impl Tables {
    fn add(&mut self, key: Key, job: Job, definition: Definition) {
        let index = self.snapshot.jobs.len();
        self.first_of_id.entry(key.1.clone()).or_insert(index);
        self.keys.insert(key, index);
        self.snapshot.jobs.push(job);
        self.definitions.push(definition);
    }
}

/// Reads the database.
///
/// # Errors
/// What is wrong with the database.
pub fn read(access: &mut Access<'_>, window: &Window) -> Result<Snapshot, Unread> {
    let (mut tables, newest) = access.piece(|db| {
        let tables = read_tables(db, window)?;
        let newest = runs::newest(db, &tables, window)?;
        Ok((tables, newest))
    })?;
    runs::read(access, &mut tables, newest, window)?;
    Ok(tables.snapshot)
}

fn read_tables(db: &Connection, window: &Window) -> Result<Tables, Failure> {
    let mut tables = Tables {
        snapshot: Snapshot::empty(HABITS),
        keys: HashMap::new(),
        first_of_id: HashMap::new(),
        definitions: Vec::new(),
    };
    read_life(db, window, &mut tables.snapshot)?;
    read_jobs(db, window, &mut tables)?;
    read_quarantine(db, window, &mut tables)?;
    Ok(tables)
}

fn missing(what: &rusqlite::Error) -> Failure {
    Failure::Unusable(format!("is not a store of OpenClaw that can be read: {what}"))
}

fn instant(value: Option<i64>) -> Option<Instant> {
    value.filter(|millis| *millis > 0).map(Instant::from_millis)
}

/// The lease proves life by itself; without one the newest boot tells whether the process was stopped.
fn read_life(db: &Connection, window: &Window, snapshot: &mut Snapshot) -> Result<(), Failure> {
    let mut lease =
        db.prepare("SELECT max(heartbeat_at), max(created_at) FROM state_leases WHERE scope = 'gateway-owner'");
    if let Ok(lease) = &mut lease {
        let (renewed, created) = lease
            .query_row([], |row| Ok((number(row.get_ref(0)?), number(row.get_ref(1)?))))
            .map_err(|error| missing(&error))?;
        snapshot.boot = instant(created).filter(|boot| *boot <= window.now);
        if let Some(renewed) = instant(renewed) {
            let alive = window.now.since(renewed) <= LEASE_TERM;
            snapshot.life = if alive { Life::Alive(renewed) } else { Life::Dead(renewed) };
            snapshot.newest_other = Some(renewed.min(window.now));
        }
    }
    let boots = "SELECT started_at_ms, completed_at_ms FROM gateway_boot_lifecycle WHERE started_at_ms <= ?1 ORDER BY started_at_ms DESC LIMIT 1";
    let Ok(mut boots) = db.prepare(boots) else { return Ok(()) };
    let mut rows = boots.query([window.now.millis()])?;
    if let Some(row) = rows.next()? {
        snapshot.boot = snapshot.boot.max(instant(number(row.get_ref(0)?)));
        let stopped = instant(number(row.get_ref(1)?)).filter(|at| *at <= window.now);
        if let Some(stopped) = stopped.filter(|_| snapshot.life == Life::Unknown) {
            snapshot.life = Life::Stopped(stopped);
        }
    }
    Ok(())
}

fn read_jobs(db: &Connection, window: &Window, tables: &mut Tables) -> Result<(), Failure> {
    let query = "SELECT store_key, job_id, name, enabled, declaration_key, job_json, state_json FROM cron_jobs ORDER BY sort_order, job_id";
    let mut statement = db.prepare(query).map_err(|error| missing(&error))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        super::room_for_another(&tables.snapshot.jobs)?;
        let bytes =
            |index: usize| Ok::<_, rusqlite::Error>(row.get_ref(index)?.as_bytes().unwrap_or_default().to_vec());
        let key = (bytes(0)?, bytes(1)?);
        let text_of = |index: usize| Ok::<_, rusqlite::Error>(text(row.get_ref(index)?).unwrap_or_default());
        let declared = row.get_ref(4)?.as_bytes().is_ok_and(|key| !key.is_empty());
        let definition = Definition::parse(&text_of(5)?, declared);
        let status = Status::parse(&text_of(6)?);
        let id = shown(row.get_ref(1)?);
        let enabled = number(row.get_ref(3)?) == Some(1);
        let job = job(id, shown(row.get_ref(2)?), enabled, &definition, &status, window);
        tables.add(key, job, definition);
    }
    Ok(())
}

fn job(id: String, name: String, enabled: bool, definition: &Definition, status: &Status, window: &Window) -> Job {
    let created_at = instant(definition.created_at);
    let schedule = match &status.auto_disabled {
        Some(off) if off.reason == "schedule-errors" => {
            let why = status.last_error.clone().unwrap_or_else(|| "schedule errors".to_owned());
            definition.unreadable(format!("the scheduler switched the job off: {}", cut(why, 200)))
        }
        _ => definition.schedule(&id, window.zone),
    };
    let last_start = instant(status.last_run_at);
    let newer = last_start.is_some_and(|start| start > window.now);
    let state = match enabled {
        _ if created_at.is_some_and(|made| made > window.now) => State::NotCreated,
        true if definition.is_event_driven() => State::EventDriven,
        true => State::Watched,
        false if status.auto_disabled.is_some() => State::Broken,
        false if schedule.kind == "at" && status.last_status == "ok" => State::Completed,
        false if schedule.kind == "at" && status.last_status == "error" => State::FailedOnce,
        false => State::Disabled,
    };
    let longest_run = match definition.timeout_seconds {
        Some(0) => None,
        Some(seconds) => Some(seconds.saturating_mul(SECOND).saturating_add(SETUP)),
        None if definition.is_agent_turn() => Some(AGENT_TURN + SETUP),
        None => Some(ANYTHING_ELSE + SETUP),
    };
    let error = status.last_error.as_ref().and_then(|error| error.lines().next());
    let last_run = last_start.map(|start| Run {
        start,
        // The end on record of an interrupted run is the next boot.
        duration_ms: status.last_duration.filter(|_| !status.was_interrupted()).map(|millis| millis.max(0)),
        failed: status.last_status == "error",
        error: error.filter(|_| status.last_status != "ok").map(|error| cut(error.to_owned(), 500)),
    });
    let row = Row {
        last_run,
        next_run_at: instant(status.next_run_at).map_or(Stamp::Missing, Stamp::At),
        consecutive_errors: status.consecutive_errors,
        updated_at: instant(status.activated_at).or(created_at),
        delivery: status.delivery(),
    };
    Job { name, created_at, row: (!newer).then_some(row), longest_run, ..Job::new(id, state, schedule) }
}

/// Jobs whose rows the scheduler could not read and deleted, but for those that somebody made again.
fn read_quarantine(db: &Connection, window: &Window, tables: &mut Tables) -> Result<(), Failure> {
    let query = "SELECT scope, payload_json, created_at FROM diagnostic_events WHERE scope LIKE 'cron.quarantine:%' LIMIT 20000";
    let Ok(mut statement) = db.prepare(query) else { return Ok(()) };
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let Some(at) = instant(number(row.get_ref(2)?)).filter(|at| *at <= window.now) else { continue };
        let scope = row.get_ref(0)?.as_bytes().unwrap_or_default();
        let store_key = scope.strip_prefix(b"cron.quarantine:").unwrap_or_default().to_vec();
        let Some(entry) = Quarantine::parse(&text(row.get_ref(1)?).unwrap_or_default()) else { continue };
        let key = (store_key, entry.id.clone().into_bytes());
        if tables.keys.contains_key(&key) {
            continue;
        }
        let definition = entry.definition.unwrap_or_default();
        let mut job = job(entry.id, entry.name, true, &definition, &entry.status, window);
        job.state = State::Quarantined(cut(entry.reason, 100));
        job.row.iter_mut().for_each(|row| row.updated_at = Some(at));
        tables.add(key, job, definition);
    }
    Ok(())
}
