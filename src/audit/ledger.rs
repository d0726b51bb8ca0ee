//! The ledger: what became of each slot of a job, run-length coded.
//!
//! It is built once per job from its schedule, its runs, and the worker, whose free time supplies the excuses. As long as nothing
//! changes there is one stretch, and only a pause between two runs in which a slot can lie is looked at, so that a healthy
//! history costs next to nothing. The judges of waits and silences, the timeline, and the history that users see read it.

use super::context::{Context, Subject};
use super::repair::{self, Repair};
use super::runs::{begin, known_errors};
use super::worker::{ROW_FOLLOWS, rewritten_at};
use crate::model::{Fire, Job, Outcome, State, Switch};
use crate::numbers::as_u64;
use crate::schedule::Cadence;
use crate::time::{Instant, Millis};
use std::ops::Range;

/// What became of the slots of a job, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    /// The stretches. Of the last one the end may be open.
    pub stretches: Vec<Stretch>,
}

/// Slots in a row that had the same fate.
#[derive(Debug, Clone, PartialEq)]
pub struct Stretch {
    /// What became of them.
    pub fate: Fate,
    /// The first of them; of runs, when the first of them began, as far as that is known.
    pub since: Instant,
    /// When the last run ended, or the run began that ended a silence; None if it lasts.
    pub until: Option<Instant>,
    /// How many there are: of runs as many as ran.
    pub slots: u64,
    /// The runs, by their positions in the job's history; of a silence the place between two runs.
    pub runs: Range<usize>,
}

impl Stretch {
    /// Whether it is one slot, and the run that ended the stretch served it, late.
    pub fn is_served_late(&self, cadence: Option<&Cadence>) -> bool {
        let is_gap = matches!(self.fate, Fate::Lost | Fate::Excused(Excuse::Busy));
        match (cadence, self.until) {
            (Some(cadence), Some(until)) => is_gap && cadence.slots_between(self.since, until) == 0,
            _ => false,
        }
    }
}

/// What became of a slot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fate {
    /// A run served it.
    Served(Outcome),
    /// No run served it, for a reason that is no fault.
    Excused(Excuse),
    /// No run served it, and nothing shows why.
    Lost,
}

/// Why a slot without a run is no fault, or the fault of something else.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Excuse {
    /// Somebody had paused the job, or switched it off.
    Paused,
    /// The operator expects no runs in these hours.
    Quiet,
    /// Other runs, or the job's own, may have kept the worker busy.
    Busy,
    /// Its run is in flight.
    Running,
    /// It has just come due.
    Due,
    /// The whole scheduler was silent and works again since then.
    CatchingUp(Instant),
    /// The row was edited or revived then, and the scheduler has not had its chance yet.
    Repaired(Instant),
    /// Runs threw meanwhile, which leaves no trace but the count of errors.
    Threw,
    /// The scheduler stopped the job after too many errors.
    Stopped,
    /// Its row says that it ran; no record of runs was kept meanwhile.
    Unrecorded,
}

impl Stretch {
    /// Whether the job waited for a run, whoever was to blame.
    pub fn waits(&self) -> bool {
        match self.fate {
            Fate::Lost => true,
            Fate::Excused(Excuse::Busy | Excuse::Running | Excuse::Due | Excuse::CatchingUp(_)) => true,
            Fate::Excused(_) | Fate::Served(_) => false,
        }
    }
}

impl Excuse {
    /// Since when the scheduler works again, or could know of the edit.
    pub fn resumed_at(self) -> Option<Instant> {
        match self {
            Excuse::CatchingUp(at) | Excuse::Repaired(at) => Some(at),
            _ => None,
        }
    }
}

impl Ledger {
    /// The ledger of a job. Where its zone is not known, its slots are not either.
    pub fn of(context: &Context<'_>, subject: &Subject<'_>, knows_zone: bool) -> Ledger {
        let job = subject.job;
        let cadence = if job.self_paced || !knows_zone { None } else { job.schedule.cadence() };
        let failed_from = job.fires.len() - known_errors(job);
        let pauses = Pauses::of(job);
        let writer = Writer { context, subject, cadence, failed_from, pauses, stretches: Vec::new() };
        Ledger { stretches: writer.write() }
    }

