//! The runs: `task_runs` for seven days, `cron_run_receipts` for the last 64 of each job and those in flight.

use super::super::value::number;
use super::super::{Window, pieces, row_bounds};
use super::{Key, Tables, instant};
use crate::db::{Access, ReadError};
use crate::model::{Fire, JobIndex, Tokens};
use crate::time::{DAY, Instant, Millis, SECOND};
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use serde::Deserialize;

/// Rows read with the small tables, and in each further piece.
const ROWS_AT_FIRST: i64 = 10_000;
const ROWS_A_PIECE: i64 = 100_000;
/// Runs read at most.
const MAX_ROWS: i64 = 2_000_000;
/// The scheduler deletes ended runs after this time.
const KEPT: Millis = 7 * DAY;
/// Read beyond the window, so that what straddles its start is seen whole.
const MARGIN: Millis = DAY;
/// A receipt and a task of one run differ by less.
const SAME_RUN: Millis = 2 * SECOND;

/// A run of the job with this index.
pub struct Ended {
    job: JobIndex,
    fire: Fire,
}

/// The last runs, and where the others are.
pub struct Newest {
    first: i64,
    from: i64,
    runs: Vec<Ended>,
    receipts: Vec<Ended>,
    running: Vec<(JobIndex, Instant)>,
}

/// The detail of an ended run, as far as an audit needs it.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Detail {
    status: Option<String>,
    usage: Option<Usage>,
    store_key: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Usage {
    input_tokens: f64,
    output_tokens: f64,
    total_tokens: f64,
}

impl Usage {
    fn tokens(&self) -> Tokens {
        Tokens::Used(self.total_tokens.max(self.input_tokens + self.output_tokens) as u32)
    }
}

/// Reads the last runs and all receipts.
///
/// # Errors
/// What SQLite says.
pub fn newest(db: &Connection, tables: &Tables, window: &Window) -> Result<Newest, ReadError> {
    let (mut newest, mut last) =
        (Newest { first: 1, from: 1, runs: Vec::new(), receipts: Vec::new(), running: Vec::new() }, 0);
    if let Ok(Some((low, high))) = row_bounds(db, "task_runs") {
        (newest.first, last) = (low, high);
        newest.from = low.max(high.saturating_sub(ROWS_AT_FIRST - 1));
        newest.runs = read_runs(db, tables, (newest.from, last), window)?;
    }
    read_receipts(db, tables, window, &mut newest)?;
    newest.first = newest.first.max(last.saturating_sub(MAX_ROWS - 1));
    Ok(newest)
}

/// Reads the rest, and gives each job its runs.
///
/// # Errors
/// What is wrong with the database.
pub fn read(access: &mut Access<'_>, tables: &mut Tables, newest: Newest, window: &Window) -> Result<(), ReadError> {
    for consistent_read in pieces(newest.first, newest.from, ROWS_A_PIECE) {
        let runs = access.consistent_read(|db| read_runs(db, tables, consistent_read, window))?;
        assign_fires(runs, tables);
    }
    assign_fires(newest.runs, tables);
    add_receipts(newest.receipts, tables);
    for (job, since) in newest.running {
        tables.snapshot.jobs[job.position()].running_since = Some(since);
    }
    let start = window.now.plus(-window.back.saturating_add(MARGIN).min(KEPT));
    tables.snapshot.window_start = Some(start);
    tables.snapshot.jobs.iter_mut().for_each(finish);
    Ok(())
}

fn assign_fires(runs: Vec<Ended>, tables: &mut Tables) {
    runs.into_iter().for_each(|run| tables.snapshot.jobs[run.job.position()].fires.push(run.fire));
}

/// Adds the receipts of runs without a task.
fn add_receipts(receipts: Vec<Ended>, tables: &mut Tables) {
    tables.snapshot.jobs.iter_mut().for_each(|job| job.fires.sort_by_key(Fire::known_start));
    for Ended { job, fire } in receipts {
        let fires = &mut tables.snapshot.jobs[job.position()].fires;
        let Some(start) = fire.known_start() else { continue };
        let place = fires.partition_point(|known| known.known_start() < Some(start.plus(-SAME_RUN)));
        let known = fires.get(place).and_then(Fire::known_start).is_some_and(|known| known.since(start) <= SAME_RUN);
        if !known {
            fires.insert(place, fire);
        }
    }
}

