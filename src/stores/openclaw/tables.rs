//! The small tables.

use super::super::ids;
use super::super::limits::room_for_another;
use super::super::newer::NewerRows;
use super::super::table::{Table, table_names};
use super::super::value::{cut, message, number, shown, text};
use super::super::window::Window;
use super::definition::{Definition, JobState, Quarantine};
use super::delivery;
use super::layout::{JOB_TABLE, RunTable, instant, required};
use super::status::Status;
use super::traits::TRAITS;
use crate::db::ReadError;
use crate::model::{
    ErrorClass, ErrorKind, Fault, Home, Job, JobIndex, Lease, Row, Run, RunError, Schedule, Snapshot, State, Timestamp,
};
use crate::time::{DAY, Instant, MINUTE, Millis, SECOND};
use rusqlite::Connection;
use rustc_hash::FxHashMap;
use std::collections::HashMap;

/// How a boot ended that failed.
const START_FAILED: &str = "startup_failed";
/// Boots that are read at most, the last ones.
const MAX_BOOTS: usize = 1000;
/// What comes before the error of a heartbeat, which it may share with other jobs.
const HEARTBEAT_FAILED: &str = "heartbeat failed: ";
/// Messages that were given up, read at most.
const MAX_DEAD_LETTERS: usize = 10_000;
/// A lease is renewed every 30 seconds and expires after five minutes.
pub(super) const LEASE_TERM: Millis = 5 * MINUTE;
/// What a run may take beyond its time-out, for its setup and its first sign of progress.
const SETUP: Millis = 2 * MINUTE;
/// Time-outs that the scheduler gives a run that names none.
const AGENT_TURN: Millis = 60 * MINUTE;
const ANYTHING_ELSE: Millis = 10 * MINUTE;

/// A job by its id and the key of the store that it belongs to: several schedulers can share a file.
pub type Key = (Vec<u8>, Vec<u8>);

/// What the small tables say.
pub struct Tables {
    pub snapshot: Snapshot,
    /// By store, then by id.
    keys: HashMap<Vec<u8>, FxHashMap<Vec<u8>, JobIndex>>,
    /// By id: the first job of several stores.
    first_of_id: FxHashMap<Vec<u8>, JobIndex>,
    /// Where this version keeps its runs.
    pub runs: RunTable,
    /// By job: its definition, whose payload decides what a run without usage means.
    pub definitions: Vec<Definition>,
    pub newer_rows: NewerRows,
}

impl Tables {
    /// Adds a job; returns whether its key was known already.
    fn add(&mut self, key: Key, job: Job, definition: Definition) -> bool {
        let index = JobIndex::at(self.snapshot.jobs.len());
        self.first_of_id.entry(key.1.clone()).or_insert(index);
        self.snapshot.jobs.push(job);
        self.definitions.push(definition);
        self.keys.entry(key.0).or_default().insert(key.1, index).is_some()
    }

    /// The job of a store, or of the first one that has a job with the id.
    pub fn job(&self, store_key: Option<&[u8]>, id: &[u8]) -> Option<JobIndex> {
        match store_key {
            Some(store_key) => self.keys.get(store_key)?.get(id).copied(),
            None => self.first_of_id.get(id).copied(),
        }
    }
}

