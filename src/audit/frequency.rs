//! Jobs that fire far more often than their cadence has slots, or far less although the scheduler works.

use super::finding::Finding;
use super::gap::GapEvidence;
use super::worker::MIN_FREE;
use super::{Context, Subject};
use crate::catalog::Severity;
use crate::model::{Fire, Job, State, cost_of};
use crate::schedule::Cadence;
use crate::time::{DAY, Instant, Millis};

/// Rows of the same name that are compared with each other.
const MAX_NAMESAKES: usize = 100;
/// With fewer slots a day, a lost one means little.
const MIN_SLOTS: u64 = 10;
/// This many times the slots, and this many fires more, are not retries: the circuit breaker opens before.
const TOO_MANY_TIMES: u64 = 3;
const TOO_MANY_MORE: usize = 20;
/// So many slots with two fires each, and half of the slots of a day or of so many intervals, are no chance.
const MIN_PAIRS: usize = 3;
const SLOTS_FOR_PAIRS: Millis = 7;
/// This many of the last intervals show whether it still goes on.
const LAST_INTERVALS: usize = 4;

/// Fires of the last day that neither slots nor retries nor manual runs explain: each is paid for.
pub fn too_many(context: &Context<'_>, job: &Job, cadence: &Cadence) -> Option<Finding> {
    let day = context.settings.now.plus(-DAY);
    // What came before a change of the schedule followed another one.
    let by_a_run = context.snapshot.traits.rewrites_rows_on_restart();
    let changed = job.written().filter(|at| !by_a_run || job.last_run().is_some_and(|run| *at < run.start));
    let day = changed.map_or(day, |changed| changed.max(day));
    let fires = job.fires_since(day);
    if fires.len() < TOO_MANY_MORE || !is_hurried(fires, cadence.usual_interval(day)?) {
        return None;
    }
    let by_hand = job.manual_runs.iter().filter(|at| **at >= day).count();
    let errors = fires.iter().filter(|fire| fire.is_bad()).count();
    let own = fires.len().saturating_sub(by_hand + 2 * errors);
    let own = u64::try_from(own).unwrap_or(u64::MAX).saturating_sub(job.errors());
    let slots = cadence.slots_between(day, context.settings.now) + 1;
    let evidence = GapEvidence::TooManyFires { fires: fires.len(), slots, cost_usd: cost_of(fires) };
    let more = u64::try_from(TOO_MANY_MORE).unwrap_or(u64::MAX);
    (own >= slots.saturating_mul(TOO_MANY_TIMES) && own >= slots.saturating_add(more))
        .then(|| Finding::new(Severity::Warning, evidence).since(fires.first().map(|fire| fire.end)))
}

/// Slots with two good fires, as two schedulers on one database make them, or a restart that runs a job again.
pub fn paired(context: &Context<'_>, job: &Job, cadence: &Cadence) -> Option<Finding> {
    let now = context.settings.now;
    let from = now.plus(-cadence.usual_interval(now)?.saturating_mul(SLOTS_FOR_PAIRS).max(DAY));
    let fires = job.fires_since(from);
    let began = |fire: &Fire| fire.known_start().unwrap_or(fire.end);
    let same_slot = |one: &Fire, next: &Fire| cadence.next(began(one)).is_some_and(|slot| slot > began(next));
    let slots: Vec<&[Fire]> = fires.chunk_by(same_slot).collect();
    // Where errors of older runs are not on record, a second fire after the backoff may be a retry.
    let retried = |fires: &[Fire]| {
        !context.snapshot.traits.records_starts && fires[1].end.since(fires[0].end) >= context.worker.backoff(0)
    };
    let is_pair = |fires: &&&[Fire]| fires.len() == 2 && !fires.iter().any(Fire::is_bad) && !retried(fires);
    let pairs: Vec<&&[Fire]> = slots.iter().filter(is_pair).collect();
    let (first, last) = (pairs.first()?[0].end, pairs.last()?[1].end);
    let by_hand = job.manual_runs.iter().filter(|at| **at >= from).count();
    let (count, slots) = (pairs.len().saturating_sub(by_hand), slots.len());
    let goes_on = fires.iter().rev().take(LAST_INTERVALS).any(|fire| fire.end == last);
    (count >= MIN_PAIRS && 2 * count >= slots && goes_on)
        .then(|| Finding::new(Severity::Warning, GapEvidence::PairedFires { pairs: count, slots }).since(first))
}

