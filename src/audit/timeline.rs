//! The timeline: what became of a job's last slots, for people who would rather look than read.

use super::context::{Context, Subject};
use super::finding::Finding;
use super::fleet::Fleet;
use super::runs::known_errors;
use crate::model::{Fire, Job, State};
use crate::schedule::Cadence;
use crate::time::{DAY, Instant, Millis};

/// Slots shown at most: two days of an hourly job, and as wide as fits a terminal of 80 columns beside a name.
const MAX_SLOTS: usize = 48;
/// To find them, this many usual intervals are looked at first.
const LOOKBACK_INTERVALS: i64 = 49;
/// The furthest that slots are looked for.
const MAX_LOOKBACK: Millis = 5 * 366 * DAY;

/// What became of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A run ended between it and the next slot.
    Fired,
    /// The same, but all such runs failed or used no tokens.
    ZeroTokens,
    /// The same, but the scheduler skipped the work.
    Skipped,
    /// No run, and the worker was free.
    Missed,
    /// No run, and the worker may have been busy.
    Waiting,
}

impl Outcome {
    /// All of them, in the order of the legend.
    pub const ALL: [Outcome; 5] =
        [Outcome::Fired, Outcome::ZeroTokens, Outcome::Skipped, Outcome::Missed, Outcome::Waiting];

    /// Its mark.
    pub fn mark(self) -> char {
        match self {
            Outcome::Fired => '●',
            Outcome::ZeroTokens => '○',
            Outcome::Skipped => '–',
            Outcome::Missed => '×',
            Outcome::Waiting => '…',
        }
    }

    /// Its mark where only ASCII can be shown, and in JSON.
    pub fn ascii(self) -> char {
        match self {
            Outcome::Fired => '#',
            Outcome::ZeroTokens => '0',
            Outcome::Skipped => '-',
            Outcome::Missed => 'x',
            Outcome::Waiting => '~',
        }
    }

    /// What its mark means.
    pub fn meaning(self) -> &'static str {
        match self {
            Outcome::Fired => "fired",
            Outcome::ZeroTokens => "failed or used no tokens",
            Outcome::Skipped => "skipped",
            Outcome::Missed => "lost",
            Outcome::Waiting => "waiting",
        }
    }
}

/// The last slots of a job, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Timeline {
    /// The first of them.
    pub first: Option<Instant>,
    /// What became of each.
    pub outcomes: Vec<Outcome>,
}

impl Timeline {
    /// The last slots of a job, of which those in the spans `lost` are known to be lost; empty for jobs that are not watched
    /// or whose schedule can't be read.
    pub fn new(fleet: &Fleet<'_>, subject: &Subject<'_>, told: &[Finding]) -> Timeline {
        let context = fleet.context;
        let lost = silent_spans(context, told);
        let job = subject.job;
        let Some(cadence) = job.schedule.cadence().filter(|_| job.state.is_watched()) else {
            return Timeline::default();
        };
        let now = context.settings.now;
        // No fires are known from before the window.
        let known = job.created_at.max(context.snapshot.window_start).unwrap_or(Instant::MIN);
        let starts = last_slots(cadence, job, known, now);
        let Some(&first) = starts.first() else { return Timeline::default() };
        let fires = job.fires_since(first);
        // Of the last fires in a row that failed, only the row may know it.
        let failed = fires.len().saturating_sub(known_errors(job));
        let mut outcomes = Vec::with_capacity(starts.len());
        for (index, &at) in starts.iter().enumerate() {
            let end = starts.get(index + 1).copied().unwrap_or(now.plus(1)).max(at);
            let begun = fires.partition_point(|fire| fire.end < at);
            let served = begun..fires.partition_point(|fire| fire.end < end);
            let until = fires.get(begun).map_or(now, |fire| fire.end);
            let is_lost = || lost.iter().any(|(since, until)| *since <= at && at <= *until);
            let was_dead = context.worker.life.died().is_some_and(|written| at >= written);
            let may_wait = || job.state == State::Watched && !was_dead && context.worker.may_be_busy(at, until);
            let retries = |begun: usize| retry_after(context, &fires[..begun]).is_some_and(|retry| at < retry);
            let is_quiet = || context.after_quiet(subject, at) != at;
            let is_bad = |index: usize| index >= failed || fires[index].is_bad();
            outcomes.push(match served {
                none if none.is_empty() && (is_quiet() || retries(begun) || !is_lost() && may_wait()) => {
                    Outcome::Waiting
                }
                none if none.is_empty() => Outcome::Missed,
                served if served.clone().all(is_bad) => Outcome::ZeroTokens,
                served if fires[served.clone()].iter().all(Fire::is_skip) => Outcome::Skipped,
                _ => Outcome::Fired,
            });
        }
        Timeline { first: Some(first), outcomes }
    }
}

