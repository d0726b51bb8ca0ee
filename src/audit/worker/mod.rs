//! The worker runs a limited number of jobs at a time, so a due job waits while it is busy.
//!
//! Where a scheduler records the start and end of each run, that is all. Where it runs one job after another and records ends
//! only, the exact start is known of a job's last run, from its row. The length of an older run has two bounds: at most it
//! began at the end of the run before it, of any job (the upper bound); at least it began no earlier than its own slot (the
//! lower bound), as far as the run before kept the schedule: otherwise an edit of one job would invent free time for the others. Free time is what remains by the upper bound: a job that was due then and did not fire was not waiting. Where
//! another job has fired three times meanwhile, the job was passed over, because a batch takes each job once; then the lower
//! bound counts. Where runs are not recorded any more, the last runs that rows know tell the same: see [`rows`].

mod active_run;
mod births;
mod boots;
mod bounds;
mod ends;
mod free_time;
mod in_flight;
mod life;
mod records;
mod resumption;
mod rows;
mod served;
mod usual;

pub use active_run::{ActiveRun, Cut, Phase, RunLength};
pub use boots::{CrashLoop, ROW_FOLLOWS, rewritten_at};
pub use free_time::{FreeTime, MIN_FREE};
pub use in_flight::RunIndex;
pub use life::{DOWN_AFTER, nobody_since};
pub use usual::Usual;

use crate::audit::subjects::Subjects;
use crate::model::{Job, JobIndex, Snapshot};
use crate::settings::Settings;
use crate::time::{Instant, MINUTE, Millis};
use births::Births;
use boots::Boots;
use bounds::Bounds;
use ends::Ends;
use free_time::Span;
use in_flight::InFlight;
use life::Life;
use records::{Records, RunEnd};
use resumption::Resumption;
use std::cell::OnceCell;

/// A job that was due so shortly before the last run ended fell silent with all others.
pub const LATE_IN_A_BATCH: Millis = 5 * MINUTE;

/// When the worker was free, and what keeps it busy now.
#[derive(Debug)]
pub struct Worker<'a> {
    records: Records<'a>,
    /// Whether the process lives.
    pub life: Life<'a>,
    /// The last end of any run.
    pub last_end: Option<RunEnd>,
    in_flight: InFlight,
    free: Bounds<'a>,
    ends: Ends<'a>,
    boots: Boots<'a>,
    /// See [`Worker::served_stores`].
    served: OnceCell<Vec<String>>,
    /// See [`Worker::catching_up_since`].
    resumption: OnceCell<Option<Resumption>>,
}

