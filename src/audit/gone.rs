//! Jobs that ran regularly and no longer have a row. One may have been deleted on purpose; several at the same moment were lost.
//!
//! An agent may change a job only by deleting it and making it anew, so a job that was made when another one went is its
//! successor: what it replaces was not lost.

use super::subjects::Subjects;
use crate::model::{Job, JobIndex, State};
use crate::time::{DAY, HOUR, Instant, MINUTE, Millis};
use std::collections::{BTreeMap, BTreeSet, HashMap};

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
    let mut begun: Vec<Instant> = left.iter().map(|one| one.from).collect();
    let mut over: Vec<Instant> = left.iter().map(|one| one.until).collect();
    begun.sort_unstable();
    over.sort_unstable();
    for one in left {
        let count = begun.partition_point(|from| *from <= one.from) - over.partition_point(|until| *until < one.from);
        best = best.max(Some((count, one.from)));
    }
    best.filter(|(count, _)| *count >= MIN_JOBS).map(|(_, time)| time)
}

/// The regular jobs that have gone and were not made anew.
fn unreplaced(subjects: &Subjects<'_>) -> Vec<Leaving> {
    let mut made = Made::of(subjects);
    let mut leaving = Vec::new();
    for subject in subjects.iter() {
        if subject.job.state == State::Gone
            && subject.selected
            && let Some((from, until)) = went_between(subject.job)
        {
            match made.successor(subject.job, from) {
                Some(successor) => made.forget(successor),
                None => leaving.push(Leaving { job: subject.index, from, until }),
            }
        }
    }
    leaving
}

/// When a row was made, and the position of its job.
type Creation = (Instant, JobIndex);

/// The rows that may have been made in place of others, the oldest first.
struct Made<'a> {
    all: BTreeMap<Creation, &'a str>,
    by_name: HashMap<&'a str, BTreeSet<Creation>>,
}

impl<'a> Made<'a> {
    fn of(subjects: &Subjects<'a>) -> Made<'a> {
        let mut made = Made { all: BTreeMap::new(), by_name: HashMap::new() };
        for subject in subjects.iter() {
            if subject.job.state != State::Gone
                && let Some(created) = subject.job.created_at
            {
                let (name, creation) = (subject.job.name.as_str(), (created, subject.index));
                made.all.insert(creation, name);
                made.by_name.entry(name).or_default().insert(creation);
            }
        }
        made
    }

    /// The first row that was made in place of one that has gone: under its name, or between its last run and its next slot.
    fn successor(&self, gone: &Job, last_run: Instant) -> Option<Creation> {
        let is_named = !gone.name.is_empty() && gone.name != gone.id;
        let alike = self.by_name.get(gone.name.as_str()).filter(|_| is_named);
        let next = last_run.plus(median_interval(gone) * 11 / 10);
        let mut since = self.all.range((last_run.plus(-MADE_BEFORE), JobIndex::at(0))..);
        let in_place = since.next().filter(|((created, _), _)| *created <= next.plus(MADE_AFTER));
        let in_place = in_place.map(|(creation, _)| *creation);
        alike.and_then(|creations| creations.first().copied()).into_iter().chain(in_place).min()
    }

    fn forget(&mut self, creation: Creation) {
        if let Some(name) = self.all.remove(&creation)
            && let Some(creations) = self.by_name.get_mut(name)
        {
            creations.remove(&creation);
        }
    }
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
