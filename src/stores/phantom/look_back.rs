//! What jobs did before the window: the last runs of those that are silent in it, and what precedes the first run in it of others.
//!
//! The rows are read backwards once for all jobs, from the newest that is wanted for any of them, in pieces that grow: most of what
//! is looked for lies close by.

use super::reader::{Event, Reader, Times};
use crate::db::{Access, ReadError};
use crate::model::{Fire, Job, JobIndex, Run, Snapshot};
use crate::time::{Instant, MINUTE, SECOND};
use rusqlite::{Connection, OptionalExtension};
use rustc_hash::FxHashMap;
use std::collections::hash_map::Entry;

/// Rows that are read at most for a job: before the window, and before a silent job's last run.
const MAX_BACKWARDS: i64 = 500_000;
const MAX_NEAR_LAST_RUN: i64 = 20_000;
/// Rows of the first piece, and of the largest.
const FIRST_PIECE: i64 = 1_000;
const LARGEST_PIECE: i64 = 32_000;
/// Silent jobs whose rows are looked up in one read.
const JOBS_A_READ: usize = 500;

/// Where the window is among the events.
#[derive(Clone, Copy)]
pub struct Place {
    /// The number of the first row.
    pub first: i64,
    /// The number of the last row.
    pub last: i64,
    /// The number of the first row in the window.
    pub from: i64,
    /// When the window begins.
    pub start: Instant,
}

/// Finds the fires before the window that the detectors need: those of jobs silent in it, near their last run, and those
/// that precede a job's first fire in it.
///
/// # Errors
/// What is wrong with the database.
pub fn look_back(
    access: &mut Access<'_>,
    place: Place,
    reader: &mut Reader,
    snapshot: &mut Snapshot,
) -> Result<(), ReadError> {
    let silent = silent_jobs(access, place, reader.jobs(), snapshot)?;
    let searches = silent.iter().filter_map(|one| one.search(snapshot)).collect();
    search(access, reader, searches, MAX_NEAR_LAST_RUN)?.give_to(snapshot);
    find_older_ends(access, place.first, reader, &silent, snapshot)?;

    let mut searches = Vec::new();
    for (index, job) in snapshot.jobs[..reader.jobs()].iter().enumerate() {
        let is_open = job.state.is_watched() && job.fires.first().is_some_and(|fire| fire.end >= place.start);
        if let Some(wanted) = wanted(job, place.start).filter(|_| is_open) {
            searches.push(Search { job: JobIndex::at(index), wanted, row: place.from, before: Instant::MAX });
        }
    }
    let found = search(access, reader, searches, MAX_BACKWARDS)?;
    if found.given_up > 0 {
        snapshot.notes.push(format!(
            "for {} jobs the {MAX_BACKWARDS} cost events before {} were not enough: failures in a row, or a silence, may have begun earlier",
            found.given_up, place.start
        ));
    }
    found.give_to(snapshot);
    Ok(())
}

/// What a job's history before the window is wanted for.
#[derive(Clone, Copy, PartialEq)]
enum Wanted {
    /// Its last fire: the silence before its first one in the window may be a gap.
    OneFire,
    /// All back to one with tokens before so many: a streak reaches out of the window, or errors that may have used tokens.
    WholeStreak(usize),
}

impl Wanted {
    /// Whether these fires, the newest first, are all that is wanted.
    fn is_met_by(self, fires: &[Fire]) -> bool {
        match self {
            Wanted::OneFire => !fires.is_empty(),
            Wanted::WholeStreak(errors) => {
                fires.last().is_some_and(|oldest| !oldest.is_empty()) && fires.len() > errors
            }
        }
    }
}

fn wanted(job: &Job, start: Instant) -> Option<Wanted> {
    let first = job.fires.first()?;
    if first.is_empty() {
        return Some(Wanted::WholeStreak(0));
    }
    let cadence = job.schedule.cadence()?;
    let due_long_ago = cadence.advance(start, 2.0).is_some_and(|slot| slot < first.end);
    if due_long_ago && job.created_at.is_none_or(|made| made < start) { Some(Wanted::OneFire) } else { None }
}

/// A job that has not run in the window, by its row.
struct Silent {
    job: JobIndex,
    end: Instant,
    /// The first row after its last run, where the times of the rows rise.
    row: Option<i64>,
    /// When it was due after that, before the window, and the first row after that.
    due: Option<(Instant, Option<i64>)>,
}

impl Silent {
    fn search(&self, snapshot: &Snapshot) -> Option<Search> {
        let errors = usize::try_from(snapshot.jobs[self.job.position()].errors()).unwrap_or(0);
        let wanted = Wanted::WholeStreak(errors);
        Some(Search { job: self.job, wanted, row: self.row?, before: self.end.plus(MINUTE) })
    }
}

fn silent_jobs(
    access: &mut Access<'_>,
    place: Place,
    jobs: usize,
    snapshot: &Snapshot,
) -> Result<Vec<Silent>, ReadError> {
    let mut silent = Vec::new();
    for (index, job) in snapshot.jobs[..jobs].iter().enumerate() {
        if let Some(end) = job.last_run().map(Run::end).filter(|end| *end < place.start)
            && job.fires.is_empty()
            && job.state.is_watched()
        {
            let due = job.schedule.cadence().and_then(|cadence| cadence.next(end)).filter(|due| *due < place.start);
            silent.push(Silent { job: JobIndex::at(index), end, row: None, due: due.map(|due| (due, None)) });
        }
    }
    for some in silent.chunks_mut(JOBS_A_READ) {
        access.consistent_read(|db| find_rows(&mut Times::new(db, place.first, place.last)?, some))?;
    }
    Ok(silent)
}

