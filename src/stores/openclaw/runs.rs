//! The runs: `task_runs` for seven days, `cron_run_receipts` for the last 64 of each job and those in flight.

use super::super::models::Models;
use super::super::table::{pieces, row_bounds};
use super::super::value::{cut, number, text};
use super::super::window::Window;
use super::super::{fires, gone, newer};
use super::delivery;
use super::detail::{Detail, Work};
use super::layout::{RunTable, instant, required};
use super::status::Status;
use super::tables::{Key, LEASE_TERM, Tables, run_error};
use crate::db::{Access, ReadError};
use crate::model::{DeliveryError, Fire, Job, JobIndex, Lease, MessageFate, ModelIndex, Outcome, Snapshot};
use crate::time::{DAY, Instant, Millis, SECOND};
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use std::collections::{BTreeSet, HashMap, HashSet};

/// Rows read with the small tables, and in each further piece.
const ROWS_AT_FIRST: i64 = 10_000;
const ROWS_A_PIECE: i64 = 100_000;
/// Runs read at most.
const MAX_ROWS: i64 = 2_000_000;
/// The scheduler deletes ended runs after this time.
const KEPT: Millis = 7 * DAY;
/// A receipt and a task of one run differ by less.
const SAME_RUN: Millis = 2 * SECOND;
/// What the ids of tasks begin with that an upgrade made of old run logs: these rows were not written in the order of their
/// times.
const IMPORTED: &[u8] = b"cron-runlog-import:";
/// Jobs without a row that are kept apart.
const MAX_UNKNOWN_JOBS: usize = 10_000;
/// The longest error that is kept.
const MAX_ERROR_LEN: usize = 200;

/// Some runs in the order of their rows.
#[derive(Default)]
struct Part {
    runs: Vec<(JobIndex, Fire)>,
    /// Why the last run of a job failed or was skipped, and when that began.
    errors: HashMap<JobIndex, (Instant, String)>,
    /// The last error with which a message of a job got lost.
    delivery_errors: HashMap<JobIndex, DeliveryError>,
    /// Runs of jobs without a row, with their labels.
    unknown: Vec<(Key, String, Fire)>,
    models: Models,
    /// The latest start after the audit, and the last row with one.
    future: Option<(i64, Instant)>,
    /// The last row with a start before the audit.
    last_past: Option<i64>,
}

/// The last runs, and where the others are.
pub struct Newest {
    first: i64,
    from: i64,
    part: Part,
    receipts: Vec<(JobIndex, Fire)>,
    running: Vec<(JobIndex, Instant)>,
    requested: HashMap<JobIndex, Requests>,
}

/// Which of a job's runs were asked for by somebody, as far as its receipts say.
#[derive(Default)]
struct Requests {
    starts: Vec<Instant>,
    receipts: usize,
    oldest: Option<Instant>,
}

impl Requests {
    fn note(&mut self, start: Instant, is_requested: bool) {
        self.receipts += 1;
        self.oldest = Some(self.oldest.map_or(start, |oldest| oldest.min(start)));
        self.starts.extend(is_requested.then_some(start));
    }

    /// The requested runs of a job. What is older than its receipts was asked for if most of what they show was.
    fn of(mut self, job: &Job) -> Vec<Instant> {
        if 2 * self.starts.len() > self.receipts {
            let starts = job.fires.iter().filter_map(Fire::known_start);
            self.starts.extend(starts.filter(|start| self.oldest.is_some_and(|oldest| *start < oldest)));
        }
        self.starts
    }
}

/// Reads the last runs and all receipts.
///
/// # Errors
/// What SQLite says.
pub fn newest(db: &Connection, tables: &Tables, window: &Window) -> Result<Newest, ReadError> {
    let mut newest = Newest {
        first: 1,
        from: 1,
        part: Part::default(),
        receipts: Vec::new(),
        running: Vec::new(),
        requested: HashMap::new(),
    };
    let mut last = 0;
    let table = tables.runs.name();
    required(db, &format!("SELECT rowid FROM {table}"))?;
    if let Some((low, high)) = row_bounds(db, table)? {
        (newest.first, last) = (low, high);
        newest.from = low.max(high.saturating_sub(ROWS_AT_FIRST - 1));
        newest.part = read_runs(db, tables, (newest.from, last), window)?;
    }
    if tables.runs == RunTable::Tasks {
        read_receipts(db, tables, window, &mut newest)?;
    }
    newest.first = newest.first.max(last.saturating_sub(MAX_ROWS - 1));
    Ok(newest)
}

