//! The starts of the scheduler's process: those on record, and those that its rows reveal.

use super::records::Records;
use crate::model::{Job, Run, Snapshot};
use crate::schedule::Cadence;
use crate::time::{HOUR, Instant, MINUTE, Millis, SECOND};

/// A row is written within this time after its run's cost event, whose time is cut to the second.
pub const ROW_FOLLOWS: Millis = 2 * SECOND;
/// How exactly the end of a run is known: an interval is counted from a moment later.
const SAME_MINUTE: Millis = 50;
/// A slot that falls into so short a stop of the process was lost to the restart.
const SHORT_STOP: Millis = 5 * MINUTE;
/// A scheduler that was restarted so often without running a job is in a crash loop.
const MIN_CRASHES: usize = 3;
/// So many boots in this time after which the process was killed are a crash loop, as long as the last was not long ago.
const MANY_CRASHES: usize = 10;
const CRASHES_WITHIN: Millis = 12 * HOUR;
const CRASHES_GO_ON: Millis = 2 * HOUR;

/// Boots in a row without a run between them.
#[derive(Debug, Clone, Copy)]
pub struct CrashLoop {
    /// How many.
    pub starts: usize,
    /// When the first of them was.
    pub first: Instant,
    /// When the last one was.
    pub last: Instant,
    /// Whether the last one was not long ago.
    pub goes_on: bool,
    /// Whether each of them failed, as recorded.
    pub fails: bool,
}

/// The boots on record, oldest first.
#[derive(Debug, Clone, Copy)]
pub struct Boots<'a> {
    boots: &'a [Instant],
    /// Those after which the process was killed.
    kills: &'a [Instant],
    /// Those that failed.
    failed: &'a [Instant],
    last_run_end: Option<Instant>,
    now: Instant,
}

impl<'a> Boots<'a> {
    /// Those of a database in which the last run ended at `last_run_end`.
    pub fn new(records: Records<'a>, last_run_end: Option<Instant>) -> Boots<'a> {
        let Snapshot { boots, kills, failed_starts, .. } = records.snapshot;
        Boots { boots, kills, failed: failed_starts, last_run_end, now: records.now() }
    }

    /// The last one.
    pub fn last(self) -> Option<Instant> {
        self.boots.last().copied()
    }

    /// Boots in a row without a run between them, if there are enough to be a crash loop.
    pub fn crash_loop(self) -> Option<CrashLoop> {
        let idle = match self.last_run_end {
            Some(end) => &self.boots[self.boots.partition_point(|boot| *boot <= end)..],
            None => self.boots,
        };
        if idle.len() < MIN_CRASHES {
            return None;
        }
        let (first, last) = (*idle.first()?, *idle.last()?);
        let failed = self.failed.iter().filter(|start| **start >= first).count();
        let goes_on = self.now.since(last) <= CRASHES_GO_ON;
        Some(CrashLoop { starts: idle.len(), first, last, goes_on, fails: failed == idle.len() })
    }

    /// Boots of the last hours after which the process was killed, if they are so many that it crashes, and when the first
    /// was.
    pub fn crashes(self) -> Option<(usize, Instant)> {
        let recent = &self.kills[self.kills.partition_point(|boot| self.now.since(*boot) > CRASHES_WITHIN)..];
        if recent.len() < MANY_CRASHES || self.now.since(*recent.last()?) > CRASHES_GO_ON {
            return None;
        }
        Some((recent.len(), *recent.first()?))
    }

    /// The last boot after a job's last run that came before it was due, or so soon after that it lost the slot.
    pub fn between(self, last_run: Option<Instant>, due: Instant) -> Option<Instant> {
        let boot = self.last_before(|boot| boot.since(due) <= SHORT_STOP)?;
        if last_run? < boot { Some(boot) } else { None }
    }

    /// The boot that ended a silence between two ends of runs in a row.
    pub fn that_ended(self, end: Instant, next_end: Instant) -> Option<Instant> {
        let boot = self.last_before(|boot| boot <= next_end)?;
        if boot > end && self.crash_loop().is_none() { Some(boot) } else { None }
    }

    /// The last one that is early enough.
    fn last_before(self, is_early: impl Fn(Instant) -> bool) -> Option<Instant> {
        self.boots[..self.boots.partition_point(|boot| is_early(*boot))].last().copied()
    }
}

/// When a restart scheduled a past-due job: its `next_run_at`, if that is not one of its own slots.
pub fn rewritten_at(job: &Job) -> Option<Instant> {
    if !job.state.is_watched() || job.errors() > 0 {
        return None;
    }
    let next = job.next_run()?;
    let is_own = match job.schedule.cadence() {
        Some(Cadence::Every(interval)) => {
            let from = [job.last_run().map(Run::end), job.written(), job.created_at];
            from.into_iter()
                .flatten()
                .any(|from| follows(from, *interval, next) || follows_another_interval(from, next))
        }
        // Its slots are whole minutes in any zone.
        Some(Cadence::Cron(..)) => next.millis() % MINUTE == 0,
        None => job.schedule.at().is_none_or(|at| next.since(at).abs() <= SECOND),
    };
    if is_own { None } else { Some(next) }
}

/// Whether a next run is an interval after `from`.
fn follows(from: Instant, interval: Millis, next: Instant) -> bool {
    next.since(from.plus(interval)).abs() <= ROW_FOLLOWS
}

/// Whether a next run is whole minutes after `from`: an interval that was edited since, and not the time of a boot.
fn follows_another_interval(from: Instant, next: Instant) -> bool {
    let rest = next.since(from).rem_euclid(MINUTE);
    next > from && rest.min(MINUTE - rest) <= SAME_MINUTE
}
