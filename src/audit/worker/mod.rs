//! The worker runs a limited number of jobs at a time, so a due job waits while it is busy.
//!
//! Where a scheduler records the start and end of each run, that is all. Where it runs one job after another and records ends
//! only, the exact start is known of a job's last run, from its row. The length of an older run has two bounds: at most it
//! began at the end of the run before it, of any job (the upper bound); at least it began no earlier than its own slot (the
//! lower bound). Free time is what remains by the upper bound: a job that was due then and did not fire was not waiting. Where
//! another job has fired three times meanwhile, the job was passed over, because a batch takes each job once; then the lower
//! bound counts.

mod life;

pub use life::nobody_since;

use super::context::{Subject, Subjects};
use crate::model::{Fire, Job, JobIndex, OpenRun, Run, Snapshot};
use crate::schedule::Cadence;
use crate::settings::Settings;
use crate::time::{HOUR, Instant, MINUTE, Millis, SECOND, span};
use life::Life;
use std::cell::OnceCell;
use std::collections::BTreeMap;

/// A shorter free stretch proves nothing: the batch moves from one run to the next within it.
pub const MIN_FREE: Millis = MINUTE;
/// The scheduler's own time-out takes a moment to end a run.
pub const TIMEOUT_GRACE: Millis = MINUTE;
/// A delivery that takes longer hangs.
pub const MAX_DELIVERY: Millis = 15 * MINUTE;
/// A row is written within this time after its run's cost event, whose time is cut to the second.
pub const ROW_FOLLOWS: Millis = 2 * SECOND;
/// How exactly the end of a run is known: an interval is counted from a moment later.
const SAME_MINUTE: Millis = 50;
/// A run is unusual beyond this many times the longest of this many before it, once enough are known, and never below the
/// floor.
const USUAL_FACTOR: Millis = 2;
const USUAL_RUNS: usize = 30;
const MIN_RUNS: usize = 5;
const USUAL_FLOOR: Millis = 10 * MINUTE;
/// With fewer runs known, only the last counts.
const UNKNOWN_FLOOR: Millis = 30 * MINUTE;
/// So many runs that hang at the same time have the cause in common.
const MANY_HUNG: usize = 3;
/// A slot that falls into so short a stop of the process was lost to the restart.
const SHORT_STOP: Millis = 5 * MINUTE;
/// A scheduler that was restarted so often without running a job is in a crash loop.
const MIN_CRASHES: usize = 3;
/// A job was passed over once another one has fired this often since it was due.
const PASSED_OVER: usize = 3;

/// A job that was due so shortly before the last run ended fell silent with all others.
pub const LATE_IN_A_BATCH: Millis = 5 * MINUTE;

/// A stretch of time.
type Span = (Instant, Instant);
/// The end of a run and its job; None if the job has been deleted.
type RunEnd = (Instant, Option<JobIndex>);

/// When the worker was free, and what keeps it busy now.
#[derive(Debug)]
pub struct Worker<'a> {
    snapshot: &'a Snapshot,
    subjects: &'a Subjects<'a>,
    settings: &'a Settings,
    /// The runs in flight, as far as they show.
    pub active_runs: Vec<ActiveRun>,
    /// Whether the process lives.
    pub life: Life<'a>,
    /// The last end of any run.
    pub last_end: Option<RunEnd>,
    /// Free since the last end, or up to the run in flight.
    tail: Vec<Span>,
    /// Free even if every run took as long as it can have.
    free_by_upper_bound: FreeTime,
    /// Free if every run took no longer than it must have.
    free_by_lower_bound: OnceCell<FreeTime>,
    /// The ends of all runs, oldest first.
    ends: OnceCell<Vec<Instant>>,
    /// The latest of all jobs' third-last ends.
    third_last_end: Option<Instant>,
    /// See [`Worker::served_stores`].
    served: OnceCell<Vec<String>>,
    /// See [`Worker::catching_up_since`].
    resumption: OnceCell<Option<Resumption>>,
}

/// The end of a silence of the whole scheduler.
#[derive(Debug, Clone, Copy)]
struct Resumption {
    /// From when on the worker was free.
    silent_from: Instant,
    /// When the first run began after it.
    at: Instant,
    /// The slot that this run served.
    first_slot: Option<Instant>,
}

/// The position of a run in [`Worker::active_runs`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RunIndex(usize);

