//! Jobs that ran in a different time zone than the assumed one.

use crate::audit::context::Subject;
use crate::audit::evidence::Evidence;
use crate::audit::finding::{About, Finding};
use crate::audit::fleet::Fleet;
use crate::audit::foreign_zone::{change, change_from_utc};
use crate::catalog::Severity;
use crate::numbers::seconds;

/// That some jobs run in another zone.
pub fn of_fleet(fleet: &Fleet<'_>) -> Option<Finding> {
    let foreign = fleet.foreign_zone.as_ref()?;
    let zone = fleet.context.snapshot.zone.zone.name();
    let evidence = Evidence::OtherZone { jobs: foreign.ids(), offset: foreign.zone.name(), zone };
    let severity = if foreign.is_likely { Severity::Warning } else { Severity::Info };
    Some(Finding::new(About::Scheduler, severity, evidence))
}

/// That a job has run in another zone than before, since when.
pub fn judge(fleet: &Fleet<'_>, subject: &Subject<'_>) -> Option<Finding> {
    let (job, assumed) = (subject.job, &fleet.context.snapshot.zone);
    if !job.state.is_watched() || job.self_paced {
        return None;
    }
    let (shift, since) = match &fleet.foreign_zone {
        Some(foreign) if foreign.contains(subject.index) => {
            let cadence = job.schedule.cadence()?;
            change(job, cadence, &cadence.in_zone(foreign.zone))?
        }
        _ => change_from_utc(assumed, job)?,
    };
    let evidence = Evidence::ZoneChanged { shift_seconds: seconds(shift) };
    Some(Finding::new(subject.index, Severity::Info, evidence).since(since))
}
