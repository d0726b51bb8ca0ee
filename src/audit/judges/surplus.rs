//! Jobs that run far more often than their slots explain, and those that hardly run although the scheduler works.

use crate::audit::context::{Context, Subject};
use crate::audit::evidence::Evidence;
use crate::audit::finding::Finding;
use crate::audit::fleet::Fleet;
use crate::audit::repair::{UPDATE_FOLLOWS, edited_at, scheduled_ahead};
use crate::audit::runs::{begin, is_same_slot};
use crate::audit::worker::{MIN_FREE, ROW_FOLLOWS};
use crate::catalog::Severity;
use crate::model::{Fire, Job, Outcome, Schedule, State, cost_of};
use crate::numbers::{as_u64, seconds};
use crate::schedule::Cadence;
use crate::time::{DAY, Instant, Millis, SECOND};

/// Every run that ends updates its row at once; this many later runs prove that the update fails.
const RUNS_WITHOUT_UPDATE: usize = 3;
/// A one-shot that worked so often runs again and again: one repeated by hand is not told.
const RUNS_OF_ONE_SHOT: usize = 3;
/// Rows of the same name that are compared with each other.
const MAX_NAMESAKES: usize = 100;
/// With fewer slots a day, a lost one means little.
const MIN_SLOTS: u64 = 10;
/// This many times the slots, and this many runs more, are not retries: the circuit breaker opens before.
const TOO_MANY_TIMES: u64 = 3;
const TOO_MANY_MORE: usize = 20;
/// So many slots with two runs each, and half of the slots of a day or of so many intervals, are no chance.
const MIN_PAIRS: usize = 3;
const SLOTS_FOR_PAIRS: Millis = 7;
/// This many of the last intervals show whether it still goes on.
const LAST_INTERVALS: usize = 4;
/// Runs so close together come in pairs, so that the interval after them shows nothing.
const PAIRED_WITHIN: Millis = 30 * SECOND;
/// It is over once no run has come for so many of its own intervals.
const RECENT_INTERVALS: Millis = 3;

/// Runs that neither slots nor retries nor people explain: each is paid for.
pub fn judge(fleet: &Fleet<'_>, subject: &Subject<'_>) -> Option<Finding> {
    let job = subject.job;
    match job.state {
        State::Watched | State::Broken => {}
        _ => return None,
    }
    if let Some(found) = never_updated(fleet.context, subject).or_else(|| repeated(subject)) {
        return Some(found);
    }
    let cadence = job.schedule.cadence()?;
    if job.self_paced || job.schedule.is_learned() || fleet.is_foreign(subject.index) {
        return None;
    }
    too_many(fleet.context, subject, cadence)
        .or_else(|| paired(fleet.context, subject, cadence))
        .or_else(|| twin(fleet.context, subject, cadence))
}

/// When a row was last updated by a run, or created.
pub fn last_update(job: &Job) -> Option<Instant> {
    job.last_run().map(|run| run.end()).or(job.created_at)
}

/// A job that runs back to back, because the scheduler fails to update its row.
fn never_updated(context: &Context<'_>, subject: &Subject<'_>) -> Option<Finding> {
    let job = subject.job;
    job.row.as_ref()?;
    // While a run is in flight, the job does not run back to back; what a clock that was ahead wrote is not known.
    if job.running_since.is_some() || scheduled_ahead(context, job).is_some() {
        return None;
    }
    let updated = last_update(job)?;
    let first = job.fires.partition_point(|fire| fire.end.since(updated) <= UPDATE_FOLLOWS);
    let later: Vec<&Fire> = job.fires[first..].iter().filter(|fire| has_worked(fire)).collect();
    let (begun, last) = (later.first()?.end, later.last()?.end);
    if later.len() < RUNS_WITHOUT_UPDATE {
        return None;
    }
    let evidence = Evidence::Runaway {
        fires: later.len(),
        fires_seconds: seconds(last.since(begun)),
        cost_usd: cost_of(later),
        why: job.schedule.fault().map(str::to_owned),
    };
    Some(Finding::new(subject.index, Severity::Critical, evidence).since(begun))
}

/// A run that only checked for work and found none need not be in the row.
fn has_worked(fire: &Fire) -> bool {
    fire.outcome != Outcome::Unproven && !fire.is_idle()
}