/// Reads them.
///
/// # Errors
/// What is wrong with the database.
pub fn read(db: &Connection, window: &Window) -> Result<Tables, ReadError> {
    let jobs = Table::find(db, JOB_TABLE)?;
    let is_wide = jobs.as_ref().is_some_and(|jobs| jobs.has("schedule_kind"));
    let mut tables = Tables {
        snapshot: Snapshot::empty(TRAITS),
        keys: HashMap::new(),
        first_of_id: FxHashMap::default(),
        runs: if is_wide { RunTable::Logs } else { RunTable::Tasks },
        definitions: Vec::new(),
        newer_rows: NewerRows::new(),
    };
    // What a version lacks is unknown: up to 2026.7 there are no leases, no quarantine and at first no boots.
    let has = |name: &'static str| Ok::<_, ReadError>(!is_wide || Table::find(db, name)?.is_some());
    if has("state_leases")? {
        read_leases(db, window, &mut tables.snapshot)?;
    }
    if has("gateway_boot_lifecycle")? {
        read_boots(db, window, &mut tables.snapshot)?;
    }
    if let Some(jobs) = &jobs {
        read_jobs(db, jobs, window, &mut tables)?;
    }
    if !is_wide {
        read_quarantine(db, window, &mut tables)?;
    }
    read_dead_letters(db, window, &mut tables)?;
    Ok(tables)
}

/// The lease proves life by itself.
fn read_leases(db: &Connection, window: &Window, snapshot: &mut Snapshot) -> Result<(), ReadError> {
    let mut lease = required(db, "SELECT heartbeat_at, created_at FROM state_leases WHERE scope = 'gateway-owner'")?;
    let mut rows = lease.query([])?;
    while let Some(row) = rows.next()? {
        let (renewed, created) = (instant(number(row.get_ref(0)?)), instant(number(row.get_ref(1)?)));
        note_lease(renewed, created, window.now, snapshot);
    }
    Ok(())
}

/// Without a lease the last boot tells whether the process was stopped.
fn read_boots(db: &Connection, window: &Window, snapshot: &mut Snapshot) -> Result<(), ReadError> {
    let boots = format!(
        "SELECT started_at_ms, completed_at_ms, outcome, reason FROM gateway_boot_lifecycle
         WHERE started_at_ms <= ?1 ORDER BY started_at_ms DESC LIMIT {MAX_BOOTS}"
    );
    let mut boots = required(db, &boots)?;
    let mut rows = boots.query([window.now.millis()])?;
    let mut last_stop = None;
    while let Some(row) = rows.next()? {
        let stopped = instant(number(row.get_ref(1)?)).filter(|at| *at <= window.now);
        // The newest boot comes first: of the others, those without an end were killed.
        let started = instant(number(row.get_ref(0)?));
        snapshot.kills.extend(started.filter(|_| last_stop.is_some() && stopped.is_none()));
        last_stop.get_or_insert(stopped);
        snapshot.boots.extend(started);
        if stopped.is_some() && text(row.get_ref(2)?).as_deref() == Some(START_FAILED) {
            if snapshot.failed_starts.is_empty() {
                snapshot.start_error = text(row.get_ref(3)?).map(|reason| window.error(&reason));
            }
            snapshot.failed_starts.extend(started);
        }
    }
    snapshot.boots.sort_unstable();
    snapshot.kills.sort_unstable();
    snapshot.failed_starts.sort_unstable();
    if let (Lease::Unknown, Some(Some(stopped))) = (snapshot.lease, last_stop) {
        snapshot.lease = Lease::Stopped(stopped);
    }
    Ok(())
}

/// Takes in a lease. One that was created after the audit's instant says nothing about it; one that was renewed after it
/// was held at that instant.
fn note_lease(renewed: Option<Instant>, created: Option<Instant>, now: Instant, snapshot: &mut Snapshot) {
    let Some(renewed) = renewed.filter(|_| created.is_none_or(|created| created <= now)) else { return };
    let renewed = renewed.min(now);
    snapshot.boots.extend(created);
    snapshot.last_other_activity = snapshot.last_other_activity.max(Some(renewed));
    if snapshot.last_other_activity == Some(renewed) {
        let alive = now.since(renewed) <= LEASE_TERM;
        snapshot.lease = if alive { Lease::Alive(renewed) } else { Lease::Dead(renewed) };
    }
}

