//! The runs of jobs: those that ended, the one that goes on or waits, and those of jobs without a record.

use super::super::{fires, gone};
use super::executions::{Execution, Status};
use super::record::Record;
use super::sessions::Sessions;
use crate::model::{Fire, Job, MessageFate, Outcome, Row, Run, Schedule, Snapshot, State};
use crate::numbers::as_u64;
use crate::schedule::Cadence;
use crate::stores::window::Window;
use crate::time::{HOUR, Instant, MINUTE, Millis, SECOND};
use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU32;

/// A job says that its run ended up to so long before the row of the run does.
const SAME_END: Millis = 5 * SECOND;
/// A run that has begun has a session after this time, and one that was claimed a thread.
const BEGINS_WITHIN: Millis = 70 * SECOND;
/// With fewer runs, a job that has no record any more may have been one that ran a number of times and was done.
const MIN_OF_REGULAR: usize = 10;
/// Two signs of one start of the process are no further apart.
const SAME_BOOT: Millis = 2 * MINUTE;
/// Slots that are looked at to find the one before the next run: as many as a year has of an hourly job.
const MAX_SLOTS: usize = 10_000;
/// The rows of ended runs that are kept.
const KEPT: usize = 1000;

/// Adds what the table of runs and the sessions say to the jobs of `records`; None in versions without the table.
pub fn add(
    executions: Option<&[Execution]>,
    sessions: &Sessions,
    records: &[Record],
    snapshot: &mut Snapshot,
    window: &Window,
) {
    snapshot.traits.hides_runs = executions.is_none();
    snapshot.window_start = Some(window.start(&snapshot.jobs, Millis::MAX));
    let positions: HashMap<String, usize> =
        snapshot.jobs.iter().enumerate().rev().map(|(position, job)| (job.id.clone(), position)).collect();
    let (mut open, mut strangers) = (Vec::new(), BTreeMap::<&str, Vec<&Execution>>::new());
    for run in known(executions.unwrap_or_default(), window) {
        let Some(position) = positions.get(&run.job_id).copied() else {
            strangers.entry(run.job_id.as_str()).or_default().push(run);
            continue;
        };
        let job = &mut snapshot.jobs[position];
        match ended(run, job.last_run(), window.now) {
            None => open.push((position, run)),
            Some(end) => {
                let session = sessions.of(&run.job_id, run.started.unwrap_or(run.claimed), end);
                let mut fire = fire(run, end);
                if let Some(session) = session {
                    fire.cost_usd = session.cost_usd;
                    fire.output = NonZeroU32::new(session.output);
                    fire.model = session.model;
                    let is_counted = !fire.has_failed() || session.tokens > 0;
                    fire.tokens = if is_counted { Some(session.tokens) } else { None };
                    fire.outcome = if fire.has_failed() { fire.outcome } else { Outcome::by_count(session.tokens) };
                }
                job.fires.push(fire);
                if !run.is_by_ticker {
                    job.manual_runs.push(run.claimed);
                }
            }
        }
    }
    add_open(&open, sessions, records, snapshot, window.now);
    for job in &mut snapshot.jobs {
        finish(job, window.now);
    }
    add_strangers(strangers, snapshot, window);
    add_process(executions.unwrap_or_default(), snapshot, window);
}

/// Adds runs whose jobs are not known: they show only that the scheduler worked.
pub fn add_of_others(executions: &[Execution], snapshot: &mut Snapshot, window: &Window) {
    snapshot.window_start = Some(window.start(&[], Millis::MAX));
    for run in known(executions, window) {
        snapshot.other_fires.extend(ended(run, None, window.now).map(|end| fire(run, end)));
    }
    snapshot.other_fires.sort_by_key(|fire| fire.end);
    add_process(executions, snapshot, window);
}

/// The runs that had begun at the instant of the audit.
fn known<'a>(executions: &'a [Execution], window: &Window) -> impl Iterator<Item = &'a Execution> {
    let now = window.now;
    executions.iter().filter(move |run| run.claimed <= now)
}