/// A run in flight.
#[derive(Debug, Clone)]
pub struct ActiveRun {
    /// Its job; None if that has been deleted.
    pub job: Option<JobIndex>,
    /// Its job's id.
    pub job_id: String,
    /// Its job's name, or what is known of a deleted job.
    pub name: String,
    /// What it does.
    pub phase: Phase,
    /// What tells it from any other: when its session showed, or its cost event was written.
    pub mark: Instant,
    /// When it began, as precisely as that is known.
    pub start: Instant,
    /// How long it has taken so far.
    pub elapsed: Millis,
    /// How long runs of its job usually take.
    pub usual: Usual,
    /// How its length compares with what to expect.
    pub length: RunLength,
    /// How it is known that it was cut short.
    pub cut: Option<Cut>,
}

/// How long the last runs of a job took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usual {
    /// The longest of them, and how many are known; None if none is.
    pub longest: Option<(Millis, usize)>,
    /// Beyond this a run is unusual.
    pub limit: Millis,
}

impl Usual {
    /// `its last 30 runs took 1m at most`, or that none is known.
    pub fn in_words(&self) -> String {
        match self.longest {
            Some((longest, 1)) => format!("its last run took {}", span(longest)),
            Some((longest, runs)) => format!("its last {runs} runs took {} at most", span(longest)),
            None => "how long its runs take is not known".to_owned(),
        }
    }
}

/// So many boots in this time after which the process was killed are a crash loop, as long as the last was not long ago.
const MANY_CRASHES: usize = 10;
const CRASHES_WITHIN: Millis = 12 * HOUR;
const CRASHES_GO_ON: Millis = 2 * HOUR;

/// How it is known that a run was cut short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The process that has the database open started after the run: then.
    Restarted(Instant),
    /// No process has the database open, which was last written then.
    Died(Instant),
    /// The process has not renewed its lease since then, or was stopped then.
    LeaseOver(Instant),
}

impl Cut {
    /// From when on the run did not keep the worker busy any more.
    fn freed(self) -> Instant {
        match self {
            Cut::Restarted(at) | Cut::Died(at) | Cut::LeaseOver(at) => at,
        }
    }
}

/// What a run in flight does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The model works.
    Running,
    /// The model's work is done; its message is being delivered.
    Delivering,
}

/// How the length of a run compares with what to expect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RunLength {
    /// As always.
    Usual,
    /// Longer than this job's runs usually take.
    Unusual,
    /// Longer than the scheduler allows: it hangs, or the process died in it.
    Impossible,
}

impl ActiveRun {
    /// Whether the model works in it for longer than the scheduler allows.
    pub fn hangs(&self) -> bool {
        self.phase == Phase::Running && self.length == RunLength::Impossible
    }

    /// Whether the process died in it and was not started again, so that everything waits for that.
    pub fn is_left_by_death(&self) -> bool {
        matches!(self.cut, Some(Cut::Died(_) | Cut::LeaseOver(_)))
    }
}

/// Stretches in which the worker was free, oldest first, each with the sum of those before it.
#[derive(Debug, Default)]
struct FreeTime {
    spans: Vec<Span>,
    before: Vec<Millis>,
}

impl FreeTime {
    fn new(mut spans: Vec<Span>) -> FreeTime {
        spans.retain(|(from, until)| until.since(*from) > MIN_FREE);
        spans.sort_unstable();
        let mut sum = 0;
        let mut before = Vec::with_capacity(spans.len());
        for (from, until) in &spans {
            before.push(sum);
            sum += until.since(*from);
        }
        FreeTime { spans, before }
    }

    /// How much of it lies before `at`.
    fn up_to(&self, at: Instant) -> Millis {
        let index = self.spans.partition_point(|(from, _)| *from < at);
        let Some(&(from, until)) = index.checked_sub(1).and_then(|last| self.spans.get(last)) else { return 0 };
        self.before[index - 1] + until.min(at).since(from)
    }

    fn between(&self, from: Instant, until: Instant) -> Millis {
        if until <= from { 0 } else { self.up_to(until) - self.up_to(from) }
    }
}