fn read_jobs(db: &Connection, table: &Table, window: &Window, tables: &mut Tables) -> Result<(), ReadError> {
    // Sorted below: SQLite's sorter would hold every definition, prompts and all.
    let columns = ["store_key", "job_id", "name", "enabled", "declaration_key", "job_json", "state_json", "sort_order"];
    let required = ["store_key", "job_id", "name", "enabled", "job_json", "state_json"];
    if let Some(missing) = required.iter().find(|column| !table.has(column)) {
        let why = format!("is not a store of OpenClaw that can be read: no such column: {missing}");
        return Err(ReadError::Unusable(why));
    }
    let mut statement = db.prepare(&table.select(&columns))?;
    let mut rows = statement.query([])?;
    let mut read = Vec::new();
    while let Some(row) = rows.next()? {
        room_for_another(&read)?;
        let bytes =
            |index: usize| Ok::<_, rusqlite::Error>(row.get_ref(index)?.as_bytes().unwrap_or_default().to_vec());
        let key = (bytes(0)?, bytes(1)?);
        let text_of = |index: usize| Ok::<_, rusqlite::Error>(text(row.get_ref(index)?).unwrap_or_default());
        let declared = row.get_ref(4)?.as_bytes().is_ok_and(|key| !key.is_empty());
        let definition = Definition::parse(&text_of(5)?, declared);
        let status = JobState::parse(&text_of(6)?, tables.runs);
        let enabled = number(row.get_ref(3)?) == Some(1);
        let (mut job, newer) = job(ids::id(&key.1), shown(row.get_ref(2)?), enabled, &definition, &status, window);
        if tables.runs == RunTable::Logs {
            job.running_since = instant(status.running_at).filter(|since| *since <= window.now);
        }
        job.home = Some(Home {
            store: cut(String::from_utf8_lossy(&key.0).into_owned(), 200),
            agent: cut(definition.agent_id.as_str().unwrap_or_default().to_owned(), 200),
        });
        read.push((number(row.get_ref(7)?), key, job, newer, definition.without_schedule()));
    }
    read.sort_by(|(a_order, (_, a_id), ..), (b_order, (_, b_id), ..)| (a_order, a_id).cmp(&(b_order, b_id)));
    for (_, key, job, newer, definition) in read {
        tables.newer_rows.extend(newer.map(|row| (JobIndex::at(tables.snapshot.jobs.len()), row)));
        if tables.add(key, job, definition) && table.is_key(&["store_key", "job_id"]) {
            return Err(ReadError::ReadTwice(JOB_TABLE));
        }
    }
    Ok(())
}

/// The job of a row, and what its state says apart if that was written after the instant of the audit.
fn job(
    id: String,
    name: String,
    enabled: bool,
    definition: &Definition,
    status: &JobState,
    window: &Window,
) -> (Job, Option<Row>) {
    let created_at = window.credible(instant(definition.created_at));
    let schedule = schedule(&id, definition, status, window);
    let has_run = instant(status.last_run_at).is_some_and(|start| start <= window.now);
    let is_created = has_run || created_at.is_none_or(|made| made <= window.now);
    let state = if is_created { state(enabled, &schedule, definition, status) } else { State::NotCreated };
    let paced = status.paced_next_run_at.is_some() && status.paced_next_run_at == status.next_run_at;
    let newer = instant(status.last_run_at).is_some_and(|start| start > window.now);
    let row = row(created_at, status, window);
    let (row, newer_row) = if newer { (None, Some(row)) } else { (Some(row), None) };
    let job = Job {
        name,
        created_at,
        row,
        looked_at: instant(status.looked_at).filter(|at| *at <= window.now),
        longest_run: longest_run(definition),
        self_paced: paced || definition.is_self_paced(),
        uses_model: definition.is_agent_turn(),
        delivery_error: status.delivery_error.as_deref().map(|error| delivery::error(error, window.errors)),
        ..Job::new(id, state, schedule)
    };
    (job, newer_row)
}

