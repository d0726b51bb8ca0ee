//! The runs in flight, and how they are found: where starts are on record by that, otherwise by the session in which the model
//! works, or by a cost event that its row does not know yet.

use super::active_run::{ActiveRun, Cut, Phase, RunLength};
use super::boots::{ROW_FOLLOWS, rewritten_at};
use super::free_time::Span;
use super::life::Life;
use super::records::Records;
use super::usual::Usual;
use crate::audit::subjects::Subject;
use crate::model::{Fire, Job, JobIndex, OpenRun, Run};
use crate::time::{Instant, MINUTE, Millis};
use std::collections::HashMap;

/// The scheduler's own time-out takes a moment to end a run.
pub const TIMEOUT_GRACE: Millis = MINUTE;
/// A delivery that takes longer hangs.
const MAX_DELIVERY: Millis = 15 * MINUTE;
/// So many runs that hang at the same time have the cause in common.
const MANY_HUNG: usize = 3;
/// So may two that began so shortly one after the other, or while the first was no longer than usual.
const MET_WITHIN: Millis = 30 * MINUTE;

/// The position of a run in [`InFlight`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RunIndex(usize);

/// The runs in flight, as far as they show.
#[derive(Debug)]
pub struct InFlight {
    runs: Vec<ActiveRun>,
    of_jobs: HashMap<JobIndex, RunIndex>,
    leads: Leads,
    blocker: Option<RunIndex>,
    /// See [`InFlight::suspended`].
    suspended: Option<Span>,
    /// Whether a restart may leave runs unended that were under way: a scheduler of a mapping may not mark them.
    forgets_crashes: bool,
}

impl InFlight {
    /// The runs on record that have not ended, or the one whose session showed, or the one that is being delivered. While their
    /// process is suspended, none goes on, and what was due with them waits for the process.
    pub fn new(records: Records<'_>, life: Life<'_>) -> InFlight {
        let finder = Finder { records, life };
        let mut runs = finder.on_record();
        runs.extend(finder.seen_in_session());
        if runs.is_empty() {
            runs.extend(finder.delivering());
        }
        let mut suspended = None;
        if let Some(at) = life.frozen_since() {
            suspended = runs.first().map(|run| (run.start, at.max(run.start)));
            runs.clear();
        }
        let mut of_jobs = HashMap::new();
        for (index, run) in runs.iter().enumerate() {
            if let Some(job) = run.job {
                of_jobs.entry(job).or_insert(RunIndex(index));
            }
        }
        InFlight {
            leads: Leads::of(&runs),
            blocker: blocker(&runs, records.snapshot.traits.max_concurrent),
            of_jobs,
            runs,
            suspended,
            forgets_crashes: records.snapshot.mapping.is_some(),
        }
    }

    /// From when until when a run kept the worker busy that has been suspended since.
    pub fn suspended(&self) -> Option<Span> {
        self.suspended
    }

    /// All of them.
    pub fn runs(&self) -> &[ActiveRun] {
        &self.runs
    }

    /// One by its position.
    pub fn run(&self, index: RunIndex) -> &ActiveRun {
        &self.runs[index.0]
    }

    /// Each with its position.
    pub fn indexed(&self) -> impl Iterator<Item = (RunIndex, &ActiveRun)> {
        indexed(&self.runs)
    }

    /// That of a job.
    pub fn of(&self, job: JobIndex) -> Option<RunIndex> {
        self.of_jobs.get(&job).copied()
    }

    /// The oldest of the runs with which a run has its cause in common: many that hang or that others wait for, those that one crash
    /// may have left, all that ended with the process, or those that it waits for.
    pub fn lead(&self, run: &ActiveRun) -> Option<RunIndex> {
        let leads = &self.leads;
        if run.is_left_by_death() {
            return leads.left_by_death;
        }
        if run.waits {
            return leads.begun;
        }
        if let Some(Cut::Restarted(at)) = run.cut {
            return leads.restarted.get(&at).copied();
        }
        if !run.hangs() {
            return None;
        }
        if leads.hanging.len() >= MANY_HUNG || leads.any_waits {
            return leads.hanging.first().copied();
        }
        if !self.forgets_crashes {
            return None;
        }
        leads.hanging.iter().copied().find(|other| may_have_met(run, self.run(*other)))
    }

