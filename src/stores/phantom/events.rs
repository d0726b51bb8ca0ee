//! The cost events: millions of rows with no index but their key.
//!
//! They are appended, so their times rise with `rowid`: the start of the window is found by binary search, and everything
//! after it is read once. The order is an assumption that a stepped clock breaks, so probes check it; if it does not hold,
//! all of the last rows are read. What began before the window is looked up backwards, within a bound.
//!
//! They are read in pieces: the last ones together with the small tables, then older ones, which never change once written,
//! up to that fixed row.

use super::super::table::row_bounds;
use super::super::window::Window;
use super::super::{fires, gone, newer};
use super::look_back;
use super::reader::{Keys, PROBES, Part, Reader, Seen, Times, middle_of};
use super::tables::Tables;
use crate::db::{Access, ReadError};
use crate::model::{Fire, Job, Outcome, Snapshot};
use crate::parallel;
use crate::time::{Instant, Millis, SECOND};
use rusqlite::{Connection, OptionalExtension};

/// Rows read with the small tables: a few milliseconds' worth.
const ROWS_AT_FIRST: i64 = 10_000;
/// Rows that each of two threads reads of a further piece: so few that the events stay in the processor's caches until they are
/// given to their jobs.
const ROWS_A_PIECE: i64 = 16_000;
/// Rows read at most: with 40 bytes each they take 120 MB.
const MAX_ROWS: i64 = 3_000_000;
/// A cost event is written within a run, its time cut to the second; the row is written a moment after it.
const SAME_RUN: Millis = 2 * SECOND;
/// The last events, the jobs that they belong to, and where the others are.
pub struct Newest {
    first: i64,
    last: i64,
    from: i64,
    reader: Reader,
}

/// Reads the last events; None if there are none at all.
///
/// # Errors
/// What SQLite says.
pub fn newest(db: &Connection, tables: &Tables, now: Instant) -> Result<Option<Newest>, ReadError> {
    let Some((first, last)) = row_bounds(db, "cost_events")? else { return Ok(None) };
    let from = first.max(last.saturating_sub(ROWS_AT_FIRST - 1));
    let mut reader = Reader::new(Keys::new(tables, now));
    reader.read(db, (from, last))?;
    Ok(Some(Newest { first, last, from, reader }))
}

/// Reads the rest, and gives each job of the snapshot its fires.
///
/// # Errors
/// What is wrong with the database.
pub fn read(
    access: &mut Access<'_>,
    mut tables: Tables,
    newest: Option<Newest>,
    window: &Window,
) -> Result<Snapshot, ReadError> {
    let start = window.start(&tables.snapshot.jobs, Millis::MAX);
    tables.snapshot.window_start = Some(start);
    if let Some(mut newest) = newest {
        let (first, last) = (newest.first, newest.last);
        let from = access.consistent_read(|db| Times::new(db, first, last)?.first_since(start))?;
        let from = from.unwrap_or_else(|| {
            tables.snapshot.notes.push("the times of the cost events do not rise: a clock was set".to_owned());
            first
        });
        let fires = read_fires(access, from, start, &mut newest, &mut tables.snapshot)?;
        settle_unknown_jobs(fires, &newest.reader.keys, &mut tables);
        let place = look_back::Place { first, last, from, start };
        look_back::look_back(access, place, &mut newest.reader, &mut tables.snapshot)?;
        tables.snapshot.models = newest.reader.keys.models.shown();
    }
    note_newer_rows(tables.newer_rows.len(), window.now, &mut tables.snapshot);
    newer::settle(tables.newer_rows, &mut tables.snapshot);
    tables.snapshot.jobs.iter_mut().for_each(|job| join_row(job, window.now));
    note_no_record(&mut tables.snapshot);
    Ok(tables.snapshot)
}

/// Says that rows know of runs, and the cost events of none.
fn note_no_record(snapshot: &mut Snapshot) {
    let has_worked = |job: &Job| job.last_run().is_some_and(|run| !run.failed);
    let is_on_record = |job: &Job| !job.recorded().is_empty();
    if snapshot.jobs.iter().any(has_worked) && !snapshot.jobs.iter().any(is_on_record) {
        snapshot.notes.push(
            "the jobs' runs are not among the cost events: whether a model worked in them is not known".to_owned(),
        );
    }
}

