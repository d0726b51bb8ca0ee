//! Outages: times in which no model worked for any of several jobs.
//!
//! An outage begins after the last good run of the jobs that share it and ends with the first good run of a job that failed in it.
//! A chance failure of one job before or after it is no part of it, and a job that has not run since its end no longer fails.

use super::subjects::{Subject, Subjects};
use crate::catalog::Problem;
use crate::model::{Fire, Job, JobIndex, Outcome};
use crate::time::{HOUR, Instant, Millis};
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// So many bad runs in a row of all jobs, of so many jobs, point at something that the jobs share.
const MIN_RUNS: usize = 4;
const MIN_JOBS: usize = 2;
/// It was long if so many runs of one job failed in it, or if it lasted so long.
const MIN_OF_A_JOB: usize = 3;
const LONG: Millis = HOUR;

/// A time in which no model worked.
#[derive(Debug, Clone)]
pub struct Outage {
    /// When the first bad run in it ended.
    pub since: Instant,
    /// When the first good run of one of its jobs after it ended; None while it lasts.
    pub until: Option<Instant>,
    /// The jobs that failed in it, in order.
    pub jobs: Vec<JobIndex>,
    /// The job that failed first.
    pub first: JobIndex,
    /// When the last good run before it ended, of the job that failed first: it stays the same while further jobs fail.
    pub anchor: Option<Instant>,
    /// When the last good run before it ended, of any job.
    pub last_good: Option<Instant>,
    /// How many runs failed in it.
    pub runs: usize,
    /// Most runs of one job that failed in it.
    most_of_a_job: usize,
}

impl Outage {
    /// Whether it was more than a few runs that failed within minutes.
    pub fn is_long(&self) -> bool {
        let lasted = self.until.map_or(0, |until| until.since(self.since));
        self.most_of_a_job >= MIN_OF_A_JOB || lasted >= LONG
    }

    /// Whether it was not over yet.
    pub fn lasted_at(&self, at: Instant) -> bool {
        self.until.is_none_or(|until| at <= until)
    }

    /// When the first bad run of one of its jobs ended.
    pub fn first_failure(&self, job: &Job) -> Option<Instant> {
        job.fires_since(self.since).iter().find(|fire| fire.is_bad()).map(|fire| fire.end)
    }

    /// Whether a bad run of a job is part of it.
    pub fn covers(&self, job: JobIndex, end: Instant) -> bool {
        self.since <= end && self.lasted_at(end) && self.jobs.binary_search(&job).is_ok()
    }
}

/// The outages of a database, oldest first.
#[derive(Debug, Default)]
pub struct Outages {
    /// None begins before the one before it has ended.
    all: Vec<Outage>,
    /// The positions of those of each job, oldest first.
    of_jobs: HashMap<JobIndex, Vec<usize>>,
}

impl Outages {
    /// Looks at all runs that need a model.
    pub fn find(subjects: &Subjects<'_>, others: &[Fire]) -> Outages {
        let proofs = OnceCell::new();
        let mut finder = Finder { subjects, others, proofs, failing: Vec::new(), first_good: None, found: Vec::new() };
        for failure in failures(subjects) {
            finder.add(failure);
        }
        finder.close();
        Outages::of(finder.found)
    }

    fn of(all: Vec<Outage>) -> Outages {
        let mut of_jobs: HashMap<JobIndex, Vec<usize>> = HashMap::new();
        for (position, outage) in all.iter().enumerate() {
            for job in &outage.jobs {
                of_jobs.entry(*job).or_default().push(position);
            }
        }
        Outages { all, of_jobs }
    }

    /// Keeps those for which this holds.
    pub fn retain(&mut self, holds: impl Fn(&Outage) -> bool) {
        let mut all = std::mem::take(&mut self.all);
        all.retain(holds);
        *self = Outages::of(all);
    }

    /// Each of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Outage> {
        self.all.iter()
    }

    /// The one that lasts.
    pub fn ongoing(&self) -> Option<&Outage> {
        self.all.last().filter(|outage| outage.until.is_none())
    }

    /// The one that a bad run of a job was part of.
    pub fn of_run(&self, job: JobIndex, end: Instant) -> Option<&Outage> {
        let after = self.all.partition_point(|outage| outage.since <= end);
        self.all[..after].last().filter(|outage| outage.covers(job, end))
    }

    /// The outage in which a run failed, if that is over.
    pub fn past_of_run(&self, job: JobIndex, fire: &Fire) -> Option<&Outage> {
        if fire.is_bad() { self.of_run(job, fire.end).filter(|outage| outage.until.is_some()) } else { None }
    }

    /// The outage in which the last run of a job failed, if that is over, so that the job waits for its next one.
    pub fn past_of(&self, subject: &Subject<'_>) -> Option<&Outage> {
        self.past_of_run(subject.index, subject.job.fires.last()?)
    }

    /// The ones that are over, of a job.
    pub fn over(&self, job: JobIndex) -> impl Iterator<Item = &Outage> {
        let positions = self.of_jobs.get(&job).map_or(&[][..], Vec::as_slice);
        positions.iter().map(|position| &self.all[*position]).filter(|outage| outage.until.is_some())
    }
}

/// A run that failed or used no tokens.
#[derive(Debug, Clone, Copy)]
struct Failure {
    end: Instant,
    job: JobIndex,
    /// When the last good run of its job before it ended.
    last_good: Option<Instant>,
    /// When the first good run of its job after it ended.
    next_good: Option<Instant>,
}

