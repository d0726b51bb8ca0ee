//! When a job is due, where its store does not say so: by its schedule, or by the rhythm of its runs.

use super::unjudged;
use crate::model::{Due, Fire, Job, Schedule, Timestamp};
use crate::schedule::Cadence;
use crate::time::{Instant, Millis, SECOND};

/// The last runs, which show the rhythm of a job.
const LAST_RUNS: usize = 100;
/// With fewer times between runs there is no rhythm.
const MIN_INTERVALS: usize = 3;

/// What is known of the next runs of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextRuns {
    /// It keeps none.
    None,
    /// It keeps them, in a form that can be read.
    Read,
    /// It keeps them, and none can be read.
    Unread,
}

impl NextRuns {
    /// Those of these jobs; `has_column` is whether the query for jobs has next runs.
    pub fn of(jobs: &[Job], has_column: bool) -> NextRuns {
        let mut stamps = jobs.iter().filter_map(|job| job.row.as_ref()).map(|row| &row.next_run_at);
        let is_unread = |stamp: &&Timestamp| matches!(stamp, Timestamp::Unreadable(_));
        if !has_column {
            NextRuns::None
        } else if stamps.clone().any(|stamp| is_unread(&stamp)) && !stamps.any(|stamp| stamp.instant().is_some()) {
            NextRuns::Unread
        } else {
            NextRuns::Read
        }
    }
}

/// Gives a job whose store has no next run one that follows from what is known, else says that it can't be judged.
pub fn settle(job: &mut Job, next_runs: NextRuns, now: Instant) {
    let Some(row) = job.row.as_ref() else { return };
    let is_recurring = job.schedule.cadence().is_some();
    match row.next_run_at {
        Timestamp::At(_) => return,
        // The scheduler itself has none, although it has a schedule that is understood.
        Timestamp::Missing if next_runs != NextRuns::None && is_recurring => return,
        // Those of other jobs are read, so that the scheduler can't read this one either.
        Timestamp::Unreadable(_) if next_runs == NextRuns::Read => return,
        Timestamp::Unreadable(_) => unjudged::one(job, "its next run can't be read"),
        Timestamp::Missing => {}
    }
    if let Schedule::Once(Due::At(at)) = job.schedule {
        if next_runs == NextRuns::None && at > now {
            set_next_run(job, at);
        }
        return;
    }
    if !is_recurring {
        learn(job);
    }
    let from = job.fires.iter().filter_map(Fire::known_start).max().or(job.running_since).or(job.created_at);
    let Some(cadence) = job.schedule.cadence() else {
        job.row = None;
        unjudged::one(
            job,
            "nothing tells when it is due: no schedule that can be read, no next run, and no regular runs",
        );
        return;
    };
    let next = cadence.next(from.unwrap_or(now));
    match (from, next) {
        (Some(_), Some(next)) => set_next_run(job, next),
        (Some(_), None) => job.row = None,
        (None, _) => {
            job.row = None;
            unjudged::one(job, "no run of it is known, nor when it was made");
        }
    }
}

/// Counts a job without runs from when on runs are kept: those before it were deleted.
pub fn forget_before(job: &mut Job, kept: Instant) {
    if job.fires.is_empty() && job.running_since.is_none() {
        job.created_at = job.created_at.map(|made| made.max(kept));
    }
}

fn set_next_run(job: &mut Job, at: Instant) {
    if let Some(row) = job.row.as_mut() {
        row.next_run_at = Timestamp::At(at);
    }
}

/// Takes the rhythm of a job's runs for its schedule, if they have one.
fn learn(job: &mut Job) {
    let Schedule::Unmapped(terms) = &job.schedule else { return };
    let last = &job.fires[job.fires.len().saturating_sub(LAST_RUNS)..];
    let mut starts: Vec<Instant> = last.iter().map(|fire| fire.known_start().unwrap_or(fire.end)).collect();
    starts.sort_unstable();
    if let Some((usual, longest)) = rhythm(&starts) {
        job.schedule = Schedule::Learned { terms: terms.clone(), usual, cadence: Cadence::Every(longest) };
    }
}

/// The usual time between runs, and the longest that came more than once: what came once may have been an outage.
fn rhythm(starts: &[Instant]) -> Option<(Millis, Millis)> {
    let mut between: Vec<Millis> = starts.windows(2).map(|pair| pair[1].since(pair[0])).collect();
    between.sort_unstable();
    if between.len() < MIN_INTERVALS {
        return None;
    }
    let usual = between[between.len() / 2];
    let longest = between[between.len() - 2].max(usual);
    (usual >= SECOND).then_some((usual, longest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{DAY, HOUR, MINUTE};

    fn starts(between: &[Millis]) -> Vec<Instant> {
        let mut at = Instant::from_millis(1_772_445_600_000);
        let mut starts = vec![at];
        for span in between {
            at = at.plus(*span);
            starts.push(at);
        }
        starts
    }

    #[test]
    fn a_rhythm_takes_four_runs() {
        assert_eq!(rhythm(&starts(&[HOUR, HOUR])), None);
        assert_eq!(rhythm(&starts(&[HOUR, HOUR, HOUR])), Some((HOUR, HOUR)));
        assert_eq!(rhythm(&starts(&[0, 0, 0])), None);
    }

    #[test]
    fn one_outage_is_no_rhythm_and_a_night_that_comes_again_is() {
        let ten = 10 * MINUTE;
        assert_eq!(rhythm(&starts(&[ten, ten, 5 * DAY, ten])), Some((ten, ten)));
        assert_eq!(rhythm(&starts(&[HOUR, HOUR, 14 * HOUR, HOUR, HOUR, 14 * HOUR, HOUR])), Some((HOUR, 14 * HOUR)));
    }
}