/// Reads the rest, and gives each job its runs.
///
/// # Errors
/// What is wrong with the database.
pub fn read(access: &mut Access<'_>, tables: &mut Tables, newest: Newest, window: &Window) -> Result<(), ReadError> {
    let mut assignment = Assignment::default();
    for piece in pieces(newest.first, newest.from, ROWS_A_PIECE) {
        let part = access.consistent_read(|db| read_runs(db, tables, piece, window))?;
        assignment.assign_fires(part, tables);
    }
    assignment.assign_fires(newest.part, tables);
    tables.snapshot.jobs.iter_mut().for_each(|job| merge_doubles(&mut job.fires));
    note_unread(&mut tables.snapshot);
    tables.snapshot.models = assignment.models.shown();
    tables.snapshot.clock_was_at = assignment.clock_was_at;
    newer::settle(std::mem::take(&mut tables.newer_rows), &mut tables.snapshot);
    add_receipts(newest.receipts, tables);
    for (job, since) in newest.running {
        tables.snapshot.jobs[job.position()].running_since = Some(since);
    }
    for (job, requests) in newest.requested {
        let job = &mut tables.snapshot.jobs[job.position()];
        job.manual_runs = requests.of(job);
    }
    let start = window.start(&tables.snapshot.jobs, KEPT);
    tables.snapshot.window_start = Some(start);
    let counting = fires::counting_models(&tables.snapshot.jobs);
    for job in &mut tables.snapshot.jobs {
        finish(job, tables.runs, &counting);
    }
    doubt_lease(&mut tables.snapshot);
    for (job, error) in &assignment.errors {
        explain(&mut tables.snapshot.jobs[job.position()], error, window);
    }
    gone::settle(assignment.unknown_jobs(), &mut tables.snapshot);
    Ok(())
}

/// What is gathered while runs are assigned to their jobs.
#[derive(Default)]
struct Assignment {
    unknown: HashMap<Key, (String, Vec<Fire>)>,
    models: Models,
    future: Option<(i64, Instant)>,
    clock_was_at: Option<Instant>,
    errors: HashMap<JobIndex, (Instant, String)>,
}

impl Assignment {
    fn assign_fires(&mut self, part: Part, tables: &mut Tables) {
        let models = self.models.adopt(&part.models);
        let renamed = |fire: Fire| Fire { model: fire.model.and_then(|model| models[model.position()]), ..fire };
        for (job, fire) in part.runs {
            tables.snapshot.jobs[job.position()].fires.push(renamed(fire));
        }
        for (job, error) in part.errors {
            keep_newest(&mut self.errors, job, error);
        }
        for (job, error) in part.delivery_errors {
            tables.snapshot.jobs[job.position()].delivery_error = Some(error);
        }
        for (key, label, fire) in part.unknown {
            if self.unknown.len() < MAX_UNKNOWN_JOBS || self.unknown.contains_key(&key) {
                let (known_label, fires) = self.unknown.entry(key).or_default();
                *known_label = label;
                fires.push(renamed(fire));
            }
        }
        // Rows are appended: one that was written after another with a later time shows that the clock was set back.
        self.future = self.future.max(part.future);
        if let (Some((row, latest)), Some(past)) = (self.future, part.last_past)
            && row < past
        {
            self.clock_was_at = self.clock_was_at.max(Some(latest));
        }
    }

    /// The jobs that have no row.
    fn unknown_jobs(self) -> Vec<Job> {
        let mut jobs = Vec::new();
        for ((_, id), (label, mut fires)) in self.unknown {
            merge_doubles(&mut fires);
            fires.sort_by_key(|fire| fire.end);
            jobs.push(Job { name: label, ..gone::job(&id, fires) });
        }
        jobs.sort_by(|a, b| a.id.cmp(&b.id));
        jobs
    }
}

/// A lease that ran out, or a stop, says nothing about a process that has begun runs since: a version that keeps no lease runs.
fn doubt_lease(snapshot: &mut Snapshot) {
    let begun = snapshot.jobs.iter().filter_map(|job| job.running_since.max(job.fires.last()?.known_start())).max();
    if let (Lease::Dead(at) | Lease::Stopped(at), Some(begun)) = (snapshot.lease, begun)
        && begun.since(at) > LEASE_TERM
    {
        snapshot.lease = Lease::Unknown;
    }
}

/// Keeps the error of a job's run that began last.
fn keep_newest(errors: &mut HashMap<JobIndex, (Instant, String)>, job: JobIndex, error: (Instant, String)) {
    if errors.get(&job).is_none_or(|(start, _)| *start <= error.0) {
        errors.insert(job, error);
    }
}

