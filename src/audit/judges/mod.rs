//! The judges: short functions, each for one kind of trouble. A judge sees the fleet, with the ledgers of all jobs, and one job,
//! and returns findings.

pub mod budget;
pub mod clock;
pub mod delivery;
pub mod failing;
pub mod flapping;
pub mod gone;
pub mod off;
pub mod output;
pub mod repaired;
pub mod row;
pub mod run;
pub mod scheduler;
pub mod silence;
pub mod surplus;
pub mod unrecorded;
pub mod wait;
pub mod work;
pub mod zone;

use super::context::Subject;
use super::evidence::Evidence;
use super::finding::Finding;
use super::fleet::Fleet;
use crate::model::State;
use std::cmp::Reverse;

/// Resolved problems of one kind that are reported of a job at most, the last ones: more would not be read.
const MAX_RESOLVED: usize = 3;

/// What is wrong with the scheduler itself, or with all jobs.
pub fn of_scheduler(fleet: &Fleet<'_>) -> Vec<Finding> {
    let mut found = scheduler::judge(fleet);
    found.extend(zone::of_fleet(fleet));
    found.extend(budget::of_database(fleet));
    found
}

/// What all judges find out about a job. Its lost slots are counted once: every ongoing finding reports the same.
pub fn judge(fleet: &Fleet<'_>, subject: &Subject<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    found.extend(row_or_wait(fleet, subject));
    found.extend(runs(fleet, subject));
    found.extend(gone::judge(fleet, subject));
    found.extend(off::judge(subject));
    if subject.job.state.is_watched() {
        found.extend(last_resolved(silence::judge(fleet, subject)));
        found.extend(last_resolved(run::ended(fleet, subject)));
        found.extend(zone::judge(fleet, subject));
        found.extend(unrecorded::judge(subject));
    }
    if found.is_empty() {
        found.extend(surplus::starved(fleet, subject));
    }
    found.extend(budget::judge(fleet, subject));
    let mut found = repaired::awaited(fleet, subject, found);
    let missed = found.iter().filter(|finding| finding.is_ongoing()).filter_map(|finding| finding.missed_slots).max();
    for finding in &mut found {
        if finding.is_ongoing() && finding.missed_slots.is_some() {
            finding.missed_slots = missed;
        }
    }
    found.retain(|finding| fleet.context.settings.resolved || finding.is_ongoing());
    found
}

/// What a job's row says, and what it is due for.
fn row_or_wait(fleet: &Fleet<'_>, subject: &Subject<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let surplus = surplus::judge(fleet, subject);
    let is_runaway = surplus.as_ref().is_some_and(|finding| matches!(finding.evidence, Evidence::Runaway { .. }));
    found.extend(surplus);
    // A runaway says itself what is wrong with its row.
    let by_row = if is_runaway { None } else { row::judge(fleet, subject) };
    if let Some(clock) = clock::judge(fleet, subject) {
        found.extend(by_row);
        found.push(clock);
        return found;
    }
    let is_dead = is_runaway || by_row.is_some();
    found.extend(by_row);
    found.extend(wait::ended_by_boot(fleet, subject));
    let wait = run::judge(fleet, subject).or_else(|| wait::judge(fleet, subject));
    let is_waiting = wait.is_some();
    found.extend(wait);
    if !is_dead && !is_waiting {
        found.extend(row::skips_slots(fleet, subject));
    }
    found
}

/// What a job's runs did.
fn runs(fleet: &Fleet<'_>, subject: &Subject<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    if subject.job.state.is_watched() {
        found.extend(last_resolved(failing::past_streaks(fleet, subject)));
        let failing = failing::last_runs(fleet, subject);
        let is_failing = failing.is_some();
        found.extend(failing);
        if !is_failing {
            found.extend(delivery::judge(fleet, subject));
        }
        found.extend(failing::unjudged(subject));
        found.extend(failing::declined(subject));
        found.extend(output::judge(fleet, subject));
        found.extend(work::judge(fleet, subject));
        found.extend(flapping::judge(fleet, subject));
    } else {
        if subject.job.state == State::EventDriven {
            found.extend(failing::of_events(fleet, subject));
        }
        found.extend(delivery::judge(fleet, subject));
    }
    found
}

/// The resolved ones that ended last.
fn last_resolved(mut resolved: Vec<Finding>) -> Vec<Finding> {
    resolved.sort_by_key(|finding| Reverse(finding.until));
    resolved.truncate(MAX_RESOLVED);
    resolved
}
