//! Jobs that fail together, because something that they share fails: the model's provider, or whatever their error is about.

use super::context::Context;
use super::failed_runs::FailedRuns;
use super::flapping::Flapping;
use super::outage::{Outage, Outages};
use super::subjects::Subjects;
use crate::catalog::Problem;
use crate::model::{ErrorClass, JobIndex, Outcome};
use crate::time::{HOUR, Instant};
use std::collections::{BTreeMap, HashMap};

/// This many of the last fires of all jobs, of this many jobs, point at something that the jobs share.
const SHARED_FIRES: usize = 4;
const SHARED_JOBS: usize = 2;
/// With fewer jobs the same error is not one of most jobs.
const MIN_MOST: usize = 3;
/// So many jobs that fail together for an hour have stopped.
const MANY_JOBS: usize = 3;

/// Jobs that fail together: something that they share fails.
#[derive(Debug, Default)]
pub struct SharedFailure {
    /// The groups; a job is in one at most.
    groups: Vec<FailingGroup>,
    /// The positions of the groups of jobs.
    of_jobs: HashMap<JobIndex, usize>,
}

/// Some jobs that fail together.
#[derive(Debug)]
pub struct FailingGroup {
    /// The jobs, in order.
    pub jobs: Vec<JobIndex>,
    /// Their last bad fires in a row.
    pub fires: usize,
    /// What they share.
    pub shared: Shared,
    /// The one that began to fail.
    pub first: JobIndex,
    /// Whether they have failed for so long that it is no passing trouble.
    pub is_lasting: bool,
}

/// What jobs that fail together share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shared {
    /// No model has worked for any job since this fire.
    Model { last_good: Option<Instant> },
    /// The same error, while other jobs work.
    Error,
    /// The same error, as most jobs that need a model.
    ErrorOfMost,
}

impl Shared {
    /// Whether it points at the model's provider.
    pub fn is_provider(self) -> bool {
        self != Shared::Error
    }
}

impl SharedFailure {
    /// Looks at the outage that lasts, and at the errors that the last runs ended with.
    pub fn find(context: &Context<'_>, outages: &Outages, flapping: &Flapping) -> SharedFailure {
        let subjects = context.subjects;
        let working = Working::of(subjects);
        let mut groups: Vec<FailingGroup> = outages.ongoing().map(FailingGroup::of_outage).into_iter().collect();
        for failing in by_error(subjects, outages, flapping).into_values() {
            match groups.first_mut() {
                // A job that uses no model fails with the same error as those that do.
                Some(group) if group.has_any(&failing) && group.shared.is_provider() => group.take_in(failing),
                _ => groups.extend(FailingGroup::of_error(&failing, subjects, &working)),
            }
        }
        for group in &mut groups {
            group.is_lasting = is_lasting(context, outages, group);
        }
        let mut of_jobs = HashMap::new();
        for (position, group) in groups.iter().enumerate() {
            for job in &group.jobs {
                of_jobs.entry(*job).or_insert(position);
            }
        }
        SharedFailure { groups, of_jobs }
    }

    /// The jobs that a job fails together with.
    pub fn group_of(&self, job: JobIndex) -> Option<&FailingGroup> {
        self.of_jobs.get(&job).map(|position| &self.groups[*position])
    }
}

impl FailingGroup {
    /// The jobs of an outage that lasts.
    fn of_outage(outage: &Outage) -> FailingGroup {
        FailingGroup {
            jobs: outage.jobs.clone(),
            fires: outage.runs,
            shared: Shared::Model { last_good: outage.last_good },
            first: outage.first,
            is_lasting: false,
        }
    }