/// Tells why a job's last run failed or was skipped, where its row does not: the error is gone from it while the next run is in flight.
fn explain(job: &mut Job, (start, line): &(Instant, String), window: &Window) {
    let is_last = job.fires.last().and_then(Fire::known_start) == Some(*start);
    if is_last
        && let Some(run) = job.row.as_mut().and_then(|row| row.last_run.as_mut())
        && run.error.is_none()
    {
        run.error = Some(run_error(line, window));
    }
}

/// Makes one run of those that began at the same time, and puts them in order: an upgrade imports the old run logs, whose
/// runs have tasks already, and writes a row of its own for a run that it interrupted. What a row with detail says wins; an imported
/// row ends when its log was written.
fn merge_doubles(fires: &mut Vec<Fire>) {
    fires.sort_by_key(|fire| (fire.known_start(), fire.outcome == Outcome::Unread));
    fires.dedup_by(|double, kept| match (double.known_start(), kept.known_start()) {
        (Some(start), Some(known)) if are_one(double, kept, start.since(known)) => {
            let (better, start) = if kept.outcome == Outcome::Unread { (*double, start) } else { (*kept, known) };
            *kept = Fire { end: kept.end.min(double.end), ..better }.started(start);
            true
        }
        _ => false,
    });
}

/// Whether two rows whose starts are so far apart tell of one run: they began at once, or just one of them has a detail.
fn are_one(one: &Fire, other: &Fire, apart: Millis) -> bool {
    let is_unread = |fire: &Fire| fire.outcome == Outcome::Unread;
    apart == 0 || apart <= SAME_RUN && is_unread(one) != is_unread(other)
}

fn note_unread(snapshot: &mut Snapshot) {
    let fires = snapshot.jobs.iter().flat_map(|job| &job.fires);
    let unread = fires.filter(|fire| fire.outcome == Outcome::Unread).count();
    if unread > 0 {
        snapshot.notes.push(format!("the details of {unread} runs can't be read: what they used is unknown"));
    }
}

/// Adds the receipts of runs without a task.
fn add_receipts(receipts: Vec<(JobIndex, Fire)>, tables: &mut Tables) {
    let mut starts: HashMap<JobIndex, BTreeSet<Instant>> = HashMap::new();
    for (job, fire) in receipts {
        let fires = &mut tables.snapshot.jobs[job.position()].fires;
        let known = starts.entry(job).or_insert_with(|| fires.iter().filter_map(Fire::known_start).collect());
        let Some(start) = fire.known_start() else { continue };
        if known.range(start.plus(-SAME_RUN)..=start.plus(SAME_RUN)).next().is_none() {
            known.insert(start);
            fires.push(fire);
        }
    }
    for job in starts.into_keys() {
        tables.snapshot.jobs[job.position()].fires.sort_by_key(Fire::known_start);
    }
}

/// Puts the fires in order and adds the run that only the job's state knows.
fn finish(job: &mut Job, runs: RunTable, counting: &HashSet<ModelIndex>) {
    let last = job.fires.iter().filter_map(Fire::known_start).max();
    let of_row = job.last_run().filter(|run| last.is_none_or(|last| run.start.since(last) > SAME_RUN));
    let of_row = of_row.map(|run| fires::of_row(run, Outcome::Unproven));
    if let Some(fire) = of_row.into_iter().chain(looked_after(job, last)).max_by_key(|fire| fire.end) {
        job.fires.push(fire);
        job.fires.sort_by_key(|fire| fire.end);
        job.last_is_of_row = job.fires.last() == Some(&fire);
    }
    job.fires.sort_by_key(|fire| fire.end);
    job.running_since = job.running_since.filter(|since| !has_ended(job, *since, runs));
    job.manual_runs.sort_unstable();
    fires::forget_zeros(&mut job.fires, counting);
    let switched_on = job.written();
    fires::count_errors(job, switched_on);
}

/// A watcher's last look that found nothing to do, if a slot lies between it and the last run that is known.
fn looked_after(job: &Job, last: Option<Instant>) -> Option<Fire> {
    let at = job.looked_at?;
    let slot = job.schedule.cadence()?.next(last?)?;
    if slot <= at { Some(Fire::ended(at, Outcome::Idle).started(at)) } else { None }
}

/// Whether a run that is said to go on has ended, by any record of its end. A receipt is the lock of its job: a run that ignores its
/// time-out holds it, although its task has failed.
fn has_ended(job: &Job, since: Instant, runs: RunTable) -> bool {
    let is_it = |fire: &Fire| fire.known_start().is_some_and(|start| start.since(since).abs() <= SAME_RUN);
    job.fires.iter().any(|fire| is_it(fire) && (runs == RunTable::Logs || !fire.has_failed()))
}