/// The schedule of a job, unless the scheduler gave it up.
fn schedule(id: &str, definition: &Definition, status: &JobState, window: &Window) -> Schedule {
    match &status.auto_disabled {
        Some(off) if off.reason == "schedule-errors" => {
            let why =
                status.last_error.clone().filter(|_| window.errors).unwrap_or_else(|| "schedule errors".to_owned());
            definition.unreadable(format!("the scheduler switched the job off: {}", message(&why, 200)))
        }
        _ => definition.schedule(id, window.first_zone()),
    }
}

fn state(enabled: bool, schedule: &Schedule, definition: &Definition, status: &JobState) -> State {
    let is_once = schedule.kind() == "at";
    match (enabled, status.last_status) {
        (true, _) if definition.is_event_driven() => State::EventDriven,
        (true, _) => State::Watched,
        (false, _) if status.auto_disabled.is_some() => State::Broken,
        (false, Some(Status::Ok)) if is_once => State::Completed,
        (false, Some(Status::Error | Status::Skipped)) if is_once => State::FailedOnce,
        (false, _) => State::Disabled,
    }
}

/// The longest run that the scheduler allows a job; None if it has no limit.
fn longest_run(definition: &Definition) -> Option<Millis> {
    match definition.timeout_seconds {
        Some(0) => None,
        Some(seconds) => Some(seconds.saturating_mul(SECOND).saturating_add(SETUP)),
        None if definition.is_agent_turn() => Some(AGENT_TURN + SETUP),
        None => Some(ANYTHING_ELSE + SETUP),
    }
}

fn row(created_at: Option<Instant>, status: &JobState, window: &Window) -> Row {
    let failed_or_skipped = status.last_status != Some(Status::Ok);
    let error = status.last_error.as_ref().and_then(|error| error.lines().next()).filter(|_| failed_or_skipped);
    let last_run = instant(status.last_run_at).map(|start| Run {
        start,
        // The end on record of an interrupted run is the next boot.
        duration_ms: status.last_duration.filter(|_| !status.was_interrupted()).map(|millis| millis.max(0)),
        failed: status.last_status == Some(Status::Error),
        error: error.map(|line| run_error(line, window)),
    });
    Row {
        last_run,
        next_run_at: instant(status.next_run_at).map_or(Timestamp::Missing, Timestamp::At),
        consecutive_errors: status.consecutive_errors,
        updated_at: instant(status.activated_at).or(created_at),
        delivery: status.delivery(window.errors),
    }
}

pub(super) fn run_error(line: &str, window: &Window) -> RunError {
    let class = match unreachable_provider(line) {
        Some(provider) => ErrorClass::of(provider),
        None => ErrorClass::of(line.strip_prefix(HEARTBEAT_FAILED).unwrap_or(line)),
    };
    RunError { class, kind: error_kind(line), ..window.error(line) }
}

/// The local provider that an error says is not there: what it stands for is one trouble, whatever the model and the version's words.
fn unreachable_provider(line: &str) -> Option<&str> {
    if !line.to_ascii_lowercase().contains("local provider") {
        return None;
    }
    let url = line.split_whitespace().find(|word| word.starts_with("http"));
    Some(url.map_or("local provider", |url| url.trim_end_matches(['.', ',', ';', ')'])))
}

/// The scheduler's own words for what keeps it from running a job.
fn error_kind(line: &str) -> ErrorKind {
    let is_unreachable = unreachable_provider(line).is_some()
        || line.contains("not reachable")
        || Fault::of(line) == Some(Fault::Network);
    if line.contains("interrupted") {
        ErrorKind::Interrupted
    } else if is_unreachable {
        ErrorKind::ProviderUnreachable
    } else if line.contains("disabled") {
        ErrorKind::SwitchedOff
    } else {
        ErrorKind::Other
    }
}