    /// The stretch that lasts, if the job is due for something.
    pub fn standing(&self) -> Option<&Stretch> {
        self.stretches.last().filter(|last| last.until.is_none())
    }

    /// How many slots were lost between two instants, whoever was to blame: also those of a job that was stopped.
    pub fn lost_between(&self, since: Instant, until: Instant) -> u64 {
        self.all_lost_between(since, until).map(|one| one.slots).sum()
    }

    /// The stretches of these slots, oldest first.
    pub fn all_lost_between(&self, since: Instant, until: Instant) -> impl Iterator<Item = &Stretch> {
        let is_lost = |one: &&Stretch| matches!(one.fate, Fate::Lost | Fate::Excused(Excuse::Stopped));
        let within = move |one: &&Stretch| one.since >= since && one.until.is_some_and(|end| end <= until);
        self.stretches.iter().filter(is_lost).filter(within)
    }

    /// The stretches of lost slots that are over, oldest first.
    pub fn silences(&self) -> impl DoubleEndedIterator<Item = &Stretch> {
        self.stretches.iter().filter(|stretch| stretch.fate == Fate::Lost && stretch.until.is_some())
    }
}

/// A ledger that is being written.
struct Writer<'a> {
    context: &'a Context<'a>,
    subject: &'a Subject<'a>,
    cadence: Option<&'a Cadence>,
    /// The first of the last runs that failed in a row, by all that is known.
    failed_from: usize,
    pauses: Pauses,
    stretches: Vec<Stretch>,
}