fn read_runs(db: &Connection, tables: &Tables, (from, to): (i64, i64), window: &Window) -> Result<Part, ReadError> {
    let mut statement = db.prepare(tables.runs.query())?;
    let mut rows = statement.query([from, to])?;
    let oldest = window.start(&tables.snapshot.jobs, Millis::MAX);
    let mut part = Part::default();
    let mut previous = None;
    while let Some(row) = rows.next()? {
        let rowid: i64 = row.get(4)?;
        if previous.is_some_and(|previous| rowid <= previous) {
            return Err(ReadError::ReadTwice(tables.runs.name()));
        }
        previous = Some(rowid);
        let (Some(start), Some(end)) = (instant(number(row.get_ref(1)?)), instant(number(row.get_ref(2)?))) else {
            continue;
        };
        let is_imported = row.get_ref(7)?.as_bytes().is_ok_and(|id| id.starts_with(IMPORTED));
        if start > window.now && !is_imported {
            part.future = part.future.max(Some((rowid, start)));
            continue;
        }
        if !is_imported {
            part.last_past = Some(rowid);
        }
        if start > window.now || end < oldest {
            continue;
        }
        let ended = Fire::ended(end.min(window.now), Outcome::Unread).started(start);
        let id = row.get_ref(0)?.as_bytes().unwrap_or_default();
        let store_key = row.get_ref(6)?.as_bytes().ok();
        part.add(tables, (store_key, id), ended, row.get_ref(3)?, row.get_ref(5)?, window.errors);
    }
    Ok(part)
}

impl Part {
    fn add(
        &mut self,
        tables: &Tables,
        (store_key, id): (Option<&[u8]>, &[u8]),
        ended: Fire,
        detail: ValueRef<'_>,
        label: ValueRef<'_>,
        errors: bool,
    ) {
        let detail = Detail::parse(detail.as_bytes().unwrap_or_default());
        let detail = detail.as_ref();
        let store_key = store_key.or_else(|| Some(detail?.store_key.as_deref()?.as_bytes()));
        let job = tables.job(store_key, id);
        let definition = job.map(|job| &tables.definitions[job.position()]);
        let work = detail.zip(definition).map(|(detail, definition)| detail.classify_run(definition, tables.runs));
        let has_failed = detail.is_some_and(Detail::has_failed);
        let unknown = Work::ended(if has_failed { Outcome::Failed } else { Outcome::Unread });
        let Work { outcome, tokens, output, message } = work.unwrap_or(unknown);
        let model =
            detail.and_then(|detail| detail.model.as_deref()).and_then(|model| self.models.index(model.as_bytes()));
        let fire = Fire { outcome, tokens, output, message, model, ..ended };
        match job {
            Some(job) => {
                let error = detail.and_then(|detail| detail.delivery_error.as_deref());
                let why = detail.and_then(|detail| detail.error.as_deref()).and_then(|why| why.lines().next());
                if let (Some(why), Some(start)) = (why, fire.known_start())
                    && (fire.is_bad() || outcome == Outcome::Skipped)
                {
                    keep_newest(&mut self.errors, job, (start, why.to_owned()));
                }
                if let Some(error) = error.filter(|_| message == MessageFate::Lost) {
                    self.delivery_errors.insert(job, delivery::error(error, errors));
                }
                self.runs.push((job, fire));
            }
            None => {
                let key = (store_key.unwrap_or_default().to_vec(), id.to_vec());
                self.unknown.push((key, cut(text(label).unwrap_or_default(), MAX_ERROR_LEN), fire));
            }
        }
    }
}

