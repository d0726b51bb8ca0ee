//! What the worker is worked out from: the runs on record and the settings of their jobs.

use crate::audit::subjects::{Subject, Subjects};
use crate::model::{Fire, Job, JobIndex, Run, Snapshot};
use crate::settings::Settings;
use crate::time::{Instant, Millis};

/// A job was passed over once another one has fired this often since it was due.
const PASSED_OVER: usize = 3;

/// The end of a run and its job; None if the job has been deleted.
pub type RunEnd = (Instant, Option<JobIndex>);

/// The runs on record and the settings of their jobs.
#[derive(Debug, Clone, Copy)]
pub struct Records<'a> {
    /// The database.
    pub snapshot: &'a Snapshot,
    /// Its jobs.
    pub subjects: &'a Subjects<'a>,
    /// The settings of the call.
    pub settings: &'a Settings,
}

impl<'a> Records<'a> {
    /// The instant of the audit.
    pub fn now(self) -> Instant {
        self.settings.now
    }

    /// The jobs.
    pub fn jobs(self) -> impl Iterator<Item = &'a Job> {
        self.subjects.iter().map(|subject| subject.job)
    }

    /// All runs that have ended, those of deleted jobs too.
    pub fn fires(self) -> impl Iterator<Item = &'a Fire> {
        self.jobs().flat_map(|job| &job.fires).chain(&self.snapshot.other_fires)
    }

    /// The last end of any run up to `at`.
    pub fn end_before(self, at: Instant) -> Option<Instant> {
        self.fires().map(|fire| fire.end).filter(|end| *end <= at).max()
    }

    /// The last end of any run up to each of some instants, which rise.
    pub fn ends_before(self, instants: &[Instant]) -> Vec<Option<Instant>> {
        let Some(first) = instants.first() else { return Vec::new() };
        let mut ends = vec![None; instants.len()];
        for fire in self.fires() {
            // Most runs are older than any of the instants.
            let next = if fire.end <= *first { 0 } else { instants.partition_point(|instant| *instant < fire.end) };
            if let Some(last) = ends.get_mut(next) {
                *last = (*last).max(Some(fire.end));
            }
        }
        for next in 1..ends.len() {
            ends[next] = ends[next].max(ends[next - 1]);
        }
        ends
    }

    /// The last end of any run.
    pub fn last_end(self) -> Option<RunEnd> {
        let of_jobs =
            self.subjects.iter().filter_map(|subject| Some((subject.job.fires.last()?.end, Some(subject.index))));
        of_jobs.chain(self.snapshot.other_fires.last().map(|fire| (fire.end, None))).max()
    }

    /// The last end of any run on record, apart from those that only a row knows.
    pub fn last_recorded_end(self) -> Option<Instant> {
        let of_jobs = self.jobs().filter_map(|job| job.recorded().last());
        of_jobs.chain(self.snapshot.other_fires.last()).map(|fire| fire.end).max()
    }

    /// When the worker was done with the last run: as its job's row has it, where that is later than the run's cost event.
    pub fn done_since(self) -> Option<Instant> {
        // Before the first run there was nothing but the creation of the jobs.
        let Some((end, job)) = self.last_end() else { return self.snapshot.window_start };
        let row_end = job.and_then(|job| self.subjects[job].job.last_run()).map(Run::end);
        match row_end {
            Some(row_end) if row_end <= self.now() => Some(row_end.max(end)),
            _ => Some(end),
        }
    }

    /// The latest of all jobs' third-last ends: what was due before it and has not run since was passed over.
    pub fn passed_over_before(self) -> Option<Instant> {
        self.jobs().filter_map(|job| Some(job.fires[job.fires.len().checked_sub(PASSED_OVER)?].end)).max()
    }

    /// How long after an error the scheduler tries again; the first error is 0.
    pub fn backoff(self, error: usize) -> Millis {
        let delays = &self.snapshot.traits.backoff;
        delays.get(error).or(delays.last()).copied().unwrap_or(0)
    }

    /// How long it is since `start`, without the hours in which a job is not expected to run.
    pub fn awake(self, subject: Option<&Subject<'_>>, start: Instant) -> Millis {
        let quiet = subject.map_or(&self.settings.quiet, |subject| &subject.settings.quiet);
        let mut awake = self.now().since(start);
        for window in quiet {
            let asleep = window.windows(self.snapshot.zone.zone, start, self.now());
            awake -= asleep.map(|(from, until)| until.since(from)).sum::<Millis>();
        }
        awake
    }
}
