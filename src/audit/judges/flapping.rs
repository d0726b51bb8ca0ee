//! Jobs that fail now and then, and work in between.

use crate::audit::context::Subject;
use crate::audit::evidence::Evidence;
use crate::audit::finding::Finding;
use crate::audit::fleet::Fleet;
use crate::catalog::Severity;

/// A share of the slots of the last day in which a run failed.
pub fn judge(fleet: &Fleet<'_>, subject: &Subject<'_>) -> Option<Finding> {
    let flaps = fleet.flapping.of(subject.index)?;
    let evidence = Evidence::Flapping { failed: flaps.failed, slots: flaps.slots, cost_usd: flaps.cost_usd };
    Some(Finding::new(subject.index, Severity::Warning, evidence).since(flaps.since))
}
