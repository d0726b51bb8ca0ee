//! The keys of silences: the last end of any run before them, or the run in flight that everything waits for.

use super::key::{Family, Key};
use crate::audit::context::Context;
use crate::audit::evidence::Evidence;
use crate::audit::finding::Finding;
use crate::audit::fleet::Fleet;
use crate::audit::witness::is_long;
use crate::audit::worker::{ActiveRun, LATE_IN_A_BATCH, Phase, RunIndex, RunLength};
use crate::model::{JobIndex, Lease, Passes};
use crate::time::Instant;
use std::collections::{BTreeMap, HashMap};

/// The silences of a database.
pub struct Silences<'a> {
    fleet: &'a Fleet<'a>,
    database: &'a str,
    /// See [`stopped_together`].
    stopped: HashMap<(JobIndex, Instant), Instant>,
    /// The runs in flight by their keys, of several the first.
    runs: HashMap<Key, RunIndex>,
    culprit: Option<RunIndex>,
}

impl<'a> Silences<'a> {
    /// Finds out which jobs stopped together.
    pub fn new(fleet: &'a Fleet<'a>, database: &'a str, found: &[Finding]) -> Silences<'a> {
        let stopped = stopped_together(fleet, found);
        let mut silences = Silences { fleet, database, stopped, runs: HashMap::new(), culprit: None };
        for (index, _) in fleet.context.worker.indexed_runs() {
            let key = silences.of_run(index);
            silences.runs.entry(key).or_insert(index);
        }
        silences.culprit = silences.find_culprit();
        silences
    }

    /// The run in flight that a key stands for.
    pub fn run(&self, key: &Key) -> Option<RunIndex> {
        self.runs.get(key).copied()
    }

    /// The key of a run in flight. Where one run goes on at a time, everything waits for what came after the last end before it,
    /// which is still known when the run no longer shows.
    pub fn of_run(&self, index: RunIndex) -> Key {
        let run = self.fleet.context.worker.run(index);
        if self.fleet.context.snapshot.traits.max_concurrent == 1 {
            return self.after(self.fleet.context.worker.end_before(run.mark));
        }
        let family = match run.phase {
            Phase::Running => Family::Run,
            Phase::Delivering => Family::Delivery,
        };
        Key::of(family, run.job_id.as_str(), Some(run.mark))
    }

    /// The key of a job's own run, or of the one that it waits for.
    pub fn of_run_that_holds(&self, job: JobIndex) -> Option<Key> {
        let worker = self.fleet.context.worker;
        let index = match worker.run_index_of(job) {
            Some(own) => Some(worker.lead(worker.run(own)).unwrap_or(own)),
            None => self.blocker(RunLength::Usual),
        };
        index.map(|index| self.of_run(index))
    }

    /// The run that jobs wait for, if it is at least that long or will never end.
    pub fn blocker(&self, at_least: RunLength) -> Option<RunIndex> {
        let (index, run) = self.fleet.context.worker.blocker()?;
        if run.length >= at_least || run.is_left_by_death() { Some(index) } else { None }
    }

    /// Whether the scheduler's own record says that its process died or was stopped.
    pub fn is_lease_over(&self) -> bool {
        matches!(self.fleet.context.snapshot.lease, Lease::Dead(_) | Lease::Stopped(_))
    }

    /// The key of what ended with the process, whatever was under way, if further runs could go on then: nothing has ended since,
    /// or until it was restarted. None if only one run goes on at a time, or what became of the process is not on record.
    pub fn of_end_of_process(&self, restarted_at: Option<Instant>) -> Option<Key> {
        let worker = self.fleet.context.worker;
        if self.fleet.context.snapshot.traits.max_concurrent == 1 {
            return None;
        }
        match restarted_at {
            Some(at) => Some(self.after(worker.end_before(at))),
            None if self.is_lease_over() => Some(self.of_all()),
            None => None,
        }
    }

    /// The key of a silence that lasts: nothing has run since the last end, or this job alone did not.
    pub fn of_job(&self, job: JobIndex, finding: &Finding) -> Key {
        let worker = self.fleet.context.worker;
        let due = finding.since.unwrap_or(self.fleet.context.settings.now);
        if is_of_all(self.fleet.context, due) {
            return self.of_all();
        }
        match worker.boot_between(self.fleet.context.job(job).last_end(), due) {
            Some(boot) => Key::of(Family::SinceBoot, "", Some(boot)).with(self.database),
            // The ends of other jobs are forgotten as they run again.
            None if worker.free().passed_over_by_rows(due) => {
                let row = self.fleet.context.job(job);
                Key::of(Family::Silence, row.id.as_str(), row.last_end())
            }
            None => self.after(worker.end_before(self.first_stopped(job, due))),
        }
    }

    /// The key of a silence of all jobs that lasts.
    fn of_all(&self) -> Key {
        if self.fleet.context.snapshot.passes != Passes::Fine {
            return Key::of_all(Family::PassesFail, self.database);
        }
        match self.culprit {
            Some(run) => self.of_run(run),
            None => self.after(self.fleet.context.worker.last_run_end()),
        }
    }

    /// The key of a silence that is over: the last end before the time in which nothing ran at all, if that is most of it. All that
    /// waited for the same thing has one key, also before it ended.
    pub fn of_past(&self, job: JobIndex, due: Instant, until: Instant) -> Key {
        let context = self.fleet.context;
        self.after(match end_before_lull(context, due, until) {
            Some(end) => Some(end),
            None => context.worker.end_before(self.first_stopped(job, due)),
        })
    }

    /// When the first job was due of those that stopped with this one.
    fn first_stopped(&self, job: JobIndex, due: Instant) -> Instant {
        self.stopped.get(&(job, due)).copied().unwrap_or(due)
    }

    /// The key of what came after the last end of any run.
    pub fn after(&self, end: Option<Instant>) -> Key {
        match end {
            Some(end) => Key::of(Family::Silence, self.fleet.context.worker.id_ended_at(end).unwrap_or(""), Some(end)),
            None => Key::of_all(Family::Silence, self.database),
        }
    }

    /// A run that hangs in a process that is alive, or was cut short, if nothing has ended since it began: everything else
    /// that is silent waits for it, even if further runs could start.
    fn find_culprit(&self) -> Option<RunIndex> {
        let worker = self.fleet.context.worker;
        for (index, run) in worker.indexed_runs() {
            let is_last = worker.last_end.is_none_or(|(last, _)| last <= run.start);
            if is_last && self.is_culprit(run) {
                return Some(worker.lead(run).unwrap_or(index));
            }
        }
        None
    }

    fn is_culprit(&self, run: &ActiveRun) -> bool {
        let is_alive = matches!(self.fleet.context.snapshot.lease, Lease::Alive(_));
        let is_hung = is_alive && run.length == RunLength::Impossible;
        is_hung || run.cut.is_some() && !self.is_lease_over()
    }
}

/// Whether nothing at all has run since a job was due.
fn is_of_all(context: &Context<'_>, due: Instant) -> bool {
    let worker = context.worker;
    worker.crash_loop().is_some() || !worker.passed_over(due) && worker.free_before_last_end(due) <= LATE_IN_A_BATCH
}

/// The silences of jobs while others ran, each with when the first job was due that stopped with it: what has not run since that
/// job was due stopped for the same reason.
fn stopped_together(fleet: &Fleet<'_>, found: &[Finding]) -> HashMap<(JobIndex, Instant), Instant> {
    let mut silences: Vec<Silence> =
        found.iter().filter_map(|finding| Silence::beside_others(fleet.context, finding)).collect();
    silences.extend(past_silences(fleet));
    silences.sort_unstable_by_key(|silence| (silence.due, silence.job));
    let mut stopped: HashMap<(JobIndex, Instant), Instant> = HashMap::new();
    // When the last of those runs again that stopped together, by when the first of them was due.
    let mut groups: BTreeMap<Instant, Instant> = BTreeMap::new();
    for Silence { job, due, until, last_run } in silences {
        let first = group_that_lasts(&mut groups, due, last_run.unwrap_or(Instant::MIN)).unwrap_or(due);
        let lasts_until = groups.entry(first).or_insert(until);
        *lasts_until = until.max(*lasts_until);
        stopped.insert((job, due), first);
    }
    stopped
}

/// The first of the groups that stopped after a job's last run and still lasts when the job was due. Those that do not are
/// forgotten: what is looked at later was due later.
fn group_that_lasts(groups: &mut BTreeMap<Instant, Instant>, due: Instant, last_run: Instant) -> Option<Instant> {
    while let Some((&first, &lasts_until)) = groups.range(last_run..).next() {
        if due < lasts_until {
            return Some(first);
        }
        groups.remove(&first);
    }
    None
}

/// Those that are over, however long ago: what lasts keeps its key as time goes on.
fn past_silences(fleet: &Fleet<'_>) -> Vec<Silence> {
    let mut silences = Vec::new();
    for subject in fleet.context.subjects.iter().filter(|subject| subject.job.state.is_watched()) {
        for stretch in fleet.ledger(subject.index).silences() {
            let before = stretch.runs.start.checked_sub(1).and_then(|before| subject.job.fires.get(before));
            if let (Some(until), Some(before)) = (stretch.until, before)
                && is_long(fleet.context, subject, stretch)
                && fleet.has_witness(subject, stretch)
                && end_before_lull(fleet.context, stretch.since, until).is_none()
            {
                silences.push(Silence { job: subject.index, due: stretch.since, until, last_run: Some(before.end) });
            }
        }
    }
    silences
}

/// The last end before the time in which nothing ran at all, if that is most of a silence.
fn end_before_lull(context: &Context<'_>, due: Instant, until: Instant) -> Option<Instant> {
    let (end, _) = context.worker.lull_within(due.plus(-LATE_IN_A_BATCH), until)?;
    if context.worker.free().on_record(due).between(due, end) <= LATE_IN_A_BATCH { Some(end) } else { None }
}

/// A silence of a job while others ran.
struct Silence {
    job: JobIndex,
    due: Instant,
    /// When it ran again, if it did.
    until: Instant,
    /// When its last run before that ended.
    last_run: Option<Instant>,
}

impl Silence {
    /// One that lasts, by the finding that tells it.
    fn beside_others(context: &Context<'_>, finding: &Finding) -> Option<Silence> {
        let (job, due) = (finding.job()?, finding.since?);
        let is_silence = matches!(finding.evidence, Evidence::Overdue { .. } | Evidence::Silent { .. });
        if !is_silence || !finding.is_ongoing() || is_of_all(context, due) {
            return None;
        }
        Some(Silence { job, due, until: Instant::MAX, last_run: context.job(job).last_end() })
    }
}
