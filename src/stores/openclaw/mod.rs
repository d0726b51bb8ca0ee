//! The store of OpenClaw from version 2026.6 on: `cron_jobs` with a definition and a state in JSON, `task_runs` and
//! `cron_run_receipts` with the start and end of each run, `state_leases` and `gateway_boot_lifecycle` as proof of life. Up to
//! 2026.7, `cron_jobs` is wider, and `cron_run_logs` has the runs that ended.
//!
//! The JSON of rows may hold prompts and secrets: only the keys that are named in `definition` are read, and only names,
//! schedules, and errors are shown.

mod advice;
mod definition;
mod delivery;
mod detail;
mod layout;
pub mod places;
mod runs;
mod status;
mod tables;
mod traits;

pub use layout::{JOB_TABLE, TABLES};
#[cfg(test)]
pub use traits::TRAITS;

use super::table::Table;
use super::window::Window;
use crate::db::{Access, ReadError};
use crate::model::Snapshot;
use rusqlite::Connection;

/// Reads the database.
///
/// # Errors
/// What is wrong with the database.
pub fn read(access: &mut Access<'_>, window: &Window) -> Result<Snapshot, ReadError> {
    let (mut tables, newest) = access.consistent_read(|db| {
        let tables = tables::read(db, window)?;
        let newest = runs::newest(db, &tables, window)?;
        Ok((tables, newest))
    })?;
    runs::read(access, &mut tables, newest, window)?;
    Ok(tables.snapshot)
}

/// Whether a database with a table `cron_jobs` is a store of OpenClaw: other programs have one too.
///
/// # Errors
/// What SQLite says.
pub fn recognizes(db: &Connection) -> Result<bool, ReadError> {
    let jobs = Table::find(db, JOB_TABLE)?;
    Ok(jobs.is_some_and(|jobs| ["store_key", "job_id", "job_json"].iter().all(|column| jobs.has(column))))
}