fn find_rows(times: &mut Times<'_>, silent: &mut [Silent]) -> Result<(), ReadError> {
    for one in silent {
        one.row = times.first_since(one.end.plus(MINUTE))?;
        if let Some((due, row)) = &mut one.due {
            *row = times.first_since(due.plus(SECOND))?;
        }
    }
    Ok(())
}

/// Finds for each silent job the last run of any job that ended before it was due: by that its silence is known. Between two of
/// them the rows are looked at once.
fn find_older_ends(
    access: &mut Access<'_>,
    first: i64,
    reader: &mut Reader,
    silent: &[Silent],
    snapshot: &mut Snapshot,
) -> Result<(), ReadError> {
    let mut rows: Vec<(i64, usize)> = Vec::new();
    for (index, one) in silent.iter().enumerate() {
        if let Some((_, Some(row))) = one.due {
            rows.push((row, index));
        }
    }
    rows.sort_unstable();
    let (mut looked_up_to, mut last_run) = (first, None);
    let mut found: Vec<(usize, (JobIndex, Instant))> = Vec::new();
    for (row, index) in rows {
        let newer = access.consistent_read(|db| reader.last_run(db, (looked_up_to, row), MAX_NEAR_LAST_RUN))?;
        (looked_up_to, last_run) = (row, newer.or(last_run));
        found.extend(last_run.map(|run| (index, run)));
    }
    found.sort_unstable_by_key(|(index, _)| *index);
    for (_, (job, end)) in found {
        let named = snapshot.jobs.get(job.position()).map(|job| (end, job.id.clone()));
        snapshot.older_ends.extend(named);
    }
    Ok(())
}

/// A search for a job's fires.
#[derive(Clone, Copy)]
struct Search {
    job: JobIndex,
    wanted: Wanted,
    /// They are in rows before this one,
    row: i64,
    /// and before this time.
    before: Instant,
}

/// What is found of a job, the newest first.
struct Open {
    search: Search,
    fires: Vec<Fire>,
    /// How many rows have been looked at.
    rows: i64,
}

/// What was found of all jobs.
#[derive(Default)]
struct Found {
    fires: Vec<(JobIndex, Vec<Fire>)>,
    /// The jobs of which more may be in older rows.
    given_up: usize,
}

impl Found {
    fn close(&mut self, open: Open) {
        let mut fires = open.fires;
        fires.reverse();
        self.fires.push((open.search.job, fires));
    }

    /// Puts them before the fires that the jobs have.
    fn give_to(self, snapshot: &mut Snapshot) {
        for (job, fires) in self.fires {
            snapshot.jobs[job.position()].fires.splice(0..0, fires);
        }
    }
}

/// Searches backwards until all that is wanted is found, or `most` rows have been looked at for each job.
fn search(
    access: &mut Access<'_>,
    reader: &mut Reader,
    mut searches: Vec<Search>,
    most: i64,
) -> Result<Found, ReadError> {
    searches.sort_by_key(|search| search.row);
    let mut open: FxHashMap<JobIndex, Open> = FxHashMap::default();
    let (mut found, mut end, mut size) = (Found::default(), i64::MAX, FIRST_PIECE);
    loop {
        if open.is_empty() {
            let Some(next) = searches.last() else { break };
            (end, size) = (end.min(next.row), FIRST_PIECE);
        }
        let read = access.consistent_read(|db| read_before(db, end, size, reader))?;
        let Some(from) = read else { break };
        while let Some(search) = searches.pop_if(|search| search.row > from) {
            open.insert(search.job, Open { search, fires: Vec::new(), rows: 0 });
        }
        for event in reader.part.events.iter().rev() {
            add(*event, &mut open, &mut found);
        }
        for one in open.values_mut() {
            one.rows += reader.part.rows;
        }
        for (_, exhausted) in open.extract_if(|_, one| one.rows >= most) {
            found.given_up += 1;
            found.close(exhausted);
        }
        (end, size) = (from, (2 * size).min(LARGEST_PIECE));
    }
    open.into_values().for_each(|one| found.close(one));
    Ok(found)
}

fn add(Event { who, fire }: Event, open: &mut FxHashMap<JobIndex, Open>, found: &mut Found) {
    let (Some(fire), Entry::Occupied(mut entry)) = (fire, open.entry(who)) else { return };
    let one = entry.get_mut();
    if fire.end >= one.search.before {
        return;
    }
    one.fires.push(fire);
    if one.search.wanted.is_met_by(&one.fires) {
        found.close(entry.remove());
    }
}

/// Reads the last rows before one, as many as `size` if their numbers have no gaps; returns the number from which on they were
/// read, or None if there are none.
fn read_before(db: &Connection, end: i64, size: i64, reader: &mut Reader) -> Result<Option<i64>, ReadError> {
    let query = "SELECT rowid FROM cost_events WHERE rowid < ?1 ORDER BY rowid DESC LIMIT 1";
    let Some(last) = db.query_row(query, [end], |row| row.get::<_, i64>(0)).optional()? else { return Ok(None) };
    let from = last.saturating_sub(size - 1);
    reader.read(db, (from, last))?;
    Ok(Some(from))
}
