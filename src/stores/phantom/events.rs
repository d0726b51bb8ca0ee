//! The cost events: millions of rows with no index but their key.
//!
//! They are appended, so their times rise with `rowid`: the start of the window is found by binary search, and everything
//! after it is read once. The order is an assumption that a stepped clock breaks, so probes check it; if it does not hold,
//! all of the last rows are read. What began before the window is looked up backwards, within a bound.
//!
//! They are read in pieces: the last ones together with the small tables, then older ones, which never change once written,
//! up to that fixed row.

use super::super::intake::{Intake, feed};
use super::super::models::Models;
use super::super::table::row_bounds;
use super::super::value::{event_time, number};
use super::super::window::Window;
use super::super::{fires, gone, newer};
use super::look_back;
use super::tables::{KEY_PREFIX, Tables};
use crate::db::{Access, ReadError};
use crate::model::{Fire, Job, JobIndex, ModelIndex, Outcome, Snapshot};
use crate::parallel;
use crate::time::{Instant, MINUTE, Millis, SECOND};
use rusqlite::functions::Context;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Statement};
use rustc_hash::FxHashMap;

/// Rows read with the small tables: a few milliseconds' worth.
const ROWS_AT_FIRST: i64 = 10_000;
/// Rows that each of two threads reads of a further piece: so few that the events stay in the processor's caches until they are
/// given to their jobs.
const ROWS_A_PIECE: i64 = 16_000;
/// Rows read at most: with 40 bytes each they take 120 MB.
const MAX_ROWS: i64 = 3_000_000;
/// Evenly spread probes of the order.
const PROBES: i64 = 64;
/// A cost event is written within a run, its time cut to the second; the row is written a moment after it.
const SAME_RUN: Millis = 2 * SECOND;
/// Jobs without a row that are kept apart; the events of further ones are pooled.
const MAX_UNKNOWN_JOBS: usize = 10_000;
/// A session key that is longer belongs to no job that is told apart.
const MAX_KEY_LEN: usize = 2_100;

/// An event of the scheduler's, of the job with this position among those known.
#[derive(Clone, Copy)]
pub struct Event {
    /// The position.
    pub who: JobIndex,
    /// What became of the run; None if the event has no time.
    pub fire: Option<Fire>,
}

/// The events of some rows, in their order.
#[derive(Default)]
pub struct Part {
    /// The events.
    pub events: Vec<Event>,
    /// How many rows there were, whoever wrote them.
    pub rows: i64,
    seen: Seen,
}

/// What all events show, whoever wrote them.
#[derive(Default)]
struct Seen {
    last_other_activity: Option<Instant>,
    /// The latest time after the audit.
    future: Option<Instant>,
    /// The latest time after the audit that an event from before it follows: the clock was set back between them.
    clock_was_at: Option<Instant>,
    /// Whether there is an event from before the audit.
    any_past: bool,
}

impl Seen {
    fn note(&mut self, end: Instant, now: Instant) {
        if end.since(now) > MINUTE {
            self.future = self.future.max(Some(end));
        } else {
            self.any_past = true;
            self.clock_was_at = self.future;
        }
    }

    /// Takes in what the events after these show.
    fn followed_by(&mut self, later: &Seen) {
        self.last_other_activity = self.last_other_activity.max(later.last_other_activity);
        if later.any_past {
            self.clock_was_at = self.future.max(later.clock_was_at);
        }
        self.future = self.future.max(later.future);
    }
}

/// The last events, the jobs that they belong to, and where the others are.
pub struct Newest {
    first: i64,
    last: i64,
    from: i64,
    reader: Reader,
}

/// Takes in events, row by row.
#[derive(Default)]
pub struct Reader {
    keys: Keys,
    /// What was read last.
    pub part: Part,
    last_row: Option<i64>,
    /// Whether a row came twice, as in a table that is torn.
    is_torn: bool,
}

/// The positions of jobs by session key: those with a row as in the table, then the others as they are met.
#[derive(Clone, Default)]
struct Keys {
    positions: FxHashMap<Vec<u8>, JobIndex>,
    unknown_jobs: Vec<Vec<u8>>,
    /// The models of the events, as they are met.
    models: Models,
    jobs: usize,
    /// The columns that a version of the scheduler may lack, or NULL instead.
    optional: [&'static str; 2],
    now: Instant,
}

impl Keys {
    fn new(tables: &Tables, now: Instant) -> Keys {
        let named = tables.ids.iter().enumerate().filter(|(_, id)| !id.is_empty());
        let positions = named.map(|(index, id)| ([KEY_PREFIX, id].concat(), JobIndex::at(index))).collect();
        Keys {
            positions,
            unknown_jobs: Vec::new(),
            models: Models::default(),
            jobs: tables.ids.len(),
            optional: tables.optional_event_columns,
            now,
        }
    }