/// Jobs whose rows the scheduler could not read and deleted, except for those that exist again.
fn read_quarantine(db: &Connection, window: &Window, tables: &mut Tables) -> Result<(), ReadError> {
    let query = "SELECT scope, payload_json, created_at, event_key FROM diagnostic_events
        WHERE scope LIKE 'cron.quarantine:%' LIMIT 20000";
    let mut statement = required(db, query)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let at = instant(number(row.get_ref(2)?));
        if at.is_some_and(|at| at > window.now) {
            continue;
        }
        let scope = row.get_ref(0)?.as_bytes().unwrap_or_default();
        let store_key = scope.strip_prefix(b"cron.quarantine:").unwrap_or_default().to_vec();
        let entry = match Quarantine::parse(&text(row.get_ref(1)?).unwrap_or_default()) {
            Some(entry) => entry,
            None => Quarantine::unreadable(shown(row.get_ref(3)?)),
        };
        let key = (store_key, entry.id.clone().into_bytes());
        if tables.job(Some(&key.0), &key.1).is_some() {
            continue;
        }
        let definition = entry.definition.unwrap_or_default();
        let (mut job, _) = job(entry.id, entry.name, true, &definition, &entry.status, window);
        job.state = State::Quarantined(message(&entry.reason, 100));
        job.row.iter_mut().for_each(|row| row.updated_at = at);
        tables.add(key, job, definition.without_schedule());
    }
    Ok(())
}

/// Messages of the last day that were given up, by the job whose id their session's key holds.
fn read_dead_letters(db: &Connection, window: &Window, tables: &mut Tables) -> Result<(), ReadError> {
    let query = format!(
        "SELECT session_key, last_error, coalesce(failed_at, updated_at) AS at FROM delivery_queue_entries
         WHERE (failed_at IS NOT NULL OR status = 'failed') AND at BETWEEN ?1 AND ?2 ORDER BY at LIMIT {MAX_DEAD_LETTERS}"
    );
    // Not every version has a queue.
    let is_there = |name: &String| name.eq_ignore_ascii_case("delivery_queue_entries");
    if !table_names(db)?.iter().any(is_there) {
        return Ok(());
    }
    let mut statement = required(db, &query)?;
    let mut rows = statement.query([window.now.plus(-DAY).millis(), window.now.millis()])?;
    let mut others = 0;
    while let Some(row) = rows.next()? {
        let key = row.get_ref(0)?.as_bytes().unwrap_or_default();
        let job = key.split(|byte| *byte == b':').find_map(|part| tables.job(None, part));
        let Some(job) = job.map(|job| &mut tables.snapshot.jobs[job.position()]) else {
            others += 1;
            continue;
        };
        job.dead_letters += 1;
        let error = text(row.get_ref(1)?);
        job.delivery_error = error.map(|error| delivery::error(&error, window.errors)).or(job.delivery_error.take());
    }
    if others > 0 {
        let note = format!("{others} messages that belong to no job were given up in the last day");
        tables.snapshot.notes.push(note);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lease_says_nothing_about_the_time_before_its_creation() {
        let now = Instant::from_millis(1_772_000_000_000);
        let lease = |created: i64, renewed: i64| {
            let mut snapshot = Snapshot::empty(TRAITS);
            note_lease(Some(now.plus(renewed)), Some(now.plus(created)), now, &mut snapshot);
            (snapshot.lease, snapshot.boots.pop())
        };
        assert_eq!(lease(1, 2), (Lease::Unknown, None), "created later");
        assert_eq!(lease(0, 2), (Lease::Alive(now), Some(now)), "renewed later");
        let (term, boot) = (now.plus(-LEASE_TERM), now.plus(-2 * LEASE_TERM));
        assert_eq!(lease(-2 * LEASE_TERM, -LEASE_TERM), (Lease::Alive(term), Some(boot)));
        let dead = Lease::Dead(term.plus(-1));
        assert_eq!(lease(-2 * LEASE_TERM, -LEASE_TERM - 1), (dead, Some(boot)));
    }
}