/// The runs that failed or used no tokens, of jobs that need a model, oldest first.
fn failures(subjects: &Subjects<'_>) -> Vec<Failure> {
    let mut failures = Vec::new();
    for subject in subjects.iter() {
        if subject.job.uses_model && !subject.settings.mutes(Problem::ProviderFailing) {
            add_failures(subject, &mut failures);
        }
    }
    failures.sort_by_key(|failure| (failure.end, failure.job));
    failures
}

fn add_failures(subject: &Subject<'_>, failures: &mut Vec<Failure>) {
    let (mut begun, mut last_good) = (failures.len(), None);
    for fire in &subject.job.fires {
        if fire.proves_model() {
            last_good = Some(fire.end);
            for failure in &mut failures[begun..] {
                failure.next_good = last_good;
            }
            begun = failures.len();
        } else if (fire.has_failed() || fire.is_empty()) && fire.outcome != Outcome::Cut {
            failures.push(Failure { end: fire.end, job: subject.index, last_good, next_good: None });
        }
    }
}

/// Looks for outages, one failure after the other.
struct Finder<'a> {
    subjects: &'a Subjects<'a>,
    others: &'a [Fire],
    /// See [`proofs`]. Where nothing fails, nobody asks.
    proofs: OnceCell<Vec<Proof>>,
    /// Failures since which none of their jobs has had a good run, oldest first.
    failing: Vec<Failure>,
    /// When the first good run of one of their jobs ends.
    first_good: Option<Instant>,
    found: Vec<Outage>,
}

impl Finder<'_> {
    fn add(&mut self, failure: Failure) {
        if self.first_good.is_some_and(|end| end < failure.end) {
            self.close();
        }
        // The job has worked since: what failed before was something else.
        if let Some(good) = failure.last_good {
            self.forget_until(good);
        }
        self.first_good = [self.first_good, failure.next_good].into_iter().flatten().min();
        self.failing.push(failure);
    }

    fn forget_until(&mut self, good: Instant) {
        let forgotten = self.failing.partition_point(|failure| failure.end <= good);
        if forgotten > 0 {
            self.failing.drain(..forgotten);
            self.first_good = first_good(&self.failing);
        }
    }

    fn close(&mut self) {
        let until = self.first_good.take();
        let failing = std::mem::take(&mut self.failing);
        let (Some(first), Some(last)) = (failing.first(), failing.last()) else { return };
        let jobs: BTreeSet<JobIndex> = failing.iter().map(|failure| failure.job).collect();
        if failing.len() < MIN_RUNS || jobs.len() < MIN_JOBS {
            return;
        }
        // Where a model works for other jobs, these fail for a reason of their own, until one of them shows otherwise.
        let judged_until = if until.is_none() { Instant::MAX } else { last.end };
        if self.has_proof_by_others(&jobs, first.end, judged_until) {
            return;
        }
        self.found.push(Outage {
            since: first.end,
            until,
            first: first.job,
            anchor: first.last_good,
            last_good: self.last_proof(first.end),
            most_of_a_job: most_of_a_job(&failing),
            jobs: jobs.into_iter().collect(),
            runs: failing.len(),
        });
    }

    /// Whether a model worked after an instant, and up to another, for a job that did not fail.
    fn has_proof_by_others(&self, failing: &BTreeSet<JobIndex>, after: Instant, until: Instant) -> bool {
        let proofs = self.proofs();
        let first = proofs.partition_point(|(end, _)| *end <= after);
        let within = proofs[first..].iter().take_while(|(end, _)| *end <= until);
        within.map(|(_, job)| job).any(|job| job.is_none_or(|job| !failing.contains(&job)))
    }

    /// When a model last worked for any job up to an instant.
    fn last_proof(&self, until: Instant) -> Option<Instant> {
        let proofs = self.proofs();
        proofs[..proofs.partition_point(|(end, _)| *end <= until)].last().map(|(end, _)| *end)
    }

    fn proofs(&self) -> &[Proof] {
        self.proofs.get_or_init(|| proofs(self.subjects, self.others))
    }
}

/// When a run showed that a model works, and for which job, if that has a row.
type Proof = (Instant, Option<JobIndex>);

/// Those of all jobs, oldest first.
fn proofs(subjects: &Subjects<'_>, others: &[Fire]) -> Vec<Proof> {
    let mut proofs = Vec::new();
    for subject in subjects.iter() {
        let good = subject.job.fires.iter().filter(|fire| fire.proves_model());
        proofs.extend(good.map(|fire| (fire.end, Some(subject.index))));
    }
    proofs.extend(others.iter().filter(|fire| fire.proves_model()).map(|fire| (fire.end, None)));
    proofs.sort_unstable();
    proofs
}

/// When the first good run of a job that fails ended.
fn first_good(failing: &[Failure]) -> Option<Instant> {
    failing.iter().filter_map(|failure| failure.next_good).min()
}

/// Most failures of one job.
fn most_of_a_job(failing: &[Failure]) -> usize {
    let mut by_job: BTreeMap<JobIndex, usize> = BTreeMap::new();
    for failure in failing {
        *by_job.entry(failure.job).or_insert(0) += 1;
    }
    by_job.into_values().max().unwrap_or(0)
}
