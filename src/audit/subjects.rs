//! The jobs of a snapshot with the settings that they are judged by.

use super::policy::{JobSettings, Policy};
use super::runs::run_length;
use crate::model::{Fire, Job, JobIndex, Outcome, State};
use crate::time::Millis;
use std::collections::{HashMap, HashSet};
use std::ops::Index;

/// A job with the settings that it is judged by.
pub struct Subject<'a> {
    /// Its position.
    pub index: JobIndex,
    /// The job as it was read.
    pub job: &'a Job,
    /// Its settings.
    pub settings: JobSettings,
    /// Whether it is audited. What is not only keeps the worker busy.
    pub selected: bool,
}

impl Subject<'_> {
    /// How long a run took that ended well and sooner than the operator's min_run: it did nothing.
    pub fn too_short(&self, run: usize) -> Option<Millis> {
        let least = self.settings.min_run?;
        if !matches!(self.job.fires[run].outcome, Outcome::Worked | Outcome::Unproven) {
            return None;
        }
        run_length(self.job, run).filter(|took| *took < least)
    }

    /// How long a run of it takes at most.
    pub fn longest_run(&self) -> Millis {
        self.job.longest_run.unwrap_or(self.settings.thresholds.max_run)
    }

    /// Whether the scheduler picks its row, and the row has a next run.
    fn has_next_run(&self) -> bool {
        self.job.state == State::Watched && self.job.next_run().is_some()
    }

    /// The last run that did its work.
    pub fn last_good(&self) -> Option<&Fire> {
        let good = |run: &usize| !self.job.fires[*run].is_bad() && self.too_short(*run).is_none();
        (0..self.job.fires.len()).rev().find(good).map(|run| &self.job.fires[run])
    }
}

/// All jobs of a snapshot, in its order.
pub struct Subjects<'a> {
    all: Vec<Subject<'a>>,
    /// The jobs of each name.
    by_name: HashMap<&'a str, Vec<JobIndex>>,
    /// How many have a next run.
    with_next_run: usize,
}

impl<'a> Subjects<'a> {
    /// The jobs with the settings that a policy has for each.
    pub fn new(jobs: &'a [Job], policy: &Policy) -> Subjects<'a> {
        let mut all = Vec::with_capacity(jobs.len());
        let mut by_name: HashMap<&str, Vec<JobIndex>> = HashMap::new();
        for (position, job) in jobs.iter().enumerate() {
            let index = JobIndex::at(position);
            all.push(Subject { index, job, settings: policy.settings_of(job), selected: policy.selects(job) });
            by_name.entry(&job.name).or_default().push(index);
        }
        let with_next_run = all.iter().filter(|subject| subject.has_next_run()).count();
        Subjects { all, by_name, with_next_run }
    }

    /// The jobs of this name, in order. Names that were cut may differ in what is not seen.
    pub fn named(&self, name: &str) -> &[JobIndex] {
        if name.is_empty() || name.ends_with('…') {
            return &[];
        }
        self.by_name.get(name).map_or(&[], Vec::as_slice)
    }

    /// Whether no other job has the name that is shown of this one.
    pub fn has_own_name(&self, job: &Job) -> bool {
        self.by_name.get(job.name.as_str()).is_none_or(|jobs| jobs.len() == 1)
    }

    /// Whether a row that the scheduler picks has a next run, apart from those of some jobs.
    pub fn has_next_run_beside(&self, jobs: &HashSet<JobIndex>) -> bool {
        jobs.iter().filter(|job| self[**job].has_next_run()).count() < self.with_next_run
    }

    /// Each of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Subject<'a>> {
        self.all.iter()
    }
}

impl<'a> Index<JobIndex> for Subjects<'a> {
    type Output = Subject<'a>;

    fn index(&self, index: JobIndex) -> &Subject<'a> {
        &self.all[index.position()]
    }
}

impl std::fmt::Debug for Subjects<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter().map(|subject| &subject.job.id)).finish()
    }
}
