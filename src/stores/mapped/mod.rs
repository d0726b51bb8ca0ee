//! Any scheduler that keeps jobs, next runs, and runs in SQLite, by the operator's own queries: a `[[store]]` of the config file.
//!
//! The names of a query's columns carry their meaning, and what a query does not have is unknown. A query is one SELECT on the
//! tables of its mapping: SQLite's authorizer refuses everything else, and the deadline and the limits hold.

mod advice;
mod due;
mod jobs;
mod mapping;
mod query;
mod reader;
mod run_row;
mod runs;
mod since;
mod tally;
mod unjudged;
mod values;

pub use mapping::{Dialect, Mapping};
pub use values::{Form, TimeForm, Words};

use super::value;
use super::window::Window;
use crate::db::{Access, ReadError};
use crate::model::{Fire, Lease, Mapped, QueryFacts, Snapshot, State};
use crate::time::{MINUTE, Millis};
use due::NextRuns;
use reader::Reader;
use tally::Tally;

/// A heartbeat that is older says that the scheduler is dead.
const HEARTBEAT_TERM: Millis = 5 * MINUTE;

/// Reads a database by a mapping.
///
/// # Errors
/// What is wrong with the database, or with a query: then the error names its line.
pub fn read(access: &mut Access<'_>, window: &Window, mapping: &Mapping) -> Result<Snapshot, ReadError> {
    access.consistent_read(|db| snapshot(&Reader { db, window, mapping }))
}

fn snapshot(reader: &Reader<'_>) -> Result<Snapshot, ReadError> {
    let mut snapshot = Snapshot::empty(reader.mapping.traits(false));
    let (columns, facts) = jobs::read(reader, &mut snapshot)?;
    let mut queries = vec![facts];
    let mut sees_runs = columns.has("running_since");
    if let Some(text) = &reader.mapping.runs {
        let runs = runs::read(reader, text, &mut snapshot)?;
        sees_runs |= runs.shows_open;
        queries.push(runs.facts);
    }
    snapshot.traits = reader.mapping.traits(!sees_runs);
    // What is older than the oldest run on record may have been deleted.
    let starts = snapshot.jobs.iter().flat_map(|job| &job.fires).filter_map(Fire::known_start);
    snapshot.window_start = starts.min().max(Some(reader.window.start(&snapshot.jobs, Millis::MAX)));
    snapshot.jobs.iter_mut().for_each(runs::finish);
    let next_runs = NextRuns::of(&snapshot.jobs, columns.has("next_run"));
    for job in snapshot.jobs.iter_mut().filter(|job| job.state != State::Gone) {
        if let Some(keeps) = reader.mapping.keeps {
            due::forget_before(job, reader.window.now.plus(-keeps));
        }
        due::settle(job, next_runs, reader.window.now);
    }
    queries.extend(read_heartbeat(reader, &mut snapshot)?);
    snapshot.mapping = Some(Mapped { name: reader.mapping.name.clone(), queries });
    Ok(snapshot)
}

fn read_heartbeat(reader: &Reader<'_>, snapshot: &mut Snapshot) -> Result<Option<QueryFacts>, ReadError> {
    let Some(heartbeat) = &reader.mapping.heartbeat else { return Ok(None) };
    let query = reader.mapping.query("heartbeat", heartbeat);
    let mut prepared = query.prepare(reader.db)?;
    let mut tally = Tally::of(query.key, &prepared.columns);
    let mut rows = prepared.statement.query([])?;
    let row = rows.next().map_err(|error| query.failed(error))?;
    let mut newest = None;
    let mut shown = String::new();
    if let Some(row) = row {
        tally.row(&prepared.columns.values(row)?);
        let value = row.get_ref(0)?;
        newest = reader.window.credible(values::time(value));
        shown = value::message(&values::shown(value), 40);
    }
    match newest.map(|beat| beat.min(reader.window.now)) {
        Some(beat) => {
            let alive = reader.window.now.since(beat) <= HEARTBEAT_TERM;
            snapshot.lease = if alive { Lease::Alive(beat) } else { Lease::Dead(beat) };
            snapshot.last_other_activity = Some(beat);
            tally.at(beat);
        }
        None if shown.is_empty() => unjudged::all(snapshot, "there is no heartbeat: its query gives nothing"),
        None => unjudged::all(snapshot, &format!("the heartbeat {shown:?} is not a time up to now")),
    }
    drop(rows);
    Ok(Some(tally.finish(&mut snapshot.notes)))
}
