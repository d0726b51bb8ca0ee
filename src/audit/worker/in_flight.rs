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
    /// See [`InFlight::suspended`].
    suspended: Option<Span>,
    max_concurrent: usize,
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
        InFlight {
            runs,
            suspended,
            max_concurrent: records.snapshot.traits.max_concurrent,
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
        self.runs.iter().enumerate().map(|(index, run)| (RunIndex(index), run))
    }

    /// That of a job.
    pub fn of(&self, job: JobIndex) -> Option<&ActiveRun> {
        self.runs.iter().find(|run| run.job == Some(job))
    }

    /// The oldest of the runs with which a run has its cause in common: many that hang or that others wait for, those that one crash
    /// may have left, all that ended with the process, or those that it waits for.
    pub fn lead(&self, run: &ActiveRun) -> Option<RunIndex> {
        if run.is_left_by_death() {
            return oldest(self.indexed().filter(|(_, other)| other.is_left_by_death()));
        }
        if run.waits {
            return oldest(self.indexed().filter(|(_, other)| !other.waits));
        }
        if let Some(Cut::Restarted(_)) = run.cut {
            return oldest(self.indexed().filter(|(_, other)| other.cut == run.cut));
        }
        if !run.hangs() {
            return None;
        }
        let hanging = || self.indexed().filter(|(_, other)| other.hangs());
        if hanging().count() >= MANY_HUNG || self.runs.iter().any(|other| other.waits) {
            return oldest(hanging());
        }
        if !self.forgets_crashes {
            return None;
        }
        oldest(hanging().filter(|(_, other)| may_have_met(run, other)))
    }

    /// The run that jobs wait for: the one that has taken longest, if no further one can start.
    pub fn blocker(&self) -> Option<(RunIndex, &ActiveRun)> {
        let blocking: Vec<_> = self.indexed().filter(|(_, run)| !matches!(run.cut, Some(Cut::Restarted(_)))).collect();
        if blocking.len() < self.max_concurrent {
            return None;
        }
        blocking.into_iter().max_by_key(|(_, run)| run.elapsed)
    }
}

/// Whether two runs may have been under way at the same time, by how long such runs take: one moment can have ended both.
fn may_have_met(one: &ActiveRun, other: &ActiveRun) -> bool {
    let (first, second) = if one.start <= other.start { (one, other) } else { (other, one) };
    second.start.since(first.start) <= first.usual.limit.max(MET_WITHIN)
}

fn oldest<'r>(runs: impl Iterator<Item = (RunIndex, &'r ActiveRun)>) -> Option<RunIndex> {
    runs.min_by_key(|(index, run)| (run.start, index.0)).map(|(index, _)| index)
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
            Some(subject) => (subject.job.label().to_owned(), Usual::of(subject.job), records.longest_run(subject)),
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
        let boots: Vec<Instant> = self.records.jobs().filter_map(|job| rewritten_after(job, open.seen)).collect();
        boots.iter().any(|boot| boots.iter().any(|other| other > boot && other.since(*boot) % stagger == 0))
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