impl Writer<'_> {
    fn write(mut self) -> Vec<Stretch> {
        let job = self.subject.job;
        let served_in_time = self.cadence.and_then(|cadence| self.longest_without_loss(cadence));
        for index in 0..job.fires.len() {
            if let Some(limit) = served_in_time
                && index > 0
                && begin(&job.fires[index]).since(job.fires[index - 1].end) > limit
            {
                self.add_gap(index, begin(&job.fires[index]));
            }
            self.add_run(index);
        }
        if job.state.is_watched() || matches!(job.state, State::Paused | State::Disabled) {
            self.add_standing();
        }
        self.stretches
    }

    /// Between two runs that are no further apart no slot was left out, and none was served so late that it matters.
    fn longest_without_loss(&self, cadence: &Cadence) -> Option<Millis> {
        let shortest = cadence.shortest_interval(self.subject.job.fires.first()?.end)?;
        let thresholds = &self.subject.settings.thresholds;
        let records_starts = self.context.snapshot.traits.records_starts;
        let explained = if records_starts { thresholds.lost_after } else { thresholds.max_run };
        Some(explained.min(shortest + shortest / 2))
    }

    /// The outcome of a run. Of the last runs in a row that failed, only the row may know it.
    fn outcome(&self, index: usize) -> Outcome {
        let job = self.subject.job;
        let fire = &job.fires[index];
        if index >= self.failed_from && !fire.is_bad() {
            Outcome::Failed
        } else if self.subject.too_short(index).is_some() {
            Outcome::Short
        } else {
            fire.outcome
        }
    }

    fn add_run(&mut self, index: usize) {
        let fate = Fate::Served(self.outcome(index));
        let fire = &self.subject.job.fires[index];
        if let Some(last) = self.stretches.last_mut()
            && last.fate == fate
        {
            (last.until, last.slots, last.runs.end) = (Some(fire.end), last.slots + 1, index + 1);
            return;
        }
        self.stretches.push(Stretch {
            fate,
            since: begin(fire),
            until: Some(fire.end),
            slots: 1,
            runs: index..index + 1,
        });
    }

    /// What became of the slots between two runs.
    fn add_gap(&mut self, index: usize, until: Instant) {
        let Some(cadence) = self.cadence else { return };
        let job = self.subject.job;
        let before = &job.fires[index - 1];
        let resumed = self.pauses.end_between(before.end, until);
        if resumed > before.end {
            self.add_pause(cadence, before.end, resumed, index);
        }
        let Some(due) = self.first_due(cadence, resumed, before.is_bad()) else { return };
        let due = self.context.after_quiet(self.subject, due);
        if due >= until {
            return;
        }
        let slots = self.context.slots_between(self.subject, cadence, due, until);
        if slots == 0 && until.since(due) <= self.subject.settings.thresholds.lost_after {
            return;
        }
        let threw = job.fires[index..].iter().map(|fire| fire.outcome).eq([Outcome::Threw]) && job.errors() > 1;
        let fate = if index == job.recorded().len() && job.recorded_until().is_some() {
            Fate::Excused(Excuse::Unrecorded)
        } else if threw {
            Fate::Excused(Excuse::Threw)
        } else if self.was_stopped(index) {
            Fate::Excused(Excuse::Stopped)
        } else if self.context.worker.may_be_busy(due, until) {
            Fate::Excused(Excuse::Busy)
        } else {
            Fate::Lost
        };
        // The run that ended it served the last of the slots, however late.
        let slots = slots.max(1);
        self.stretches.push(Stretch { fate, since: due, until: Some(until), slots, runs: index..index });
    }

    /// Whether so many runs failed before this one that the scheduler had stopped the job.
    fn was_stopped(&self, index: usize) -> bool {
        let limit = self.context.snapshot.traits.breaker_limit;
        let last = self.subject.job.fires[..index].iter().rev().take(usize::try_from(limit).unwrap_or(usize::MAX));
        as_u64(last.take_while(|fire| fire.is_bad()).count()) >= limit
    }

    fn add_pause(&mut self, cadence: &Cadence, from: Instant, resumed: Instant, index: usize) {
        let slots = cadence.slots_between(from, resumed);
        if let Some(first) = cadence.next(from)
            && slots > 0
        {
            let fate = Fate::Excused(Excuse::Paused);
            self.stretches.push(Stretch { fate, since: first, until: Some(resumed), slots, runs: index..index });
        }
    }

    /// The first slot after `from`, the backoff after a bad run taken out.
    fn first_due(&self, cadence: &Cadence, from: Instant, after_bad: bool) -> Option<Instant> {
        let due = cadence.next(from)?;
        let retries_in_slot = self.context.snapshot.traits.retries_in_slot && !matches!(cadence, Cadence::Every(_));
        if !after_bad || retries_in_slot {
            return Some(due);
        }
        Some(due.max(from.plus(self.context.worker.backoff(usize::MAX))))
    }

    /// What the job is due for now.
    fn add_standing(&mut self) {
        let job = self.subject.job;
        let now = self.context.settings.now;
        let end = job.fires.len()..job.fires.len();
        if let Some(run) = self.context.worker.run_of(self.subject.index) {
            if !job.fires.is_empty() {
                self.add_gap(job.fires.len(), run.start);
            }
            let passed =
                self.cadence.map_or(0, |cadence| self.context.slots_between(self.subject, cadence, run.start, now));
            let fate = Fate::Excused(Excuse::Running);
            self.stretches.push(Stretch { fate, since: run.start, until: None, slots: 1 + passed, runs: end });
            return;
        }
        if let Some((due, boot)) = self.before_boot() {
            let slots = self.slots_up_to(due, boot);
            let fate = Fate::Excused(Excuse::CatchingUp(boot));
            self.stretches.push(Stretch { fate, since: due, until: Some(boot), slots, runs: end.clone() });
        }
        let Some(due) = self.due() else { return };
        if self.context.after_quiet(self.subject, due) >= now {
            if due < now {
                let (fate, slots) = (Fate::Excused(Excuse::Quiet), self.slots_up_to(due, now));
                self.stretches.push(Stretch { fate, since: due, until: None, slots, runs: end });
            }
            return;
        }
        let (fate, slots) = (self.standing_fate(due), self.slots_up_to(due, now));
        self.stretches.push(Stretch { fate, since: due, until: None, slots, runs: end });
    }

    /// The slot at `due` and those up to `until`.
    fn slots_up_to(&self, due: Instant, until: Instant) -> u64 {
        let Some(cadence) = self.cadence else { return 1 };
        let own = u64::from(self.context.after_quiet(self.subject, due) == due);
        own + self.context.slots_between(self.subject, cadence, due, until)
    }

    fn standing_fate(&self, due: Instant) -> Fate {
        let (context, subject) = (self.context, self.subject);
        match subject.job.state {
            State::Broken => return Fate::Excused(Excuse::Stopped),
            State::Paused | State::Disabled => return Fate::Excused(Excuse::Paused),
            _ => {}
        }
        if let Some(Repair { at, looks_by }) = repair::of(context, subject.job)
            && looks_by >= context.settings.now
        {
            return Fate::Excused(Excuse::Repaired(at));
        }
        let is_pending = subject.job.next_run().is_some_and(|next| next <= context.settings.now);
        let resumed =
            if is_pending { context.worker.catching_up_since(due) } else { context.worker.just_booted_since(due) };
        if let Some(resumed) = resumed {
            return Fate::Excused(Excuse::CatchingUp(resumed));
        }
        if context.free_for(subject, due, context.settings.now) > subject.settings.thresholds.late_after {
            return Fate::Lost;
        }
        let is_blocked = context.worker.blocker().is_some();
        Fate::Excused(if is_blocked { Excuse::Busy } else { Excuse::Due })
    }

    /// What the job is due for, now or later: its row's next run, where the row keeps that until the job has run. Elsewhere
    /// the scheduler may have moved the next run on, so that the first slot without a run counts.
    fn due(&self) -> Option<Instant> {
        let job = self.subject.job;
        let now = self.context.settings.now;
        let next = unserved(job);
        let Some(cadence) = self.cadence else { return next };
        if next.is_some() && self.context.snapshot.traits.rewrites_rows_on_restart() {
            return next;
        }
        let Some(from) = self.counts_from(cadence) else { return next };
        let from = self.pauses.end_between(from, now);
        let is_bad = has_failed_last(job);
        let first = self.first_due(cadence, from, is_bad)?;
        let Some(next) = next.filter(|next| *next <= now) else { return Some(first) };
        // A scheduler that makes up for lost slots moves the next run on by one with each run.
        if job.fires.last().and_then(Fire::known_start).is_some_and(|start| start > next) {
            return Some(first);
        }
        // Until it is lost, the row's next run is what the job is late for.
        let lost = cadence.advance(from, self.subject.settings.thresholds.late_cadences)?.max(first);
        let is_later = first > next && !is_bad;
        Some(if now > lost && !is_later { first } else { next })
    }

    /// From when on the job's slots count: its last run, or a later change of its row.
    fn counts_from(&self, cadence: &Cadence) -> Option<Instant> {
        let job = self.subject.job;
        let last = job.last_end().or(job.created_at)?;
        let changed = restarted_clock(self.context, job, cadence);
        Some(changed.map_or(last, |changed| changed.max(last)))
    }

    /// The first slot that was lost before a restart scheduled the job anew, and the time of that restart.
    fn before_boot(&self) -> Option<(Instant, Instant)> {
        let cadence = self.cadence?;
        let (context, job) = (self.context, self.subject.job);
        let boot = resumed_at(context, job).filter(|boot| *boot <= context.settings.now)?;
        let from = self.counts_from(cadence).filter(|from| boot > *from)?;
        let from = self.pauses.end_between(from, boot);
        let is_bad = has_failed_last(job);
        let due = self.first_due(cadence, from, is_bad)?;
        // What was due so shortly before the boot was not lost.
        let is_lost =
            due < boot && context.free_for(self.subject, due, boot) > self.subject.settings.thresholds.late_after;
        is_lost.then_some((due, boot))
    }
}