/// Puts the fires in order and adds the run that only the job's state knows.
fn finish(job: &mut crate::model::Job) {
    let newest = job.fires.iter().filter_map(Fire::known_start).max();
    let unknown = job.last_run().filter(|run| newest.is_none_or(|newest| run.start.since(newest) > SAME_RUN));
    if let Some(run) = unknown {
        let tokens = if run.failed { Tokens::NoEvent } else { Tokens::Uncounted };
        let fire = Fire { failed: run.failed, ..Fire::ended(run.end(), tokens).started(run.start) };
        job.fires.push(fire);
    }
    job.fires.sort_by_key(|fire| fire.end);
}

fn job_of(tables: &Tables, store_key: Option<&[u8]>, id: ValueRef<'_>) -> Option<JobIndex> {
    let id = id.as_bytes().ok()?;
    match store_key {
        Some(store) => tables.keys.get(&(store.to_vec(), id.to_vec()) as &Key).copied(),
        None => tables.first_of_id.get(id).copied(),
    }
}

fn read_runs(
    db: &Connection,
    tables: &Tables,
    (from, to): (i64, i64),
    window: &Window,
) -> Result<Vec<Ended>, ReadError> {
    let query = "SELECT source_id, started_at, ended_at, detail_json FROM task_runs
        WHERE rowid BETWEEN ?1 AND ?2 AND runtime = 'cron' AND ended_at IS NOT NULL";
    let mut statement = db.prepare(query)?;
    let mut rows = statement.query([from, to])?;
    let oldest = window.now.plus(-window.back).plus(-MARGIN);
    let mut runs = Vec::new();
    while let Some(row) = rows.next()? {
        let (Some(start), Some(end)) = (instant(number(row.get_ref(1)?)), instant(number(row.get_ref(2)?))) else {
            continue;
        };
        if end < oldest || start > window.now {
            continue;
        }
        let detail = row.get_ref(3)?.as_bytes().unwrap_or_default();
        let detail: Detail = serde_json::from_slice(detail).unwrap_or_default();
        let store_key = detail.store_key.as_ref().map(|key| key.as_bytes());
        let Some(job) = job_of(tables, store_key, row.get_ref(0)?) else { continue };
        let (tokens, failed) =
            classify_run(&tables.definitions[job.position()], detail.status.as_deref(), detail.usage.as_ref());
        let fire = Fire { failed, ..Fire::ended(end.min(window.now), tokens).started(start) };
        runs.push(Ended { job, fire });
    }
    Ok(runs)
}

/// What a run used, and whether it failed. Only a successful turn of an agent records its usage; without usage no model
/// answered.
fn classify_run(definition: &super::Definition, status: Option<&str>, usage: Option<&Usage>) -> (Tokens, bool) {
    match status {
        Some("error") => (Tokens::NoEvent, true),
        Some("skipped") if definition.may_be_skipped() => (Tokens::Uncounted, false),
        Some("skipped") => (Tokens::Skipped, false),
        Some("ok") if definition.is_agent_turn() => (usage.map_or(Tokens::Used(0), Usage::tokens), false),
        // A quiet evaluation of a trigger has no status.
        _ => (Tokens::Uncounted, false),
    }
}

fn read_receipts(db: &Connection, tables: &Tables, window: &Window, newest: &mut Newest) -> Result<(), ReadError> {
    let query = "SELECT store_key, job_id, status, started_at_ms, finished_at_ms FROM cron_run_receipts";
    let Ok(mut statement) = db.prepare(query) else { return Ok(()) };
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let Some(start) = instant(number(row.get_ref(3)?)).filter(|start| *start <= window.now) else { continue };
        let store_key = row.get_ref(0)?.as_bytes().unwrap_or_default();
        let Some(job) = job_of(tables, Some(store_key), row.get_ref(1)?) else { continue };
        let end = instant(number(row.get_ref(4)?));
        let status = row.get_ref(2)?.as_bytes().unwrap_or_default();
        let (tokens, failed) = match status {
            b"superseded" => continue,
            b"running" => {
                newest.running.push((job, start));
                continue;
            }
            b"error" | b"interrupted" => (Tokens::NoEvent, true),
            b"skipped" if !tables.definitions[job.position()].may_be_skipped() => (Tokens::Skipped, false),
            _ => (Tokens::Uncounted, false),
        };
        // The end on record of an interrupted run is the next boot: all that is known is that it began.
        let end = if status == b"interrupted" { start } else { end.unwrap_or(start) };
        newest
            .receipts
            .push(Ended { job, fire: Fire { failed, ..Fire::ended(end.min(window.now), tokens).started(start) } });
    }
    Ok(())
}
