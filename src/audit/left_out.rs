//! Slots that a living scheduler leaves out: the next run of a job is one of its slots, and not the first.
//!
//! A frequent job loses little by one slot, and an edit may be the reason. But a weekly job loses a week's work, and several daily
//! jobs are not edited at once.

use super::context::{Context, Subject};
use super::ledger::{Fate, Stretch};
use super::witness::kept_its_schedule;
use crate::model::{JobIndex, State};
use crate::schedule::Cadence;
use crate::time::{DAY, HOUR, Instant, Millis};
use std::collections::HashMap;

/// Jobs that run as rarely as that lose a day's work by one slot, or a week's.
const DAILY: Millis = 20 * HOUR;
const WEEKLY: Millis = 6 * DAY;
/// So many jobs that are left out within a day have the cause in common.
const MANY: usize = 3;
/// Slots so close to a change of the clock are not sure.
const NEAR_CLOCK_CHANGE: Millis = 3 * HOUR;

/// What a job is left out of.
#[derive(Debug, Clone, Copy)]
pub struct LeftOut {
    /// The first slot.
    pub slot: Instant,
    /// How many slots there are before the next run.
    pub slots: u64,
    /// Whether others are left out at the same time.
    pub is_shared: bool,
    interval: Millis,
}

/// The jobs that are left out.
#[derive(Debug, Default)]
pub struct LeftOutJobs(HashMap<JobIndex, LeftOut>);

impl LeftOutJobs {
    /// Looks for them.
    pub fn find(context: &Context<'_>) -> LeftOutJobs {
        let subjects = context.subjects.iter();
        let mut found: Vec<(JobIndex, LeftOut)> =
            subjects.filter_map(|subject| Some((subject.index, left_out(context, subject)?))).collect();
        found.sort_by_key(|(job, left_out)| (left_out.slot, *job));
        let mut jobs = HashMap::new();
        for group in found.chunk_by(|(_, one), (_, next)| next.slot.since(one.slot) < DAY) {
            let is_shared = group.len() >= MANY;
            for (job, left_out) in group {
                if is_shared || left_out.interval >= WEEKLY {
                    jobs.insert(*job, LeftOut { is_shared, ..*left_out });
                }
            }
        }
        LeftOutJobs(jobs)
    }

    /// What a job is left out of.
    pub fn of(&self, job: JobIndex) -> Option<LeftOut> {
        self.0.get(&job).copied()
    }
}

/// The slots before a job's next run, if that is a slot of its schedule: an edit of the schedule alone leaves one of the old.
fn left_out(context: &Context<'_>, subject: &Subject<'_>) -> Option<LeftOut> {
    let (job, now) = (subject.job, context.settings.now);
    if job.state != State::Watched || job.errors() > 0 || job.self_paced {
        return None;
    }
    let (cadence, next_run_at) = (job.schedule.cadence()?, job.next_run()?);
    let interval = cadence.usual_interval(now)?;
    if interval < DAILY || next_run_at <= now || !cadence.has_slot_at(next_run_at) {
        return None;
    }
    let from = job.last_end().or(job.created_at)?.max(job.written().unwrap_or(Instant::MIN));
    let first = cadence.next(from)?;
    let slot = if first > now || was_passed_over(context, subject, first) { first } else { cadence.next(now)? };
    if slot >= next_run_at || is_near_clock_change(cadence, slot) {
        return None;
    }
    let slots = cadence.slots_between(slot.plus(-1), next_run_at.plus(-1));
    Some(LeftOut { slot, slots, is_shared: false, interval })
}

/// Whether the scheduler left out a slot that is past. Where it may move the next run before the run, the ledger tells.
fn was_passed_over(context: &Context<'_>, subject: &Subject<'_>, slot: Instant) -> bool {
    let runs = subject.job.fires.len();
    let stretch = Stretch { fate: Fate::Lost, since: slot, until: None, slots: 1, runs: runs..runs };
    context.snapshot.traits.rewrites_rows_on_restart()
        && context.worker.last_run_end() > Some(slot)
        && context.free_for(subject, slot, context.settings.now) > subject.settings.thresholds.late_after
        && kept_its_schedule(context, subject, &stretch)
}

fn is_near_clock_change(cadence: &Cadence, slot: Instant) -> bool {
    let Cadence::Cron(_, zone) = cadence else { return false };
    let (before, after) = (zone.wall(slot.plus(-NEAR_CLOCK_CHANGE)), zone.wall(slot.plus(NEAR_CLOCK_CHANGE)));
    (after - before).num_milliseconds() != 2 * NEAR_CLOCK_CHANGE
}
