//! When the worker was free: exactly, where each start is on record, otherwise by two bounds.

use super::LATE_IN_A_BATCH;
use super::active_run::{Cut, Phase, RunLength};
use super::births::Births;
use super::free_time::{FreeTime, MIN_FREE, Span};
use super::in_flight::{InFlight, TIMEOUT_GRACE};
use super::records::Records;
use super::rows::Unrecorded;
use crate::audit::runs::{keeps_slot, slot_after};
use crate::model::{Fire, Job, SchedulerTraits, UNKNOWN_PLACES};
use crate::schedule::Cadence;
use crate::time::Instant;
use std::cell::OnceCell;

/// How long a run took whose start is not on record.
#[derive(Debug, Clone, Copy)]
enum Bound {
    /// As long as it can have.
    Upper,
    /// No longer than it must have.
    Lower,
}

/// When the worker was free.
#[derive(Debug)]
pub struct Bounds<'a> {
    records: Records<'a>,
    /// Free since the last end, or up to the run in flight.
    tail: Vec<Span>,
    births: Births,
    /// Free even if every run took as long as it can have.
    upper: FreeTime,
    /// When no run at all was under way, if it is not known how many may go on at a time.
    idle: Option<FreeTime>,
    /// Free if every run took no longer than it must have.
    lower: OnceCell<FreeTime>,
    /// What was due before it and has not run since was passed over.
    passed_over_before: Option<Instant>,
    /// The same where only rows tell of runs.
    by_rows: Option<ByRows>,
}

/// What rows tell of a worker whose runs are not recorded any more.
#[derive(Debug)]
struct ByRows {
    passed_over_before: Instant,
    /// Free if no run took longer than it must have, and none but those that rows know took long.
    free: FreeTime,
}