/// The row's next run; the slot after the last run, if that began later and its end is not in the row.
fn unserved(job: &Job) -> Option<Instant> {
    let due = job.next_run()?;
    let recorded = job.last_run().map(|run| run.start);
    let start = job.fires.last().and_then(|fire| fire.known_start());
    match (start, job.schedule.cadence()) {
        (Some(start), Some(cadence)) if start >= due && recorded.is_none_or(|recorded| start > recorded) => {
            cadence.next(start)
        }
        _ => Some(due),
    }
}

/// Whether a job's last run failed; that of one that threw shows only in the count of errors.
fn has_failed_last(job: &Job) -> bool {
    job.errors() > 0 || job.fires.last().is_some_and(Fire::is_bad)
}

/// The pauses of a job, and when it was resumed.
struct Pauses {
    begun: Vec<Instant>,
    resumed: Vec<Instant>,
    /// When its row was last written.
    written: Option<Instant>,
}

impl Pauses {
    fn of(job: &Job) -> Pauses {
        let (resumes, pauses): (Vec<&Switch>, Vec<&Switch>) = job.switches.iter().partition(|switch| switch.resumes);
        let times = |switches: Vec<&Switch>| switches.into_iter().map(|switch| switch.at).collect();
        Pauses { begun: times(pauses), resumed: times(resumes), written: job.written() }
    }

