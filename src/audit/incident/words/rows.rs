//! The words of what is wrong with rows and their schedules.

use super::{Facts, IncidentText};
use crate::audit::evidence::Evidence;
use crate::audit::finding::{is_early, ongoing};
use crate::audit::sentence::not_fired_since;
use crate::catalog::Problem;
use crate::text::text;
use crate::time::{Instant, span};

/// Jobs whose rows were repaired and that have not fired since.
pub fn repaired(facts: &Facts<'_>) -> IncidentText {
    let sleeps = span(facts.context().snapshot.traits.timer_sleeps);
    let catches_up = ongoing(facts.findings).any(|one| one.problem() == Problem::CatchingUp);
    let inferred = if catches_up {
        "the scheduler works again and runs these jobs one after another".to_owned()
    } else if !facts.context().has_next_run_beside(&facts.lasting_jobs()) {
        "no other row has a next run, so the scheduler's timer does not run before a restart".to_owned()
    } else if is_early(facts.findings) {
        format!("nothing is wrong yet: the scheduler's timer sleeps for up to {sleeps}; a restart looks at once")
    } else {
        format!("the scheduler's timer, which sleeps for up to {sleeps}, does not run, or its process is dead")
    };
    let repair = repair(facts);
    let observed = repair.map(|repair| {
        let times = (repair.first, repair.looks_by);
        not_fired_since(facts.jobs.len(), repair.is_revived, times, facts.now())
    });
    IncidentText::of(observed.into_iter().chain(facts.recovered())).inferred(inferred)
}

/// The repairs of several rows as one.
struct Repair {
    first: Instant,
    /// When the scheduler has looked at all of them.
    looks_by: Instant,
    /// Whether one of them was revived.
    is_revived: bool,
}

fn repair(facts: &Facts<'_>) -> Option<Repair> {
    let mut all: Option<Repair> = None;
    for finding in facts.findings {
        let Evidence::Repaired { repaired_at, looks_by, revived } = finding.evidence else { continue };
        let so_far = all.unwrap_or(Repair { first: repaired_at, looks_by, is_revived: revived });
        all = Some(Repair {
            first: so_far.first.min(repaired_at),
            looks_by: so_far.looks_by.max(looks_by),
            is_revived: so_far.is_revived || revived,
        });
    }
    all
}

/// Jobs that run more often than their schedules say.
pub fn runaway(facts: &Facts<'_>) -> IncidentText {
    let is_paired = facts.findings.iter().any(|one| matches!(one.evidence, Evidence::PairedFires { .. }));
    if is_paired {
        return facts.plain().inferred("two schedulers run on this database, or each restart runs the job again");
    }
    facts.plain()
}

/// Jobs that wait for a time that was right before the clock was set back.
pub fn clock_set_back(facts: &Facts<'_>) -> IncidentText {
    let was = facts.context().snapshot.clock_was_at.map(|at| text![" ", at]);
    let mut told = facts.plain().inferred("the scheduler works; a restart alone does not help");
    told.observed.push(text!["rows written in the future, up to", was, ", precede rows from before it"]);
    told
}

/// Jobs of a store that the scheduler does not read.
pub fn store_unserved(facts: &Facts<'_>) -> IncidentText {
    let home = facts.jobs.iter().find_map(|affected| facts.job(affected).home.as_ref());
    let store = home.map_or("", |home| home.store.as_str());
    let served = facts.context().worker.served_stores().join(", ");
    let ran = "; since the last boot the scheduler has run the jobs of ";
    let mut observed = vec![text!["their rows belong to ", store, ran, served]];
    observed.extend(facts.messages());
    let them = facts.agree("it", "them");
    IncidentText::of(observed)
        .inferred(text!["the scheduler serves another state directory; a restart does not run ", them])
}

/// Jobs whose rows went together.
pub fn jobs_gone(facts: &Facts<'_>) -> IncidentText {
    let last = facts.jobs.iter().filter_map(|affected| affected.since).max();
    let boot = last.and_then(|last| facts.context().snapshot.boots.iter().find(|boot| **boot > last));
    let mut told = facts.plain().inferred("an update, a migration, or another program removed them");
    if let Some(boot) = boot {
        told.observed.push(text!["the scheduler was restarted at ", *boot]);
    }
    told
}