/// When a run ended; None if it goes on. What the next start found out ended no later than it began, as far as is known; and where
/// the job knows an end, the row of the run was only left as it was.
fn ended(run: &Execution, last_run: Option<&Run>, now: Instant) -> Option<Instant> {
    let began = run.started.unwrap_or(run.claimed);
    match run.status {
        Status::Open => last_run.map(Run::end).filter(|end| *end >= began),
        Status::Cut => Some(began),
        Status::Completed | Status::Failed => run.finished.or(run.started).filter(|end| *end <= now),
    }
}

fn fire(run: &Execution, end: Instant) -> Fire {
    let outcome = if run.status == Status::Completed { Outcome::Unproven } else { Outcome::Failed };
    let message = match run.delivery.as_deref() {
        Some("delivered") => MessageFate::Delivered,
        Some("failed") => MessageFate::Lost,
        _ => MessageFate::None,
    };
    Fire { message, ..Fire::ended(end, outcome).started(run.claimed) }
}

/// The runs that go on. One that was claimed and has no thread, or that began and has no session, waits for an older one: a hung
/// run holds a thread, or the lock on the working directory.
fn add_open(
    open: &[(usize, &Execution)],
    sessions: &Sessions,
    records: &[Record],
    snapshot: &mut Snapshot,
    now: Instant,
) {
    let oldest = open.iter().map(|(_, run)| run.claimed).min();
    for (position, run) in open {
        let job = &mut snapshot.jobs[*position];
        let since = run.started.unwrap_or(run.claimed);
        let shows_sessions = job.uses_model && !records[*position].has_script() && !sessions.is_empty();
        let has_begun = match run.started {
            None => false,
            Some(started) => !shows_sessions || sessions.of(&run.job_id, started, now).is_some(),
        };
        job.running_since = job.running_since.max(Some(run.claimed));
        job.run_waits = !has_begun && now.since(since) > BEGINS_WITHIN && oldest < Some(run.claimed);
    }
}

/// Puts the fires in order, and adds what only the record or only the rows know.
fn finish(job: &mut Job, now: Instant) {
    job.fires.sort_by_key(|fire| fire.end);
    job.manual_runs.sort_unstable();
    let known = |end: Instant| move |fire: &&Fire| fire.end.since(end).abs() <= SAME_END;
    if let Some(run) = job.row.as_mut().and_then(|row| row.last_run.as_mut()) {
        let end = run.end();
        match job.fires.iter().rev().find(known(end)).and_then(Fire::known_start) {
            Some(start) => (run.start, run.duration_ms) = (start, Some(end.since(start).max(0))),
            None if job.fires.last().is_none_or(|last| last.end < end) => {
                job.fires.push(fires::of_row(run, Outcome::Unproven));
            }
            None => {}
        }
    }
    fires::forget_zeros(&mut job.fires);
    let errors = job.fires.iter().rev().take_while(|fire| fire.has_failed()).count();
    if let Some(row) = job.row.as_mut() {
        row.consecutive_errors = row.consecutive_errors.max(as_u64(errors));
    }
    note_edit(job, now);
}

/// An edit leaves no trace but the next run, which is computed then. Where the runs did not keep the present schedule, what came before
/// the next run says nothing about it; nor does one slot alone, if the last run of all kept none of its slots.
fn note_edit(job: &mut Job, now: Instant) {
    let (Some(cadence), Some(next)) = (job.schedule.cadence(), job.next_run()) else { return };
    let Some(from) = job.last_end().or(job.created_at).filter(|_| next > now) else { return };
    let is_in_force = match cadence.slots_between(from, now) {
        0 => true,
        1 => was_kept(cadence, &job.fires) && kept_last(cadence, &job.fires),
        _ => job.fires.is_empty() || was_kept(cadence, &job.fires),
    };
    if is_in_force {
        return;
    }
    let computed = match cadence {
        Cadence::Every(interval) => Some(next.plus(-interval)),
        // The slot before the next run: it was computed after that.
        Cadence::Cron(..) => {
            let slots = std::iter::successors(cadence.next(from), |slot| cadence.next(*slot));
            slots.take_while(|slot| *slot < next).take(MAX_SLOTS).last()
        }
    };
    if let Some(row) = job.row.as_mut() {
        row.updated_at = computed.filter(|at| *at > from && *at <= now);
    }
}

