//! The cost events: millions of rows with no index but their key.
//!
//! They are appended, so their times rise with `rowid`: the start of the window is found by binary search, and everything
//! after it is read once. The order is an assumption that a stepped clock breaks, so probes check it; if it does not hold,
//! all of the last rows are read. What began before the window is looked up backwards, within a bound.
//!
//! They are read in pieces: the last ones together with the small tables, then older ones, which never change once written,
//! up to that fixed row.

use super::super::models::Models;
use super::super::table::row_bounds;
use super::super::value::{event_time, number};
use super::super::window::Window;
use super::super::{fires, gone, newer};
use super::tables::{KEY_PREFIX, Tables};
use crate::db::{Access, ReadError};
use crate::model::{Fire, Job, JobIndex, Outcome, Run, Snapshot};
use crate::parallel;
use crate::time::{Instant, MINUTE, Millis, SECOND};
use rusqlite::{Connection, OptionalExtension, Row, params};
use rustc_hash::FxHashMap;

/// Rows read with the small tables: a few milliseconds' worth.
const ROWS_AT_FIRST: i64 = 10_000;
/// Rows of each further piece; smaller ones would not be read any sooner after a retry.
const ROWS_A_PIECE: i64 = 200_000;
/// Rows read at most: with 40 bytes each they take 120 MB.
const MAX_ROWS: i64 = 3_000_000;
/// Rows read at most backwards from the window, and from a silent job's last run: some tens of milliseconds each.
const MAX_BACKWARDS: i64 = 500_000;
const MAX_NEAR_LAST_RUN: i64 = 20_000;
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
struct Event {
    who: JobIndex,
    fire: Option<Fire>,
}

/// The events of some rows, in their order.
#[derive(Default)]
struct Part {
    events: Vec<Event>,
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
    part: Part,
    keys: Keys,
}

/// The positions of jobs by session key: those with a row as in the table, then the others as they are met.
#[derive(Clone)]
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
        let positions: Vec<JobIndex> =
            met.unknown_jobs.iter().filter_map(|id| self.position(&[KEY_PREFIX, id].concat())).collect();
        let models = self.models.adopt(&met.models);
        for event in &mut part.events {
            let unknown_job = event.who.position().checked_sub(self.jobs);
            event.who = unknown_job.and_then(|index| positions.get(index).copied()).unwrap_or(event.who);
            if let Some(fire) = &mut event.fire {
                fire.model = fire.model.and_then(|model| *models.get(model.position())?);
            }
        }
    }

    fn query(&self, rest: &str) -> String {
        let [cost, model] = self.optional;
        format!(
            "SELECT session_key, {cost}, input_tokens, output_tokens, created_at, {model}, rowid FROM cost_events {rest}"
        )
    }

    /// Reads one row of [`Keys::query`]; None if it is not a scheduled job's, or later than the audit.
    fn read(&mut self, row: &Row<'_>, seen: &mut Seen) -> Result<Option<Event>, rusqlite::Error> {
        let end = event_time(row.get_ref(4)?);
        end.iter().for_each(|end| seen.note(*end, self.now));
        if end.is_some_and(|end| end > self.now) {
            return Ok(None);
        }
        let Some(who) = self.position(row.get_ref(0)?.as_bytes().unwrap_or_default()) else {
            seen.last_other_activity = end.max(seen.last_other_activity);
            return Ok(None);
        };
        let Some(end) = end else { return Ok(Some(Event { who, fire: None })) };
        let count = |index| Ok::<_, rusqlite::Error>(number(row.get_ref(index)?).and_then(|n| u64::try_from(n).ok()));
        let (read, written) = (count(2)?, count(3)?);
        let output = written.map(|written| u32::try_from(written).unwrap_or(u32::MAX));
        let ended = match (read, written) {
            (Some(read), Some(written)) => {
                Fire::counted(end, u32::try_from(read.saturating_add(written)).unwrap_or(u32::MAX))
            }
            _ => Fire::ended(end, Outcome::Unread),
        };
        let cost_usd = row.get_ref(1)?.as_f64_or_null().ok().flatten().unwrap_or(0.0) as f32;
        let model = self.models.index(row.get_ref(5)?.as_bytes().unwrap_or_default());
        Ok(Some(Event { who, fire: Some(Fire { cost_usd, output, model, ..ended }) }))
    }
}