/// Two connections that read side by side.
struct Pair<'a, 'b> {
    access: &'b mut Access<'a>,
    beside: Access<'a>,
    /// Reads over the second.
    reader: Reader,
}

impl Pair<'_, '_> {
    /// Reads the two halves of some rows, the newer one by `reader`.
    fn read(&mut self, (from, to): (i64, i64), reader: &mut Reader) -> Result<(), ReadError> {
        let middle = middle_of(from, to);
        let Pair { access, beside, reader: older } = self;
        let sides = parallel::join(
            || beside.consistent_read(|db| older.read(db, (from, middle))),
            || access.consistent_read(|db| reader.read(db, (middle + 1, to))),
        );
        let (read_older, read_newer) = sides.map_err(ReadError::Thread)?;
        read_older?;
        read_newer?;
        reader.keys.adopt(&older.keys, &mut older.part);
        Ok(())
    }
}

/// Gives the jobs their fires from row `from` on, or as many of the last ones as can be kept; returns those of jobs without a
/// row.
fn read_fires(
    access: &mut Access<'_>,
    from: i64,
    start: Instant,
    newest: &mut Newest,
    snapshot: &mut Snapshot,
) -> Result<Vec<Vec<Fire>>, ReadError> {
    let least = access.consistent_read(|db| oldest_kept(db, from, newest.last))?;
    if let Some(least) = least {
        snapshot.notes.push(format!("only the last {MAX_ROWS} cost events were read, from row {least} on"));
    }
    let mut assignment = Assignment {
        start,
        jobs: newest.reader.keys.jobs,
        newest: None,
        unreadable: 0,
        stepped: 0,
        unknown_jobs: Vec::new(),
        seen: Seen::default(),
    };
    let last_part = std::mem::take(&mut newest.reader.part);
    let beside = access.beside();
    let mut pair = Pair { access, beside, reader: Reader::new(newest.reader.keys.clone()) };
    let mut next = least.unwrap_or(from);
    make_room(&mut snapshot.jobs, newest.last.saturating_sub(next));
    while next < newest.from {
        // Numbers may have gaps of any size: each piece begins at a row.
        let Some(row) = pair.access.consistent_read(|db| row_from(db, next))?.filter(|row| *row < newest.from) else {
            break;
        };
        let end = row.saturating_add(2 * ROWS_A_PIECE).min(newest.from);
        pair.read((row, end - 1), &mut newest.reader)?;
        assignment.assign_fires(&pair.reader.part, snapshot);
        assignment.assign_fires(&newest.reader.part, snapshot);
        next = end;
    }
    assignment.assign_fires(&last_part, snapshot);
    snapshot.last_other_activity = snapshot.last_other_activity.max(assignment.seen.last_other_activity);
    snapshot.clock_was_at = assignment.seen.clock_was_at;
    if assignment.unreadable > 0 {
        snapshot.notes.push(format!("{} cost events have no readable time", assignment.unreadable));
    }
    if assignment.stepped > 0 {
        snapshot.notes.push(format!(
            "{} cost events are older than the one before them: a clock was set, and times around them are inexact",
            assignment.stepped
        ));
    }
    Ok(assignment.unknown_jobs)
}

/// Makes room for a few more fires of each job than there are if all jobs have the same number.
fn make_room(jobs: &mut [Job], rows: i64) {
    let each = usize::try_from(rows.min(MAX_ROWS)).unwrap_or(0) / jobs.len().max(1);
    for job in jobs {
        job.fires.reserve_exact(each + each / 16 + 1);
    }
}

/// The number of the first row at `from` or later.
fn row_from(db: &Connection, from: i64) -> Result<Option<i64>, ReadError> {
    let query = "SELECT rowid FROM cost_events WHERE rowid >= ?1 ORDER BY rowid LIMIT 1";
    Ok(db.query_row(query, [from], |row| row.get(0)).optional()?)
}

/// The number of the oldest row that is read, where those from `from` on are too many. Rows are counted, not their numbers,
/// which may have gaps.
fn oldest_kept(db: &Connection, from: i64, last: i64) -> Result<Option<i64>, ReadError> {
    let least = last.saturating_sub(MAX_ROWS - 1);
    if from >= least {
        return Ok(None);
    }
    // To count millions of rows takes longer than to see that their numbers have no gaps.
    let probes = (0..PROBES).map(|n| least + n * (MAX_ROWS / PROBES));
    let mut has_gaps = false;
    for id in probes {
        has_gaps |= row_from(db, id)? != Some(id);
    }
    if !has_gaps {
        return Ok(Some(least));
    }
    let query = "SELECT rowid FROM cost_events WHERE rowid >= ?1 ORDER BY rowid DESC LIMIT 1 OFFSET ?2";
    let kept: Option<i64> = db.query_row(query, [from, MAX_ROWS - 1], |row| row.get(0)).optional()?;
    Ok(kept.filter(|kept| *kept > from))
}

