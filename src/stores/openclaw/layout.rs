//! Which tables OpenClaw has, in which version.

use crate::db::ReadError;
use crate::time::Instant;
use rusqlite::{Connection, Statement};

/// The table by which a database is recognized.
pub const JOB_TABLE: &str = "cron_jobs";
/// The tables whose columns may be read, and nothing else.
pub const TABLES: [&str; 8] = [
    "cron_jobs",
    "cron_run_logs",
    "cron_run_receipts",
    "task_runs",
    "diagnostic_events",
    "state_leases",
    "gateway_boot_lifecycle",
    "delivery_queue_entries",
];

/// Where a version keeps the runs that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunTable {
    /// In `task_runs`, with receipts.
    Tasks,
    /// In `cron_run_logs`: up to 2026.7.
    Logs,
}

impl RunTable {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            RunTable::Tasks => "task_runs",
            RunTable::Logs => "cron_run_logs",
        }
    }

    /// Selects id, start, end, detail, row, label, store, and task of the runs of some rows.
    pub fn query(self) -> &'static str {
        match self {
            // By an index SQLite would go through the runs of all rows, and sort them.
            RunTable::Tasks => {
                "SELECT source_id, started_at, ended_at, detail_json, rowid, label, NULL, task_id FROM task_runs NOT INDEXED
                 WHERE rowid BETWEEN ?1 AND ?2 AND runtime IN ('cron', 'Cron', 'CRON') AND ended_at IS NOT NULL ORDER BY rowid"
            }
            RunTable::Logs => {
                "SELECT job_id, run_at_ms, coalesce(run_at_ms + duration_ms, ts), entry_json, rowid, NULL, store_key, NULL
                 FROM cron_run_logs WHERE rowid BETWEEN ?1 AND ?2 ORDER BY rowid"
            }
        }
    }

    /// Whether a message that was not sent on purpose has a reason on record.
    pub fn explains_silence(self) -> bool {
        self == RunTable::Tasks
    }
}

/// A query on tables that every store of this version has: one that lacks them can't be judged.
///
/// # Errors
/// What is missing, or what SQLite says.
pub fn required<'db>(db: &'db Connection, query: &str) -> Result<Statement<'db>, ReadError> {
    db.prepare(query).map_err(|error| match error.to_string() {
        missing if missing.starts_with("no such ") => {
            ReadError::Unusable(format!("is not a store of OpenClaw that can be read: {missing}"))
        }
        _ => error.into(),
    })
}

/// A number of milliseconds as a time, where it is one.
pub fn instant(value: Option<i64>) -> Option<Instant> {
    value.filter(|millis| *millis > 0).map(Instant::from_millis)
}