fn read_receipts(db: &Connection, tables: &Tables, window: &Window, newest: &mut Newest) -> Result<(), ReadError> {
    let query = "SELECT store_key, job_id, status, started_at_ms, finished_at_ms, request_run_id, receipt_id
        FROM cron_run_receipts";
    let mut statement = required(db, query)?;
    let mut rows = statement.query([])?;
    let mut ids = HashSet::new();
    while let Some(row) = rows.next()? {
        if !ids.insert(row.get_ref(6)?.as_bytes().unwrap_or_default().to_vec()) {
            return Err(ReadError::ReadTwice("cron_run_receipts"));
        }
        let Some(start) = instant(number(row.get_ref(3)?)).filter(|start| *start <= window.now) else { continue };
        let store_key = row.get_ref(0)?.as_bytes().unwrap_or_default();
        let id = row.get_ref(1)?.as_bytes().unwrap_or_default();
        let Some(job) = tables.job(Some(store_key), id) else { continue };
        newest.requested.entry(job).or_default().note(start, row.get_ref(5)? != ValueRef::Null);
        let end = instant(number(row.get_ref(4)?));
        let word = row.get_ref(2)?.as_bytes().unwrap_or_default().to_ascii_lowercase();
        match word.as_slice() {
            b"superseded" => continue,
            b"running" => {
                newest.running.push((job, start));
                continue;
            }
            _ => {}
        }
        let outcome = match Status::of(&word) {
            Status::Ok => Outcome::Unproven,
            Status::Error => Outcome::Threw,
            Status::Skipped if tables.definitions[job.position()].may_be_skipped() => Outcome::Idle,
            Status::Skipped => Outcome::Skipped,
            Status::Unknown => Outcome::Unread,
        };
        // The recorded end of an interrupted run is the next boot: all that is known is that it began.
        let end = if word == b"interrupted" { start } else { end.unwrap_or(start) };
        newest.receipts.push((job, Fire::ended(end.min(window.now), outcome).started(start)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_that_began_at_the_same_time_are_one_of_which_the_detail_wins() {
        let at = |second: i64| Instant::from_millis(1_772_000_000_000 + second * SECOND);
        let imported = Fire::ended(at(65), Outcome::Unread).started(at(0));
        let known = Fire::ended(at(60), Outcome::Worked).started(at(0));
        let other = Fire::ended(at(200), Outcome::Failed).started(at(100));
        let merged = |fires: &[Fire]| {
            let mut fires = fires.to_vec();
            merge_doubles(&mut fires);
            fires.iter().map(|fire| (fire.outcome, fire.known_start(), fire.end)).collect::<Vec<_>>()
        };
        let one = [(Outcome::Worked, Some(at(0)), at(60)), (Outcome::Failed, Some(at(100)), at(200))];
        assert_eq!(merged(&[other, imported, known]), one);
        let early = Fire::ended(at(50), Outcome::Unread).started(at(0));
        assert_eq!(
            merged(&[early, known])[0],
            (Outcome::Worked, Some(at(0)), at(50)),
            "the log ends when it was written"
        );
        let after = |millis: i64, outcome| Fire::ended(at(70), outcome).started(at(0).plus(millis));
        assert_eq!(merged(&[known, after(SAME_RUN, Outcome::Unread)]), [(Outcome::Worked, Some(at(0)), at(60))]);
        let later = after(SAME_RUN, Outcome::Failed);
        assert_eq!(merged(&[imported, later]), [(Outcome::Failed, later.known_start(), at(65))]);
        assert_eq!(merged(&[known, after(SAME_RUN + 1, Outcome::Unread)]).len(), 2);
        assert_eq!(merged(&[known, after(1, Outcome::Failed)]).len(), 2, "both have a detail");
        let unknown = Fire::ended(at(60), Outcome::Unread);
        assert_eq!(merged(&[unknown, unknown]).len(), 2, "without a start nothing shows that they are one");
    }

    #[test]
    fn runs_older_than_the_receipts_were_asked_for_if_most_of_those_were() {
        let at = |minute: i64| Instant::from_millis(1_772_000_000_000 + 60 * minute * SECOND);
        let fires = (0..6).map(|minute| Fire::ended(at(minute), Outcome::Worked).started(at(minute))).collect();
        let job = gone::job(b"j", fires);
        let asked = |receipts: &[(i64, bool)]| {
            let mut requests = Requests::default();
            receipts.iter().for_each(|(minute, is_requested)| requests.note(at(*minute), *is_requested));
            requests.of(&job).len()
        };
        assert_eq!(asked(&[(4, true), (5, false)]), 1, "half is not most");
        assert_eq!(asked(&[(4, true), (5, true), (3, false)]), 2 + 3, "those before the third");
        assert_eq!((asked(&[(4, false)]), asked(&[])), (0, 0));
    }

    #[test]
    fn runs_that_cant_be_read_are_counted_in_a_note() {
        let noted = |outcomes: &[Outcome]| {
            let mut snapshot = Snapshot::empty(super::super::traits::TRAITS);
            let fires = outcomes.iter().map(|outcome| Fire::ended(Instant::MIN, *outcome)).collect();
            snapshot.jobs.push(gone::job(b"j", fires));
            note_unread(&mut snapshot);
            snapshot.notes
        };
        assert_eq!(noted(&[Outcome::Worked]), [""; 0]);
        let two = noted(&[Outcome::Unread, Outcome::Worked, Outcome::Unread]);
        assert_eq!(two, ["the details of 2 runs can't be read: what they used is unknown"]);
    }
}
