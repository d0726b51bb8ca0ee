//! The strip: what became of a job's latest slots, for people who would rather look than read.

use super::Context;
use crate::cadence::Cadence;
use crate::model::{Fire, Job, State, Tokens};
use crate::time::{DAY, Instant, Millis};

/// Slots shown at most: two days of an hourly job, and as wide as fits a terminal of 80 columns beside a name.
const MOST_SLOTS: usize = 48;
/// The furthest that slots are looked for.
const FURTHEST: Millis = 5 * 366 * DAY;

/// What became of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// A run ended between it and the next slot.
    Fired,
    /// The same, but all such runs used no tokens.
    ZeroTokens,
    /// No run, and the slot was free.
    Missed,
    /// No run, and the slot may have been held.
    Waiting,
}

/// One slot and what became of it.
#[derive(Debug, Clone, Copy, serde::Serialize, schemars::JsonSchema)]
pub struct SlotOutcome {
    /// The scheduled time.
    pub at: Instant,
    /// What became of it.
    pub outcome: Outcome,
}

/// The latest slots of a job, oldest first; none for jobs that are not watched or whose schedule can't be read.
pub fn recent_slots(context: &Context<'_>, job: &Job) -> Vec<SlotOutcome> {
    let Some(cadence) = job.schedule.cadence().filter(|_| job.state.is_watched()) else { return Vec::new() };
    let now = context.settings.now;
    let starts = latest_starts(cadence, job, now);
    let Some(&first) = starts.first() else { return Vec::new() };
    let mut fires = job.fires.iter().filter(|fire| fire.at >= first).peekable();
    let mut slots = Vec::with_capacity(starts.len());
    for (index, &at) in starts.iter().enumerate() {
        let end = starts.get(index + 1).copied().unwrap_or(now.plus(1));
        let mut served: Option<Tokens> = None;
        while let Some(fire) = fires.next_if(|fire| fire.at < end) {
            served = Some(if served == Some(Tokens::Some) { Tokens::Some } else { fire.tokens });
        }
        let outcome = match served {
            Some(Tokens::Zero) => Outcome::ZeroTokens,
            Some(_) => Outcome::Fired,
            None => {
                let until = fires.peek().map_or(now, |fire: &Fire| fire.at);
                if job.state == State::Watched && context.slot.occupied(at, until) {
                    Outcome::Waiting
                } else {
                    Outcome::Missed
                }
            }
        };
        slots.push(SlotOutcome { at, outcome });
    }
    slots
}

/// The beginnings of the latest slots up to `now`: scheduled times, or for an interval the fires and what should have
/// followed each.
fn latest_starts(cadence: &Cadence, job: &Job, now: Instant) -> Vec<Instant> {
    let made = job.created_at.unwrap_or(Instant::MIN);
    let mut starts = match cadence {
        Cadence::Every(interval) => interval_starts(*interval, job, now),
        Cadence::Cron(..) => {
            let Some(usual) = cadence.usual_interval(now) else { return Vec::new() };
            let mut back = usual.saturating_mul(MOST_SLOTS as i64 + 1).min(FURTHEST);
            loop {
                let from = now.plus(-back).max(made);
                let slots = std::iter::successors(cadence.next(from), |slot| cadence.next(*slot));
                let starts: Vec<Instant> = slots.take_while(|slot| *slot <= now).collect();
                if starts.len() >= MOST_SLOTS || from == made || back >= FURTHEST {
                    break starts;
                }
                back = back.saturating_mul(2).min(FURTHEST);
            }
        }
    };
    starts.drain(..starts.len().saturating_sub(MOST_SLOTS));
    starts
}

fn interval_starts(interval: Millis, job: &Job, now: Instant) -> Vec<Instant> {
    let skipped = job.fires.len().saturating_sub(MOST_SLOTS);
    let mut starts = Vec::new();
    for fire in job.fires.iter().skip(skipped) {
        fill(&mut starts, interval, fire.at);
        starts.push(fire.at);
    }
    fill(&mut starts, interval, now);
    starts
}

/// Appends what should have followed the last start before `until`, the newest ones only.
fn fill(starts: &mut Vec<Instant>, interval: Millis, until: Instant) {
    let Some(&last) = starts.last() else { return };
    let missed = (until.since(last) / interval - 1).max(0);
    let shown = missed.min(MOST_SLOTS as i64);
    starts.extend((missed - shown + 1..=missed).map(|n| last.plus(n.saturating_mul(interval))));
}