/// A row that does what an older one of the same name and schedule does.
pub fn twin(context: &Context<'_>, subject: &Subject<'_>, cadence: &Cadence) -> Option<Finding> {
    let (job, now) = (subject.job, context.settings.now);
    let recent = now.plus(-2 * cadence.usual_interval(now)?);
    let fires = |job: &Job| job.state == State::Watched && job.last_end().is_some_and(|end| end >= recent);
    let is_twin = |other: &Job| {
        let same_schedule =
            other.schedule.text() == job.schedule.text() && other.schedule.timezone() == job.schedule.timezone();
        other.id != job.id && other.home == job.home && same_schedule && fires(other)
    };
    let is_older = |other: &&Subject<'_>| (other.job.created_at, other.index) < (job.created_at, subject.index);
    if !fires(job) {
        return None;
    }
    let namesakes = context.subjects.named(&job.name).iter().take(MAX_NAMESAKES).map(|index| &context.subjects[*index]);
    let older = namesakes.filter(is_older).find(|other| is_twin(other.job))?;
    let evidence = GapEvidence::Twin { of: older.job.id.clone() };
    Some(Finding::new(Severity::Warning, evidence).since(job.created_at))
}

/// Whether most of the last fires followed each other at less than half the interval: a change of the schedule that left no
/// trace is over after some fires.
fn is_hurried(fires: &[Fire], interval: Millis) -> bool {
    let last = &fires[fires.len().saturating_sub(LAST_INTERVALS + 1)..];
    let hurried = last.windows(2).filter(|pair| 2 * pair[1].end.since(pair[0].end) < interval).count();
    2 * hurried >= LAST_INTERVALS
}

/// A job that loses most of its slots to long runs, of other jobs or its own. Nothing is broken, so it is one line of info.
pub fn starved(context: &Context<'_>, job: &Job, cadence: &Cadence) -> Option<Finding> {
    let day = context.settings.now.plus(-DAY);
    let has_slots = matches!(cadence, Cadence::Cron(..)) || job.schedule.anchor().is_some();
    if !has_slots || job.state != State::Watched || job.switches.iter().any(|s| s.at >= day) {
        return None;
    }
    let fires = job.fires_since(day);
    // What kept the worker busy before the first of them may not be known, and past-due judges the current wait.
    let (from, to) = (fires.first()?.end, fires.last()?.end);
    let fired = u64::try_from(fires.len()).unwrap_or(u64::MAX);
    // A job that fires at half its usual rate or more is not starved; to know that, no slot need be counted.
    let half_rate = i128::from(fired) * 2 * i128::from(cadence.usual_interval(from)?);
    if half_rate >= i128::from(to.since(from)) {
        return None;
    }
    let slots = cadence.slots_between(from, to);
    let lost = slots.saturating_sub(fired - 1);
    let busy = |pair: &[Fire]| {
        let (before, after) = (pair[0].end, pair[1].known_start().unwrap_or(pair[1].end));
        let in_time = |due: Instant| after.since(due) <= MIN_FREE;
        cadence.next(before).is_none_or(|due| in_time(due) || context.worker.may_be_busy(due, after))
    };
    (slots >= MIN_SLOTS && lost * 2 > slots && fires.windows(2).all(busy))
        .then(|| Finding::new(Severity::Info, GapEvidence::Starved { slots, lost }))
}