/// Reads the last events; None if there are none at all.
///
/// # Errors
/// What SQLite says.
pub fn newest(db: &Connection, tables: &Tables, now: Instant) -> Result<Option<Newest>, ReadError> {
    let Some((first, last)) = row_bounds(db, "cost_events")? else { return Ok(None) };
    let from = first.max(last.saturating_sub(ROWS_AT_FIRST - 1));
    let mut keys = Keys::new(tables, now);
    let part = read_part(db, (from, last), &mut keys)?;
    Ok(Some(Newest { first, last, from, part, keys }))
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
        let from = access.consistent_read(|db| first_since(db, first, last, start))?;
        let from = from.unwrap_or_else(|| {
            tables.snapshot.notes.push("the times of the cost events do not rise: a clock was set".to_owned());
            first
        });
        let fires = read_fires(access, from, start, &mut newest, &mut tables.snapshot)?;
        settle_unknown_jobs(fires, &newest.keys, &mut tables);
        look_back(access, (first, last), from, start, &mut newest.keys, &mut tables.snapshot)?;
        tables.snapshot.models = newest.keys.models.shown();
    }
    note_newer_rows(tables.newer_rows.len(), window.now, &mut tables.snapshot);
    newer::settle(tables.newer_rows, &mut tables.snapshot);
    tables.snapshot.jobs.iter_mut().for_each(|job| join_row(job, window.now));
    Ok(tables.snapshot)
}

/// The number of the first row whose time is not before `start`, by binary search; `last` + 1 if there is none. None where
/// the times are seen not to rise with the numbers, or can't be read.
fn first_since(db: &Connection, first: i64, last: i64, start: Instant) -> Result<Option<i64>, ReadError> {
    let mut probe = db.prepare("SELECT rowid, created_at FROM cost_events WHERE rowid >= ?1 ORDER BY rowid LIMIT 1")?;
    let mut since = |id: i64| -> Result<Option<bool>, ReadError> {
        match probe.query_row([id], |row| Ok(event_time(row.get_ref(1)?))) {
            Ok(time) => Ok(time.map(|time| time >= start)),
            Err(rusqlite::Error::QueryReturnedNoRows) => Ok(Some(true)),
            Err(error) => Err(error.into()),
        }
    };
    let (mut low, mut high) = (first, last.saturating_add(1));
    while low < high {
        let middle = middle_of(low, high);
        match since(middle)? {
            Some(true) => high = middle,
            Some(false) => low = middle + 1,
            None => return Ok(None),
        }
    }
    let spread = (i128::from(last) - i128::from(first)) / i128::from(PROBES) + 1;
    let even = (0..PROBES).filter_map(|n| i64::try_from(i128::from(first) + i128::from(n) * spread).ok());
    let near = (0..62).map(|n| low.saturating_sub(1 << n));
    for id in even.chain(near).filter(|id| (first..=last).contains(id)) {
        if since(id)? != Some(id >= low) {
            return Ok(None);
        }
    }
    Ok(Some(low))
}

/// The middle of two row numbers, however far apart.
fn middle_of(low: i64, high: i64) -> i64 {
    // The midpoint of two i64 is an i64.
    i64::try_from((i128::from(low) + i128::from(high)).div_euclid(2)).unwrap_or(low)
}

fn read_part(db: &Connection, (from, to): (i64, i64), keys: &mut Keys) -> Result<Part, ReadError> {
    let mut statement = db.prepare(&keys.query("WHERE rowid BETWEEN ?1 AND ?2 ORDER BY rowid"))?;
    let mut rows = statement.query([from, to])?;
    let mut part = Part::default();
    let mut previous = None;
    while let Some(row) = rows.next()? {
        let rowid: i64 = row.get(6)?;
        if previous.is_some_and(|previous| rowid <= previous) {
            return Err(ReadError::ReadTwice("cost_events"));
        }
        previous = Some(rowid);
        part.events.extend(keys.read(row, &mut part.seen)?);
    }
    Ok(part)
}

