//! The words of runs that fail, and of messages that do not arrive.

use super::{Facts, IncidentText, rows};
use crate::audit::finding::{AffectedJob, ongoing};
use crate::audit::remedy::shared_fault;
use crate::audit::sentence::failed_runs;
use crate::audit::shared_failure::{FailingGroup, Shared};
use crate::catalog::Problem;
use crate::model::{Fault, Fire, Job, JobIndex, Outcome, State};
use crate::numbers::{count, grouped};
use crate::text::{Text, text};
use crate::time::Instant;
use std::collections::HashSet;

/// What jobs share fails.
pub fn provider_failing(facts: &Facts<'_>) -> IncidentText {
    if ongoing(facts.findings).all(|one| matches!(one.problem(), Problem::Repaired | Problem::CatchingUp)) {
        return rows::repaired(facts);
    }
    let shared = &facts.fleet.shared;
    match facts.jobs.iter().find_map(|affected| shared.group_of(affected.job)) {
        None => IncidentText::of(facts.messages().into_iter().chain(facts.recovered())),
        Some(group) if group.shared == Shared::ErrorOfMost => most_fail(facts, group),
        Some(group) => all_fail(facts, group),
    }
}

fn most_fail(facts: &Facts<'_>, group: &FailingGroup) -> IncidentText {
    let (fires, jobs) = (count(group.fires, "run"), count(group.jobs.len(), "job"));
    let observed = text!["the last ", fires, " of ", jobs, " ended with the same error; few other jobs work"];
    let inferred =
        fault(facts).map_or("what these jobs share fails: the provider, its key, or the model's name", Fault::inferred);
    IncidentText::of([observed].into_iter().chain(facts.recovered())).inferred(inferred)
}

fn all_fail(facts: &Facts<'_>, group: &FailingGroup) -> IncidentText {
    let last_good = match group.shared {
        Shared::Model { last_good } => last_good,
        Shared::Error | Shared::ErrorOfMost => None,
    };
    let since = last_good.map(|at| text![" since ", at]);
    let runs = runs_since(facts, group, last_good);
    let failed: Vec<&(JobIndex, &Fire)> = runs.iter().filter(|(_, fire)| fire.is_bad()).collect();
    let all = if failed.len() == runs.len() { "all " } else { "" };
    let used: u64 = failed.iter().filter_map(|(_, fire)| fire.tokens).map(u64::from).sum();
    let how = match used {
        0 => "failed or used no tokens".to_owned(),
        used if has_written_nothing(facts, group) => {
            format!("failed or wrote nothing; they used {} tokens", grouped(used))
        }
        used => format!("failed; they used {} tokens", grouped(used)),
    };
    let jobs: HashSet<JobIndex> = failed.iter().map(|(job, _)| *job).collect();
    let (fires, jobs) = (count(failed.len(), "run"), count(jobs.len(), "job"));
    let mut observed = vec![text![all, fires, " of ", jobs, since, " ", how]];
    let stopped = facts.jobs.iter().filter(|affected| facts.job(affected).state == State::Broken).count();
    if stopped > 0 {
        observed.push(text!["the scheduler has stopped ", count(stopped, "job")]);
    }
    let revived = facts.findings.iter().filter(|one| one.problem() == Problem::Repaired).count();
    if revived > 0 {
        observed.push(text![format!("{revived} of them were revived and have not run since")]);
    }
    let inferred = match (fault(facts), used) {
        (Some(fault), _) => fault.inferred(),
        (None, 0) => "no model works for any job: the provider, its key, or the model's name",
        (None, _) => "what all jobs share fails: the provider, its key, the model's name, or a tool",
    };
    IncidentText::of(observed).inferred(inferred)
}

/// What the jobs fail by, if their errors agree.
pub fn fault(facts: &Facts<'_>) -> Option<Fault> {
    let jobs: Vec<&Job> = facts.jobs.iter().map(|affected| facts.job(affected)).collect();
    shared_fault(&jobs)
}

/// The runs of a group's jobs since a model last worked, as far as it is known how they ended.
fn runs_since<'a>(facts: &Facts<'a>, group: &FailingGroup, last_good: Option<Instant>) -> Vec<(JobIndex, &'a Fire)> {
    let mut runs = Vec::new();
    for job in &group.jobs {
        let fires = facts.context().subjects[*job].job.fires.iter().rev();
        let newer = fires.take_while(|fire| last_good.is_none_or(|good| fire.end > good));
        runs.extend(newer.filter(|fire| !fire.is_unknown() && !fire.is_idle()).map(|fire| (*job, fire)));
    }
    runs
}

/// Whether a run of a job that needs no model, or whose model counts no tokens, has been fine since a model last worked.
pub fn has_worked_without_model(facts: &Facts<'_>, last_good: Option<Instant>) -> bool {
    let mut fires = facts.context().jobs().flat_map(|job| &job.fires);
    fires.any(|fire| fire.outcome == Outcome::Unproven && last_good.is_none_or(|good| fire.end > good))
}

/// Whether the last run of one of the jobs was empty, although it used tokens.
fn has_written_nothing(facts: &Facts<'_>, group: &FailingGroup) -> bool {
    let mut last = group.jobs.iter().filter_map(|job| facts.context().job(*job).fires.last());
    last.any(Fire::wrote_nothing)
}

/// Jobs fail while others work.
pub fn job_failing(facts: &Facts<'_>) -> IncidentText {
    match facts.jobs {
        [only] => one_job_failing(facts, only),
        _ => facts.plain().inferred("the jobs have the cause in common; others work"),
    }
}

/// A job that fails, from its first failed run to the silence after the scheduler has stopped it.
fn one_job_failing(facts: &Facts<'_>, affected: &AffectedJob) -> IncidentText {
    let told = IncidentText::of(failures(facts, affected));
    if facts.job(affected).state == State::Broken {
        let stopped = facts.context().snapshot.traits.stopped;
        return told.inferred(text![stopped, ": neither time nor a restart revives it"]);
    }
    told
}

/// The failed runs of a job, and what it lost since.
fn failures(facts: &Facts<'_>, affected: &AffectedJob) -> Vec<Text> {
    let Some(failed) = failed_runs(facts.job(affected)) else { return facts.messages() };
    match affected.missed_slots {
        0 => vec![failed],
        slots => vec![failed, text!["none since; ", count(slots, "slot"), " lost"]],
    }
}