/// When a job is tried again after the error that it ended with last; None where the next slot comes all the same.
fn retry_after(context: &Context<'_>, before: &[Fire]) -> Option<Instant> {
    let errors = before.iter().rev().take_while(|fire| fire.is_bad()).count();
    let error = errors.checked_sub(1).filter(|_| !context.snapshot.traits.retries_in_slot)?;
    Some(before.last()?.end.plus(context.worker.backoff(error)))
}

/// The last slots up to `now`: scheduled times, or for an interval the fires and what should have followed each.
fn last_slots(cadence: &Cadence, job: &Job, known: Instant, now: Instant) -> Vec<Instant> {
    let mut slots = match cadence {
        Cadence::Every(interval) => interval_slots(*interval, job, now),
        Cadence::Cron(..) => cron_slots(cadence, known, now),
    };
    slots.drain(..slots.len().saturating_sub(MAX_SLOTS));
    slots
}

fn cron_slots(cadence: &Cadence, known: Instant, now: Instant) -> Vec<Instant> {
    let Some(usual) = cadence.usual_interval(now) else { return Vec::new() };
    let mut back = usual.saturating_mul(LOOKBACK_INTERVALS).min(MAX_LOOKBACK);
    loop {
        let from = now.plus(-back).max(known);
        let slots = std::iter::successors(cadence.next(from), |slot| cadence.next(*slot));
        let slots: Vec<Instant> = slots.take_while(|slot| *slot <= now).collect();
        if slots.len() >= MAX_SLOTS || from == known || back >= MAX_LOOKBACK {
            return slots;
        }
        back = back.saturating_mul(2).min(MAX_LOOKBACK);
    }
}

fn interval_slots(interval: Millis, job: &Job, now: Instant) -> Vec<Instant> {
    let skipped = job.fires.len().saturating_sub(MAX_SLOTS);
    let mut slots: Vec<Instant> = Vec::new();
    for fire in &job.fires[skipped..] {
        // The fire itself served the last of the slots since the one before it.
        let due = slots.last().map_or(0, |last| fire.end.since(*last) / interval);
        fill(&mut slots, interval, due - 1);
        slots.push(fire.end);
    }
    let due = slots.last().map_or(0, |last| now.since(*last) / interval);
    fill(&mut slots, interval, due);
    slots
}

/// Appends the slots that came due after the last one, but no more than are shown.
fn fill(slots: &mut Vec<Instant>, interval: Millis, due: i64) {
    let Some(&last) = slots.last() else { return };
    let first_shown = due.saturating_sub(i64::try_from(MAX_SLOTS).unwrap_or(i64::MAX)).max(0) + 1;
    slots.extend((first_shown..=due).map(|n| last.plus(n.saturating_mul(interval))));
}

/// From when until when a job was silent.
fn silent_spans(context: &Context<'_>, told: &[Finding]) -> Vec<(Instant, Instant)> {
    let silences = told.iter().filter(|finding| finding.missed_slots.is_some());
    silences.filter_map(|finding| Some((finding.since?, finding.until.unwrap_or(context.settings.now)))).collect()
}
