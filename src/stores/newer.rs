//! Rows that were written after the instant of the audit.

use crate::model::{JobIndex, Row, Snapshot};

/// Such rows, with their jobs.
pub type NewerRows = Vec<(JobIndex, Row)>;

/// Gives jobs back the rows that were written ahead of a clock that was set back since: their next run stands. Other newer
/// rows say nothing about the instant of the audit.
pub fn settle(newer: NewerRows, snapshot: &mut Snapshot) {
    if snapshot.clock_was_at.is_none() {
        return;
    }
    snapshot.sessions_moved_on = false;
    for (job, row) in newer {
        snapshot.jobs[job.position()].row = Some(Row { last_run: None, updated_at: None, delivery: None, ..row });
    }
}
