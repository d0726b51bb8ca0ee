//! Jobs that fail together, because something that they share fails: the model's provider, or whatever their error is about.

use super::flapping::Flapping;
use super::outage::{Outage, Outages};
use super::runs::{bad_in_a_row, failing_since};
use super::subjects::Subjects;
use crate::catalog::Problem;
use crate::model::{ErrorClass, Fire, Job, JobIndex};
use crate::time::Instant;
use std::collections::BTreeMap;

/// This many of the last fires of all jobs, of this many jobs, point at something that the jobs share.
const SHARED_FIRES: usize = 4;
const SHARED_JOBS: usize = 2;
/// With fewer jobs the same error is not one of most jobs.
const MIN_MOST: usize = 3;

/// Jobs that fail together: something that they share fails.
#[derive(Debug, Default)]
pub struct SharedFailure {
    /// The groups; a job is in one at most.
    groups: Vec<FailingGroup>,
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
    pub fn find(subjects: &Subjects<'_>, outages: &Outages, flapping: &Flapping) -> SharedFailure {
        let mut groups: Vec<FailingGroup> = outages.ongoing().map(FailingGroup::of_outage).into_iter().collect();
        for jobs in by_error(subjects, outages, flapping).into_values() {
            match groups.first_mut() {
                // A job that uses no model fails with the same error as those that do.
                Some(group) if group.has_any(&jobs) && group.shared.is_provider() => group.take_in(jobs, subjects),
                _ => groups.extend(FailingGroup::of_error(jobs, subjects)),
            }
        }
        SharedFailure { groups }
    }

    /// The jobs that a job fails together with.
    pub fn group_of(&self, job: JobIndex) -> Option<&FailingGroup> {
        self.groups.iter().find(|group| group.contains(job))
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
        }
    }

    /// Jobs whose last runs ended with the same error, if they are enough.
    fn of_error(jobs: Vec<JobIndex>, subjects: &Subjects<'_>) -> Option<FailingGroup> {
        let fires: usize = jobs.iter().map(|job| bad_in_a_row(subjects[*job].job)).sum();
        if jobs.len() < SHARED_JOBS || fires < SHARED_FIRES {
            return None;
        }
        let began = jobs.iter().filter_map(|job| Some((failing_since(subjects[*job].job)?.0, *job)));
        let (since, first) = began.min()?;
        let shared = if is_of_most(&jobs, subjects, since) { Shared::ErrorOfMost } else { Shared::Error };
        Some(FailingGroup { jobs, fires, shared, first })
    }

    fn take_in(&mut self, jobs: Vec<JobIndex>, subjects: &Subjects<'_>) {
        for job in jobs {
            if !self.contains(job) {
                self.fires += bad_in_a_row(subjects[job].job);
                self.jobs.push(job);
            }
        }
        self.jobs.sort_unstable();
    }

    fn contains(&self, job: JobIndex) -> bool {
        self.jobs.binary_search(&job).is_ok()
    }

    fn has_any(&self, jobs: &[JobIndex]) -> bool {
        jobs.iter().any(|job| self.contains(*job))
    }
}

/// The watched jobs that fail, by the error that their last runs ended with.
fn by_error(subjects: &Subjects<'_>, outages: &Outages, flapping: &Flapping) -> BTreeMap<ErrorClass, Vec<JobIndex>> {
    let mut by_error: BTreeMap<ErrorClass, Vec<JobIndex>> = BTreeMap::new();
    for subject in subjects.iter() {
        let job = subject.job;
        let fails = job.state.is_watched() && bad_in_a_row(job) > 0 && !outages.is_over_for(job, subject.index);
        if fails
            && !is_chance(job, subject.index, flapping)
            && !subject.settings.mutes(Problem::SharedError)
            && let Some(class) = job.error_class()
        {
            by_error.entry(class).or_default().push(subject.index);
        }
    }
    by_error
}

/// Whether a rate explains that the last runs of a job failed.
fn is_chance(job: &Job, index: JobIndex, flapping: &Flapping) -> bool {
    failing_since(job).is_some_and(|(since, _)| flapping.explains(index, since, bad_in_a_row(job)))
}

/// Whether three jobs that need a model, or more, and twice as many as work, fail.
fn is_of_most(jobs: &[JobIndex], subjects: &Subjects<'_>, since: Instant) -> bool {
    let failing = jobs.iter().filter(|job| subjects[**job].job.uses_model).count();
    let mut working = 0;
    for subject in subjects.iter() {
        let mut newer = subject.job.fires.iter().rev().take_while(|fire| fire.end > since);
        if subject.job.uses_model && newer.any(Fire::proves_model) {
            working += 1;
        }
    }
    failing >= MIN_MOST && failing >= 2 * working
}
