//! What the operator does not want to hear of.

use super::incident::Incident;
use super::policy::{IncidentMute, Mute, Policy, matches};
use super::verdict::{MutedIncident, Verdict};
use crate::model::Job;

/// Sets aside the incidents that the operator has muted.
pub fn mute(verdict: &mut Verdict, policy: &Policy) {
    for incident in std::mem::take(&mut verdict.incidents) {
        let jobs: Vec<&Job> = incident.jobs.iter().map(|one| &verdict.jobs[one.job.position()].job).collect();
        let by = mute_of(policy, &incident, &jobs).cloned();
        if by.is_some() || is_muted_by_jobs(policy, &incident, &jobs) {
            verdict.muted.push(MutedIncident { incident, by });
        } else {
            verdict.incidents.push(incident);
        }
    }
}

/// The first mute that covers an incident and holds.
fn mute_of<'a>(policy: &'a Policy, incident: &Incident, jobs: &[&Job]) -> Option<&'a IncidentMute> {
    let now = policy.settings.now;
    policy.mutes.iter().find(|mute| mute.holds(now) && covers(mute, incident, jobs))
}

/// Whether the rules of all its jobs mute its cause.
fn is_muted_by_jobs(policy: &Policy, incident: &Incident, jobs: &[&Job]) -> bool {
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