/// Assigns events to their jobs, each with the end of the run before it.
struct Assignment {
    start: Instant,
    jobs: usize,
    newest: Option<Instant>,
    unreadable: u64,
    stepped: u64,
    unknown_jobs: Vec<Vec<Fire>>,
    seen: Seen,
}

impl Assignment {
    fn assign_fires(&mut self, part: &Part, snapshot: &mut Snapshot) {
        self.seen.followed_by(&part.seen);
        for event in &part.events {
            let position = event.who.position();
            let job = snapshot.jobs.get_mut(position);
            let Some(fire) = event.fire else {
                self.unreadable += 1;
                job.into_iter().for_each(|job| job.events_without_time += 1);
                continue;
            };
            if fire.end < self.start {
                continue;
            }
            let before = self.newest.unwrap_or(Instant::MIN);
            // Where the clock was set back, a run is taken to have ended no earlier than the one before it.
            self.stepped += u64::from(fire.end < before);
            let fire = Fire { end: fire.end.max(before), ..fire }.after(before);
            self.newest = Some(fire.end);
            match job {
                Some(job) => job.fires.push(fire),
                None => self.unknown_job(position - self.jobs).push(fire),
            }
        }
    }

    fn unknown_job(&mut self, index: usize) -> &mut Vec<Fire> {
        if self.unknown_jobs.len() <= index {
            self.unknown_jobs.resize(index + 1, Vec::new());
        }
        &mut self.unknown_jobs[index]
    }
}

/// Settles the jobs without a row; those that were deleted in the dashboard only kept the worker busy.
fn settle_unknown_jobs(fires: Vec<Vec<Fire>>, keys: &Keys, tables: &mut Tables) {
    let mut unknown = Vec::new();
    for (index, fires) in fires.into_iter().enumerate() {
        match keys.unknown_jobs.get(index).filter(|id| !tables.deleted.contains(*id)) {
            Some(id) => unknown.push(gone::job(id, fires)),
            None => tables.snapshot.other_fires.extend(fires),
        }
    }
    gone::settle(unknown, &mut tables.snapshot);
}

/// Says that rows are newer than the audit, or that the clock was set back.
fn note_newer_rows(newer: usize, now: Instant, snapshot: &mut Snapshot) {
    let (rows, are) = if newer == 1 { ("row", "is") } else { ("rows", "are") };
    match snapshot.clock_was_at {
        _ if newer == 0 => {}
        Some(_) => snapshot
            .notes
            .push(format!("{newer} {rows} of scheduled_jobs {are} newer than {now}: the clock was set back")),
        None => snapshot
            .notes
            .push(format!("{newer} {rows} of scheduled_jobs {are} newer than {now}: judged by cost events alone")),
    }
}

/// Joins a job's last fire with the run that its row knows; a run without a cost event becomes a fire of its own.
pub fn join_row(job: &mut Job, now: Instant) {
    let Some(run) = job.row.as_ref().and_then(|row| row.last_run.clone()) else { return };
    let in_run = |fire: &Fire| fire.end.since(run.start) >= -SECOND && fire.end.since(run.end()) <= SAME_RUN;
    match job.fires.last_mut() {
        Some(fire) if in_run(fire) => {
            let outcome = if run.failed { Outcome::Failed } else { fire.outcome };
            *fire = Fire { outcome, ..fire.started(run.start) };
        }
        newest => {
            let later = newest.is_none_or(|fire| run.end().since(fire.end) > SAME_RUN);
            if later && run.end() <= now {
                job.fires.push(fires::of_row(&run, Outcome::Empty));
                job.last_is_of_row = true;
                // Where events are no longer written, the lack of one says nothing about the run.
                if job.recorded_until().is_some()
                    && let Some(last) = job.fires.last_mut()
                {
                    last.outcome = Outcome::Unproven;
                }
            }
        }
    }
}