    /// The run that jobs wait for: the one that has taken longest, if no further one can start.
    pub fn blocker(&self) -> Option<(RunIndex, &ActiveRun)> {
        self.blocker.map(|index| (index, self.run(index)))
    }
}

/// The oldest of runs of each kind.
#[derive(Debug)]
struct Leads {
    left_by_death: Option<RunIndex>,
    /// Of those that do not wait for others.
    begun: Option<RunIndex>,
    /// Of those that a restart ended, by its time.
    restarted: HashMap<Instant, RunIndex>,
    /// All that hang, the oldest first.
    hanging: Vec<RunIndex>,
    any_waits: bool,
}

impl Leads {
    fn of(runs: &[ActiveRun]) -> Leads {
        let mut oldest_first: Vec<(RunIndex, &ActiveRun)> = indexed(runs).collect();
        oldest_first.sort_by_key(|(_, run)| run.start);
        let first = |is_such: fn(&ActiveRun) -> bool| {
            oldest_first.iter().find(|(_, run)| is_such(run)).map(|(index, _)| *index)
        };
        let mut leads = Leads {
            left_by_death: first(ActiveRun::is_left_by_death),
            begun: first(|run| !run.waits),
            restarted: HashMap::new(),
            hanging: Vec::new(),
            any_waits: runs.iter().any(|run| run.waits),
        };
        for (index, run) in oldest_first {
            if let Some(Cut::Restarted(at)) = run.cut {
                leads.restarted.entry(at).or_insert(index);
            }
            if run.hangs() {
                leads.hanging.push(index);
            }
        }
        leads
    }
}

fn indexed(runs: &[ActiveRun]) -> impl Iterator<Item = (RunIndex, &ActiveRun)> {
    runs.iter().enumerate().map(|(index, run)| (RunIndex(index), run))
}

/// The run that has taken longest of those that keep others from starting, if there are so many.
fn blocker(runs: &[ActiveRun], max_concurrent: usize) -> Option<RunIndex> {
    let blocking = || indexed(runs).filter(|(_, run)| !matches!(run.cut, Some(Cut::Restarted(_))));
    if blocking().count() < max_concurrent {
        return None;
    }
    blocking().max_by_key(|(_, run)| run.elapsed).map(|(index, _)| index)
}

/// Whether two runs may have been under way at the same time, by how long such runs take: one moment can have ended both.
fn may_have_met(one: &ActiveRun, other: &ActiveRun) -> bool {
    let (first, second) = if one.start <= other.start { (one, other) } else { (other, one) };
    second.start.since(first.start) <= first.usual.limit.max(MET_WITHIN)
}

/// Finds the runs in flight.
struct Finder<'a> {
    records: Records<'a>,
    life: Life<'a>,
}

