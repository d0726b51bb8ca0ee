//! What the judges of a database see: its snapshot, its jobs with their settings, and its worker.

use super::finding::Finding;
pub use super::subjects::{Subject, Subjects};
use super::worker::{FreeTime, Worker};
use crate::catalog::Problem;
use crate::model::{Fire, Job, JobIndex, Snapshot};
use crate::schedule::Cadence;
use crate::settings::Settings;
use crate::time::{DAY, Instant, Millis};
use std::collections::HashSet;

/// What the judges see of a database.
pub struct Context<'a> {
    /// The settings of the call.
    pub settings: &'a Settings,
    /// The database.
    pub snapshot: &'a Snapshot,
    /// Its jobs.
    pub subjects: &'a Subjects<'a>,
    /// When the worker was free, and what keeps it busy.
    pub worker: &'a Worker<'a>,
}

impl Context<'_> {
    /// The jobs.
    pub fn jobs(&self) -> impl Iterator<Item = &Job> {
        self.subjects.iter().map(|subject| subject.job)
    }

    /// The runs of all jobs, those whose rows are gone too.
    pub fn runs(&self) -> impl Iterator<Item = &Fire> + Clone {
        self.snapshot.jobs.iter().flat_map(|job| &job.fires).chain(&self.snapshot.other_fires)
    }

    /// A job by its position.
    pub fn job(&self, index: JobIndex) -> &Job {
        self.subjects[index].job
    }

    /// The findings as bad as the operator calls their problems.
    pub fn rated(&self, found: Vec<Finding>) -> Vec<Finding> {
        found.into_iter().map(|finding| self.rated_as(finding.problem(), finding)).collect()
    }

    /// A finding as bad as the operator calls a problem of its job.
    pub fn rated_as(&self, problem: Problem, finding: Finding) -> Finding {
        let severities = match finding.job() {
            Some(job) => &self.subjects[job].settings.severities,
            None => &self.settings.severities,
        };
        finding.rated(severities.get(&problem).copied())
    }

    /// For how long the worker was free for a job between two instants, without the hours in which it is not expected to run.
    pub fn free_for(&self, subject: &Subject<'_>, due: Instant, until: Instant) -> Millis {
        let has_run_since = subject.job.last_end().is_some_and(|end| end > due);
        let bounds = self.worker.free();
        let free = if has_run_since { bounds.on_record(due) } else { bounds.for_job_due(due) };
        self.outside_quiet(free, subject, due, until)
    }

    /// The same, even if every run whose start is not on record took as long as it can have.
    pub fn surely_free_for(&self, subject: &Subject<'_>, due: Instant, until: Instant) -> Millis {
        self.outside_quiet(self.worker.free().upper(), subject, due, until)
    }

    /// For how long no run at all was under way, where it is not known how many may go on at a time; without the same hours.
    pub fn idle_for(&self, subject: &Subject<'_>, due: Instant, until: Instant) -> Millis {
        self.outside_quiet(self.worker.free().idle(), subject, due, until)
    }

    /// How much of some free time lies between two instants, without the hours in which a job is not expected to run.
    fn outside_quiet(&self, free: &FreeTime, subject: &Subject<'_>, from: Instant, until: Instant) -> Millis {
        let asleep = self.quiet(subject, from, until).map(|(from, until)| free.between(from, until));
        (free.between(from, until) - asleep.sum::<Millis>()).max(0)
    }

    /// The hours between two instants in which a job is not expected to run.
    pub fn quiet(
        &self,
        subject: &Subject<'_>,
        from: Instant,
        until: Instant,
    ) -> impl Iterator<Item = (Instant, Instant)> {
        let zone = self.snapshot.zone.zone;
        let windows = subject.settings.quiet.clone().into_iter();
        windows.flat_map(move |quiet| quiet.windows(zone, from, until))
    }

    /// How long it is between two instants, without the hours in which a job is not expected to run.
    pub fn awake(&self, subject: &Subject<'_>, from: Instant, until: Instant) -> Millis {
        let asleep = self.quiet(subject, from, until).map(|(from, until)| until.since(from));
        (until.since(from) - asleep.sum::<Millis>()).max(0)
    }

    /// When the quiet hours of a job end that it is in; None outside of them.
    pub fn quiet_until(&self, subject: &Subject<'_>) -> Option<Instant> {
        let now = self.settings.now;
        Some(self.after_quiet(subject, now)).filter(|end| *end != now)
    }

    /// When a job that was due then could have run: after the quiet hours.
    pub fn after_quiet(&self, subject: &Subject<'_>, due: Instant) -> Instant {
        let mut quiet = self.quiet(subject, due, due.plus(DAY));
        quiet.find(|(from, _)| *from == due).map_or(due, |(_, until)| until)
    }

    /// When a run that was due then has ended at the latest.
    pub fn after_a_run(&self, subject: &Subject<'_>, due: Instant) -> Instant {
        due.plus(subject.longest_run())
    }

    /// A job's slots after `from` and up to `to`, without those in quiet hours.
    pub fn slots_between(&self, subject: &Subject<'_>, cadence: &Cadence, from: Instant, to: Instant) -> u64 {
        // A window that goes on covers the last slot too.
        let quiet = self
            .quiet(subject, from, to.plus(1))
            .map(|(begin, end)| cadence.slots_between(begin.plus(-1).max(from), end.plus(-1)));
        cadence.slots_between(from, to).saturating_sub(quiet.sum())
    }

    /// Whether a row that the scheduler picks has a next run, apart from those of some jobs.
    pub fn has_next_run_beside(&self, jobs: &HashSet<JobIndex>) -> bool {
        self.subjects.has_next_run_beside(jobs)
    }

    /// Whether there is a job whose silence would be a fault.
    pub fn watches_any(&self) -> bool {
        self.jobs().any(|job| job.state.is_watched())
    }
}