/// A one-shot that did its work again and again, unless somebody asked for it.
fn repeated(subject: &Subject<'_>) -> Option<Finding> {
    let job = subject.job;
    let Schedule::Once(_) = job.schedule else { return None };
    let good: Vec<&Fire> = job.fires.iter().filter(|fire| !fire.is_bad()).collect();
    let (first, last) = (good.first()?.end, good.last()?.end);
    if good.len().saturating_sub(job.manual_runs.len()) < RUNS_OF_ONE_SHOT {
        return None;
    }
    let evidence = Evidence::Runaway {
        fires: good.len(),
        fires_seconds: seconds(last.since(first)),
        cost_usd: cost_of(good),
        why: Some("a one-shot runs once".to_owned()),
    };
    Some(Finding::new(subject.index, Severity::Critical, evidence).since(first))
}

/// Many more runs in the last day than slots.
fn too_many(context: &Context<'_>, subject: &Subject<'_>, cadence: &Cadence) -> Option<Finding> {
    let (job, now) = (subject.job, context.settings.now);
    let day = edited_at(job).unwrap_or(Instant::MIN).max(now.plus(-DAY));
    let fires = job.fires_since(day);
    if fires.len() < TOO_MANY_MORE || !is_hurried(fires, cadence.usual_interval(day)?, now) {
        return None;
    }
    if !fits_last_run(context, job, cadence) || !has_kept_rhythm(job, cadence.usual_interval(day)?) {
        return None;
    }
    let by_hand = job.manual_runs.iter().filter(|at| **at >= day).count();
    let errors = fires.iter().filter(|fire| fire.is_bad()).count();
    let own = as_u64(fires.len().saturating_sub(by_hand + 2 * errors)).saturating_sub(job.errors());
    let slots = cadence.slots_between(day, now) + 1;
    if own < slots.saturating_mul(TOO_MANY_TIMES) || own < slots.saturating_add(as_u64(TOO_MANY_MORE)) {
        return None;
    }
    let evidence = Evidence::TooManyFires { fires: fires.len(), slots, cost_usd: cost_of(fires) };
    Some(Finding::new(subject.index, Severity::Warning, evidence).since(fires.first().map(|fire| fire.end)))
}

/// Whether the newest runs followed each other at less than half the interval, and still do: a change of the schedule that left
/// no trace is over with the first run after it.
fn is_hurried(fires: &[Fire], interval: Millis, now: Instant) -> bool {
    let last = &fires[fires.len().saturating_sub(LAST_INTERVALS + 1)..];
    let gaps: Vec<Millis> = last.windows(2).map(|pair| pair[1].end.since(pair[0].end)).collect();
    let hurried = gaps.iter().filter(|gap| 2 * **gap < interval).count();
    let (Some(newest), Some(longest), Some(end)) = (gaps.last(), gaps.iter().max(), last.last()) else { return false };
    let shows = if *newest <= PAIRED_WITHIN { gaps.iter().rev().nth(1).unwrap_or(newest) } else { newest };
    let is_recent = now.since(end.end) <= RECENT_INTERVALS * longest;
    2 * hurried >= LAST_INTERVALS && is_recent && (2 * newest < interval || 2 * shows < interval)
}

/// Whether the job has run at the rhythm of its schedule before: if it never has, the schedule was slowed down since. Twice,
/// because one long time between two runs may be an outage.
fn has_kept_rhythm(job: &Job, interval: Millis) -> bool {
    let slow = job.fires.windows(2).filter(|pair| 2 * pair[1].end.since(pair[0].end) >= interval).count();
    slow >= 2
}

/// Whether the row's next run follows from its last run by its schedule. If it does not, the schedule was edited since; only a
/// scheduler that computes it at the end of a run, and never else, shows that.
fn fits_last_run(context: &Context<'_>, job: &Job, cadence: &Cadence) -> bool {
    if !context.snapshot.traits.rewrites_rows_on_restart() || job.errors() > 0 {
        return true;
    }
    let (Some(next), Some(run)) = (job.next_run(), job.last_run()) else { return true };
    cadence.next(run.end()).is_some_and(|slot| next.since(slot).abs() <= ROW_FOLLOWS)
}

