//! Jobs that ran regularly and no longer have a row. One may have been deleted on purpose; several at the same moment were lost.
//!
//! An agent may change a job only by deleting it and making it anew, so a job that was made when another one went is its
//! successor: what it replaces was not lost.

use super::subjects::Subjects;
use crate::model::{Job, JobIndex, State};
use crate::time::{DAY, HOUR, Instant, MINUTE, Millis};

/// So many regular jobs do not lose their rows at the same time on purpose.
const MIN_JOBS: usize = 3;
/// How long a job that does not run on weekends may have been silent before.
const WEEKEND: Millis = 2 * DAY;
/// With fewer good runs a job was not a regular one: a one-shot is tried three times at most.
const MIN_RUNS: usize = 3;
/// A successor is made at most so long before the last run of the job that it replaces ended.
const MADE_BEFORE: Millis = 20 * MINUTE;
/// And at most so long after the next one was due, by the median interval.
const MADE_AFTER: Millis = 15 * MINUTE;

/// Jobs whose rows went at the same time.
#[derive(Debug, Default)]
pub struct GoneTogether {
    groups: Vec<GoneGroup>,
}

/// Some of them.
#[derive(Debug)]
pub struct GoneGroup {
    /// The jobs, in order.
    pub jobs: Vec<JobIndex>,
    /// When the last of them ran: its row went after that.
    pub last_fire: Instant,
}

/// A job that has gone, and the time in which its row went.
#[derive(Debug, Clone, Copy)]
struct Leaving {
    job: JobIndex,
    from: Instant,
    until: Instant,
}

impl Leaving {
    fn may_be_at(&self, time: Instant) -> bool {
        self.from <= time && time <= self.until
    }

    /// The intervals of a job that keeps office hours may not have shown a weekend.
    fn may_be_at_beyond_a_weekend(&self, time: Instant) -> bool {
        self.from <= time && time <= self.until.plus(WEEKEND)
    }
}

impl GoneTogether {
    /// Looks for a time at which at least three regular jobs can have lost their rows, and no row was made instead.
    pub fn find(subjects: &Subjects<'_>) -> GoneTogether {
        let mut left = unreplaced(subjects);
        let mut groups = Vec::new();
        while let Some(last_fire) = most_likely_time(&left) {
            let (went, others): (Vec<Leaving>, Vec<Leaving>) =
                left.iter().copied().partition(|one| one.may_be_at_beyond_a_weekend(last_fire));
            // What goes one by one was not lost.
            if went.len() < MIN_JOBS || went.len() < others.len() {
                break;
            }
            groups.push(GoneGroup { jobs: went.iter().map(|one| one.job).collect(), last_fire });
            left = others;
        }
        GoneTogether { groups }
    }

    /// The jobs that a job went with.
    pub fn group_of(&self, job: JobIndex) -> Option<&GoneGroup> {
        self.groups.iter().find(|group| group.jobs.binary_search(&job).is_ok())
    }
}

/// The time at which the most can have gone, the last of several, if they are enough.
fn most_likely_time(left: &[Leaving]) -> Option<Instant> {
    let mut best: Option<(usize, Instant)> = None;
    for one in left {
        let count = left.iter().filter(|other| other.may_be_at(one.from)).count();
        best = best.max(Some((count, one.from)));
    }
    best.filter(|(count, _)| *count >= MIN_JOBS).map(|(_, time)| time)
}

/// The regular jobs that have gone and were not made anew.
fn unreplaced(subjects: &Subjects<'_>) -> Vec<Leaving> {
    let mut made: Vec<(Instant, &Job)> = Vec::new();
    for subject in subjects.iter() {
        if subject.job.state != State::Gone
            && let Some(created) = subject.job.created_at
        {
            made.push((created, subject.job));
        }
    }
    made.sort_by_key(|(created, _)| *created);
    let mut leaving = Vec::new();
    for subject in subjects.iter() {
        if subject.job.state == State::Gone
            && subject.selected
            && let Some((from, until)) = went_between(subject.job)
        {
            match made.iter().position(|(created, job)| replaces(*created, job, subject.job, from)) {
                Some(successor) => {
                    made.remove(successor);
                }
                None => leaving.push(Leaving { job: subject.index, from, until }),
            }
        }
    }
    leaving
}

/// Whether a row was made in place of one that has gone: under its name, or between its last run and its next slot.
fn replaces(created: Instant, made: &Job, gone: &Job, last_run: Instant) -> bool {
    let is_named_alike = !gone.name.is_empty() && gone.name != gone.id && gone.name == made.name;
    let next = last_run.plus(median_interval(gone) * 11 / 10);
    is_named_alike || last_run.plus(-MADE_BEFORE) <= created && created <= next.plus(MADE_AFTER)
}

fn good_runs(job: &Job) -> Vec<Instant> {
    job.fires.iter().filter(|fire| !fire.is_bad()).map(|fire| fire.end).collect()
}

fn intervals(runs: &[Instant]) -> Vec<Millis> {
    runs.windows(2).map(|pair| pair[1].since(pair[0])).collect()
}

fn median_interval(job: &Job) -> Millis {
    let mut intervals = intervals(&good_runs(job));
    intervals.sort_unstable();
    intervals.get(intervals.len() / 2).copied().unwrap_or(0)
}

/// The time in which the row of a regular job went: after its last run, and before it would have missed another one.
fn went_between(job: &Job) -> Option<(Instant, Instant)> {
    let good = good_runs(job);
    if good.len() < MIN_RUNS {
        return None;
    }
    let last = job.last_end()?;
    let longest = intervals(&good).into_iter().max().unwrap_or(0);
    Some((last, last.plus(longest + longest / 2 + HOUR)))
}
