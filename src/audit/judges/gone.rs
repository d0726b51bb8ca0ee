//! Rows that are gone.

use crate::audit::context::Subject;
use crate::audit::evidence::Evidence;
use crate::audit::finding::Finding;
use crate::audit::fleet::Fleet;
use crate::catalog::Severity;
use crate::model::State;

/// With fewer runs a single job that has no row any more is not reported.
const MIN_OF_REGULAR: usize = 5;

/// A row that went with those of other jobs was lost; one alone may have been deleted on purpose.
pub fn judge(fleet: &Fleet<'_>, subject: &Subject<'_>) -> Option<Finding> {
    let job = subject.job;
    if job.state != State::Gone {
        return None;
    }
    let severity = match fleet.gone.group_of(subject.index) {
        Some(_) if fleet.context.watches_any() => Severity::Warning,
        Some(_) => Severity::Critical,
        None if job.fires.len() >= MIN_OF_REGULAR => Severity::Info,
        None => return None,
    };
    let evidence = Evidence::RowGone { fires: job.fires.len(), last_fire: job.last_end() };
    Some(Finding::new(subject.index, severity, evidence).since(job.last_end()))
}