/// Slots with two good runs, as two schedulers on one database make them, or a restart that runs a job again.
fn paired(context: &Context<'_>, subject: &Subject<'_>, cadence: &Cadence) -> Option<Finding> {
    let (job, now) = (subject.job, context.settings.now);
    let from = now.plus(-cadence.usual_interval(now)?.saturating_mul(SLOTS_FOR_PAIRS).max(DAY));
    let fires = job.fires_since(from);
    let slots: Vec<&[Fire]> = fires.chunk_by(|one, next| is_same_slot(cadence, one, next)).collect();
    let pairs: Vec<&[Fire]> = slots.iter().copied().filter(|fires| is_pair(context, fires)).collect();
    let (first, last) = (pairs.first()?[0].end, pairs.last()?[1].end);
    let by_hand = job.manual_runs.iter().filter(|at| **at >= from).count();
    let count = pairs.len().saturating_sub(by_hand);
    let goes_on = fires.iter().rev().take(LAST_INTERVALS).any(|fire| fire.end == last);
    if count < MIN_PAIRS || 2 * count < slots.len() || !goes_on {
        return None;
    }
    let evidence = Evidence::PairedFires { pairs: count, slots: slots.len() };
    Some(Finding::new(subject.index, Severity::Warning, evidence).since(first))
}

/// Whether the runs of a slot are two good ones. Where errors of older runs are not on record, a second run after the backoff
/// may be a retry.
fn is_pair(context: &Context<'_>, fires: &[Fire]) -> bool {
    let [one, two] = fires else { return false };
    let records = context.snapshot.traits.records_starts;
    !one.is_bad() && !two.is_bad() && (records || two.end.since(one.end) < context.worker.backoff(0))
}

/// A row that does what an older one of the same name and schedule does.
fn twin(context: &Context<'_>, subject: &Subject<'_>, cadence: &Cadence) -> Option<Finding> {
    let (job, now) = (subject.job, context.settings.now);
    let recent = now.plus(-2 * cadence.usual_interval(now)?);
    if !runs_since(job, recent) {
        return None;
    }
    for index in context.subjects.named(&job.name).iter().take(MAX_NAMESAKES) {
        let other = &context.subjects[*index];
        let is_older = (other.job.created_at, other.index) < (job.created_at, subject.index);
        if is_older && is_alike(other.job, job) && runs_since(other.job, recent) {
            let evidence = Evidence::Twin { of: other.job.id.clone() };
            return Some(Finding::new(subject.index, Severity::Warning, evidence).since(job.created_at));
        }
    }
    None
}

fn runs_since(job: &Job, recent: Instant) -> bool {
    job.state == State::Watched && job.last_end().is_some_and(|end| end >= recent)
}

fn is_alike(other: &Job, job: &Job) -> bool {
    let same_schedule =
        other.schedule.text() == job.schedule.text() && other.schedule.timezone() == job.schedule.timezone();
    other.id != job.id && other.home == job.home && same_schedule
}

/// A job that loses most of its slots to long runs, of other jobs or its own. Nothing is broken, so it is one line of info.
pub fn starved(fleet: &Fleet<'_>, subject: &Subject<'_>) -> Option<Finding> {
    let (context, job) = (fleet.context, subject.job);
    let cadence = job.schedule.cadence()?;
    let day = context.settings.now.plus(-DAY);
    let has_slots = matches!(cadence, Cadence::Cron(..)) || job.schedule.anchor().is_some();
    if !has_slots || job.self_paced || job.state != State::Watched || fleet.is_foreign(subject.index) {
        return None;
    }
    if job.switches.iter().any(|switch| switch.at >= day) {
        return None;
    }
    let fires = job.fires_since(day);
    // What kept the worker busy before the first of them may not be known, and the current wait is judged apart.
    let (from, to) = (fires.first()?.end, fires.last()?.end);
    let ran = as_u64(fires.len());
    // A job that runs at half its usual rate or more is not starved; to know that, no slot need be counted.
    let half_rate = i128::from(ran) * 2 * i128::from(cadence.usual_interval(from)?);
    if half_rate >= i128::from(to.since(from)) {
        return None;
    }
    let slots = cadence.slots_between(from, to);
    let lost = slots.saturating_sub(ran - 1);
    if slots < MIN_SLOTS || lost * 2 <= slots || !fires.windows(2).all(|pair| was_busy(context, cadence, pair)) {
        return None;
    }
    Some(Finding::new(subject.index, Severity::Info, Evidence::Starved { slots, lost }))
}

/// Whether the second of two runs came as soon as the worker was free.
fn was_busy(context: &Context<'_>, cadence: &Cadence, pair: &[Fire]) -> bool {
    let after = begin(&pair[1]);
    match cadence.next(pair[0].end) {
        Some(due) => after.since(due) <= MIN_FREE || context.worker.may_be_busy(due, after),
        None => true,
    }
}
