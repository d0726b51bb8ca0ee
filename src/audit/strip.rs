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
    /// The same, but all such runs used no tokens.
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
            Outcome::ZeroTokens => "fired with zero tokens",
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

/// The latest slots of a job, of which those from `lost_since` on are known to be lost; none for jobs that are not watched
/// or whose schedule can't be read.
pub fn strip(context: &Context<'_>, job: &Job, lost_since: Option<Instant>) -> Strip {
    let Some(cadence) = job.schedule.cadence().filter(|_| job.state.is_watched()) else { return Strip::default() };
    let now = context.settings.now;
    let starts = latest_starts(cadence, job, now);
    let Some(&first) = starts.first() else { return Strip::default() };
    let fires = &job.fires[job.fires.partition_point(|fire| fire.end < first)..];
    let outcome = |(index, &at): (usize, &Instant)| {
        let end = starts.get(index + 1).copied().unwrap_or(now.plus(1));
        let begun = fires.partition_point(|fire| fire.end < at);
        let served = &fires[begun..fires.partition_point(|fire| fire.end < end)];
        if !served.is_empty() {
            let empty = served.iter().all(|fire| fire.is_empty());
            return if empty { Outcome::ZeroTokens } else { Outcome::Fired };
        }
        let until = fires.get(begun).map_or(now, |fire| fire.end);
        let lost = lost_since.is_some_and(|since| at >= since);
        let waits = !lost && job.state == State::Watched && context.worker.occupied(at, until);
        if waits { Outcome::Waiting } else { Outcome::Missed }
    };
    Strip { first: Some(first), outcomes: starts.iter().enumerate().map(outcome).collect() }
}

/// The latest slots up to `now`: scheduled times, or for an interval the fires and what should have followed each.
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
    for fire in &job.fires[skipped..] {
        fill(&mut starts, interval, fire.end.plus(-1));
        starts.push(fire.end);
    }
    fill(&mut starts, interval, now);
    starts
}

/// Appends what should have followed the last start up to `until`, the newest ones only.
fn fill(starts: &mut Vec<Instant>, interval: Millis, until: Instant) {
    let Some(&last) = starts.last() else { return };
    let missed = (until.since(last) / interval).max(0);
    let shown = missed.min(MOST_SLOTS as i64);
    starts.extend((missed - shown + 1..=missed).map(|n| last.plus(n.saturating_mul(interval))));
}
