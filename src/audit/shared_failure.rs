//! Jobs that fail together, because something that they share fails: the model's provider, or whatever their error is about.

use super::context::{Subject, Subjects};
use super::runs::{bad_in_a_row, failing_since};
use crate::catalog::Problem;
use crate::model::{ErrorClass, Fire, JobIndex};
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
    pub first: Option<JobIndex>,
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
    /// Looks at the last fires of all jobs except those that may use no tokens.
    pub fn find(subjects: &Subjects<'_>, others: &[Fire]) -> SharedFailure {
        let model = FailingGroup::without_model(subjects, others);
        let mut by_error: BTreeMap<ErrorClass, Vec<JobIndex>> = BTreeMap::new();
        for subject in subjects.iter().filter(|subject| !subject.settings.mutes(Problem::SharedError)) {
            let class = subject.job.error_class().filter(|_| bad_in_a_row(subject.job) > 0);
            if let Some(class) = class.filter(|_| subject.job.state.is_watched()) {
                by_error.entry(class).or_default().push(subject.index);
            }
        }
        let mut groups: Vec<FailingGroup> = model.into_iter().collect();
        for jobs in by_error.into_values() {
            let fires = |jobs: &[JobIndex]| jobs.iter().map(|job| bad_in_a_row(subjects[*job].job)).sum();
            match groups.first_mut().filter(|group| group.has_any(&jobs) && group.shared.is_provider()) {
                // A job that uses no model fails with the same error as those that do.
                Some(group) => {
                    let further: Vec<JobIndex> = jobs.into_iter().filter(|job| !group.contains(*job)).collect();
                    group.fires += fires(&further);
                    group.jobs.extend(further);
                    group.jobs.sort_unstable();
                }
                None => {
                    let group = FailingGroup { fires: fires(&jobs), jobs, shared: Shared::Error, first: None };
                    groups.extend(Some(group).filter(FailingGroup::is_enough));
                }
            }
        }
        for group in &mut groups {
            let since = |job: &JobIndex| Some((failing_since(subjects[*job].job)?.0, *job));
            let Some((since, first)) = group.jobs.iter().filter_map(since).min() else { continue };
            group.first = Some(first);
            if group.shared == Shared::Error && group.is_of_most(subjects, since) {
                group.shared = Shared::ErrorOfMost;
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
    /// Jobs whose runs need a model, if none has worked in any fire since the last good one.
    fn without_model(subjects: &Subjects<'_>, others: &[Fire]) -> Option<FailingGroup> {
        let proof = |fires: &[Fire]| fires.iter().rev().find(|fire| fire.proves_model()).map(|fire| fire.end);
        let last_good = subjects.iter().filter_map(|subject| proof(&subject.job.fires)).chain(proof(others)).max();
        let mut group = FailingGroup { jobs: Vec::new(), fires: 0, shared: Shared::Model { last_good }, first: None };
        let needs_model =
            |subject: &&Subject<'_>| subject.job.uses_model && !subject.settings.mutes(Problem::ProviderFailing);
        for subject in subjects.iter().filter(needs_model) {
            let newer = |fire: &&Fire| last_good.is_none_or(|good| fire.end > good);
            let failed = |fire: &&Fire| fire.has_failed() || fire.is_empty();
            let bad = subject.job.fires.iter().rev().take_while(newer).filter(failed).count();
            if bad > 0 {
                group.jobs.push(subject.index);
                group.fires += bad;
            }
        }
        Some(group).filter(FailingGroup::is_enough)
    }

    /// Whether three jobs that need a model, or more, and twice as many as work, fail.
    fn is_of_most(&self, subjects: &Subjects<'_>, since: Instant) -> bool {
        let failing = self.jobs.iter().filter(|job| subjects[**job].job.uses_model).count();
        let works = |subject: &&Subject<'_>| {
            let fires = &subject.job.fires;
            subject.job.uses_model && fires.iter().rev().take_while(|fire| fire.end > since).any(Fire::proves_model)
        };
        failing >= MIN_MOST && failing >= 2 * subjects.iter().filter(works).count()
    }

    fn is_enough(&self) -> bool {
        self.jobs.len() >= SHARED_JOBS && self.fires >= SHARED_FIRES
    }

    fn contains(&self, job: JobIndex) -> bool {
        self.jobs.binary_search(&job).is_ok()
    }

    fn has_any(&self, jobs: &[JobIndex]) -> bool {
        jobs.iter().any(|job| self.contains(*job))
    }
}