impl Finder<'_> {
    fn on_record(&self) -> Vec<ActiveRun> {
        let mut runs = Vec::new();
        for subject in self.records.subjects.iter() {
            if let Some(start) = subject.job.running_since {
                runs.push(self.active_run(Some(subject), &subject.job.id, start, start));
            }
        }
        runs
    }

    fn seen_in_session(&self) -> Option<ActiveRun> {
        let records = self.records;
        let open = records.snapshot.open_runs.first()?;
        let subject = records.subjects.iter().find(|subject| subject.job.id == open.job_id);
        if self.life.restarted_after(open.seen).is_none() && self.was_cut(subject, open) {
            return None;
        }
        let due = subject.and_then(|subject| subject.job.next_run()).filter(|due| *due <= open.seen);
        let start = due.unwrap_or(open.seen).max(open.seen.plus(-records.snapshot.traits.session_delay));
        let last_end = records.last_end().map_or(Instant::MIN, |(end, _)| end);
        Some(self.active_run(subject, &open.job_id, open.seen, start.max(last_end).min(open.seen)))
    }

    fn active_run(&self, subject: Option<&Subject<'_>>, job_id: &str, mark: Instant, start: Instant) -> ActiveRun {
        let records = self.records;
        let (name, usual, longest) = match subject {
            Some(subject) => (subject.job.label().to_owned(), Usual::of(subject.job), subject.longest_run()),
            None => (format!("the deleted job {job_id}"), Usual::UNKNOWN, records.settings.thresholds.max_run),
        };
        let length = match records.awake(subject, start) {
            long if long > longest.saturating_add(TIMEOUT_GRACE) => RunLength::Impossible,
            long if long > usual.limit => RunLength::Unusual,
            _ => RunLength::Usual,
        };
        ActiveRun {
            job: subject.map(|subject| subject.index),
            job_id: job_id.to_owned(),
            name,
            phase: Phase::Running,
            waits: subject.is_some_and(|subject| subject.job.run_waits),
            mark,
            start,
            elapsed: records.now().since(start),
            usual,
            length,
            cut: self.cut_after(mark),
        }
    }

    /// How it is known that a run that showed at `mark` was cut short.
    fn cut_after(&self, mark: Instant) -> Option<Cut> {
        if let Some(at) = self.life.restarted_after(mark) {
            return Some(Cut::Restarted(at));
        }
        if let Some(written) = self.life.died() {
            return Some(Cut::Died(written.max(mark)));
        }
        self.life.lease_over().filter(|at| *at >= mark).map(Cut::LeaseOver)
    }

    /// Whether the process was restarted since a run showed: its row then carries the time of the boot, or several rows do.
    fn was_cut(&self, own: Option<&Subject<'_>>, open: &OpenRun) -> bool {
        let Some(stagger) = self.records.snapshot.traits.restart_stagger else { return false };
        if own.is_some_and(|own| rewritten_after(own.job, open.seen).is_some()) {
            return true;
        }
        let mut boots: HashMap<Millis, Instant> = HashMap::new();
        for boot in self.records.jobs().filter_map(|job| rewritten_after(job, open.seen)) {
            let other = *boots.entry(boot.millis().rem_euclid(stagger)).or_insert(boot);
            if other != boot {
                return true;
            }
        }
        false
    }

    /// A run whose cost event is there and whose row was not updated since: it is being delivered.
    fn delivering(&self) -> Option<ActiveRun> {
        let (end, Some(index)) = self.records.last_end()? else { return None };
        let subject = &self.records.subjects[index];
        let job = subject.job;
        let recorded = last_record(job)?;
        let is_recorded = job.fires.last()?.known_start().is_some() || end.since(recorded) <= ROW_FOLLOWS;
        if is_recorded || is_runaway(&job.fires, recorded) || self.was_restarted_after(job, end) {
            return None;
        }
        let is_over = self.records.awake(Some(subject), end) > MAX_DELIVERY;
        Some(ActiveRun {
            job: Some(index),
            job_id: job.id.clone(),
            name: job.label().to_owned(),
            phase: Phase::Delivering,
            waits: false,
            mark: end,
            start: end,
            elapsed: self.records.now().since(end),
            usual: Usual { longest: None, limit: MAX_DELIVERY },
            length: if is_over { RunLength::Impossible } else { RunLength::Usual },
            cut: None,
        })
    }

    fn was_restarted_after(&self, job: &Job, end: Instant) -> bool {
        rewritten_after(job, end).is_some() || self.life.restarted_after(end).is_some()
    }
}

/// When a restart after `at` scheduled a past-due job.
fn rewritten_after(job: &Job, at: Instant) -> Option<Instant> {
    rewritten_at(job).filter(|boot| *boot > at)
}

/// When the row of a watched job was last written or says that its last run ended.
fn last_record(job: &Job) -> Option<Instant> {
    if !job.state.is_watched() {
        return None;
    }
    let row = job.row.as_ref()?;
    row.last_run.as_ref().map(Run::end).max(row.updated_at).max(job.created_at)
}

/// Whether a row that was last written at `recorded` was not updated after several runs.
fn is_runaway(fires: &[Fire], recorded: Instant) -> bool {
    match fires {
        [.., before, _] => before.end.since(recorded) > ROW_FOLLOWS,
        _ => false,
    }
}
