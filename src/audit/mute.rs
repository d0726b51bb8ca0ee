//! What the operator does not want to hear of.

use super::incident::Incident;
use super::policy::{IncidentMute, Mute, Policy, matches};
use super::verdict::Verdict;
use crate::model::Job;

/// Sets aside the incidents that the operator has muted.
pub fn mute(verdict: &mut Verdict, policy: &Policy) {
    let jobs = &verdict.jobs;
    let (muted, incidents) = std::mem::take(&mut verdict.incidents).into_iter().partition(|incident| {
        let jobs: Vec<&Job> = incident.jobs.iter().map(|one| &jobs[one.job.position()].job).collect();
        mutes(policy, incident, &jobs)
    });
    (verdict.muted, verdict.incidents) = (muted, incidents);
}

/// Whether an incident is muted, by its own mute or by those of all its jobs.
fn mutes(policy: &Policy, incident: &Incident, jobs: &[&Job]) -> bool {
    let now = policy.settings.now;
    if policy.mutes.iter().any(|mute| mute.holds(now) && covers(mute, incident, jobs)) {
        return true;
    }
    let cause = Mute::Problem(incident.cause);
    !jobs.is_empty() && jobs.iter().all(|job| policy.settings_of(job).mute.contains(&cause))
}

/// Whether a mute covers an incident; `jobs` are those that the incident affects.
fn covers(mute: &IncidentMute, incident: &Incident, jobs: &[&Job]) -> bool {
    mute.what.is_none_or(|what| covers_incident(what, incident))
        && mute.fingerprint.as_ref().is_none_or(|fingerprint| *fingerprint == incident.fingerprint)
        && mute.job.as_ref().is_none_or(|pattern| jobs.iter().all(|job| matches(pattern, job)))
}

/// Whether it is the cause of an incident, or all that is found in it.
fn covers_incident(what: Mute, incident: &Incident) -> bool {
    what == Mute::Problem(incident.cause) || incident.findings.iter().all(|finding| what.covers(finding.problem()))
}
