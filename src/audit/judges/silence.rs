//! Silences that are over: stretches of lost slots between two runs.

use crate::audit::by_hand::{Silence, silences};
use crate::audit::context::Subject;
use crate::audit::evidence::Evidence;
use crate::audit::finding::Finding;
use crate::audit::fleet::Fleet;
use crate::audit::repair::edited_at;
use crate::audit::witness::is_long;
use crate::time::Instant;

/// The silences of a job that are over.
pub fn judge(fleet: &Fleet<'_>, subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for silence in silences(fleet.context, subject, fleet.ledger(subject.index)) {
        findings.extend(told(fleet, subject, &silence));
    }
    findings
}

fn told(fleet: &Fleet<'_>, subject: &Subject<'_>, silence: &Silence) -> Option<Finding> {
    let (context, stretch) = (fleet.context, &silence.stretch);
    let until = stretch.until?;
    let severity = context.settings.severity_after(until)?;
    let last = subject.job.fires.get(stretch.runs.start.checked_sub(1)?)?.end;
    let is_of_this_schedule = valid_from(fleet, subject).is_none_or(|from| from <= last);
    if !is_of_this_schedule || !is_long(context, subject, stretch) || !fleet.has_witness(subject, stretch) {
        return None;
    }
    let evidence = Evidence::Silent { last_fire: Some(last), by_hand: silence.by_hand };
    Some(Finding::new(subject.index, severity, evidence).since(stretch.since).missing(stretch.slots).resolved(until))
}

/// From when on a job's runs followed the schedule that its row has now, as far as the row says.
fn valid_from(fleet: &Fleet<'_>, subject: &Subject<'_>) -> Option<Instant> {
    let edited = edited_at(subject.job);
    if subject.job.schedule.assumes_zone() { edited.max(fleet.zone_changed) } else { edited }
}
