//! Jobs of which no record is kept any more, although their rows move on.

use crate::audit::context::Subject;
use crate::audit::evidence::Evidence;
use crate::audit::finding::Finding;
use crate::catalog::Severity;

/// A job whose row knows later runs than its history.
pub fn judge(subject: &Subject<'_>) -> Option<Finding> {
    let last_record = subject.job.recorded_until()?;
    let evidence = Evidence::Unrecorded { last_record, last_run: subject.job.last_end()? };
    Some(Finding::new(subject.index, Severity::Info, evidence).since(last_record))
}
