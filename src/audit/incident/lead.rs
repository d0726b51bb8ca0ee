//! From when an incident counts, and how far it reaches: what its headline and the line below it say.

use super::words::Facts;
use crate::audit::runs::tokens_of_failed;
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
        Problem::ProviderFailing => last_good_of_workers(facts),
        Problem::Undelivered => facts.jobs.iter().filter_map(|one| undelivered_since(facts.job(one))).min(),
        _ => None,
    }
}

/// When a run succeeded last, if jobs fail whose model works: it answered before they failed.
fn last_good_of_workers(facts: &Facts<'_>) -> Option<Instant> {
    let shared = &facts.fleet.shared;
    let group = facts.jobs.iter().find_map(|affected| shared.group_of(affected.job))?;
    match group.shared {
        Shared::Model { last_good } if used_tokens(facts, group) => last_good,
        _ => None,
    }
}

/// Whether the runs of a group used tokens before they failed.
pub fn used_tokens(facts: &Facts<'_>, group: &FailingGroup) -> bool {
    group.jobs.iter().any(|job| tokens_of_failed(facts.context().job(*job)) > 0)
}

/// When a job that does not run any more ran last; of several jobs each has a time of its own.
fn last_end_of_the_only_job(cause: Problem, facts: &Facts<'_>) -> Option<Instant> {
    let [only] = facts.jobs else { return None };
    let job = facts.job(only);
    if cause == Problem::JobFailing && job.state != State::Broken {
        return None;
    }
    match facts.since {
        Some(since) if facts.until.is_some() => job.fires.iter().map(|fire| fire.end).rev().find(|end| *end <= since),
        _ => job.last_end(),
    }
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
        Problem::SchedulerSilent | Problem::SchedulerDown => true,
        Problem::RunHung | Problem::RunLong | Problem::DeliveryHung => is_alone,
        Problem::RunCut => is_alone && facts.run.is_some_and(ActiveRun::is_left_by_death),
        _ => false,
    }
}
