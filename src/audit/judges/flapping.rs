//! Jobs that fail now and then and work when they are tried again: a rate, with neither a start nor an end.

use super::super::context::Subject;
use super::super::evidence::Evidence;
use super::super::finding::Finding;
use super::super::fleet::Fleet;
use crate::catalog::Severity;
use crate::model::{Fire, cost_of};
use crate::time::DAY;

/// This many runs of a day, and one in this many, that failed once each are flapping.
const MIN_FLAPS: usize = 5;
const FLAPS_ONE_IN: usize = 3;

/// Runs of the last day that failed and whose next try worked, if they are many.
pub fn judge(fleet: &Fleet<'_>, subject: &Subject<'_>) -> Option<Finding> {
    let fires = subject.job.fires_since(fleet.context.settings.now.plus(-DAY));
    let pairs = fires.windows(2).filter(|pair| pair[0].is_bad() && !pair[1].is_bad());
    let failed: Vec<&Fire> = pairs.map(|pair| &pair[0]).collect();
    if failed.len() < MIN_FLAPS || failed.len() * FLAPS_ONE_IN < fires.len() {
        return None;
    }
    let since = failed.first()?.end;
    let evidence = Evidence::Flapping { failed: failed.len(), fires: fires.len(), cost_usd: cost_of(failed) };
    Some(Finding::new(subject.index, Severity::Info, evidence).since(since))
}