    /// Jobs whose last runs ended with the same error, if they are enough.
    fn of_error(failing: &[FailingJob], subjects: &Subjects<'_>, working: &Working) -> Option<FailingGroup> {
        let fires: usize = failing.iter().map(|(_, failed)| failed.recorded).sum();
        if failing.len() < SHARED_JOBS || fires < SHARED_FIRES {
            return None;
        }
        let (since, first) = failing.iter().map(|(job, failed)| (failed.since, *job)).min()?;
        let jobs: Vec<JobIndex> = failing.iter().map(|(job, _)| *job).collect();
        let shared =
            if is_of_most(&jobs, subjects, working.since(since)) { Shared::ErrorOfMost } else { Shared::Error };
        Some(FailingGroup { jobs, fires, shared, first, is_lasting: false })
    }

    fn take_in(&mut self, failing: Vec<FailingJob>) {
        for (job, failed) in failing {
            if !self.contains(job) {
                self.fires += failed.recorded;
                self.jobs.push(job);
            }
        }
        self.jobs.sort_unstable();
    }

    fn contains(&self, job: JobIndex) -> bool {
        self.jobs.binary_search(&job).is_ok()
    }

    fn has_any(&self, failing: &[FailingJob]) -> bool {
        failing.iter().any(|(job, _)| self.contains(*job))
    }
}

/// A job with its last runs, which failed.
type FailingJob = (JobIndex, FailedRuns);

/// The watched jobs that fail, by the error that their last runs ended with.
fn by_error(subjects: &Subjects<'_>, outages: &Outages, flapping: &Flapping) -> BTreeMap<ErrorClass, Vec<FailingJob>> {
    let mut by_error: BTreeMap<ErrorClass, Vec<FailingJob>> = BTreeMap::new();
    for subject in subjects.iter() {
        if subject.job.state.is_watched()
            && !subject.settings.mutes(Problem::SharedError)
            && let Some(class) = subject.job.error_class()
            && subject.job.fires.last().is_none_or(|last| last.outcome != Outcome::Cut)
            && let Some(failed) = FailedRuns::of(outages, subject)
            && !failed.may_be_chance()
            && !flapping.explains(subject.index, failed.since, failed.recorded)
        {
            by_error.entry(class).or_default().push((subject.index, failed));
        }
    }
    by_error
}

/// Whether jobs have failed together for so long that it is no passing trouble: for as long as the fastest of them usually waits,
/// if no other job that needs a model works; or three jobs for an hour.
fn is_lasting(context: &Context<'_>, outages: &Outages, group: &FailingGroup) -> bool {
    let subjects = || group.jobs.iter().map(|job| &context.subjects[*job]);
    let failed = subjects().filter_map(|subject| FailedRuns::of(outages, subject));
    let Some(since) = failed.map(|failed| failed.since).min() else { return false };
    let lasted = context.settings.now.since(since);
    let fastest = subjects().filter_map(|subject| subject.job.schedule.cadence()?.usual_interval(since)).min();
    let is_of_all = group.shared.is_provider() && fastest.is_some_and(|fastest| lasted >= fastest.max(HOUR));
    is_of_all || group.jobs.len() >= MANY_JOBS && lasted >= HOUR
}

/// Whether three jobs that need a model, or more, and twice as many as work, fail.
fn is_of_most(jobs: &[JobIndex], subjects: &Subjects<'_>, working: usize) -> bool {
    let failing = jobs.iter().filter(|job| subjects[**job].job.uses_model).count();
    failing >= MIN_MOST && failing >= 2 * working
}

/// When a model last worked for each job that needs one, oldest first.
struct Working(Vec<Instant>);

impl Working {
    fn of(subjects: &Subjects<'_>) -> Working {
        let need_model = subjects.iter().filter(|subject| subject.job.uses_model);
        let mut last = Vec::new();
        for subject in need_model {
            last.extend(subject.job.fires.iter().rev().find(|fire| fire.proves_model()).map(|fire| fire.end));
        }
        last.sort_unstable();
        Working(last)
    }

    /// For how many jobs a model has worked since.
    fn since(&self, since: Instant) -> usize {
        self.0.len() - self.0.partition_point(|last| *last <= since)
    }
}