    /// When the last pause between `last` and `until` ended; `last` if there was none.
    fn end_between(&self, last: Instant, until: Instant) -> Instant {
        let before = &self.begun[..self.begun.partition_point(|pause| *pause < until)];
        let Some(pause) = before.last().copied().filter(|pause| *pause >= last) else { return last };
        let resumed = self.resumed.get(self.resumed.partition_point(|resumed| *resumed < pause));
        let resumed = match (resumed, self.written) {
            (Some(resumed), _) => *resumed,
            // Resumed without a trace: the row was written then, or the next run shows it.
            (None, Some(written)) if written > pause && written < until => written,
            (None, _) => until,
        };
        resumed.min(until)
    }
}

/// When a restart scheduled a job anew, and so ended its silence. A boot that leaves the rows as they are ends none: the job
/// must run.
fn resumed_at(context: &Context<'_>, job: &Job) -> Option<Instant> {
    let rewrites = context.snapshot.traits.rewrites_rows_on_restart() && repair::of(context, job).is_none();
    if rewrites { rewritten_at(job) } else { None }
}

/// A resume or an edit computes the next run anew and writes the row: slots count from then.
fn restarted_clock(context: &Context<'_>, job: &Job, cadence: &Cadence) -> Option<Instant> {
    let written = job.written().filter(|at| *at <= context.settings.now)?;
    if !context.snapshot.traits.rewrites_rows_on_restart() {
        return Some(written);
    }
    let next = job.next_run()?;
    let follows = match cadence {
        Cadence::Every(interval) => next.since(written.plus(*interval)).abs() <= ROW_FOLLOWS,
        Cadence::Cron(..) => cadence.next(written) == Some(next),
    };
    follows.then_some(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Instant {
        Instant::from_millis(minute * 60_000)
    }

    #[test]
    fn the_last_pause_before_an_instant_says_when_a_job_was_resumed() {
        let end = |begun: &[i64], resumed: &[i64], written: Option<i64>| {
            let times = |minutes: &[i64]| minutes.iter().copied().map(at).collect();
            let pauses = Pauses { begun: times(begun), resumed: times(resumed), written: written.map(at) };
            pauses.end_between(at(10), at(100)).millis() / 60_000
        };
        assert_eq!((end(&[], &[20], None), end(&[9], &[20], None), end(&[100], &[], None)), (10, 10, 10), "none in it");
        assert_eq!((end(&[10], &[20], None), end(&[10, 40], &[20, 50], None)), (20, 50));
        assert_eq!(
            (end(&[10, 40], &[20], None), end(&[10, 40], &[20], Some(60))),
            (100, 60),
            "resumed without a trace"
        );
        assert_eq!((end(&[40], &[], Some(40)), end(&[40], &[], Some(100)), end(&[40], &[120], None)), (100, 100, 100));
    }
}
