//! What is said: the report of all databases as plain data, the same shape for every format. No decisions are made here.

pub mod json;
pub mod safe;
pub mod table;

use crate::audit::{Settings, Severity, Verdict};
use crate::model::Snapshot;
use std::path::PathBuf;

/// One run of the tool.
pub struct Report {
    /// The settings that the audits ran with.
    pub settings: Settings,
    /// The databases in the order of the command line.
    pub databases: Vec<Database>,
    /// The verdict over all.
    pub severity: Severity,
    /// The exit code that it comes to.
    pub exit_code: u8,
}

/// One database of a report.
pub struct Database {
    /// Its path as given.
    pub path: PathBuf,
    /// Where it really is, for fingerprints.
    pub real_path: PathBuf,
    /// What was found in it, or why nothing could be.
    pub outcome: Result<Audited, String>,
}

/// A database that could be audited.
pub struct Audited {
    /// What was read.
    pub snapshot: Snapshot,
    /// What it means.
    pub verdict: Verdict,
    /// Whether each job, by its index, was selected.
    pub selected: Vec<bool>,
}

impl Database {
    /// Its worst severity.
    pub fn severity(&self) -> Severity {
        self.outcome.as_ref().map_or(Severity::Unknown, |audited| audited.verdict.severity)
    }
}