impl<'a> Worker<'a> {
    /// Works out from the runs when the worker was free.
    pub fn new(snapshot: &'a Snapshot, subjects: &'a Subjects<'a>, settings: &'a Settings) -> Worker<'a> {
        let records = Records { snapshot, subjects, settings };
        let life = Life::new(snapshot, settings.now);
        let last_end = records.last_end();
        let in_flight = InFlight::new(records, life);
        let ends = Ends::new(records);
        let births = Births::of(records, life);
        Worker {
            records,
            life,
            last_end,
            free: Bounds::new(records, &in_flight, births),
            in_flight,
            ends,
            boots: Boots::new(records, last_end.map(|(end, _)| end)),
            served: OnceCell::new(),
            resumption: OnceCell::new(),
        }
    }

    /// Whether some job has fired so often since `due` that one that has not was not waiting for its turn.
    pub fn passed_over(&self, due: Instant) -> bool {
        self.free.passed_over(due)
    }

    /// For how long in total the worker was visibly free between `due` and `until` for a job that has not fired since `due`.
    pub fn free_for(&self, due: Instant, until: Instant) -> Millis {
        self.free.for_job_due(due).between(due, until)
    }

    /// When the worker was free.
    pub fn free(&self) -> &Bounds<'a> {
        &self.free
    }

    /// How much of the free time since `due` came before the last end of any run: if there was much, not the whole scheduler
    /// fell silent.
    pub fn free_before_last_end(&self, due: Instant) -> Millis {
        self.last_run_end().map_or(0, |end| self.free_for(due, end))
    }

    /// Whether the worker may have been busy all the time, if runs began no earlier than they must have.
    pub fn may_be_busy(&self, from: Instant, until: Instant) -> bool {
        self.free.lower().between(from, until) <= MIN_FREE
    }

    /// Whether a process began between two instants, which no run goes across.
    pub fn was_born_between(&self, from: Instant, until: Instant) -> bool {
        self.free.born_before(until).is_some_and(|born| born > from)
    }

    /// How long after an error the scheduler tries again; the first error is 0.
    pub fn backoff(&self, error: usize) -> Millis {
        self.records.backoff(error)
    }

    /// The runs in flight, as far as they show.
    pub fn active_runs(&self) -> &[ActiveRun] {
        self.in_flight.runs()
    }

    /// A run in flight by its position.
    pub fn run(&self, index: RunIndex) -> &ActiveRun {
        self.in_flight.run(index)
    }

    /// Each run in flight with its position.
    pub fn indexed_runs(&self) -> impl Iterator<Item = (RunIndex, &ActiveRun)> {
        self.in_flight.indexed()
    }

    /// A job's own run in flight.
    pub fn run_of(&self, job: JobIndex) -> Option<&ActiveRun> {
        self.in_flight.of(job).map(|index| self.in_flight.run(index))
    }

    /// The position of a job's own run in flight.
    pub fn run_index_of(&self, job: JobIndex) -> Option<RunIndex> {
        self.in_flight.of(job)
    }

    /// The oldest of the runs with which a run has its cause in common: many that hang, or all that ended with the process.
    pub fn lead(&self, run: &ActiveRun) -> Option<RunIndex> {
        self.in_flight.lead(run)
    }

    /// The run that jobs wait for: the one that has taken longest, if no further one can start.
    pub fn blocker(&self) -> Option<(RunIndex, &ActiveRun)> {
        self.in_flight.blocker()
    }

    /// Whether the run that jobs wait for may be alive by all that the database shows.
    pub fn may_wait_for_a_run(&self) -> bool {
        self.blocker().is_some_and(|(_, run)| run.is_left_by_death() && run.length < RunLength::Impossible)
    }

    /// When the last run of any job ended.
    pub fn last_run_end(&self) -> Option<Instant> {
        self.last_end.map(|(end, _)| end)
    }

    /// The last end of any run up to `at`, as far as it is known: what tells one silence from another.
    pub fn end_before(&self, at: Instant) -> Option<Instant> {
        self.ends.before(at)
    }

    /// The first end of any run after `at`.
    pub fn end_after(&self, at: Instant) -> Option<Instant> {
        self.ends.after(at)
    }

    /// The longest time between two ends in a row of any runs that is most of the time between two instants: nothing ran then.
    pub fn lull_within(&self, from: Instant, until: Instant) -> Option<Span> {
        self.ends.lull_within(from, until)
    }

    /// The id of a job whose run ended then; of several the first.
    pub fn id_ended_at(&self, at: Instant) -> Option<&str> {
        self.ends.id_at(at)
    }

    /// Restarts in a row without a run between them, if there are enough to be a crash loop.
    pub fn crash_loop(&self) -> Option<CrashLoop> {
        self.boots.crash_loop()
    }

    /// Boots of the last hours after which the process was killed, if they are so many that it crashes, and when the first
    /// was.
    pub fn crashes(&self) -> Option<(usize, Instant)> {
        self.boots.crashes()
    }

    /// The last boot after a job's last run that came before it was due, or so soon after that it lost the slot.
    pub fn boot_between(&self, last_run: Option<Instant>, due: Instant) -> Option<Instant> {
        self.boots.between(last_run, due)
    }

    /// The boot that ended a silence of the whole scheduler which began with the end of a run: nothing ran in between.
    pub fn boot_that_ended(&self, end: Instant) -> Option<Instant> {
        self.boots.that_ended(end, self.end_after(end)?)
    }

    /// A boot that came after `due` so shortly ago that the work it defers may not have begun: one on record, or the start of the
    /// process, if no run has ended since.
    pub fn just_booted_since(&self, due: Instant) -> Option<Instant> {
        let started = self.life.process().and_then(|process| process.started);
        let started = started.filter(|started| self.last_run_end().is_none_or(|end| end < *started));
        let boot = self.boots.last().max(started)?;
        let is_young = self.records.now().since(boot) <= self.records.snapshot.traits.startup;
        if due < boot && is_young && self.life.is_proven() && self.crash_loop().is_none() { Some(boot) } else { None }
    }

    /// When the whole scheduler woke from a silence in which a job due at `due` was not run, while the job may be waiting for
    /// its turn: since then the worker was hardly free, and no job with a later slot came first.
    pub fn catching_up_since(&self, due: Instant) -> Option<Instant> {
        if let Some(boot) = self.just_booted_since(due) {
            return Some(boot);
        }
        if let Some(run) = self.sign_of_life_since(due) {
            return Some(run.start);
        }
        let Resumption { silent_from, at, first_slot } = self.resumption()?;
        let thresholds = &self.records.settings.thresholds;
        // The silence lasted from the first slot that it lost, which may be that of another job.
        let first_lost = first_slot.unwrap_or(due);
        let has_slept = at > due && at.since(first_lost.max(silent_from)) > thresholds.late_after;
        if !has_slept || first_lost > due || self.passed_over(at) {
            return None;
        }
        let is_busy = self.free_for(at, self.records.now()) <= thresholds.late_after;
        // Behind a run that hangs, nothing waits for its turn.
        let goes_on = self.blocker().is_none_or(|(_, run)| run.works());
        if is_busy && goes_on { Some(at) } else { None }
    }

    /// A run in flight that began after a job was due, where one run goes on at a time and the worker was hardly free for the job
    /// before the last run ended: the scheduler was silent and works again, and the job waits for this run.
    fn sign_of_life_since(&self, due: Instant) -> Option<&ActiveRun> {
        let run = self.active_runs().first()?;
        let works = run.phase == Phase::Running && run.works();
        let is_single = self.records.snapshot.traits.max_concurrent == 1;
        let is_first = run.start > due && self.free_before_last_end(due) <= LATE_IN_A_BATCH;
        let was_silent = self.free_for(due, run.start) > self.records.settings.thresholds.late_after;
        if works && is_single && is_first && was_silent { Some(run) } else { None }
    }

    fn resumption(&self) -> Option<Resumption> {
        *self.resumption.get_or_init(|| Resumption::last(self.records, &self.in_flight, self.free.idle()))
    }

    /// Whether a job's store is not the one that the scheduler serves: most of its jobs that came due since the last boot have
    /// not run, and those of another store have, or were made since.
    pub fn is_unserved(&self, job: &Job) -> bool {
        let served = self.served_stores();
        job.home.as_ref().is_some_and(|home| !served.is_empty() && !served.contains(&home.store))
    }

    /// The stores that the scheduler serves, as far as what it did since its last boot shows.
    pub fn served_stores(&self) -> &[String] {
        self.served.get_or_init(|| served::served_stores(self.records))
    }
}
