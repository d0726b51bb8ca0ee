//! Any scheduler that keeps jobs, next runs, and runs in SQLite, by the operator's own queries: a `[[store]]` of the config file.
//!
//! The names of a query's columns carry their meaning, and what a query does not have is unknown. A query is one SELECT on the
//! tables of its mapping: SQLite's authorizer refuses everything else, and the deadline and the limits hold.

mod advice;
mod jobs;
mod mapping;
mod query;
mod reader;
mod run_row;
mod runs;
mod since;
mod unjudged;
mod values;

pub use mapping::{Dialect, Mapping};
pub use values::{Form, TimeForm, Words};

use super::value;
use super::window::Window;
use crate::db::{Access, ReadError};
use crate::model::{Fire, Lease, Snapshot};
use crate::time::{MINUTE, Millis};
use reader::Reader;
use rusqlite::types::ValueRef;

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
    snapshot.mapping = Some(reader.mapping.name.clone());
    let columns = jobs::read(reader, &mut snapshot)?;
    let runs = reader.mapping.runs.as_ref().map(|runs| runs::read(reader, runs, &mut snapshot)).transpose()?;
    let sees_runs = runs == Some(true) || columns.has("running_since");
    snapshot.traits = reader.mapping.traits(!sees_runs);
    // What is older than the oldest run on record may have been deleted.
    let starts = snapshot.jobs.iter().flat_map(|job| &job.fires).filter_map(Fire::known_start);
    snapshot.window_start = starts.min().max(Some(reader.window.start(&snapshot.jobs, Millis::MAX)));
    snapshot.jobs.iter_mut().for_each(runs::finish);
    if !columns.has("next_run") {
        snapshot.jobs.iter_mut().for_each(|job| jobs::infer_next_run(job, reader.window.now));
    }
    read_heartbeat(reader, &mut snapshot)?;
    Ok(snapshot)
}

fn read_heartbeat(reader: &Reader<'_>, snapshot: &mut Snapshot) -> Result<(), ReadError> {
    let Some(heartbeat) = &reader.mapping.heartbeat else { return Ok(()) };
    let query = reader.mapping.query("heartbeat", heartbeat);
    let mut prepared = query.prepare(reader.db)?;
    let mut rows = prepared.statement.query([])?;
    let Some(row) = rows.next().map_err(|error| query.failed(error))? else { return Ok(()) };
    let value = row.get_ref(0)?;
    let newest = reader.window.credible(values::time(value, reader.mapping.time));
    if newest.is_none() && value != ValueRef::Null {
        let shown = value::message(&values::shown(value), 40);
        unjudged::all(snapshot, &format!("the heartbeat {shown:?} is not a time up to now"));
    }
    if let Some(beat) = newest.map(|beat| beat.min(reader.window.now)) {
        let alive = reader.window.now.since(beat) <= HEARTBEAT_TERM;
        snapshot.lease = if alive { Lease::Alive(beat) } else { Lease::Dead(beat) };
        snapshot.last_other_activity = Some(beat);
    }
    Ok(())
}