    /// The position of a key's job; None if the key is not a scheduled job's.
    fn position(&mut self, key: &[u8]) -> Option<JobIndex> {
        if let Some(position) = self.positions.get(key) {
            return Some(*position);
        }
        let id = key.strip_prefix(KEY_PREFIX)?;
        let next = JobIndex::at(self.jobs + self.unknown_jobs.len());
        if self.unknown_jobs.len() < MAX_UNKNOWN_JOBS && key.len() <= MAX_KEY_LEN {
            self.unknown_jobs.push(id.to_vec());
            self.positions.insert(key.to_vec(), next);
        }
        Some(next)
    }

    /// Takes in the unknown jobs and models that a copy of these keys met, and gives that copy's part the positions that they
    /// have here.
    fn adopt(&mut self, met: &Keys, part: &mut Part) {
        let jobs: Vec<JobIndex> =
            met.unknown_jobs.iter().filter_map(|id| self.position(&[KEY_PREFIX, id].concat())).collect();
        let models = self.models.adopt(&met.models);
        let is_job_same = |(index, job): (usize, &JobIndex)| job.position() == self.jobs + index;
        let is_model_same = |(index, model): (usize, &Option<ModelIndex>)| *model == ModelIndex::at(index);
        if jobs.iter().enumerate().all(is_job_same) && models.iter().enumerate().all(is_model_same) {
            return;
        }
        for event in &mut part.events {
            let unknown_job = event.who.position().checked_sub(self.jobs);
            event.who = unknown_job.and_then(|index| jobs.get(index).copied()).unwrap_or(event.who);
            if let Some(fire) = &mut event.fire {
                fire.model = fire.model.and_then(|model| *models.get(model.position())?);
            }
        }
    }

    /// The columns of [`Keys::read`].
    fn columns(&self) -> String {
        let [cost, model] = self.optional;
        format!("session_key, {cost}, input_tokens, output_tokens, created_at, {model}, rowid")
    }

    /// Reads the event with these [`Keys::columns`]; None if it is not a scheduled job's, or later than the audit.
    fn read<'r>(&mut self, column: impl Fn(usize) -> ValueRef<'r>, seen: &mut Seen) -> Option<Event> {
        let end = event_time(column(4));
        if let Some(end) = end {
            seen.note(end, self.now);
        }
        if end.is_some_and(|end| end > self.now) {
            return None;
        }
        let Some(who) = self.position(column(0).as_bytes().unwrap_or_default()) else {
            seen.last_other_activity = end.max(seen.last_other_activity);
            return None;
        };
        let Some(end) = end else { return Some(Event { who, fire: None }) };
        let count = |index| number(column(index)).and_then(|count| u64::try_from(count).ok());
        let (read, written) = (count(2), count(3));
        let output = written.map(|written| u32::try_from(written).unwrap_or(u32::MAX));
        let ended = match (read, written) {
            (Some(read), Some(written)) => {
                Fire::counted(end, u32::try_from(read.saturating_add(written)).unwrap_or(u32::MAX))
            }
            _ => Fire::ended(end, Outcome::Unread),
        };
        let cost_usd = column(1).as_f64_or_null().ok().flatten().unwrap_or(0.0) as f32;
        let model = self.models.index(column(5).as_bytes().unwrap_or_default());
        Some(Event { who, fire: Some(Fire { cost_usd, output, model, ..ended }) })
    }
}

impl Intake for Reader {
    fn take_in(&mut self, row: &Context<'_>) -> Result<(), rusqlite::Error> {
        let number: i64 = row.get(6)?;
        if self.last_row.is_some_and(|last| number <= last) {
            self.is_torn = true;
            return Err(rusqlite::Error::InvalidQuery);
        }
        self.last_row = Some(number);
        self.part.rows += 1;
        let event = self.keys.read(|index| row.get_raw(index), &mut self.part.seen);
        self.part.events.extend(event);
        Ok(())
    }
}

impl Reader {
    fn new(keys: Keys) -> Reader {
        Reader { keys, ..Reader::default() }
    }