/// Reads the two halves of some rows, each over its own connection.
fn read_in_halves(
    access: &mut Access<'_>,
    beside: &mut Access<'_>,
    (from, to): (i64, i64),
    keys: &mut Keys,
) -> Result<[Part; 2], ReadError> {
    let middle = middle_of(from, to);
    let mut met = keys.clone();
    let sides = parallel::join(
        || beside.consistent_read(|db| read_part(db, (from, middle), &mut met)),
        || access.consistent_read(|db| read_part(db, (middle + 1, to), keys)),
    );
    let (older, newer) = sides.map_err(ReadError::Thread)?;
    let mut older = older?;
    keys.adopt(&met, &mut older);
    Ok([older, newer?])
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
        jobs: newest.keys.jobs,
        newest: None,
        unreadable: 0,
        stepped: 0,
        unknown_jobs: Vec::new(),
        seen: Seen::default(),
    };
    let mut beside = access.beside();
    let mut next = least.unwrap_or(from);
    while next < newest.from {
        // Numbers may have gaps of any size: each piece begins at a row.
        let Some(row) = access.consistent_read(|db| row_from(db, next))?.filter(|row| *row < newest.from) else {
            break;
        };
        let end = row.saturating_add(2 * ROWS_A_PIECE).min(newest.from);
        let parts = read_in_halves(access, &mut beside, (row, end - 1), &mut newest.keys)?;
        parts.iter().for_each(|part| assignment.assign_fires(part, snapshot));
        next = end;
    }
    assignment.assign_fires(&std::mem::take(&mut newest.part), snapshot);
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

/// What a job's history before the window is wanted for.
#[derive(Clone, Copy, PartialEq)]
enum Wanted {
    /// Its last fire: the silence before its first one in the window may be a gap.
    OneFire,
    /// All back to one with tokens before so many: a streak reaches out of the window, or errors that may have used tokens.
    WholeStreak(usize),
}

fn wanted(job: &Job, start: Instant) -> Option<Wanted> {
    let first = job.fires.first()?;
    if first.is_empty() {
        return Some(Wanted::WholeStreak(0));
    }
    let cadence = job.schedule.cadence()?;
    let due_long_ago = cadence.advance(start, 2.0).is_some_and(|slot| slot < first.end);
    (due_long_ago && job.created_at.is_none_or(|made| made < start)).then_some(Wanted::OneFire)
}

/// Finds the fires before the window that the detectors need: those of jobs silent in it, near their last run, and those
/// that precede a job's first fire in it.
fn look_back(
    access: &mut Access<'_>,
    (first, last): (i64, i64),
    from: i64,
    start: Instant,
    keys: &mut Keys,
    snapshot: &mut Snapshot,
) -> Result<(), ReadError> {
    for index in 0..keys.jobs {
        let job = &snapshot.jobs[index];
        let end = job.last_run().map(Run::end).filter(|end| *end < start);
        let Some(end) = end.filter(|_| job.fires.is_empty() && job.state.is_watched()) else { continue };
        let errors = usize::try_from(job.errors()).unwrap_or(0);
        let wanted = FxHashMap::from_iter([(JobIndex::at(index), Wanted::WholeStreak(errors))]);
        let found = access.consistent_read(|db| match first_since(db, first, last, end.plus(MINUTE))? {
            Some(row) => backwards(db, row, MAX_NEAR_LAST_RUN, keys, wanted.clone()),
            None => Ok((Vec::new(), 0)),
        })?;
        prepend(found.0, snapshot);
        let due = snapshot.jobs[index].schedule.cadence().and_then(|cadence| cadence.next(end));
        if let Some(due) = due.filter(|due| *due < start) {
            let before = access.consistent_read(|db| last_run_before(db, (first, last), due, keys))?;
            let named = before.and_then(|(who, end)| Some((end, snapshot.jobs.get(who.position())?.id.clone())));
            snapshot.older_ends.extend(named);
        }
    }
    let open: FxHashMap<JobIndex, Wanted> = (0..keys.jobs)
        .map(|index| (index, &snapshot.jobs[index]))
        .filter(|(_, job)| job.state.is_watched() && job.fires.first().is_some_and(|fire| fire.end >= start))
        .filter_map(|(index, job)| Some((JobIndex::at(index), wanted(job, start)?)))
        .collect();
    if open.is_empty() {
        return Ok(());
    }
    let (found, left) = access.consistent_read(|db| backwards(db, from, MAX_BACKWARDS, keys, open.clone()))?;
    prepend(found, snapshot);
    if left > 0 {
        snapshot.notes.push(format!(
            "for {left} jobs the {MAX_BACKWARDS} cost events before {start} were not enough: failures in a row, or a silence, may have begun earlier"
        ));
    }
    Ok(())
}

