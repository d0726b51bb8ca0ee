//! Rows that were repaired since the job's last run: what the job did before says nothing about it any more, and the scheduler
//! has not had its chance yet. One finding stands for everything that was wrong, in the same incident, until the job runs or
//! should have.

use crate::audit::context::{Context, Subject};
use crate::audit::evidence::Evidence;
use crate::audit::finding::Finding;
use crate::audit::fleet::Fleet;
use crate::audit::repair::{self, Repair};
use crate::audit::runs::known_errors;
use crate::audit::worker::MIN_FREE;
use crate::catalog::{Problem, Severity};
use crate::time::Instant;

/// The findings of a job, of which one stands for all from before a repair. For a job that was revived in an outage and waits for
/// its turn, the outage is not over.
pub fn awaited(fleet: &Fleet<'_>, subject: &Subject<'_>, found: Vec<Finding>) -> Vec<Finding> {
    let context = fleet.context;
    let Some(repair) = repair::of(context, subject.job) else { return found };
    // What the job missed after the scheduler has looked has nothing to do with the repair.
    let looked = repair.at.plus(context.snapshot.traits.timer_sleeps);
    let (past, mut others): (Vec<Finding>, Vec<Finding>) =
        found.into_iter().partition(|finding| is_from_before(finding, looked));
    let outage = fleet.outages.past_of(subject).filter(|outage| outage.lasted_at(repair.at));
    if outage.is_some() || !past.is_empty() {
        let worst = past.iter().map(|finding| finding.severity).max().unwrap_or(Severity::Info);
        let evidence = Evidence::Repaired {
            repaired_at: repair.at,
            looks_by: repair.looks_by,
            revived: known_errors(subject.job) > 0,
        };
        let severity = worst.min(at_most(context, subject, repair));
        let failed = outage.and_then(|outage| outage.first_failure(subject.job));
        let since = past.iter().filter_map(|finding| finding.since).chain(failed).min();
        let missed = past.iter().filter_map(|finding| finding.missed_slots).max();
        others.insert(0, Finding::new(subject.index, severity, evidence).since(since).missing(missed));
    }
    others
}

fn is_from_before(finding: &Finding, looked: Instant) -> bool {
    let is_past = matches!(
        finding.problem(),
        Problem::Overdue
            | Problem::JobSilent
            | Problem::Waiting
            | Problem::ZeroTokenStreak
            | Problem::ProviderFailing
            | Problem::SharedError
            | Problem::JobFailing
            | Problem::FailedRun
    );
    is_past && finding.is_ongoing() && finding.since.is_none_or(|since| since < looked)
}

/// How bad it can be that the job has not run since the repair.
fn at_most(context: &Context<'_>, subject: &Subject<'_>, repair: Repair) -> Severity {
    let free = context.worker.free_for(repair.looks_by, context.settings.now);
    if context.worker.run_of(subject.index).is_some() || free <= MIN_FREE {
        Severity::Info
    } else if free <= subject.settings.thresholds.late_after {
        Severity::Warning
    } else {
        Severity::Critical
    }
}
