//! What a job's history says about its last runs: whether they failed, since when, and what they used.

use crate::model::{Fire, Job, Outcome};
use crate::numbers::as_u64;
use crate::schedule::Cadence;
use crate::time::{Instant, MINUTE, Millis};

/// A run that begins this long after its slot, or after this share of the interval, has kept the schedule.
const ON_TIME: Millis = 30 * MINUTE;
const ON_TIME_SHARE: Millis = 4;

/// When a run began; when it ended, if only that is known.
pub fn begin(fire: &Fire) -> Instant {
    fire.known_start().unwrap_or(fire.end)
}

/// Whether no slot lies between two runs in a row. An interval that counts on a grid may seem shorter after a late run: up to half
/// of it.
pub fn is_same_slot(cadence: &Cadence, one: &Fire, next: &Fire) -> bool {
    if let Cadence::Every(interval) = cadence {
        return begin(next).since(begin(one)) < interval / 2;
    }
    cadence.next(begin(one)).is_some_and(|slot| slot > begin(next))
}

/// The slot after a run.
pub fn slot_after(cadence: &Cadence, run: &Fire) -> Option<Instant> {
    // Where starts are on record, an interval may count from them.
    cadence.next(if matches!(cadence, Cadence::Every(_)) { begin(run) } else { run.end })
}

/// Whether a run kept a slot: it began shortly after it, and before the next. None if the schedule ends with the slot.
pub fn keeps_slot(cadence: &Cadence, slot: Instant, run: &Fire) -> Option<bool> {
    let next = cadence.next(slot)?;
    let on_time = ON_TIME.max(next.since(slot) / ON_TIME_SHARE);
    Some(begin(run) < next && (0..=on_time).contains(&begin(run).since(slot)))
}

/// Zero-token fires in a row up to the last fire.
pub fn current_streak(job: &Job) -> u64 {
    as_u64(bad_tail(&job.fires).iter().filter(|fire| fire.is_empty()).count())
}

/// How many of a job's last fires failed. An error may have used tokens, which only the row's count shows; a run that throws
/// leaves no event.
pub fn known_errors(job: &Job) -> usize {
    let errors = usize::try_from(job.errors()).unwrap_or(usize::MAX);
    let with_tokens = job.fires.last().is_some_and(|last| last.outcome == Outcome::Failed);
    let bad = bad_tail(&job.fires).len();
    if with_tokens { bad.max(errors).min(job.fires.len()) } else { bad }
}

/// The tokens that the runs of a job used that failed in a row up to the last.
pub fn tokens_of_failed(job: &Job) -> u64 {
    let failed = &job.fires[job.fires.len() - known_errors(job)..];
    failed.iter().filter_map(|fire| fire.tokens).map(u64::from).sum()
}

/// The last fires from the first bad one in a row on. One whose tokens can't be read neither continues the row nor ends it.
pub fn bad_tail(fires: &[Fire]) -> &[Fire] {
    let tail = fires.iter().rev().take_while(|fire| fire.is_bad() || fire.is_unknown()).count();
    let tail = &fires[fires.len() - tail..];
    &tail[tail.iter().position(Fire::is_bad).unwrap_or(tail.len())..]
}

/// How long a run took: from the later of its slot and the end of the run before it; exactly for the last one.
pub fn run_length(job: &Job, index: usize) -> Option<Millis> {
    let fire = &job.fires[index];
    if let Some(start) = fire.known_start() {
        return Some(fire.end.since(start));
    }
    let previous = &job.fires[index.checked_sub(1)?];
    let slot = job.schedule.cadence()?.next(previous.end).filter(|slot| *slot <= fire.end);
    Some(fire.end.since(slot.max(fire.earliest_start())?))
}

/// What the fires of some time used.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Usage {
    /// How many there were.
    pub fires: usize,
    /// Their tokens; None if none are known.
    pub tokens: Option<u64>,
    /// Their cost in US dollars; None if none is known.
    pub cost_usd: Option<f64>,
}

impl Usage {
    /// What the fires of a job used from an instant on.
    pub fn since(job: &Job, from: Instant) -> Usage {
        Usage::of(job.fires_since(from))
    }

    /// What these fires used.
    pub fn of(fires: &[Fire]) -> Usage {
        let mut usage = Usage { fires: fires.len(), ..Usage::default() };
        for fire in fires {
            if let Some(tokens) = fire.tokens {
                usage.tokens = Some(usage.tokens.unwrap_or(0) + u64::from(tokens));
            }
            if fire.cost_usd > 0.0 {
                usage.cost_usd = Some(usage.cost_usd.unwrap_or(0.0) + f64::from(fire.cost_usd));
            }
        }
        usage
    }
}