impl<'a> Worker<'a> {
    /// Works out from the runs when the worker was free.
    pub fn new(snapshot: &'a Snapshot, subjects: &'a Subjects<'a>, settings: &'a Settings) -> Worker<'a> {
        let mut worker = Worker {
            snapshot,
            subjects,
            settings,
            active_runs: Vec::new(),
            life: Life::new(snapshot, settings.now),
            last_end: last_end(snapshot, subjects),
            tail: Vec::new(),
            free_by_upper_bound: FreeTime::default(),
            free_by_lower_bound: OnceCell::new(),
            ends: OnceCell::new(),
            served: OnceCell::new(),
            resumption: OnceCell::new(),
            third_last_end: subjects.iter().filter_map(|subject| third_last_end(subject.job)).max(),
        };
        worker.active_runs = worker.in_flight();
        if worker.active_runs.is_empty() {
            worker.active_runs.extend(worker.delivering());
        }
        worker.tail = worker.tail();
        worker.free_by_upper_bound = if snapshot.traits.records_starts {
            worker.free_by_records(snapshot.traits.max_concurrent)
        } else {
            worker.free(|_, _, before| before)
        };
        worker
    }

    /// The stretches in which fewer than `max_concurrent` runs were on record.
    fn free_by_records(&self, max_concurrent: usize) -> FreeTime {
        let now = self.settings.now;
        let Some(from) = self.snapshot.window_start.filter(|from| *from < now) else { return FreeTime::default() };
        let ended = self.fires().filter_map(|fire| Some((fire.known_start()?, fire.end)));
        let running = self.active_runs.iter().map(|run| (run.start, run.cut.map_or(now, Cut::freed)));
        // At equal instants ends come before starts, so the count may pass through negative numbers.
        let mut changes: Vec<(Instant, i64)> =
            ended.chain(running).flat_map(|(start, end)| [(start.max(from), 1), (end.max(from), -1)]).collect();
        changes.sort_unstable();
        let (mut busy, mut since, mut spans) = (0, from, Vec::<Span>::new());
        for (at, change) in changes.into_iter().chain([(now, 0)]) {
            let is_full = usize::try_from(busy).is_ok_and(|busy| busy >= max_concurrent);
            match spans.last_mut() {
                _ if is_full => {}
                Some((_, end)) if *end == since => *end = at,
                _ => spans.push((since, at)),
            }
            (busy, since) = (busy + change, at);
        }
        FreeTime::new(spans)
    }

    /// The free stretches before the runs, where `earliest` bounds the start of one by its job, its fire before, and the end
    /// of the run before it.
    fn free(&self, earliest: impl Fn(&Job, Option<&Fire>, Instant) -> Instant) -> FreeTime {
        let mut spans = self.tail.clone();
        for subject in self.subjects.iter() {
            let longest = self.longest_run(subject).saturating_add(TIMEOUT_GRACE);
            for (index, fire) in subject.job.fires.iter().enumerate() {
                let Some(before) = start_of_lull(fire) else { continue };
                let start = fire.known_start().unwrap_or_else(|| {
                    let previous = index.checked_sub(1).map(|previous| &subject.job.fires[previous]);
                    earliest(subject.job, previous, before).max(fire.end.plus(-longest))
                });
                spans.push((before, start.min(fire.end)));
            }
        }
        let longest = self.settings.thresholds.max_run.saturating_add(TIMEOUT_GRACE);
        let others = self.snapshot.other_fires.iter();
        spans.extend(others.filter_map(|fire| Some((start_of_lull(fire)?, fire.end.plus(-longest)))));
        FreeTime::new(spans)
    }

    fn longest_run(&self, subject: &Subject<'_>) -> Millis {
        subject.job.longest_run.unwrap_or(subject.settings.thresholds.max_run)
    }

    /// The free stretches if each run began no earlier than its own slot.
    fn free_by_lower_bound(&self) -> &FreeTime {
        if self.snapshot.traits.records_starts {
            return &self.free_by_upper_bound;
        }
        self.free_by_lower_bound.get_or_init(|| {
            self.free(|job, previous, before| {
                let slot = previous.and_then(|previous| {
                    // After an error the scheduler tries again before the next slot.
                    let retried = previous.is_bad();
                    if retried {
                        Some(previous.end.plus(self.backoff(0)))
                    } else {
                        job.schedule.cadence()?.next(previous.end)
                    }
                });
                slot.map_or(before, |slot| slot.max(before))
            })
        })
    }

    /// Whether some job has fired so often since `due` that one that has not was not waiting for its turn.
    pub fn passed_over(&self, due: Instant) -> bool {
        self.third_last_end.is_some_and(|third| third > due)
    }

    /// For how long in total the worker was visibly free between `due` and `until` for a job that has not fired since `due`.
    pub fn free_for(&self, due: Instant, until: Instant) -> Millis {
        self.free_since(due, due, until)
    }

    /// How much of the free time that counts for a job due at `due` lies between two instants.
    pub fn free_since(&self, due: Instant, from: Instant, until: Instant) -> Millis {
        let free = if self.passed_over(due) { self.free_by_lower_bound() } else { &self.free_by_upper_bound };
        free.between(from, until)
    }

    /// A boot that came after `due` so shortly ago that the work it defers may not have begun.
    pub fn just_booted_since(&self, due: Instant) -> Option<Instant> {
        let boot = self.snapshot.boots.last().copied().filter(|boot| due < *boot)?;
        let is_young = self.settings.now.since(boot) <= self.snapshot.traits.startup;
        (is_young && self.life.is_proven() && self.crash_loop().is_none()).then_some(boot)
    }

    /// Boots of the last hours after which the process was killed, if they are so many that it crashes, and when the first
    /// was.
    pub fn crashes(&self) -> Option<(usize, Instant)> {
        let kills = &self.snapshot.kills;
        let recent = &kills[kills.partition_point(|boot| self.settings.now.since(*boot) > CRASHES_WITHIN)..];
        let goes_on = recent.last().is_some_and(|last| self.settings.now.since(*last) <= CRASHES_GO_ON);
        recent.first().filter(|_| goes_on && recent.len() >= MANY_CRASHES).map(|first| (recent.len(), *first))
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
        let Resumption { silent_from, at, first_slot } = (*self.resumption.get_or_init(|| self.last_resumption()))?;
        let slept = at.since(due.max(silent_from)) > self.settings.thresholds.lost_after;
        let in_turn = first_slot.is_none_or(|slot| slot <= due);
        let is_busy = || self.free_for(at, self.settings.now) <= self.settings.thresholds.late_after;
        (slept && in_turn && !self.passed_over(at) && is_busy()).then_some(at)
    }

    /// A run in flight that began after a job was due, where one run goes on at a time and the worker was hardly free for the job
    /// before the last run ended: the scheduler was silent and works again, and the job waits for this run.
    fn sign_of_life_since(&self, due: Instant) -> Option<&ActiveRun> {
        let run = self.active_runs.first()?;
        let works = run.phase == Phase::Running && run.cut.is_none() && run.length < RunLength::Impossible;
        let is_single = self.snapshot.traits.max_concurrent == 1;
        let is_first = run.start > due && self.free_before_last_end(due) <= LATE_IN_A_BATCH;
        let was_silent = self.free_for(due, run.start) > self.settings.thresholds.late_after;
        if works && is_single && is_first && was_silent { Some(run) } else { None }
    }

    fn last_resumption(&self) -> Option<Resumption> {
        let works =
            |run: &ActiveRun, at: Instant| run.start == at && run.cut.is_none() && run.length < RunLength::Impossible;
        let begins = |at: Instant| {
            self.last_run_end().is_some_and(|end| end > at) || self.active_runs.iter().any(|run| works(run, at))
        };
        let is_long = |(from, until): &&Span| until.since(*from) > self.settings.thresholds.lost_after;
        let mut silences = self.free_by_upper_bound.spans.iter().rev();
        let (silent_from, at) = *silences.find(|span| is_long(span) && begins(span.1))?;
        Some(Resumption { silent_from, at, first_slot: self.first_slot_after(at) })
    }

    /// The slot of the first run that ended after `at`, or of the one in flight.
    fn first_slot_after(&self, at: Instant) -> Option<Instant> {
        let first = |subject: &Subject<'_>| {
            let job = subject.job;
            let index = job.fires.partition_point(|fire| fire.end <= at);
            let fire = job.fires.get(index)?;
            let previous = index.checked_sub(1).map(|previous| job.fires[previous].end).or(job.created_at)?;
            Some((fire.end, job.schedule.cadence()?.next(previous)))
        };
        let running = || {
            let job = self.active_runs.first().and_then(|run| run.job)?;
            self.subjects[job].job.next_run()
        };
        self.subjects.iter().filter_map(first).min().map_or_else(running, |(_, slot)| slot)
    }

    /// How long after an error the scheduler tries again; the first error is 0.
    pub fn backoff(&self, error: usize) -> Millis {
        let delays = &self.snapshot.traits.backoff;
        delays.get(error).or(delays.last()).copied().unwrap_or(0)
    }

    /// Whether the worker may have been busy all the time, if runs began no earlier than they must have.
    pub fn may_be_busy(&self, from: Instant, until: Instant) -> bool {
        self.free_by_lower_bound().between(from, until) <= MIN_FREE
    }

    /// How much of the free time since `due` came before the last end of any run: if there was much, not the whole scheduler
    /// fell silent.
    pub fn free_before_last_end(&self, due: Instant) -> Millis {
        self.last_run_end().map_or(0, |end| self.free_for(due, end))
    }

    /// When the last run of any job ended.
    pub fn last_run_end(&self) -> Option<Instant> {
        self.last_end.map(|(end, _)| end)
    }

    /// A run in flight by its position.
    pub fn run(&self, index: RunIndex) -> &ActiveRun {
        &self.active_runs[index.0]
    }

    /// Each run in flight with its position.
    pub fn indexed_runs(&self) -> impl Iterator<Item = (RunIndex, &ActiveRun)> {
        self.active_runs.iter().enumerate().map(|(index, run)| (RunIndex(index), run))
    }

    /// Restarts in a row without a run between them, if there are enough to be a crash loop: how many, and when the first was.
    pub fn crash_loop(&self) -> Option<(usize, Instant)> {
        let boots = &self.snapshot.boots;
        let ran = |boot: &Instant| self.last_run_end().is_some_and(|end| *boot <= end);
        let since = &boots[boots.partition_point(ran)..];
        since.first().filter(|_| since.len() >= MIN_CRASHES).map(|first| (since.len(), *first))
    }

    /// The last boot after a job's last run that came before it was due, or so soon after that it lost the slot.
    pub fn boot_between(&self, last_run: Option<Instant>, due: Instant) -> Option<Instant> {
        let boots = &self.snapshot.boots;
        let boot = boots[..boots.partition_point(|boot| boot.since(due) <= SHORT_STOP)].last().copied()?;
        last_run.is_some_and(|last| last < boot).then_some(boot)
    }

    /// Whether a job's store is not the one that the scheduler serves: most of its jobs that came due since the last boot have
    /// not run, and those of another store have.
    pub fn is_unserved(&self, job: &Job) -> bool {
        let served = self.served_stores();
        job.home.as_ref().is_some_and(|home| !served.is_empty() && !served.contains(&home.store))
    }

    /// The stores of which at least half of the jobs that came due since the last boot have run; none if no boot is on record.
    pub fn served_stores(&self) -> &[String] {
        self.served.get_or_init(|| self.find_served_stores())
    }

    fn find_served_stores(&self) -> Vec<String> {
        let Some(boot) = self.snapshot.boots.last().copied() else { return Vec::new() };
        let until = self.settings.now.plus(-self.settings.thresholds.late_after);
        let mut stores: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for job in self.subjects.iter().map(|subject| subject.job).filter(|job| job.state.is_watched()) {
            let due = job.schedule.cadence().and_then(|cadence| cadence.next(boot)).is_some_and(|slot| slot < until);
            let ran = job.fires.last().and_then(Fire::known_start).is_some_and(|start| start >= boot);
            if let Some(home) = job.home.as_ref().filter(|_| due || ran) {
                let (of, running) = stores.entry(&home.store).or_default();
                *of += 1;
                *running += usize::from(ran);
            }
        }
        stores.retain(|_, (of, running)| 2 * *running >= *of);
        stores.into_keys().map(str::to_owned).collect()
    }

    /// A job's own run in flight.
    pub fn run_of(&self, job: JobIndex) -> Option<&ActiveRun> {
        self.active_runs.iter().find(|run| run.job == Some(job))
    }

    /// The oldest of the runs with which a run has its cause in common: many that hang, or all that ended with the process.
    pub fn lead(&self, run: &ActiveRun) -> Option<RunIndex> {
        let is_alike = |other: &ActiveRun| match run.is_left_by_death() {
            true => other.is_left_by_death(),
            false => other.hangs(),
        };
        let alike = || self.indexed_runs().filter(|(_, run)| is_alike(run));
        let first = alike().min_by_key(|(index, run)| (run.start, index.0))?.0;
        let is_shared = run.is_left_by_death() || run.hangs() && alike().count() >= MANY_HUNG;
        is_shared.then_some(first)
    }

    /// The run that jobs wait for: the one that has taken longest, if no further one can start.
    pub fn blocker(&self) -> Option<(RunIndex, &ActiveRun)> {
        let blocking = || self.indexed_runs().filter(|(_, run)| !matches!(run.cut, Some(Cut::Restarted(_))));
        let full = blocking().count() >= self.snapshot.traits.max_concurrent;
        blocking().filter(|_| full).max_by_key(|(_, run)| run.elapsed)
    }

    /// Whether the run that jobs wait for may be alive by all that the database shows.
    pub fn may_wait_for_a_run(&self) -> bool {
        self.blocker().is_some_and(|(_, run)| run.is_left_by_death() && run.length < RunLength::Impossible)
    }

    /// The last end of any run up to `at`, as far as it is known: what tells one silence from another.
    pub fn end_before(&self, at: Instant) -> Option<Instant> {
        let ends = self.ends();
        ends.partition_point(|end| *end <= at).checked_sub(1).map(|index| ends[index])
    }

    /// The first end of any run after `at`.
    pub fn end_after(&self, at: Instant) -> Option<Instant> {
        let ends = self.ends();
        ends.get(ends.partition_point(|end| *end <= at)).copied()
    }

    /// The longest time between two ends in a row of any runs that is most of the time between two instants: nothing ran then.
    pub fn lull_within(&self, from: Instant, until: Instant) -> Option<Span> {
        let ends = self.ends();
        let first = ends.partition_point(|end| *end <= from).saturating_sub(1);
        let last = ends.partition_point(|end| *end <= until);
        let pairs = ends[first..(last + 1).min(ends.len())].windows(2);
        let longest = pairs.map(|pair| (pair[1].min(until).since(pair[0].max(from)), (pair[0], pair[1]))).max()?;
        let open =
            ends.last().filter(|end| **end < until && **end >= from).map(|end| (until.since(*end), (*end, until)));
        let (length, lull) = longest.max(open.unwrap_or(longest));
        if 2 * length >= until.since(from) { Some(lull) } else { None }
    }

    /// The boot that ended a silence of the whole scheduler which began with the end of a run: nothing ran in between.
    pub fn boot_that_ended(&self, end: Instant) -> Option<Instant> {
        let next = self.end_after(end)?;
        let boots = &self.snapshot.boots;
        let last = boots[..boots.partition_point(|boot| *boot <= next)].last().copied();
        last.filter(|boot| *boot > end && self.crash_loop().is_none())
    }

    /// The id of a job whose run ended then; of several the first.
    pub fn id_ended_at(&self, at: Instant) -> Option<&str> {
        let ended = |job: &Job| job.fires.binary_search_by_key(&at, |fire| fire.end).is_ok();
        let known = self.subjects.iter().map(|subject| subject.job).filter(|job| ended(job)).map(|job| job.id.as_str());
        let older = self.snapshot.older_ends.iter().filter(|(end, _)| *end == at).map(|(_, id)| id.as_str());
        known.chain(older).min()
    }

    fn fires(&self) -> impl Iterator<Item = &Fire> {
        self.subjects.iter().flat_map(|subject| &subject.job.fires).chain(&self.snapshot.other_fires)
    }

    fn ends(&self) -> &[Instant] {
        self.ends.get_or_init(|| {
            let older = self.snapshot.older_ends.iter().map(|(end, _)| *end);
            let mut ends: Vec<Instant> = self.fires().map(|fire| fire.end).chain(older).collect();
            ends.sort_unstable();
            ends
        })
    }

    /// Free since the last end: up to the run in flight, or up to now if for longer than a run may take to show.
    fn tail(&self) -> Vec<Span> {
        let now = self.settings.now;
        // Before the first run there was nothing but the creation of the jobs.
        let begin = || self.snapshot.window_start.map(|start| (start, None));
        let Some((end, job)) = self.last_end.or_else(begin) else { return Vec::new() };
        let row_end = job.and_then(|job| self.subjects[job].job.last_run()).map(Run::end).filter(|row| *row <= now);
        let from = row_end.map_or(end, |row| row.max(end));
        match self.active_runs.first() {
            Some(run) if run.phase == Phase::Running => {
                let after = run.cut.map(|cut| (cut.freed(), now));
                std::iter::once((from, run.start)).chain(after).collect()
            }
            Some(delivery) if delivery.length < RunLength::Impossible => Vec::new(),
            _ if now.since(from) <= self.snapshot.traits.session_delay => Vec::new(),
            // Sessions of that time are gone, so any plausible run may have been in flight.
            _ if self.snapshot.sessions_moved_on => vec![(from, now.plus(-self.settings.thresholds.max_run))],
            _ => vec![(from, now)],
        }
    }

    /// The runs on record that have not ended, or the one whose session showed.
    fn in_flight(&self) -> Vec<ActiveRun> {
        let recorded = self.subjects.iter().filter_map(|subject| {
            let start = subject.job.running_since?;
            Some(self.active_run(Some(subject), &subject.job.id, start, start))
        });
        recorded.chain(self.seen_in_session()).collect()
    }

    fn seen_in_session(&self) -> Option<ActiveRun> {
        let open = self.snapshot.open_runs.first()?;
        let subject = self.subjects.iter().find(|subject| subject.job.id == open.job_id);
        if self.life.restarted_after(open.seen).is_none() && self.was_cut(subject, open) {
            return None;
        }
        let due = subject.and_then(|subject| subject.job.next_run()).filter(|due| *due <= open.seen);
        let start = due.unwrap_or(open.seen).max(open.seen.plus(-self.snapshot.traits.session_delay));
        let start = start.max(self.last_run_end().unwrap_or(Instant::MIN)).min(open.seen);
        Some(self.active_run(subject, &open.job_id, open.seen, start))
    }

    fn active_run(&self, subject: Option<&Subject<'_>>, job_id: &str, mark: Instant, start: Instant) -> ActiveRun {
        let elapsed = self.settings.now.since(start);
        let usual = subject.map_or(Usual { longest: None, limit: UNKNOWN_FLOOR }, |subject| usual(subject.job));
        let longest = subject.map_or(self.settings.thresholds.max_run, |subject| self.longest_run(subject));
        let awake = self.awake(subject, start);
        let length = match awake {
            long if long > longest.saturating_add(TIMEOUT_GRACE) => RunLength::Impossible,
            long if long > usual.limit => RunLength::Unusual,
            _ => RunLength::Usual,
        };
        let name =
            subject.map_or_else(|| format!("the deleted job {job_id}"), |subject| subject.job.label().to_owned());
        let (job, job_id) = (subject.map(|subject| subject.index), job_id.to_owned());
        let restarted = self.life.restarted_after(mark).map(Cut::Restarted);
        let cut = restarted.or_else(|| self.life.died().map(|written| Cut::Died(written.max(mark))));
        let cut = cut.or_else(|| self.life.lease_over().filter(|at| *at >= mark).map(Cut::LeaseOver));
        ActiveRun { job, job_id, name, phase: Phase::Running, mark, start, elapsed, usual, length, cut }
    }

    /// How long a run has taken so far, without the hours in which its job is not expected to run.
    fn awake(&self, subject: Option<&Subject<'_>>, start: Instant) -> Millis {
        let now = self.settings.now;
        let quiet = subject.map_or(&self.settings.quiet, |subject| &subject.settings.quiet);
        let mut awake = now.since(start);
        for window in quiet {
            awake -= window
                .windows(self.snapshot.zone.zone, start, now)
                .map(|(from, until)| until.since(from))
                .sum::<Millis>();
        }
        awake
    }

    /// Whether the process was restarted since a run showed: its row then carries the time of the boot, or several rows do.
    fn was_cut(&self, own: Option<&Subject<'_>>, open: &OpenRun) -> bool {
        let Some(stagger) = self.snapshot.traits.restart_stagger else { return false };
        let later = |job: &Job| rewritten_at(job).filter(|boot| *boot > open.seen);
        let boots: Vec<Instant> = self.subjects.iter().filter_map(|subject| later(subject.job)).collect();
        let staggered = |boot: &Instant| boots.iter().any(|other| other > boot && other.since(*boot) % stagger == 0);
        own.is_some_and(|own| later(own.job).is_some()) || boots.iter().any(staggered)
    }

    /// A run whose cost event is there and whose row was not updated since: it is being delivered.
    fn delivering(&self) -> Option<ActiveRun> {
        let (end, Some(index)) = self.last_end? else { return None };
        let job = self.subjects[index].job;
        let fire = job.fires.last()?;
        let row = job.row.as_ref().filter(|_| job.state.is_watched())?;
        let recorded = row.last_run.as_ref().map(Run::end).max(row.updated_at).max(job.created_at)?;
        // Rows that were never updated after several fires are a runaway's.
        let earlier = job.fires.iter().rev().nth(1).is_some_and(|before| before.end.since(recorded) > ROW_FOLLOWS);
        let restarted = rewritten_at(job).is_some_and(|boot| boot > end);
        let restarted = restarted || self.life.restarted_after(end).is_some();
        if fire.known_start().is_some() || end.since(recorded) <= ROW_FOLLOWS || earlier || restarted {
            return None;
        }
        let elapsed = self.settings.now.since(end);
        let length = if self.awake(Some(&self.subjects[index]), end) > MAX_DELIVERY {
            RunLength::Impossible
        } else {
            RunLength::Usual
        };
        Some(ActiveRun {
            job: Some(index),
            job_id: job.id.clone(),
            name: job.label().to_owned(),
            phase: Phase::Delivering,
            mark: end,
            start: end,
            elapsed,
            usual: Usual { longest: None, limit: MAX_DELIVERY },
            length,
            cut: None,
        })
    }
}