/// Whether some two runs have hardly a slot between them, so that the schedule was in force once.
fn was_kept(cadence: &Cadence, runs: &[Fire]) -> bool {
    let hardly = |pair: &[Fire]| cadence.slots_between(pair[0].end, begin(&pair[1])) < 3;
    runs.len() == 1 || runs.windows(2).any(hardly)
}

/// Whether the last run began at most half a period after a slot.
fn kept_last(cadence: &Cadence, runs: &[Fire]) -> bool {
    let Some(began) = runs.last().map(begin) else { return false };
    match (cadence, cadence.usual_interval(began)) {
        (Cadence::Every(_), _) => true,
        (Cadence::Cron(..), Some(period)) => {
            let from = began.plus(-(period / 2).max(HOUR.min(period)));
            cadence.next(from).is_some_and(|slot| slot <= began)
        }
        (Cadence::Cron(..), None) => false,
    }
}

fn begin(run: &Fire) -> Instant {
    run.known_start().unwrap_or(run.end)
}

/// Jobs without a record. A one-shot is deleted once it ran, however it ended: of one that failed or was cut only its run tells.
/// Regular ones were removed or lost.
fn add_strangers(strangers: BTreeMap<&str, Vec<&Execution>>, snapshot: &mut Snapshot, window: &Window) {
    for (id, runs) in strangers {
        let ends = |run: &&Execution| Some(fire(run, ended(run, None, window.now)?));
        let mut fires: Vec<Fire> = runs.iter().filter_map(ends).collect();
        fires.sort_by_key(|fire| fire.end);
        match (runs.as_slice(), fires.as_slice()) {
            (_, fires) if fires.len() >= MIN_OF_REGULAR => {
                snapshot.jobs.push(gone::job(id.as_bytes(), fires.to_vec()));
            }
            ([run], [fire]) if fire.has_failed() => snapshot.jobs.push(failed_once(id, run, *fire, window)),
            _ => snapshot.other_fires.extend(fires),
        }
    }
    snapshot.other_fires.sort_by_key(|fire| fire.end);
}

fn failed_once(id: &str, run: &Execution, fire: Fire, window: &Window) -> Job {
    let line = match run.status {
        Status::Cut => Some("its process ended in the run, and it is not run again"),
        _ => run.error.as_deref(),
    };
    let last_run = Run {
        start: run.claimed,
        duration_ms: Some(fire.end.since(run.claimed).max(0)),
        failed: true,
        error: line.map(|line| window.error(line)),
    };
    let row = Row { last_run: Some(last_run), consecutive_errors: 1, ..Row::default() };
    let schedule = Schedule::Once(crate::model::Due::At(run.claimed));
    Job { row: Some(row), fires: vec![fire], ..Job::new(id.to_owned(), State::FailedOnce, schedule) }
}

/// The starts of the process, by the first run of each and by the runs that a start found cut, and since when all runs are known.
fn add_process(executions: &[Execution], snapshot: &mut Snapshot, window: &Window) {
    let mut first_of: HashMap<&str, Instant> = HashMap::new();
    let mut boots = Vec::new();
    for run in known(executions, window) {
        first_of.entry(run.process.as_str()).or_insert(run.claimed);
        if run.status == Status::Cut {
            boots.extend(run.finished.filter(|at| *at <= window.now));
            snapshot.kills.extend(first_of.get(run.process.as_str()));
        }
    }
    boots.extend(first_of.values());
    boots.sort_unstable();
    boots.dedup_by(|later, earlier| later.since(*earlier) <= SAME_BOOT);
    snapshot.boots = boots;
    snapshot.kills.sort_unstable();
    snapshot.kills.dedup();
    let ended = executions.iter().filter(|run| run.status != Status::Open);
    let oldest = ended.clone().map(|run| run.claimed).min();
    if ended.count() >= KEPT {
        snapshot.window_start = snapshot.window_start.max(oldest);
    }
}
