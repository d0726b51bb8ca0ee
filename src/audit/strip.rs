//! The strip: what became of a job's latest slots, for people who would rather look than read.

use super::Context;
use crate::cadence::Cadence;
use crate::model::{Job, State};
use crate::time::{DAY, Instant, Millis};

/// Slots shown at most: two days of an hourly job, and as wide as fits a terminal of 80 columns beside a name.
const MOST_SLOTS: usize = 48;
/// The furthest that slots are looked for.
const FURTHEST: Millis = 5 * 366 * DAY;

/// What became of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A run ended between it and the next slot.
    Fired,
    /// The same, but all such runs failed or used no tokens.
    ZeroTokens,
    /// No run, and the worker was free.
    Missed,
    /// No run, and the worker may have been held.
    Waiting,
}

impl Outcome {
    /// All of them, in the order of the legend.
    pub const ALL: [Outcome; 4] = [Outcome::Fired, Outcome::ZeroTokens, Outcome::Missed, Outcome::Waiting];

    /// Its mark where only ASCII may be shown, in JSON too.
    pub fn ascii(self) -> char {
        match self {
            Outcome::Fired => '#',
            Outcome::ZeroTokens => '0',
            Outcome::Missed => 'x',
            Outcome::Waiting => '~',
        }
    }

    /// What its mark means.
    pub fn meaning(self) -> &'static str {
        match self {
            Outcome::Fired => "fired",
            Outcome::ZeroTokens => "failed or used no tokens",
            Outcome::Missed => "lost",
            Outcome::Waiting => "waiting",
        }
    }
}

/// The latest slots of a job, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Strip {
    /// The first of them.
    pub first: Option<Instant>,
    /// What became of each.
    pub outcomes: Vec<Outcome>,
}

/// The latest slots of a job, of which those in the spans `lost` are known to be lost; none for jobs that are not watched
/// or whose schedule can't be read.
pub fn strip(context: &Context<'_>, job: &Job, lost: &[(Instant, Instant)]) -> Strip {
    let Some(cadence) = job.schedule.cadence().filter(|_| job.state.is_watched()) else { return Strip::default() };
    let now = context.settings.now;
    // Of what was before the window no fires are known.
    let known = job.created_at.max(context.snapshot.window_start).unwrap_or(Instant::MIN);
    let starts = latest_starts(cadence, job, known, now);
    let Some(&first) = starts.first() else { return Strip::default() };
    let fires = &job.fires[job.fires.partition_point(|fire| fire.end < first)..];
    let outcome = |(index, &at): (usize, &Instant)| {
        let end = starts.get(index + 1).copied().unwrap_or(now.plus(1)).max(at);
        let begun = fires.partition_point(|fire| fire.end < at);
        let served = &fires[begun..fires.partition_point(|fire| fire.end < end)];
        if !served.is_empty() {
            let bad = served.iter().all(|fire| fire.is_bad());
            return if bad { Outcome::ZeroTokens } else { Outcome::Fired };
        }
        let until = fires.get(begun).map_or(now, |fire| fire.end);
        let lost = lost.iter().any(|(since, until)| *since <= at && at <= *until);
        let waits = !lost && job.state == State::Watched && context.worker.occupied(at, until);
        if waits { Outcome::Waiting } else { Outcome::Missed }
    };
    Strip { first: Some(first), outcomes: starts.iter().enumerate().map(outcome).collect() }
}

/// The latest slots up to `now`: scheduled times, or for an interval the fires and what should have followed each.
fn latest_starts(cadence: &Cadence, job: &Job, known: Instant, now: Instant) -> Vec<Instant> {
    let mut starts = match cadence {
        Cadence::Every(interval) => interval_starts(*interval, job, now),
        Cadence::Cron(..) => {
            let Some(usual) = cadence.usual_interval(now) else { return Vec::new() };
            let mut back = usual.saturating_mul(MOST_SLOTS as i64 + 1).min(FURTHEST);
            loop {
                let from = now.plus(-back).max(known);
                let slots = std::iter::successors(cadence.next(from), |slot| cadence.next(*slot));
                let starts: Vec<Instant> = slots.take_while(|slot| *slot <= now).collect();
                if starts.len() >= MOST_SLOTS || from == known || back >= FURTHEST {
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
    let mut starts: Vec<Instant> = Vec::new();
    for fire in &job.fires[skipped..] {
        // The fire itself served the newest of the slots since the one before it.
        let due = starts.last().map_or(0, |last| fire.end.since(*last) / interval);
        fill(&mut starts, interval, due - 1);
        starts.push(fire.end);
    }
    let due = starts.last().map_or(0, |last| now.since(*last) / interval);
    fill(&mut starts, interval, due);
    starts
}

/// Appends so many slots after the last start, the newest ones only.
fn fill(starts: &mut Vec<Instant>, interval: Millis, due: i64) {
    let Some(&last) = starts.last() else { return };
    let shown = due.min(MOST_SLOTS as i64);
    starts.extend((due - shown + 1..=due).map(|n| last.plus(n.saturating_mul(interval))));
}