/// From when on the worker can have been free before a fire; None if that is not known or too short to count.
fn start_of_lull(fire: &Fire) -> Option<Instant> {
    let start = fire.earliest_start().filter(|_| !fire.has_no_event())?;
    (fire.end.since(start) > MIN_FREE).then_some(start)
}

fn last_end(snapshot: &Snapshot, subjects: &Subjects<'_>) -> Option<RunEnd> {
    let of_jobs = subjects.iter().filter_map(|subject| Some((subject.job.fires.last()?.end, Some(subject.index))));
    of_jobs.chain(snapshot.other_fires.last().map(|fire| (fire.end, None))).max()
}

fn third_last_end(job: &Job) -> Option<Instant> {
    job.fires.len().checked_sub(PASSED_OVER).map(|third| job.fires[third].end)
}

/// When a restart scheduled a past-due job: its `next_run_at`, if that is not one of its own slots.
pub fn rewritten_at(job: &Job) -> Option<Instant> {
    let next = job.next_run().filter(|_| job.state.is_watched() && job.errors() == 0)?;
    let own = match job.schedule.cadence() {
        Some(Cadence::Every(interval)) => {
            let from = [job.last_run().map(Run::end), job.written(), job.created_at];
            let follows = |from: Instant| next.since(from.plus(*interval)).abs() <= ROW_FOLLOWS;
            from.into_iter().flatten().any(|from| follows(from) || follows_another_interval(from, next))
        }
        // Its slots are whole minutes in any zone.
        Some(Cadence::Cron(..)) => next.millis() % MINUTE == 0,
        None => job.schedule.at().is_none_or(|at| next.since(at).abs() <= SECOND),
    };
    (!own).then_some(next)
}

