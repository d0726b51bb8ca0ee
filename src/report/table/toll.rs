//! What an incident has cost so far: the runs that were lost, are held up, or failed, and the messages that did not arrive.

use crate::audit::{AffectedJob, Evidence, Excuse, Fate, Incident, JobReport, Mark, lost_messages};
use crate::catalog::Problem;
use crate::numbers::as_u64;
use crate::report::content::Audited;
use crate::time::{Instant, MINUTE};

/// What one job has lost by an incident.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Toll {
    /// Slots that went by without a run.
    pub lost: u64,
    /// Slots that wait for a run that holds them up.
    pub waits: u64,
    /// Messages that did not arrive.
    pub messages: u64,
    /// Runs that failed, up to the last one.
    pub failed: usize,
    /// Runs that failed since the incident began.
    pub failed_since: usize,
    /// The first slot that it lost.
    pub slot: Option<Instant>,
    /// Lost slots that the first run after the incident served, late.
    pub made_up: u64,
}

impl Toll {
    /// That of one affected job.
    pub fn of(incident: &Incident, affected: &AffectedJob, report: &JobReport) -> Toll {
        let mut toll = Toll {
            lost: affected.missed_slots,
            failed: failed(report),
            failed_since: failed_since(incident, report),
            slot: affected.since,
            ..Toll::default()
        };
        if incident.until.is_some() {
            if let (Some(since), Some(until)) = (incident.since, incident.until) {
                toll.lost = toll.lost.max(report.ledger.lost_between(since, until));
            }
            let over = report.ledger.silences().find(|silence| Some(silence.since) == affected.since);
            toll.made_up = u64::from(over.is_some());
            if over.is_some_and(|silence| silence.is_served_late(report.job.schedule.cadence())) {
                toll.lost = toll.lost.saturating_sub(1);
            }
        } else if holds_up(incident) {
            // Nothing comes any more of what waits for a run that hangs.
            let is_over = report.timeline.marks.last() == Some(&Mark::Missed);
            (toll.lost, toll.waits) = if is_over { (waits(report), 0) } else { (0, waits(report)) };
        } else if let Some(revived) = revived_at(incident, affected) {
            toll.lost = lost_before(report, revived);
        } else if incident.cause == Problem::Undelivered {
            toll.messages = as_u64(lost_messages(&report.job));
        } else if incident.lead.stops_all && report.job.schedule.cadence().is_none() {
            // A one-shot has no slots, but its work is not done either.
            toll.lost = toll.lost.max(1);
        }
        toll
    }

    /// All that makes one job worse off than another.
    pub fn total(&self) -> u64 {
        self.lost + self.waits + self.messages
    }

    /// Those of all affected jobs, in their order.
    pub fn of_all(audited: &Audited, incident: &Incident) -> Vec<Toll> {
        incident.jobs.iter().map(|affected| Toll::of(incident, affected, &audited.verdict[affected.job])).collect()
    }
}

/// When a job was revived that the scheduler had stopped, if it has not run since.
fn revived_at(incident: &Incident, affected: &AffectedJob) -> Option<Instant> {
    incident.findings.iter().find_map(|finding| match finding.evidence {
        Evidence::Repaired { repaired_at, revived: true, .. } if finding.job() == Some(affected.job) => {
            Some(repaired_at)
        }
        _ => None,
    })
}

/// Slots between the last run and the moment in which the job was revived: the one that is due then waits.
fn lost_before(report: &JobReport, revived: Instant) -> u64 {
    match (report.job.schedule.cadence(), report.job.last_end()) {
        (Some(cadence), Some(end)) => cadence.slots_between(end, revived.plus(-MINUTE)),
        _ => 0,
    }
}

/// Whether a run in flight holds up what came due.
pub fn holds_up(incident: &Incident) -> bool {
    matches!(incident.cause, Problem::RunHung | Problem::RunLong | Problem::DeliveryHung)
}

fn waits(report: &JobReport) -> u64 {
    match report.ledger.standing() {
        Some(standing) if matches!(standing.fate, Fate::Excused(Excuse::Busy | Excuse::Running | Excuse::Due)) => {
            standing.slots
        }
        _ => 0,
    }
}

fn failed_since(incident: &Incident, report: &JobReport) -> usize {
    let runs = incident.lead.since.or(incident.since).map_or(&[][..], |since| report.job.fires_since(since));
    runs.iter().filter(|fire| fire.is_bad()).count()
}

/// Runs in a row that failed, up to the last one.
fn failed(report: &JobReport) -> usize {
    let marks = report.timeline.marks.iter().rev();
    let runs = marks.skip_while(|mark| matches!(mark, Mark::Missed | Mark::Waiting));
    runs.take_while(|mark| **mark == Mark::ZeroTokens).count()
}
