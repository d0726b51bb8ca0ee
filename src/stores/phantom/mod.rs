//! The store of the agent phantom: `scheduled_jobs`, `cost_events`, `sessions`, `scheduler_audit_log`.
//!
//! The small tables are read in `tables`, the cost events in `events` by a `reader`, those before the window in `look_back`, a row's schedule in
//! `schedule`. The small tables and the last events are read in one piece, so that a row and its fires agree; older events never
//! change once written.

mod advice;
mod events;
mod look_back;
mod open_runs;
mod reader;
mod schedule;
mod tables;
mod traits;

pub use tables::{JOB_TABLE, TABLES};
#[cfg(test)]
pub use traits::TRAITS;

use super::window::Window;
use crate::db::{Access, ReadError};
use crate::model::Snapshot;
use std::path::PathBuf;

/// Its database, from the agent's directory.
pub const PLACE: &str = "data/phantom.db";

/// Where its database usually is: in the working directory of its process.
pub fn usual_place() -> PathBuf {
    PathBuf::from(PLACE)
}

/// Reads the database.
///
/// # Errors
/// What is wrong with the database.
pub fn read(access: &mut Access<'_>, window: &Window) -> Result<Snapshot, ReadError> {
    let (tables, newest) = access.consistent_read(|db| {
        let tables = tables::read(db, window)?;
        let newest = events::newest(db, &tables, window.now)?;
        Ok((tables, newest))
    })?;
    let mut snapshot = events::read(access, tables, newest, window)?;
    open_runs::forget_ended(&mut snapshot);
    Ok(snapshot)
}

/// How a snapshot comes about, for simulations that make one without a database.
#[cfg(test)]
pub mod for_tests {
    pub use super::events::join_row;
    pub use super::open_runs::forget_ended as forget_ended_runs;
    pub use super::schedule::parse as schedule;
    pub use super::traits::TRAITS;
    use crate::model::{Fire, Job};
    use crate::stores::gone;

    /// The job without a row that had these fires; the fires alone, if it was no regular one.
    pub fn gone_if_regular(id: &str, fires: Vec<Fire>) -> Result<Job, Vec<Fire>> {
        let is_regular = fires.len() >= gone::MIN_OF_REGULAR;
        if is_regular { Ok(gone::job(id.as_bytes(), fires)) } else { Err(fires) }
    }
}