    /// How many jobs have a row.
    pub fn jobs(&self) -> usize {
        self.keys.jobs
    }

    /// Reads the events with these numbers.
    ///
    /// # Errors
    /// What SQLite says, or that a row came twice.
    pub fn read(&mut self, db: &Connection, (from, to): (i64, i64)) -> Result<(), ReadError> {
        self.part.events.clear();
        (self.part.rows, self.part.seen, self.last_row) = (0, Seen::default(), None);
        let columns = self.keys.columns();
        let fed = feed(db, self, &columns, "cost_events NOT INDEXED WHERE rowid BETWEEN ?1 AND ?2", [from, to]);
        if std::mem::take(&mut self.is_torn) { Err(ReadError::ReadTwice("cost_events")) } else { fed }
    }

    /// The last scheduled run among the rows from `from` to before `end`, of the last `most` of them: its job, and when it ended.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn last_run(
        &mut self,
        db: &Connection,
        (from, end): (i64, i64),
        most: i64,
    ) -> Result<Option<(JobIndex, Instant)>, ReadError> {
        let columns = self.keys.columns();
        let query =
            format!("SELECT {columns} FROM cost_events WHERE rowid >= ?1 AND rowid < ?2 ORDER BY rowid DESC LIMIT ?3");
        let mut statement = db.prepare(&query)?;
        let mut rows = statement.query([from, end, most])?;
        while let Some(row) = rows.next()? {
            let column = |index| row.get_ref(index).unwrap_or(ValueRef::Null);
            if let Some(Event { who, fire: Some(fire) }) = self.keys.read(column, &mut Seen::default()) {
                return Ok(Some((who, fire.end)));
            }
        }
        Ok(None)
    }
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
    Ok(tables.snapshot)
}

/// The times of rows, looked up by their numbers, each once.
pub struct Times<'a> {
    first: i64,
    last: i64,
    probe: Statement<'a>,
    /// The time of the first row from each number on, as far as it was looked up; None where it can't be read.
    known: FxHashMap<i64, Option<Instant>>,
}

impl<'a> Times<'a> {
    /// Those of the rows from `first` to `last`.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn new(db: &'a Connection, first: i64, last: i64) -> Result<Times<'a>, ReadError> {
        let probe = db.prepare("SELECT created_at FROM cost_events WHERE rowid >= ?1 ORDER BY rowid LIMIT 1")?;
        Ok(Times { first, last, probe, known: FxHashMap::default() })
    }

    /// The number of the first row whose time is not before `start`, by binary search; `last` + 1 if there is none. None where
    /// the times are seen not to rise with the numbers, or can't be read.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn first_since(&mut self, start: Instant) -> Result<Option<i64>, ReadError> {
        let (first, last) = (self.first, self.last);
        let (mut low, mut high) = (first, last.saturating_add(1));
        while low < high {
            let middle = middle_of(low, high);
            match self.is_since(middle, start)? {
                Some(true) => high = middle,
                Some(false) => low = middle + 1,
                None => return Ok(None),
            }
        }
        let spread = (i128::from(last) - i128::from(first)) / i128::from(PROBES) + 1;
        let even = (0..PROBES).filter_map(|n| i64::try_from(i128::from(first) + i128::from(n) * spread).ok());
        let near = (0..62).map(|n| low.saturating_sub(1 << n));
        for id in even.chain(near).filter(|id| (first..=last).contains(id)) {
            if self.is_since(id, start)? != Some(id >= low) {
                return Ok(None);
            }
        }
        Ok(Some(low))
    }

    /// Whether the first row from a number on is not before `start`.
    fn is_since(&mut self, id: i64, start: Instant) -> Result<Option<bool>, ReadError> {
        let time = match self.known.get(&id) {
            Some(time) => *time,
            None => {
                let time = self.probe.query_row([id], |row| Ok(event_time(row.get_ref(0)?))).optional()?;
                // After the last row nothing is too early.
                *self.known.entry(id).or_insert(time.unwrap_or(Some(Instant::MAX)))
            }
        };
        Ok(time.map(|time| time >= start))
    }
}

/// The middle of two row numbers, however far apart.
fn middle_of(low: i64, high: i64) -> i64 {
    // The midpoint of two i64 is an i64.
    i64::try_from((i128::from(low) + i128::from(high)).div_euclid(2)).unwrap_or(low)
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
