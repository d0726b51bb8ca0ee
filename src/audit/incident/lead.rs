//! From when an incident counts, and how far it reaches: what its headline and the line below it say.

use super::words::Facts;
use crate::audit::evidence::Evidence;
use crate::audit::finding::ongoing;
use crate::audit::runs::{known_errors, tokens_of_failed};
use crate::audit::shared_failure::{FailingGroup, Shared};
use crate::audit::worker::ActiveRun;
use crate::catalog::Problem;
use crate::model::{Job, MessageFate, State};
use crate::time::Instant;

/// What the first lines of an incident are about.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lead {
    /// When the last good thing ended, or the run began that blocks the others. It may be before the first slot that was lost.
    pub since: Option<Instant>,
    /// Whether nothing runs: every job waits for the end of this incident.
    pub stops_all: bool,
}

impl Lead {
    /// That of an incident with this cause.
    pub fn of(cause: Problem, facts: &Facts<'_>) -> Lead {
        Lead { since: since(cause, facts).or(facts.since), stops_all: stops_all(cause, facts) }
    }
}

fn since(cause: Problem, facts: &Facts<'_>) -> Option<Instant> {
    let worker = facts.context().worker;
    match cause {
        Problem::SchedulerSilent | Problem::CatchingUp => {
            let last_end = facts.since.and_then(|since| worker.end_before(since));
            if worker.crash_loop().is_some() {
                return last_end;
            }
            let lease_over = worker.life.lease_over().filter(|at| facts.until.is_none() && *at <= facts.now());
            last_end.max(lease_over)
        }
        Problem::SchedulerDown => worker.life.down_since(),
        Problem::JobFailing | Problem::JobSilent | Problem::RowDead => last_end_of_the_only_job(cause, facts),
        Problem::ProviderFailing => last_success(facts),
        Problem::Undelivered => facts.jobs.iter().filter_map(|one| undelivered_since(facts.job(one))).min(),
        _ => None,
    }
}

/// When a run of any job succeeded last, if jobs fail whose model works: an answer is no success.
fn last_success(facts: &Facts<'_>) -> Option<Instant> {
    let shared = &facts.fleet.shared;
    let group = facts.jobs.iter().find_map(|affected| shared.group_of(affected.job))?;
    if !matches!(group.shared, Shared::Model { .. }) || !used_tokens(facts, group) {
        return None;
    }
    facts.context().jobs().filter_map(last_success_of).max()
}

fn last_success_of(job: &Job) -> Option<Instant> {
    let before_errors = &job.fires[..job.fires.len() - known_errors(job)];
    before_errors.iter().rev().find(|fire| !fire.is_bad()).map(|fire| fire.end)
}

/// Whether the runs of a group used tokens before they failed.
pub fn used_tokens(facts: &Facts<'_>, group: &FailingGroup) -> bool {
    group.jobs.iter().any(|job| tokens_of_failed(facts.context().job(*job)) > 0)
}

/// When a job that does not run any more ran last; of several jobs each has a time of its own.
fn last_end_of_the_only_job(cause: Problem, facts: &Facts<'_>) -> Option<Instant> {
    let [only] = facts.jobs else { return None };
    let job = facts.job(only);
    let silent_from = match (cause, facts.since, facts.until) {
        (Problem::JobFailing, Some(since), Some(until)) => {
            facts.fleet.ledger(only.job).all_lost_between(since, until).map(|lost| lost.since).next()?
        }
        (_, Some(since), Some(_)) => since,
        (Problem::JobFailing, _, None) if job.state != State::Broken && !is_revived(facts) => return None,
        _ => return job.last_end(),
    };
    job.fires.iter().map(|fire| fire.end).rev().find(|end| *end <= silent_from)
}

/// Whether its rows were revived after what went wrong, and have not run since.
fn is_revived(facts: &Facts<'_>) -> bool {
    ongoing(facts.findings).all(|finding| matches!(finding.evidence, Evidence::Repaired { revived: true, .. }))
}

/// Messages of a job that did not arrive, up to the last one; where only that one is on record, it.
pub fn lost_messages(job: &Job) -> usize {
    let with_message = job.fires.iter().rev().filter(|fire| fire.message != MessageFate::None);
    let lost = with_message.take_while(|fire| fire.message != MessageFate::Delivered).count();
    lost.max(job.dead_letters).max(1)
}

/// When the first message in a row was lost up to the last one; where only the last one is on record, when its run ended.
fn undelivered_since(job: &Job) -> Option<Instant> {
    let mut first = None;
    for fire in job.fires.iter().rev() {
        match fire.message {
            MessageFate::Lost | MessageFate::Unconfirmed => first = Some(fire.end),
            MessageFate::Delivered => break,
            MessageFate::None => {}
        }
    }
    first.or_else(|| job.last_end())
}

fn stops_all(cause: Problem, facts: &Facts<'_>) -> bool {
    if facts.until.is_some() {
        return false;
    }
    let is_alone = facts.context().snapshot.traits.max_concurrent == 1;
    match cause {
        Problem::SchedulerSilent => facts.restart_that_ended().is_none(),
        Problem::SchedulerDown => true,
        Problem::RunHung | Problem::RunLong | Problem::DeliveryHung => is_alone,
        Problem::RunCut => is_alone && facts.run.is_some_and(ActiveRun::is_left_by_death),
        _ => false,
    }
}