impl<'a> Bounds<'a> {
    /// Works out from the runs when the worker was free.
    pub fn new(records: Records<'a>, in_flight: &InFlight, births: Births) -> Bounds<'a> {
        let tail = tail(records, in_flight);
        let SchedulerTraits { records_starts, max_concurrent, .. } = records.snapshot.traits;
        let upper = if records_starts {
            free_by_records(records, in_flight, max_concurrent)
        } else {
            free_by(Bound::Upper, records, known_free(records, &tail, &births), &births)
        };
        let idle = match max_concurrent {
            UNKNOWN_PLACES if records_starts => Some(free_by_records(records, in_flight, 1)),
            _ => None,
        };
        let by_rows = if records_starts { None } else { by_rows(records, &tail, &births) };
        Bounds {
            records,
            tail,
            births,
            upper,
            idle,
            lower: OnceCell::new(),
            passed_over_before: records.passed_over_before(),
            by_rows,
        }
    }

    /// When the last process began by `at` of which that is known.
    pub fn born_before(&self, at: Instant) -> Option<Instant> {
        self.births.before(at)
    }

    /// What is free even if every run took as long as it can have.
    pub fn upper(&self) -> &FreeTime {
        &self.upper
    }

    /// The same, where it is not known how many runs may go on at a time: when none was under way. Where only rows know of runs, as they
    /// tell.
    pub fn idle(&self) -> &FreeTime {
        let by_rows = self.by_rows.as_ref().map(|by_rows| &by_rows.free);
        self.idle.as_ref().or(by_rows).unwrap_or(&self.upper)
    }

    /// What is free if every run took no longer than it must have.
    pub fn lower(&self) -> &FreeTime {
        if self.records.snapshot.traits.records_starts {
            return &self.upper;
        }
        self.lower.get_or_init(|| {
            let known = known_free(self.records, &self.tail, &self.births);
            free_by(Bound::Lower, self.records, known, &self.births)
        })
    }

    /// Whether some job has fired so often since `due` that one that has not was not waiting for its turn.
    pub fn passed_over(&self, due: Instant) -> bool {
        self.passed_over_on_record(due) || self.free_by_rows(due).is_some()
    }

    /// What counts as free for a job due at `due` that has not run since.
    pub fn for_job_due(&self, due: Instant) -> &FreeTime {
        self.free_by_rows(due).unwrap_or_else(|| self.on_record(due))
    }

    /// What counts as free for a job due at `due` by the runs on record alone: it may have run since without a record.
    pub fn on_record(&self, due: Instant) -> &FreeTime {
        if self.passed_over_on_record(due) { self.lower() } else { &self.upper }
    }

    /// Whether only rows tell that a job due at `due` was passed over.
    pub fn passed_over_by_rows(&self, due: Instant) -> bool {
        !self.passed_over_on_record(due) && self.free_by_rows(due).is_some()
    }

    fn passed_over_on_record(&self, due: Instant) -> bool {
        self.passed_over_before.is_some_and(|before| before > due)
    }

    fn free_by_rows(&self, due: Instant) -> Option<&FreeTime> {
        let by_rows = self.by_rows.as_ref()?;
        // What was due a moment before another job may have waited for it in the same batch.
        if by_rows.passed_over_before > due.plus(LATE_IN_A_BATCH) { Some(&by_rows.free) } else { None }
    }
}

fn by_rows(records: Records<'_>, tail: &[Span], births: &Births) -> Option<ByRows> {
    let unrecorded = Unrecorded::of(records)?;
    let passed_over_before = unrecorded.passed_over_before(tail)?;
    let spans = [unrecorded.gaps(), tail].concat();
    Some(ByRows { passed_over_before, free: free_by(Bound::Lower, records, spans, births) })
}

/// The stretches in which fewer runs were on record than may go on at a time.
fn free_by_records(records: Records<'_>, in_flight: &InFlight, max_concurrent: usize) -> FreeTime {
    let now = records.now();
    let Some(from) = records.snapshot.window_start.filter(|from| *from < now) else { return FreeTime::default() };
    if max_concurrent == UNKNOWN_PLACES {
        return FreeTime::new(vec![(from, now)]);
    }
    let ended = records.fires().filter_map(|fire| Some((fire.known_start()?, fire.end)));
    let running = in_flight.runs().iter().map(|run| (run.start, run.cut.map_or(now, Cut::freed)));
    // At equal instants ends come before starts, so the count may pass through negative numbers.
    let mut changes: Vec<(Instant, i64)> = ended
        .chain(running)
        .chain(in_flight.suspended())
        .flat_map(|(start, end)| [(start.max(from), 1), (end.max(from), -1)])
        .collect();
    // Those of each job are in order already, which a stable sort makes use of.
    changes.sort();
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

/// Some free stretches, and those before the runs, by a bound of their lengths.
fn free_by(bound: Bound, records: Records<'_>, mut spans: Vec<Span>, births: &Births) -> FreeTime {
    for subject in records.subjects.iter() {
        let longest = subject.longest_run().saturating_add(TIMEOUT_GRACE);
        for (index, fire) in subject.job.fires.iter().enumerate() {
            let Some(lull) = start_of_lull(fire) else { continue };
            let start = match (fire.known_start(), bound) {
                (Some(start), _) => start,
                (None, Bound::Upper) => lull.max(fire.end.plus(-longest)),
                (None, Bound::Lower) => {
                    let due = due_after(records, subject.job, &subject.job.fires[..index]);
                    due.map_or(lull, |due| due.max(lull)).max(fire.end.plus(-longest))
                }
            };
            // A run ends with its process: the one that ended this run began it.
            let start = births.before(fire.end).map_or(start, |born| start.max(born));
            spans.push((lull, start.min(fire.end)));
        }
    }
    let longest = records.settings.thresholds.max_run.saturating_add(TIMEOUT_GRACE);
    let others = records.snapshot.other_fires.iter();
    spans.extend(others.filter_map(|fire| Some((start_of_lull(fire)?, fire.end.plus(-longest)))));
    FreeTime::new(spans)
}

/// From when on the worker can have been free before a run; None if that is not known or too short to count.
fn start_of_lull(fire: &Fire) -> Option<Instant> {
    if fire.has_no_event() {
        return None;
    }
    let start = fire.earliest_start()?;
    if fire.end.since(start) > MIN_FREE { Some(start) } else { None }
}

/// Free by what the rows and the run in flight show.
fn known_free(records: Records<'_>, tail: &[Span], births: &Births) -> Vec<Span> {
    let mut spans = tail.to_vec();
    spans.extend(before_the_only_event(records, births));
    spans
}

/// Free before the newest run if no event precedes it: only rows know the run before it.
fn before_the_only_event(records: Records<'_>, births: &Births) -> Option<Span> {
    let (newest, _) = records.last_end()?;
    let mut first: Option<Instant> = None;
    for job in records.jobs() {
        let Some(fire) = job.fires.last() else { continue };
        if fire.end != newest || fire.has_no_event() || fire.earliest_start().is_some() {
            continue;
        }
        if let Some(start) = fire.known_start() {
            first = Some(first.map_or(start, |first| first.min(start)));
        }
    }
    let start = first?;
    let lull = records.end_before(start)?;
    Some((lull, births.before(newest).map_or(start, |born| start.max(born)).min(newest)))
}

/// When a job was due after its runs so far: no earlier can the next one have begun. None if the last of them did not keep the
/// schedule: it may have been another one, and its slots would invent free time.
fn due_after(records: Records<'_>, job: &Job, runs: &[Fire]) -> Option<Instant> {
    let previous = runs.last()?;
    // After an error the scheduler tries again before the next slot.
    if previous.is_bad() {
        return Some(previous.end.plus(records.backoff(0)));
    }
    let cadence = job.schedule.cadence()?;
    if keeps_schedule(cadence, runs)? { cadence.next(previous.end) } else { None }
}

/// Whether the last of some runs kept the slot after the one before it; None if there is no such slot.
fn keeps_schedule(cadence: &Cadence, runs: &[Fire]) -> Option<bool> {
    let [.., one, two] = runs else { return None };
    keeps_slot(cadence, slot_after(cadence, one)?, two)
}

/// Free since the last end: up to the run in flight, or up to now if for longer than a run may take to show.
fn tail(records: Records<'_>, in_flight: &InFlight) -> Vec<Span> {
    let now = records.now();
    let Some(from) = records.done_since() else { return Vec::new() };
    if let Some((start, suspended)) = in_flight.suspended() {
        return vec![(from, start), (suspended, now)];
    }
    match in_flight.runs().first() {
        Some(run) if run.phase == Phase::Running => {
            let mut spans = vec![(from, run.start)];
            spans.extend(run.cut.map(|cut| (cut.freed(), now)));
            spans
        }
        Some(delivery) if delivery.length < RunLength::Impossible => Vec::new(),
        _ if now.since(from) <= records.snapshot.traits.session_delay => Vec::new(),
        // Sessions of that time are gone, so any plausible run may have been in flight.
        _ if records.snapshot.sessions_moved_on => vec![(from, now.plus(-records.settings.thresholds.max_run))],
        _ => vec![(from, now)],
    }
}