/// Whether a next run is whole minutes after `from`: an interval that was edited since, and not the time of a boot.
fn follows_another_interval(from: Instant, next: Instant) -> bool {
    let rest = next.since(from).rem_euclid(MINUTE);
    next > from && rest.min(MINUTE - rest) <= SAME_MINUTE
}

/// How long the last runs of a job took, and beyond what length one is unusual.
fn usual(job: &Job) -> Usual {
    let lengths: Vec<Millis> =
        (0..job.fires.len()).rev().filter_map(|index| run_length(job, index)).take(USUAL_RUNS).collect();
    let longest = lengths.iter().max().map(|longest| (*longest, lengths.len()));
    let (typical, floor) = match lengths.len() {
        MIN_RUNS.. => (longest.map_or(0, |(longest, _)| longest), USUAL_FLOOR),
        _ => (lengths.first().copied().unwrap_or(0), UNKNOWN_FLOOR),
    };
    // The row may know a run that the history does not.
    let typical = typical.max(job.last_run().and_then(|run| run.duration_ms).unwrap_or(0));
    Usual { longest, limit: typical.saturating_mul(USUAL_FACTOR).max(floor) }
}

/// How long a run took: from the later of its slot and the end of the run before it; exactly for the last one.
fn run_length(job: &Job, index: usize) -> Option<Millis> {
    let fire = &job.fires[index];
    if let Some(start) = fire.known_start() {
        return Some(fire.end.since(start));
    }
    let previous = &job.fires[index.checked_sub(1)?];
    let slot = job.schedule.cadence()?.next(previous.end).filter(|slot| *slot <= fire.end);
    Some(fire.end.since(slot.max(fire.earliest_start())?))
}