/// The last run of any job that ended up to `due`, before the window: by it the silence of a job that was due then is known.
fn last_run_before(
    db: &Connection,
    (first, last): (i64, i64),
    due: Instant,
    keys: &mut Keys,
) -> Result<Option<(JobIndex, Instant)>, ReadError> {
    let Some(row) = first_since(db, first, last, due.plus(SECOND))? else { return Ok(None) };
    let mut statement = db.prepare(&keys.query("WHERE rowid < ?1 ORDER BY rowid DESC LIMIT ?2"))?;
    let mut rows = statement.query(params![row, MAX_NEAR_LAST_RUN])?;
    while let Some(row) = rows.next()? {
        if let Some(Event { who, fire: Some(fire) }) = keys.read(row, &mut Seen::default())? {
            return Ok(Some((who, fire.end)));
        }
    }
    Ok(None)
}

/// Fires found for a job, by its position, oldest first.
type Found = Vec<(JobIndex, Vec<Fire>)>;

fn prepend(found: Found, snapshot: &mut Snapshot) {
    for (position, fires) in found {
        snapshot.jobs[position.position()].fires.splice(0..0, fires);
    }
}

/// Reads backwards from before row `from` until all that is wanted is found or `most` rows have been seen; returns also
/// how many jobs remained open where rows were left unread.
fn backwards(
    db: &Connection,
    from: i64,
    most: i64,
    keys: &mut Keys,
    wanted: FxHashMap<JobIndex, Wanted>,
) -> Result<(Found, usize), ReadError> {
    let mut statement = db.prepare(&keys.query("WHERE rowid < ?1 ORDER BY rowid DESC LIMIT ?2"))?;
    let mut rows = statement.query(params![from, most])?;
    let mut open: FxHashMap<JobIndex, (Wanted, Vec<Fire>)> =
        wanted.into_iter().map(|(position, wanted)| (position, (wanted, Vec::new()))).collect();
    let (mut found, mut seen, mut left) = (Found::new(), 0, 0);
    while !open.is_empty() {
        let Some(row) = rows.next()? else {
            left = if seen == most { open.len() } else { 0 };
            break;
        };
        seen += 1;
        let Some(Event { who, fire: Some(fire) }) = keys.read(row, &mut Seen::default())? else { continue };
        let Some((wanted, fires)) = open.get_mut(&who) else { continue };
        fires.push(fire);
        let is_enough = match wanted {
            Wanted::OneFire => true,
            Wanted::WholeStreak(errors) => !fire.is_empty() && fires.len() > *errors,
        };
        if is_enough {
            found.extend(open.remove(&who).map(|(_, fires)| (who, fires)));
        }
    }
    found.extend(open.into_iter().map(|(position, (_, fires))| (position, fires)));
    found.iter_mut().for_each(|(_, fires)| fires.reverse());
    Ok((found, left))
}
